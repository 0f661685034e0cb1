import fc from 'fast-check';
import { ReplyFramer } from '../../../src/resp/reply-framer';
import { parseReply, type Reply } from '../../../src/resp/reply-parser';
import { bytes } from './pieces';
import { anyReply } from './replies';

const integer = (value: number): Reply => ({ type: 'integer', value });
const bulk = (value: string): Reply => ({ type: 'bulk', value: bytes(value) });

const replies: [string, Reply][] = [
  ['+OK\r\n', { type: 'status', text: 'OK' }],
  ['+a\rb\nc\r\n', { type: 'status', text: 'a\rb\nc' }],
  ['+\r\n', { type: 'status', text: '' }],
  ['-ERR no\r\n', { type: 'error', text: 'ERR no' }],
  ['!6\r\nERR\r\nx\r\n', { type: 'error', text: 'ERR\r\nx' }],
  [':12\r\n', integer(12)],
  [':-1\r\n', integer(-1)],
  [':9223372036854775807\r\n', { type: 'integer', value: 9223372036854775807n }],
  ['$3\r\na\r\n\r\n', bulk('a\r\n')],
  ['$0\r\n\r\n', bulk('')],
  ['$2\r\n\xff\x00\r\n', bulk('\xff\0')],
  ['$-1\r\n', { type: 'nil' }],
  ['*-1\r\n', { type: 'nil' }],
  ['_\r\n', { type: 'nil' }],
  [',1.5\r\n', { type: 'double', value: 1.5 }],
  [',inf\r\n', { type: 'double', value: Number.POSITIVE_INFINITY }],
  [',-inf\r\n', { type: 'double', value: Number.NEGATIVE_INFINITY }],
  [',nan\r\n', { type: 'double', value: Number.NaN }],
  ['#t\r\n', { type: 'boolean', value: true }],
  ['#f\r\n', { type: 'boolean', value: false }],
  ['(12345678901234567890\r\n', { type: 'bignumber', text: '12345678901234567890' }],
  ['=7\r\ntxt:abc\r\n', { type: 'verbatim', format: 'txt', value: bytes('abc') }],
  ['*0\r\n', { type: 'array', items: [] }],
  [
    '*2\r\n:1\r\n*1\r\n$1\r\na\r\n',
    { type: 'array', items: [integer(1), { type: 'array', items: [bulk('a')] }] },
  ],
  ['~2\r\n:1\r\n:2\r\n', { type: 'set', items: [integer(1), integer(2)] }],
  ['%1\r\n$1\r\na\r\n%0\r\n', { type: 'map', entries: [[bulk('a'), { type: 'map', entries: [] }]] }],
  ['>1\r\n:1\r\n', { type: 'push', items: [integer(1)] }],
  ['|1\r\n+ttl\r\n*1\r\n:1\r\n:2\r\n', integer(2)],
  ['*2\r\n|1\r\n+a\r\n:9\r\n:1\r\n|0\r\n:2\r\n', { type: 'array', items: [integer(1), integer(2)] }],
];

test.each(replies)('%j', (input, expected) => {
  const end = input.length;
  expect(parseReply(bytes(input))).toEqual({ reply: expected, end, pushes: [] });
  expect(parseReply(bytes(`:7\r\n${input}:8\r\n`), 4)).toEqual({ reply: expected, end: end + 4, pushes: [] });
});

test('pushes inside a reply are lifted out, in their order', () => {
  const { reply, pushes } = parseReply(
    bytes('*2\r\n>1\r\n:1\r\n*1\r\n>1\r\n:2\r\n$1\r\na\r\n>0\r\n$1\r\nb\r\n'),
  );
  expect(reply).toEqual({ type: 'array', items: [{ type: 'array', items: [bulk('a')] }, bulk('b')] });
  expect(pushes).toEqual([
    { type: 'push', items: [integer(1)] },
    { type: 'push', items: [integer(2)] },
    { type: 'push', items: [] },
  ]);
});

test('a reply may nest 100,000 deep', () => {
  let { reply } = parseReply(bytes(`${'*1\r\n'.repeat(100_000)}:1\r\n`));
  let depth = 0;
  for (; reply.type === 'array'; depth += 1) reply = reply.items[0] ?? { type: 'nil' };
  expect([depth, reply]).toEqual([100_000, integer(1)]);
});

test('every part of a reply throws', () => {
  const whole = bytes('*3\r\n$3\r\nabc\r\n%1\r\n+a\r\n:1\r\n|1\r\n+b\r\n_\r\n,1\r\n');
  for (let length = 0; length < whole.length; length += 1) {
    expect(() => parseReply(whole.subarray(0, length))).toThrow(RangeError);
  }
  expect(() => parseReply(bytes('HTTP/1.1 200\r\n'))).toThrow(RangeError);
});

test('parser and framer agree on where a reply ends and on what stands inside it', () => {
  fc.assert(
    fc.property(anyReply, ({ text, pushes }) => {
      const frame = bytes(`${text}+OK\r\n`);
      const framer = new ReplyFramer();
      const parsed = parseReply(frame);
      expect(parsed.end).toBe(framer.scan(frame, 0));
      expect(parsed.end).toBe(text.length);
      expect([parsed.pushes.length, framer.innerPushes]).toEqual([pushes, pushes]);
    }),
    { numRuns: 300 },
  );
});
