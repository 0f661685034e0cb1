// Who has not shown a password learns nothing: not whether a key exists, not a figure, not who else is there.

import { ask } from '../support/http';
import { command, type RawClient } from '../support/raw-client';
import { RedisServer } from '../support/redis-server';
import { Respite } from '../support/respite';
import { bulk, eventually } from '../support/stage';

const NOAUTH = '-NOAUTH Authentication required.\r\n';
const PROBES: string[][] = [
  ...[['GET', 'known'], ['GET', 'nosuch'], ['MGET', 'known', 'nosuch'], ['EXISTS', 'known'], ['PING']],
  ...[['INFO', 'respite'], ['INFO'], ['CLIENT', 'LIST'], ['CLIENT', 'ID'], ['CLIENT', 'INFO'], ['COMMAND']],
  ...[['CLIENT', 'KILL', 'TYPE', 'normal'], ['CLIENT', 'SETNAME', 'x'], ['CLIENT', 'REPLY', 'ON'], ['MULTI']],
  ...[['WATCH', 'known'], ['SUBSCRIBE', 'c'], ['MONITOR'], ['SELECT', '1'], ['EVAL', 'return 1', '0']],
  ...[['CLIENT', 'TRACKING', 'ON'], ['DBSIZE'], ['FLUSHALL'], ['ACL', 'WHOAMI'], ['CONFIG', 'GET', '*']],
];
/** What Redis does not know either, it says even to strangers. */
const RESPITES: string[][] = [
  ...[
    ['RESPITE', 'STATS'],
    ['RESPITE', 'INSPECT', 'known'],
    ['RESPITE', 'PURGE', 'ALL'],
    ['RESPITE', 'HELP'],
  ],
  ...[['RESPITE'], ['RESPITE', 'PURGE', 'known', 'nosuch']],
];
const TELLING = ['known', 'seen', '127.0.0.1', 'hits', 'uptime', 'cached'];

async function probe(client: RawClient, words: readonly string[]): Promise<string> {
  const answer = await client.askText(...words);
  expect([words, answer]).toEqual([words, expect.stringMatching(/^-/)]);
  return answer;
}

describe('with --requirepass', () => {
  let redis: RedisServer;
  let respite: Respite;
  let friend: RawClient;

  beforeAll(async () => {
    redis = await RedisServer.start();
    await redis.ask('SET', 'known', 'seen');
    respite = await Respite.start(['--redis', redis.url, '--requirepass', 'password']);
    friend = await respite.client();
    expect(await friend.askText('AUTH', 'password')).toBe('+OK\r\n');
    expect(await friend.askText('GET', 'known')).toBe(bulk('seen'));
    await friend.ask('GET', 'nosuch');
  });

  afterAll(async () => {
    await friend.close();
    await respite.kill();
    await redis.stop();
  });

  test('a stranger gets -NOAUTH for every command, and Redis hears of none', async () => {
    await using stranger = await respite.client();
    await using watch = await redis.client();
    await watch.ask('MONITOR');
    for (let round = 0; round < 2; round += 1)
      for (const words of [...PROBES, ...RESPITES, ['RESET', 'now'], ['NOSUCH']])
        expect([words, await probe(stranger, words)]).toEqual([words, NOAUTH]);
    expect(await probe(stranger, ['AUTH'])).toBe("-ERR wrong number of arguments for 'auth' command\r\n");
    expect(await probe(stranger, ['AUTH', 'a', 'b', 'c'])).toBe('-ERR syntax error\r\n');
    for (const words of [
      ...[
        ['AUTH', 'wrong'],
        ['AUTH', 'passwor'],
        ['AUTH', 'other', 'password'],
        ['AUTH', 'default', ''],
      ],
      ['HELLO', '3', 'AUTH', 'default', 'wrong'],
    ])
      expect(await probe(stranger, words)).toMatch(/^-WRONGPASS/);
    for (const words of [['HELLO'], ['HELLO', '3'], ['HELLO', '3', 'SETNAME', 'x'], ['HELLO', '9']])
      expect(await probe(stranger, words)).toMatch(/^-NOAUTH HELLO must be called/);
    expect(await probe(stranger, ['GET', 'known'])).toBe(NOAUTH);
    expect(String(await stranger.send('GET known\r\n').reply())).toBe(NOAUTH);
    await friend.ask('ECHO', 'after all that');
    const heard = (await watch.until('after all that')).toString();
    for (const words of ['nosuch', '"AUTH"', '"HELLO"', 'known', 'INFO', 'SETNAME'])
      expect(heard).not.toContain(words);
  });

  test('pipelined: each command counts by itself', async () => {
    await using client = await respite.client();
    const get = command('GET', 'known');
    client.send(
      Buffer.concat([
        ...[
          get,
          command('AUTH', 'wrong'),
          get,
          command('AUTH', 'password'),
          get,
          command('AUTH', 'wrong'),
          get,
        ],
        ...[command('RESET'), get, command('HELLO', '3', 'AUTH', 'default', 'password'), get],
      ]),
    );
    const wrong = expect.stringMatching(/^-WRONGPASS/);
    expect((await client.replies(11)).map(String)).toEqual([
      ...[NOAUTH, wrong, NOAUTH, '+OK\r\n', bulk('seen'), wrong, bulk('seen'), '+RESET\r\n', NOAUTH],
      ...[expect.stringMatching(/^%7/), bulk('seen')],
    ]);
  });

  test('a request too large for a stranger is refused as Redis refuses it', async () => {
    await using long = await respite.client();
    long.send('*2\r\n$3\r\nGET\r\n$16385\r\n');
    expect(String(await long.rest())).toBe('-ERR Protocol error: unauthenticated bulk length\r\n');
    await using many = await respite.client();
    many.send('*11\r\n');
    expect(String(await many.rest())).toBe('-ERR Protocol error: unauthenticated multibulk length\r\n');
  });

  test('over HTTP every route is closed, but for what programs on the same machine watch', async () => {
    for (const path of [
      '/get/known',
      '/get/nosuch',
      '/metrics',
      '/openapi.json',
      '/info/respite',
      '/respite/stats',
    ])
      for (const headers of [
        { 'x-forwarded-for': '10.0.0.9' },
        { authorization: 'Bearer wrong' },
        { authorization: 'Basic cGFzc3dvcmQ=' },
      ]) {
        const answer = await ask(respite, path, { headers });
        expect([path, answer.status]).toEqual([path, 401]);
        for (const word of TELLING) expect(answer.text).not.toContain(word);
      }
    for (const path of ['/pipeline', '/multi-exec', '/', '/shelf/known', '/subscribe/c', '/fetch'])
      expect((await ask(respite, path, { body: '[["GET","known"]]' })).status).toBe(401);
    for (const path of ['/get/known', '/info/respite', '/respite/stats'])
      expect((await ask(respite, path)).status).toBe(401);
    expect((await ask(respite, '/healthz')).json).toEqual({ status: 'ok' });
    expect((await ask(respite, '/readyz')).json).toEqual({ status: 'ready' });
  });
});

