// No secret is ever written down: not in the log at its most talkative, not in an error, not in what clients are told.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import net, { type AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { ask } from '../support/http';
import { RedisServer } from '../support/redis-server';
import { Respite, runRespite } from '../support/respite';
import { eventually } from '../support/stage';

/** Each another one, so that a leak says where it comes from. */
const SECRETS = {
  redis: 'Secret-Of-The-Url',
  password: 'Secret-For-Clients',
  token: 'Secret-For-Http',
  shown: 'Secret-That-Is-Wrong',
  user: 'Secret-Of-A-User',
} as const;
const NOTHING = Object.values(SECRETS).map((secret) => new RegExp(secret, 'i'));

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'respite-secrets-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

function expectNoSecret(where: string, text: string): void {
  for (const secret of NOTHING) expect([where, text]).not.toEqual([where, expect.stringMatching(secret)]);
}

async function secretFile(name: string, content: string): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, content);
  return file;
}

/** Everything that can go wrong with a secret at hand; the answers, as one text. */
async function provoke(respite: Respite): Promise<string> {
  const { redis, shown, user, token } = SECRETS;
  const told: string[] = [];
  await using client = await respite.client();
  for (const words of [
    ...[
      ['AUTH', shown],
      ['AUTH', 'default', shown],
      ['AUTH', user, shown],
      ['AUTH', shown, shown, shown],
    ],
    ...[
      ['HELLO', '3', 'AUTH', 'default', shown],
      ['HELLO', '3', 'AUTH', user, shown, 'SETNAME', 'x'],
    ],
    ...[['HELLO', '3', 'AUTH', shown], ['HELLO', '9', 'AUTH', user, shown], ['GET', 'k'], ['PING']],
    ...[
      ['ACL', 'SETUSER', 'x', 'on', `>${shown}`],
      ['CONFIG', 'SET', 'masterauth', shown],
      ['NOSUCH', 'x'],
    ],
    ...[
      ['MIGRATE', '127.0.0.1', '1', 'k', '0', '10', 'AUTH', shown],
      ['CLIENT', 'LIST'],
      ['INFO', 'respite'],
    ],
  ]) {
    const answer = await client.askText(...words).catch(String);
    // Redis repeats an argument that it does not understand: to the client who sent it, and to nobody else.
    if (!words.includes(shown)) told.push(answer);
  }
  const headers = [{}, { authorization: `Bearer ${shown}` }, { authorization: `Bearer ${token}` }];
  for (const header of headers)
    for (const where of [
      '/get/k',
      '/metrics',
      '/fetch?url=http://127.0.0.1:1/&key=k',
      `/get/k?_token=${redis}`,
      '/readyz',
    ])
      told.push((await ask(respite, where, { headers: header })).text);
  return told.join('\n');
}

