import fc from 'fast-check';
import { ReplyFramer } from '../../../src/resp/reply-framer';
import { arrivals, byteByByte, bytes, cut, places } from './pieces';
import { anyReply } from './replies';

interface Outcome {
  replies: string[];
  types: string;
  innerPushes: number;
  problem: string;
}

/** Every reply that the framer finds, as the bytes it came as. */
function frameAll(chunks: Buffer[], framer = new ReplyFramer()): Outcome {
  const outcome: Outcome = { replies: [], types: '', innerPushes: 0, problem: '' };
  let current = '';
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length && framer.problem === ''; ) {
      const end = framer.scan(chunk, at);
      current += chunk.toString('latin1', at, end);
      at = end;
      if (!framer.complete) continue;
      outcome.replies.push(current);
      outcome.types += String.fromCharCode(framer.type);
      outcome.innerPushes += framer.innerPushes;
      current = '';
    }
  }
  return { ...outcome, problem: framer.problem };
}

const replies: [string, string[], string][] = [
  ['lines', ['+OK\r\n', '-ERR no\r\n', ':12\r\n', ':-1\r\n', '+\r\n'], '+-::+'],
  [
    'lines of RESP3',
    ['_\r\n', '#t\r\n', ',1.5\r\n', ',inf\r\n', '(123456789012345678901234567890\r\n'],
    '_#,,(',
  ],
  ['texts with a \\r or a \\n inside', ['+a\rb\nc\r\r\n', '-\n\r\n'], '+-'],
  [
    'bulks',
    ['$5\r\nhello\r\n', '$0\r\n\r\n', '$4\r\n\r\n\r\n\r\n', '=7\r\ntxt:abc\r\n', '!5\r\nERR x\r\n'],
    '$$$=!',
  ],
  ['nulls of RESP2', ['$-1\r\n', '*-1\r\n'], '$*'],
  ['arrays', ['*0\r\n', '*2\r\n:1\r\n*2\r\n+a\r\n*0\r\n', '*2\r\n*-1\r\n$-1\r\n'], '***'],
  ['maps and sets', ['%0\r\n', '%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n:2\r\n', '~2\r\n:1\r\n:2\r\n'], '%%~'],
  ['pushes', ['>2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n', '+OK\r\n', '>2\r\n+invalidate\r\n_\r\n'], '>+>'],
  ['attributes and the value behind them', ['|1\r\n+ttl\r\n:1\r\n+OK\r\n', '|0\r\n*1\r\n:1\r\n'], '+*'],
  ['attributes of an element', ['*2\r\n|1\r\n+a\r\n%1\r\n+b\r\n:1\r\n:1\r\n:2\r\n', '+OK\r\n'], '*+'],
];

const problems: [string, string][] = [
  ['a type that there is none of', 'HTTP/1.1\r\n'],
  ['a blank line', '\r\n'],
  ['a length that is no number', '$abc\r\n'],
  ['an empty length', '*\r\n'],
  ['a streamed length', '$?\r\n'],
  ['a minus alone', '$-\r\n'],
  ['two minuses', '$--1\r\n'],
  ['a negative length', '$-2\r\n'],
  ['a negative count', '*-2\r\n'],
  ['a null of a type that has none', '%-1\r\n'],
  ['a null push', '>-1\r\n'],
  ['a length past what can be counted', `$${'9'.repeat(16)}\r\n`],
  ['a length that ends in \\r alone', '$5\rhello\r\n'],
  ['a length that ends in \\n alone', '$5\nhello\r\n'],
  ['a bulk longer than it says', '$4\r\nhello\r\n'],
  ['a bulk that ends in \\r alone', '$5\r\nhello\r+OK\r\n'],
  ['a number that is too long', `:${'1'.repeat(80)}\r\n`],
];

