// Replies of every shape that a server may send, made at random.

import fc from 'fast-check';

/** A reply as bytes, and how many pushes stand inside it. */
export interface AnyReply {
  text: string;
  pushes: number;
}

const scalar: fc.Arbitrary<AnyReply> = fc
  .oneof(
    fc.constantFrom(
      '+OK\r\n',
      '+\r\n',
      '+a\rb\nc\r\n',
      '-ERR no\r\n',
      ':0\r\n',
      ':-12\r\n',
      ':9223372036854775807\r\n',
    ),
    fc.constantFrom('_\r\n', '#t\r\n', '#f\r\n', ',1.5\r\n', ',-inf\r\n', '(12345678901234567890\r\n'),
    fc.constantFrom(
      '$-1\r\n',
      '*-1\r\n',
      '$0\r\n\r\n',
      '=7\r\ntxt:abc\r\n',
      '!5\r\nERR x\r\n',
      '*0\r\n',
      '%0\r\n',
      '~0\r\n',
    ),
    fc.uint8Array({ maxLength: 40 }).map((raw) => {
      const body = Buffer.from(raw).toString('latin1');
      return `$${body.length}\r\n${body}\r\n`;
    }),
  )
  .map((text) => ({ text, pushes: 0 }));

function joined(parts: readonly AnyReply[]): AnyReply {
  return {
    text: parts.map((part) => part.text).join(''),
    pushes: parts.reduce((sum, part) => sum + part.pushes, 0),
  };
}

function inside(head: string, parts: readonly AnyReply[], own = 0): AnyReply {
  const all = joined(parts);
  return { text: head + all.text, pushes: all.pushes + own };
}

type Trees = { value: AnyReply; element: AnyReply };

/** Any reply but a push of its own: some have attributes before them, some have pushes between their elements. */
export const anyReply: fc.Arbitrary<AnyReply> = fc.letrec<Trees>((tie) => {
  const elements = fc.array(tie('element'), { maxLength: 4 });
  const values = fc.array(tie('value'), { maxLength: 3 });
  return {
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      scalar,
      elements.map((parts) => inside(`*${parts.length}\r\n`, parts)),
      elements.map((parts) => inside(`~${parts.length}\r\n`, parts)),
      fc
        .array(fc.tuple(tie('element'), tie('element')), { maxLength: 3 })
        .map((pairs) => inside(`%${pairs.length}\r\n`, pairs.flat())),
      fc.tuple(values, tie('value')).map(([parts, value]) => {
        const pairs = parts.flatMap((part) => [{ text: '+key\r\n', pushes: 0 }, part]);
        return joined([inside(`|${parts.length}\r\n`, pairs), value]);
      }),
    ),
    element: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      tie('value'),
      fc
        .tuple(values, tie('value'))
        .map(([parts, value]) => joined([inside(`>${parts.length}\r\n`, parts, 1), value])),
    ),
  };
}).value;
