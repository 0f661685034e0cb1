import fc from 'fast-check';
import {
  array,
  bulk,
  encodeCommand,
  error,
  integer,
  map,
  nil,
  OK,
  QUEUED,
  status,
} from '../../../src/resp/encoder';
import { parseReply } from '../../../src/resp/reply-parser';
import { parseRequest } from '../../../src/resp/request-parser';

test('a command is an array of bulks', () => {
  expect(encodeCommand(['SET', Buffer.from('k'), 'é', '']).toString()).toBe(
    '*4\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\né\r\n$0\r\n\r\n',
  );
});

test.each([0, 1, 9, 10, 99, 100, 101, 999, 1000, 12_345, 100_000])(
  'lengths of %d are written right',
  (size) => {
    const args = Array.from({ length: Math.max(1, size % 2000) }, () => Buffer.alloc(0));
    const sent = [Buffer.alloc(size, 'x'), ...args];
    expect(parseRequest(encodeCommand(sent))).toEqual(sent);
    expect(bulk('x'.repeat(size)).toString()).toBe(`$${size}\r\n${'x'.repeat(size)}\r\n`);
  },
);

test('any arguments come back as they were', () => {
  const arg = fc.oneof(
    fc.uint8Array().map((raw) => Buffer.from(raw)),
    fc.string({ unit: 'binary' }),
  );
  fc.assert(
    fc.property(fc.array(arg, { minLength: 1 }), (args) => {
      expect(parseRequest(encodeCommand(args))).toEqual(args.map((each) => Buffer.from(each)));
    }),
  );
});

test('replies of every shape', () => {
  expect(OK.toString()).toBe('+OK\r\n');
  expect(QUEUED.toString()).toBe('+QUEUED\r\n');
  expect(integer(-5).toString()).toBe(':-5\r\n');
  expect(integer(9223372036854775807n).toString()).toBe(':9223372036854775807\r\n');
  expect(array(OK, integer(1)).toString()).toBe('*2\r\n+OK\r\n:1\r\n');
  expect(array().toString()).toBe('*0\r\n');
  expect([nil(2).toString(), nil(3).toString()]).toEqual(['$-1\r\n', '_\r\n']);
});

test('a map is flat to RESP2', () => {
  const entries: [Buffer, Buffer][] = [
    [bulk('a'), integer(1)],
    [bulk('b'), nil(3)],
  ];
  expect(map(3, entries).toString()).toBe('%2\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n_\r\n');
  expect(map(2, entries).toString()).toBe('*4\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n_\r\n');
});

test('no text ends its line early: its rest would pass for another reply', () => {
  for (const line of [error('ERR a\r\n+OK\r\nb\nc\rd'), status('a\r\n:1\n\r')]) {
    expect(parseReply(line).end).toBe(line.length);
    expect(line.toString('latin1', 0, line.length - 2)).not.toMatch(/[\r\n]/);
  }
  expect(error('ERR a\r\nb').toString()).toBe('-ERR a  b\r\n');
});
