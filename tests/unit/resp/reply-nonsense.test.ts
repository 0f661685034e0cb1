// What the framer lets through, the parser reads without a throw, to the same end, whatever the bytes are.

import fc from 'fast-check';
import { ReplyFramer } from '../../../src/resp/reply-framer';
import { parseReply, parseShallow } from '../../../src/resp/reply-parser';
import { bytes } from './pieces';

const fragment = fc.constantFrom(
  ...['+', '-', ':', '$', '*', '%', '~', '>', '|', '_', '#', ',', '(', '=', '!'],
  ...['0', '1', '2', '-1', '9007199254740993', 'x', '\r', '\n', '\r\n', '\r\n', '\r\n', '\0', '\xff', ' '],
  ...[
    '$1\r\na\r\n',
    '*1\r\n',
    '>1\r\n',
    '|1\r\n',
    '%1\r\n',
    ':x\r\n',
    ':12x\r\n',
    '$-1\r\n',
    '=3\r\ntxt\r\n',
  ],
);

test('nothing that is framed as a reply throws when it is read', () => {
  fc.assert(
    fc.property(fc.array(fragment, { minLength: 1, maxLength: 20 }), (parts) => {
      const chunk = bytes(parts.join(''));
      const framer = new ReplyFramer();
      for (let at = 0; at < chunk.length; ) {
        const end = framer.scan(chunk, at);
        if (!framer.complete) return;
        const parsed = parseReply(chunk.subarray(at, end));
        expect(parsed.end).toBe(end - at);
        expect(parsed.pushes.length).toBe(framer.innerPushes);
        at = end;
      }
    }),
    { numRuns: 20_000 },
  );
});

test('an integer that is none is no number, and one that is too large for a number is exact', () => {
  expect(parseReply(bytes(':abc\r\n')).reply).toEqual({ type: 'integer', value: Number.NaN });
  expect(parseReply(bytes(':9223372036854775807\r\n')).reply).toEqual({
    type: 'integer',
    value: 9_223_372_036_854_775_807n,
  });
});

test('what nests deeper than its kind ever does is not read', () => {
  expect(parseShallow(bytes(`${'*1\r\n'.repeat(20)}:1\r\n`))?.end).toBe(84);
  expect(parseShallow(bytes(`${'*1\r\n'.repeat(100_000)}:1\r\n`))).toBeUndefined();
  expect(parseShallow(bytes('$5\r\nab'))).toBeUndefined();
});
