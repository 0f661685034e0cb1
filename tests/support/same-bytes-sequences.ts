// Generates sequences of commands over a few keys, of the kinds that change which way the next command takes.

import fc from 'fast-check';
import { command, toBytes } from './raw-client';

/** The words of a command; a first word '>' means that it is sent inline. */
export type Words = string[];

const key = fc.constantFrom('a', 'b', 'c', 'list', '');
const value = fc.constantFrom('1', '2', '-7', 'text', '', '\x00\xff', 'a\r\nb', '9223372036854775807');
const database = fc.constantFrom('0', '0', '1', '2', '99');

const words = (...parts: (string | fc.Arbitrary<string>)[]): fc.Arbitrary<Words> =>
  fc.tuple(...parts.map((part) => (typeof part === 'string' ? fc.constant(part) : part)));

const oneOf = (weight: number, ...all: fc.Arbitrary<Words>[]) => ({ weight, arbitrary: fc.oneof(...all) });

const reads = oneOf(30, words('GET', key), words('GET', key), words('get', key), words('MGET', key, key));

const writes = oneOf(
  20,
  words('SET', key, value),
  words('SET', key, value, 'GET'),
  words('SET', key, value, 'EX', '100000'),
  words('INCR', key),
  words('APPEND', key, value),
  words('DEL', key),
  words('DEL', key, key),
  words('MSET', key, value, key, value),
  words('GETSET', key, value),
  words('GETDEL', key),
  words('GETEX', key, 'PERSIST'),
  words('EXPIRE', key, '100000'),
  words('PEXPIRE', key, '0'),
  words('PERSIST', key),
  words('SETRANGE', key, '1', value),
  words('RENAME', key, key),
  words('COPY', key, key, 'DB', database, 'REPLACE'),
  words('MOVE', key, database),
);

const otherTypes = oneOf(
  10,
  words('LPUSH', 'list', value),
  words('LPUSH', key, value),
  words('LLEN', key),
  words('LRANGE', key, '0', '-1'),
  words('HSET', key, 'field', value),
  words('HGETALL', key),
  words('ZADD', key, '1.5', value),
  words('ZSCORE', key, value),
  words('TYPE', key),
  words('EXISTS', key, key),
  words('OBJECT', 'ENCODING', key),
);

const transactions = oneOf(
  18,
  words('MULTI'),
  words('MULTI'),
  words('EXEC'),
  words('EXEC'),
  words('DISCARD'),
  words('WATCH', key),
  words('WATCH', key, key),
  words('UNWATCH'),
);

const scripts = oneOf(
  6,
  words('EVAL', "return redis.call('set', KEYS[1], ARGV[1])", '1', key, value),
  words('EVAL', "return redis.call('incr', 'a')", '0'),
  words('EVAL', "redis.call('select', 1); return redis.call('append', 'a', 'x')", '0'),
  words('EVAL', "return {redis.call('get', KEYS[1]), 1.5, false, {ok='fine'}}", '1', key),
  words('EVAL_RO', "return redis.call('get', KEYS[1])", '1', key),
  words('EVAL', 'no lua', '0'),
);

const blocking = oneOf(
  4,
  words('BLPOP', 'list', '0.001'),
  words('BRPOP', key, 'list', '0.001'),
  words('BLMOVE', 'list', 'list', 'LEFT', 'RIGHT', '0.001'),
  words('BLPOP', key, 'abc'),
  words('WAIT', '0', '0'),
);

const connection = oneOf(
  10,
  words('SELECT', database),
  words('SELECT', database),
  words('HELLO', '2'),
  words('HELLO', '3'),
  words('HELLO', '4'),
  words('RESET'),
  words('AUTH', 'default', 'anything'),
  words('AUTH', 'nobody', 'wrong'),
  words('PING'),
  words('ECHO', value),
  words('CLIENT', 'GETNAME'),
  words('CLIENT', 'SETNAME', fc.constantFrom('n', 'm', '')),
);

const seldom = oneOf(
  4,
  words('CLIENT', 'REPLY', 'SKIP'),
  words('CLIENT', 'REPLY', 'OFF'),
  words('CLIENT', 'REPLY', 'ON'),
  words('CLIENT', 'REPLY', 'ON'),
  words('SUBSCRIBE', 'channel'),
  words('UNSUBSCRIBE', 'channel'),
  words('UNSUBSCRIBE', 'channel'),
  words('PUBLISH', 'nobody', 'm'),
  words('SWAPDB', '0', '1'),
  words('FLUSHDB'),
  words('FLUSHALL'),
  words('SORT', 'list', 'BY', 'nosort', 'STORE', key),
  words('CLIENT', 'TRACKING', 'ON'),
  words('CLIENT', 'TRACKING', 'OFF'),
);

const mistakes = oneOf(
  4,
  words('NOSUCH', key),
  words('GET'),
  words('SET', key),
  words('EXEC', 'extra'),
  words('SELECT', 'abc'),
  words('CLIENT', 'NOSUCH'),
  words(''),
);

const PLAIN = /^[\w.-]+$/;

const step = fc
  .tuple(
    fc.oneof(reads, writes, otherTypes, transactions, scripts, blocking, connection, seldom, mistakes),
    fc.integer({ min: 0, max: 9 }),
  )
  .map(
    ([given, chance]): Words => (chance === 0 && given.every((w) => PLAIN.test(w)) ? ['>', ...given] : given),
  );

export const sequences = fc.array(step, { minLength: 1, maxLength: 50 });

/** Where the stream is cut into pieces, as parts of its length. */
export const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 });

/** Redis does not close a connection whose QUIT got no reply: PING takes a pending SKIP, and RESET ends OFF. */
const END = [['PING'], ['RESET'], ['QUIT']];

/** The whole stream: the commands, and what makes the server close the connection. */
export function streamOf(sequence: Words[]): Buffer {
  return Buffer.concat([...sequence, ...END].map(bytesOf));
}

function bytesOf(sequence: Words): Buffer {
  const [first, ...rest] = sequence;
  return first === '>' ? toBytes(`${rest.join(' ')}\r\n`) : command(...sequence);
}

export function piecesOf(stream: Buffer, at: number[]): Buffer[] {
  const ends = at.map((part) => Math.floor(part * stream.length)).sort((a, b) => a - b);
  const begins = [0, ...ends];
  return begins
    .map((begin, i) => stream.subarray(begin, ends[i] ?? stream.length))
    .filter((piece) => piece.length > 0);
}