describe.each(arrivals)('replies that arrive %s', (_, arrive) => {
  test.each(replies)('%s', (_, expected, types) => {
    const outcome = frameAll(arrive(bytes(expected.join(''))));
    expect(outcome).toEqual({ replies: expected, types, innerPushes: 0, problem: '' });
  });

  test.each(problems)('%s is no RESP', (_, input) => {
    const outcome = frameAll(arrive(bytes(`+OK\r\n*1\r\n${input}+OK\r\n`)));
    expect(outcome.replies).toEqual(['+OK\r\n']);
    expect(outcome.problem).not.toBe('');
  });

  test('pushes between the elements of a reply are no elements', () => {
    const push = '>2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n';
    const reply = `*2\r\n${push}$1\r\na\r\n${push}*1\r\n${push}:1\r\n`;
    expect(frameAll(arrive(bytes(`${reply}${push}+OK\r\n`)))).toEqual({
      replies: [reply, push, '+OK\r\n'],
      types: '*>+',
      innerPushes: 3,
      problem: '',
    });
  });

  test('a text may be long', () => {
    const error = `-ERR ${'x'.repeat(100_000)}\r\n`;
    expect(frameAll(arrive(bytes(error))).replies).toEqual([error]);
  });

  test('a reply may nest 100,000 deep', () => {
    const deep = `${'*2\r\n'.repeat(100_000)}:1\r\n${':2\r\n'.repeat(100_000)}`;
    expect(frameAll(arrive(bytes(`${deep}+OK\r\n`))).replies).toEqual([deep, '+OK\r\n']);
  });
});

test('the type is known before the reply is whole', () => {
  const framer = new ReplyFramer();
  expect(framer.scan(bytes('$100\r\nabc'), 0)).toBe(9);
  expect([framer.complete, String.fromCharCode(framer.type)]).toEqual([false, '$']);
});

test('a scan may begin in the middle of a chunk', () => {
  const framer = new ReplyFramer();
  const chunk = bytes('+OK\r\n:1\r\n$3\r\nab');
  expect([framer.scan(chunk, 5), framer.complete]).toEqual([9, true]);
  expect([framer.scan(chunk, 9), framer.complete]).toEqual([15, false]);
  expect([framer.scan(bytes('c\r\n:1'), 0), framer.complete]).toEqual([3, true]);
});

test('a problem stays, and nothing more is taken', () => {
  const framer = new ReplyFramer();
  expect(framer.scan(bytes('+OK\r\n?'), 5)).toBe(5);
  const problem = framer.problem;
  expect([framer.scan(bytes('+OK\r\n'), 0), framer.complete, framer.problem]).toEqual([0, false, problem]);
});

test('a reply that nests without end is given up', () => {
  const framer = new ReplyFramer();
  const chunk = bytes('*1\r\n'.repeat(100_000));
  for (let round = 0; round < 11; round += 1) framer.scan(chunk, 0);
  expect(framer.problem).toContain('deep');
});

test('a count of a trillion costs nothing', () => {
  const framer = new ReplyFramer();
  const chunk = bytes('%999999999999999\r\n:1\r\n');
  expect([framer.scan(chunk, 0), framer.complete, framer.problem]).toEqual([chunk.length, false, '']);
});

test('the same replies are found, wherever the bytes are cut', () => {
  fc.assert(
    fc.property(fc.array(anyReply, { maxLength: 6 }), places, (sequence, cuts) => {
      const outcome = frameAll(cut(bytes(sequence.map((reply) => reply.text).join('')), cuts));
      expect(outcome.replies).toEqual(sequence.map((reply) => reply.text));
      expect(outcome.innerPushes).toBe(sequence.reduce((sum, reply) => sum + reply.pushes, 0));
      expect(outcome.problem).toBe('');
    }),
    { numRuns: 300 },
  );
});

test('garbage comes to the same end, wherever it is cut', () => {
  const fragment = fc.oneof(
    fc.constantFrom(
      '*',
      '$',
      '+',
      '-',
      ':',
      '>',
      '%',
      '|',
      '1',
      '2',
      '0',
      '\r\n',
      '\r',
      '\n',
      '*2\r\n',
      '$1\r\n',
      '>1\r\n',
      'a',
    ),
    fc.uint8Array({ maxLength: 4 }).map((raw) => Buffer.from(raw).toString('latin1')),
  );
  fc.assert(
    fc.property(fc.array(fragment, { maxLength: 60 }), places, (parts, cuts) => {
      const garbage = bytes(parts.join(''));
      expect(frameAll(cut(garbage, cuts))).toEqual(frameAll(byteByByte(garbage)));
    }),
    { numRuns: 500 },
  );
});