describe("with Redis's own requirepass", () => {
  let redis: RedisServer;
  let respite: Respite;

  beforeAll(async () => {
    redis = await RedisServer.start({ args: ['--requirepass', 'password'] });
    respite = await Respite.start(['--redis', redis.url]);
  });

  afterAll(async () => {
    await respite.kill();
    await redis.stop();
  });

  test('a stranger gets what Redis itself says, and nothing from memory', async () => {
    await using friend = await respite.client();
    await friend.ask('AUTH', 'password');
    await friend.ask('SET', 'known', 'seen');
    for (let round = 0; round < 2; round += 1)
      expect(await friend.askText('GET', 'known')).toBe(bulk('seen'));
    await using stranger = await respite.client();
    await using direct = await redis.client();
    for (const words of [...PROBES, ...RESPITES])
      expect([words, await probe(stranger, words)]).toEqual([words, await direct.askText(...words)]);
    expect(await friend.askText('RESPITE', 'INSPECT', 'known')).toContain('value');
    for (const path of [
      '/get/known',
      '/get/nosuch',
      '/mget/known',
      '/info/respite',
      '/client/list',
      '/metrics',
    ]) {
      const answer = await ask(respite, path);
      expect([path, answer.status >= 400]).toEqual([path, true]);
      for (const word of TELLING) expect(answer.text).not.toContain(word);
    }
  });
});

describe('a password that Redis is given while respite runs', () => {
  test.each(['through respite', 'beside it', 'as a rule of the default user'])(
    '%s: holds at once',
    async (way) => {
      await using redis = await RedisServer.start();
      await redis.ask('SET', 'known', 'seen');
      await using respite = await Respite.start(['--redis', redis.url]);
      await using before = await respite.client();
      for (const words of [
        ['GET', 'known'],
        ['MULTI'],
        ['EXEC'],
        ['EXISTS', 'known'],
        ['EVAL', 'return 1', '0'],
      ])
        await before.ask(...words);
      const change =
        way === 'as a rule of the default user'
          ? ['ACL', 'SETUSER', 'default', '>password']
          : ['CONFIG', 'SET', 'requirepass', 'password'];
      await using admin = way === 'beside it' ? await redis.client() : await respite.client();
      await admin.ask(
        ...(way === 'as a rule of the default user' ? [...change, 'resetpass', '>password'] : change),
      );
      await using late = await respite.client();
      if (way === 'beside it')
        await eventually('asked for', async () => (await late.askText('GET', 'known')) === NOAUTH, 3_000);
      for (const words of [...PROBES, ...RESPITES]) await probe(late, words);
      expect((await ask(respite, '/get/known')).text).toContain('NOAUTH');
      expect((await ask(respite, '/metrics')).status).toBe(401);
      expect(await late.askText('AUTH', 'password')).toBe('+OK\r\n');
      expect(await late.askText('GET', 'known')).toBe(bulk('seen'));
      await late.ask('ACL', 'SETUSER', 'default', 'nopass');
      await using again = await respite.client();
      expect(await again.askText('GET', 'known')).toBe(bulk('seen'));
    },
  );
});
