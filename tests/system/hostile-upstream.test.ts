// A backing server that sends what no Redis sends: the proxy lives, its memory is bounded, other clients go on.

import { HostileRedis } from '../support/hostile-redis';
import { command } from '../support/raw-client';
import { RedisServer } from '../support/redis-server';
import { Respite } from '../support/respite';
import { eventually } from '../support/stage';

let redis: RedisServer;
let hostile: HostileRedis;
let respite: Respite;

beforeAll(async () => {
  redis = await RedisServer.start();
  hostile = await HostileRedis.start(redis.port);
  respite = await Respite.start(['--redis', hostile.url, '--http-port', 'off', '--upstream-timeout', '1s']);
  await works();
});

afterEach(async () => {
  hostile.rules = [];
  hostile.cutAll();
  await works();
  expect(respite.stderr).toBe('');
  expect(respite.log.filter(({ level }) => level === 'fatal' || level === 'error')).toEqual([]);
});

afterAll(async () => {
  await respite.kill();
  await hostile.stop();
  await redis.stop();
});

async function ask(...args: string[]): Promise<string> {
  await using client = await respite.client();
  return await client.askText(...args);
}

/** Every way that a command may go works, at the latest when the pause after a failed attempt is over. */
async function works(): Promise<void> {
  await eventually('all ways are open', async () => {
    await using client = await respite.client();
    await client.ask('DEL', 'list');
    const commands = [
      'SET sane yes\r\n',
      'GET sane\r\n',
      'MGET sane none\r\n',
      'LPUSH list x\r\n',
      'BLPOP list 1\r\n',
      'EVAL "return 1" 0\r\n',
      'SELECT 1\r\n',
    ];
    const answers = (await client.send(commands.join('')).replies(commands.length)).join('');
    const list = '*2\r\n$4\r\nlist\r\n$1\r\nx\r\n';
    return answers === `+OK\r\n$3\r\nyes\r\n*2\r\n$3\r\nyes\r\n$-1\r\n:1\r\n${list}:1\r\n+OK\r\n`;
  });
}

/** Commands that go different ways. The key is another one each time: of one that was large respite knows it. */
const ways: readonly (readonly [way: string, args: (key: string) => string[]])[] = [
  ['fill wire', (key) => ['GET', key]],
  ['fill wire, many keys', (key) => ['MGET', key, 'trap']],
  ['shared wire', (key) => ['STRLEN', key]],
  ['script wire', (key) => ['EVAL', 'return 1', '1', key]],
  ['exclusive wire', (key) => ['BLPOP', key, '0.01']],
  ['pooled wire that asks who a client is', () => ['SELECT', '7']],
];

let traps = 0;

function nextTrap(args: (key: string) => string[]): string[] {
  traps += 1;
  return args(`trap${traps}`);
}

function exactly(args: readonly string[]): RegExp {
  return new RegExp(`^${args.join(' ')}$`);
}

test('a connection that ends in the middle of a reply ends that of the client, or it is told', async () => {
  for (const [, args] of ways) {
    const asked = nextTrap(args);
    hostile.rules = [{ when: exactly(asked), answer: { kind: 'cut', bytes: '$100\r\nhalf' } }];
    await using client = await respite.client();
    client.send(command(...asked));
    await eventually('told or closed', () => client.ended || client.unread[0] === '-'.charCodeAt(0));
    expect(await ask('ECHO', 'x')).toBe('$1\r\nx\r\n');
  }
});

test('a large value that breaks off when a part of it was delivered ends there', async () => {
  const bytes = `$3000000\r\n${'x'.repeat(2_000_000)}`;
  for (const [, args] of ways) {
    const asked = nextTrap(args);
    hostile.rules = [{ when: exactly(asked), answer: { kind: 'cut', bytes } }];
    await using client = await respite.client();
    client.send(command(...asked));
    await eventually('told or closed', () => client.ended || client.unread[0] === '-'.charCodeAt(0));
    // Anything behind it would be taken for the rest of the value.
    if (client.ended) expect(bytes.startsWith(String(client.unread))).toBe(true);
  }
});
