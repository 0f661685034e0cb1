// Who a client is: what AUTH and HELLO change, what a refused one leaves as it was, and that no connection crosses over.

import { command } from '../support/raw-client';
import { RedisServer } from '../support/redis-server';
import { Respite } from '../support/respite';

let redis: RedisServer;
let respite: Respite;

const WRONG = '-WRONGPASS invalid username-password pair or user is disabled.\r\n';
const SECRET = '$6\r\nhidden\r\n';

beforeAll(async () => {
  redis = await RedisServer.start();
  await redis.ask('ACL', 'SETUSER', 'alice', 'on', '>secret', '~*', '&*', '+@all');
  await redis.ask('ACL', 'SETUSER', 'bob', 'on', '>secret', '~open:*', '&*', '+@all');
  await redis.ask('SET', 'secret:k', 'hidden');
  respite = await Respite.start(['--redis', redis.url, '--http-port', 'off']);
});

afterAll(async () => {
  await respite.kill();
  await redis.stop();
});

/** The user of each of so many connections that a client without AUTH gets for itself, one after the other. */
async function usersOfPooledWires(): Promise<string[]> {
  const users: string[] = [];
  const clients = await Promise.all([1, 2, 3, 4].map(() => respite.client()));
  for (const client of clients) {
    await client.ask('MULTI');
    await client.ask('ACL', 'WHOAMI');
    users.push((await client.askText('EXEC')).split('\r\n')[2] ?? '');
  }
  for (const client of clients) await client.close();
  return users;
}

test.each([
  ['a wrong option behind AUTH', ['HELLO', '3', 'AUTH', 'alice', 'secret', 'BOGUS']],
  ['a bad name behind AUTH', ['HELLO', '3', 'AUTH', 'alice', 'secret', 'SETNAME', 'a b']],
  ['a second AUTH that is wrong', ['HELLO', '2', 'AUTH', 'alice', 'secret', 'AUTH', 'bob', 'wrong']],
])('HELLO that Redis refuses halfway changes nobody: %s', async (_name, words) => {
  await using client = await respite.client();
  expect(await client.askText(...words)).toMatch(/^-/);
  expect(await client.askText('ACL', 'WHOAMI')).toBe('$7\r\ndefault\r\n');
  expect(await usersOfPooledWires()).toEqual(['default', 'default', 'default', 'default']);
});

test('options of HELLO end at a NUL for respite as they do for Redis', async () => {
  await using client = await respite.client();
  expect(await client.askText('HELLO', '2', 'AUTH\0x', 'bob', 'secret')).toMatch(/^\*14\r\n/);
  expect(await client.askText('ACL', 'WHOAMI')).toBe('$3\r\nbob\r\n');
  expect(await client.askText('GET', 'secret:k')).toMatch(/^-NOPERM/);
  expect(await usersOfPooledWires()).toEqual(['default', 'default', 'default', 'default']);
});

test('a refused AUTH or HELLO leaves the client as it was', async () => {
  await using client = await respite.client();
  await client.ask('HELLO', '3', 'AUTH', 'bob', 'secret', 'SETNAME', 'mine');
  await client.ask('SELECT', '1');
  for (const words of [
    ['AUTH', 'alice', 'wrong'],
    ['AUTH', 'nobody', 'secret'],
    ['HELLO', '2', 'AUTH', 'alice', 'wrong', 'SETNAME', 'other'],
  ]) {
    expect(await client.askText(...words)).toBe(WRONG);
    expect(await client.askText('ACL', 'WHOAMI')).toBe('$3\r\nbob\r\n');
    expect(await client.askText('CLIENT', 'INFO')).toMatch(/ name=mine .* db=1 .* user=bob .* resp=3 /s);
    expect(await client.askText('GET', 'secret:k')).toMatch(/^-NOPERM/);
  }
});

test('AUTH back and forth, pipelined with reads: each read is by who the client was then', async () => {
  await using warm = await respite.client();
  for (let round = 0; round < 3; round += 1) expect(await warm.askText('GET', 'secret:k')).toBe(SECRET);
  await using client = await respite.client();
  const alice = command('AUTH', 'alice', 'secret');
  const bob = command('AUTH', 'bob', 'secret');
  const read = Buffer.concat([command('GET', 'secret:k'), command('MGET', 'secret:k')]);
  const rounds = 20;
  client.send(
    Buffer.concat(
      Array.from({ length: rounds }, () =>
        Buffer.concat([
          ...[
            read,
            bob,
            read,
            alice,
            read,
            command('AUTH', 'bob', 'wrong'),
            read,
            command('RESET'),
            read,
            bob,
          ],
          ...[command('SELECT', '1'), read, command('SELECT', '0'), read, command('HELLO', '3'), read],
          ...[command('HELLO', '2', 'AUTH', 'alice', 'secret'), read, command('RESET')],
        ]),
      ),
    ),
  );
  const seen = [SECRET, `*1\r\n${SECRET}`];
  const denied = [expect.stringMatching(/^-NOPERM/), expect.stringMatching(/^-NOPERM/)];
  const hello = expect.stringMatching(/^[*%]/);
  for (let round = 0; round < rounds; round += 1) {
    const replies = (await client.replies(28)).map(String);
    expect(replies).toEqual([
      ...[
        ...seen,
        '+OK\r\n',
        ...denied,
        '+OK\r\n',
        ...seen,
        WRONG,
        ...seen,
        '+RESET\r\n',
        ...seen,
        '+OK\r\n',
      ],
      ...['+OK\r\n', ...denied, '+OK\r\n', ...denied, hello, ...denied],
      ...[hello, ...seen, '+RESET\r\n'],
    ]);
  }
});