test('while everything goes wrong, at the most talkative log level', async () => {
  await using redis = await RedisServer.start({ args: ['--requirepass', SECRETS.redis] });
  const url = `redis://default:${SECRETS.redis}@127.0.0.1:${redis.port}/0`;
  const files = [
    ...['--requirepass-file', await secretFile('password', `${SECRETS.password}\n`)],
    ...['--http-token-file', await secretFile('token', `${SECRETS.token}\r\n`)],
  ];
  const flags = ['--redis', url, ...files, '--log-level', 'trace', '--origin-allow', '127.0.0.1'];
  const respite = await Respite.start(flags);
  try {
    await using friend = await respite.client();
    expect(await friend.askText('AUTH', SECRETS.password)).toBe('+OK\r\n');
    expect(await friend.askText('SET', 'k', 'v')).toBe('+OK\r\n');
    const bearer = { headers: { authorization: `Bearer ${SECRETS.token}` } };
    expect((await ask(respite, '/get/k', bearer)).json).toEqual({ result: 'v' });
    let told = await provoke(respite);
    await redis.ask('AUTH', SECRETS.redis);
    await redis.kill();
    await eventually('noticed', () => respite.stdout.includes('is gone'));
    told += await provoke(respite);
    told += await friend.askText('GET', 'k');
    await redis.restart();
    await eventually('back', async () => (await friend.askText('SET', 'k', 'v')) === '+OK\r\n');
    await using admin = await redis.client();
    await admin.ask('AUTH', SECRETS.redis);
    await admin.ask('CONFIG', 'SET', 'requirepass', SECRETS.shown);
    await admin.ask('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await eventually('refused', async () => (await friend.askText('GET', 'k')).includes('WRONGPASS'));
    told += await provoke(respite);
    expectNoSecret('what clients are told', told);
    await respite.stop();
    expectNoSecret('standard output', respite.stdout);
    expectNoSecret('standard error', respite.stderr);
    expect(respite.log.length).toBeGreaterThanOrEqual(3);
  } finally {
    await respite.kill();
  }
});

test('by flags that are wrong, variables and files included', async () => {
  const { redis, password, token } = SECRETS;
  const file = await secretFile('both', password);
  const wrong: [string[], Record<string, string>][] = [
    [['--redis', `redis://user:${redis}@127.0.0.1:notaport`], {}],
    [['--redis', `http://user:${redis}@127.0.0.1/`], {}],
    [['--redis', `redis://:${redis}@127.0.0.1:1/db`], {}],
    [['--redis', `unix:///tmp/x.sock?password=${redis}&nosuch=1`], {}],
    [[], { REDIS_URL: `redis://user:${redis}@:6379` }],
    [[], { RESPITE_REDIS: `redis://user:${redis}%zz@h` }],
    [['--requirepass', password, '--requirepass-file', file], {}],
    [[`--requirepas=${password}`], {}],
    [['--requirepass', password, 'stray'], {}],
    [['--http-token', token, '--port', 'x'], {}],
    [['--requirepass-file', path.join(folder, 'nosuch')], { RESPITE_HTTP_TOKEN: token }],
  ];
  for (const [flags, env] of wrong) {
    const { code, stdout, stderr } = await runRespite(flags, env);
    expect([flags, code]).toEqual([flags, 2]);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expectNoSecret(flags.join(' '), stdout + stderr);
  }
}, 60_000);

test.each(['HELLO', 'AUTH'])(
  'to a Redis that does not know %s, and repeats what stood behind it',
  async (name) => {
    await using redis = await RedisServer.start({
      args: ['--requirepass', SECRETS.redis, '--rename-command', name, ''],
    });
    const url = `redis://:${SECRETS.redis}@127.0.0.1:${redis.port}`;
    await using respite = await Respite.start(['--redis', url, '--log-level', 'trace']);
    await using client = await respite.client();
    const told: string[] = [];
    for (const words of [
      ['GET', 'k'],
      ['SET', 'k', 'v'],
      ['WATCH', 'k'],
      ['GET', 'k'],
      ['HELLO', '3'],
      ['GET', 'k'],
      ['MULTI'],
    ])
      told.push(await client.askText(...words));
    told.push((await ask(respite, '/get/k')).text);
    expectNoSecret('what clients are told', told.join('\n'));
    expectNoSecret('the log', respite.stdout + respite.stderr);
  },
);

test('to a Redis that sends nonsense, or breaks off in the middle of the password', async () => {
  await using server = net.createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (chunk) => socket.end(`-ERR unknown: ${chunk.length}\r\n`));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const url = `redis://user:${SECRETS.redis}@127.0.0.1:${port}`;
  await using respite = await Respite.start(['--redis', url, '--log-level', 'trace']);
  await using client = await respite.client();
  const told = [await client.askText('GET', 'k'), await client.askText('SET', 'k', 'v')];
  expectNoSecret('what clients are told', told.join('\n'));
  expectNoSecret('the log', respite.stdout + respite.stderr);
});
