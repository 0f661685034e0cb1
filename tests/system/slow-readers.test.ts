// Clients that ask for much and read little: what they may cost, and that nobody else pays for it.

import { readFileSync } from 'node:fs';
import { command, type RawClient } from '../support/raw-client';
import { bulk, eventually, Stage } from '../support/stage';

const MB = 1024 * 1024;

function residentMemory(stage: Stage): number {
  const status = readFileSync(`/proc/${stage.respite.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

/** By how much the process has grown at the most, in bytes. */
function watchGrowth(stage: Stage): () => number {
  const before = residentMemory(stage);
  let most = before;
  const look = () => {
    most = Math.max(most, residentMemory(stage));
  };
  const timer = setInterval(look, 10);
  return () => {
    clearInterval(timer);
    look();
    return most - before;
  };
}

/** A client that never reads, and sends what it is told. */
async function deaf(stage: Stage, bytes: string | Buffer): Promise<RawClient> {
  const client = await stage.client();
  client.pause();
  return client.send(bytes);
}

/** Takes what comes as it comes, and keeps only its size. */
function size(client: RawClient): () => number {
  let seen = 0;
  client.socket.removeAllListeners('data');
  client.socket.on('data', (chunk) => {
    seen += chunk.length;
  });
  return () => seen;
}

afterEach(() => expect(stage.respite.stderr).toBe(''));

let stage: Stage;

describe('with a limit of 32 megabytes', () => {
  beforeAll(async () => {
    stage = await Stage.start({ flags: ['--client-output-limit', '32mb'] });
    await stage.ask('SET', 'value', Buffer.alloc(1_000_000, 'x'));
    expect((await stage.ask('GET', 'value')).length).toBeGreaterThan(1_000_000);
  });
  afterAll(() => stage.stop());

  test('six hundred hits of a megabyte, asked for in one write, reach a client that reads', async () => {
    const growth = watchGrowth(stage);
    await using client = await stage.client();
    const seen = size(client);
    client.send('GET value\r\n'.repeat(600));
    const whole = 600 * bulk('x'.repeat(1_000_000)).length;
    await using other = await stage.client();
    await eventually('all is there', async () => {
      expect(await other.askText('ECHO', 'x')).toBe(bulk('x'));
      return seen() === whole;
    });
    expect(growth()).toBeLessThan(128 * MB);
  });

  test('what a client asks for that never reads is not made', async () => {
    const growth = watchGrowth(stage);
    const clients = await Promise.all([
      deaf(stage, 'GET value\r\n'.repeat(3_000)),
      deaf(stage, 'CLIENT LIST\r\n'.repeat(100_000)),
      deaf(stage, command('MGET', ...Array(2_000).fill('value'))),
    ]);
    for (let at = 0; at < 50; at += 1) expect(await stage.ask('ECHO', 'x')).toBe(bulk('x'));
    expect(growth()).toBeLessThan(128 * MB);
    for (const client of clients) await client.close();
  });

  test('behind a command that blocks, or a Redis that hangs, what is sent waits with the client', async () => {
    const growth = watchGrowth(stage);
    const pings = 'PING\r\n'.repeat(100_000);
    const blocked = await Promise.all([1, 2, 3, 4].map(() => deaf(stage, 'BLPOP nothing 0\r\n')));
    for (const client of blocked) for (let at = 0; at < 40; at += 1) client.send(pings);
    for (let at = 0; at < 20; at += 1) expect(await stage.ask('ECHO', 'x')).toBe(bulk('x'));
    expect(growth()).toBeLessThan(100 * MB);
    for (const client of blocked) await client.close();
  });

  test('a million commands in one go are answered in their order', async () => {
    await using client = await stage.client();
    const seen = size(client);
    const growth = watchGrowth(stage);
    for (let at = 0; at < 100; at += 1) {
      client.send('PING\r\nGET none\r\nSTRLEN none\r\n'.repeat(3_334));
    }
    const whole = 333_400 * ('+PONG\r\n'.length + '$-1\r\n'.length + ':0\r\n'.length);
    await eventually('all is there', () => seen() === whole, 30_000);
    expect(growth()).toBeLessThan(200 * MB);
  }, 40_000);
});

describe('replies of 64 megabytes to clients that do not read yet', () => {
  const SIZE = 64 * MB;
  const CLIENTS = 3;

  beforeAll(async () => {
    stage = await Stage.start();
    await stage.redis.ask('RPUSH', 'list', ...Array(64).fill(Buffer.alloc(MB, 'y')));
    await stage.redis.ask('SET', 'value', Buffer.alloc(SIZE, 'x'));
    await stage.redis.ask('SET', 'some', Buffer.alloc(SIZE / 4, 'x'));
  });
  afterAll(() => stage.stop());

  test.each([
    // Held back: on a wire of its own.
    ['GET', 'GET value\r\n', SIZE, 48],
    ['GET again', 'GET value\r\n', SIZE, 48],
    ['MGET', 'MGET some some some some\r\n', SIZE, 48 + 3 * 16],
    // Once for each client, and no more: the wire is shared.
    ['LRANGE', 'LRANGE list 0 -1\r\n', SIZE, CLIENTS * 64 * 1.25],
    ['EVAL', "EVAL \"return redis.call('lrange', 'list', 0, -1)\" 0\r\n", SIZE, CLIENTS * 64 * 1.25],
  ])('%s', async (_, asked, length, megabytes) => {
    const growth = watchGrowth(stage);
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => deaf(stage, asked)));
    for (let at = 0; at < 30; at += 1) {
      expect(await stage.ask('ECHO', 'x')).toBe(bulk('x'));
      expect(await stage.ask('GET', `other${at}`)).toBe('$-1\r\n');
    }
    const seen = clients.map(size);
    for (const client of clients) client.resume();
    await eventually('all have all', () => seen.every((count) => count() >= length), 15_000);
    expect(growth()).toBeLessThan(megabytes * MB);
    for (const client of clients) await client.close();
  });
});

describe('with a limit of two megabytes', () => {
  beforeAll(async () => {
    stage = await Stage.start({ flags: ['--client-output-limit', '2mb'] });
    await stage.ask('SET', 'value', Buffer.alloc(500_000, 'x'));
    expect((await stage.ask('GET', 'value')).length).toBeGreaterThan(500_000);
  });
  afterAll(() => stage.stop());

  test.each([
    ['hits', 'GET value\r\n'.repeat(1_000)],
    ['replies of Redis', 'GETRANGE value 0 -1\r\n'.repeat(1_000)],
    ['answers of respite', 'CLIENT LIST\r\n'.repeat(200_000)],
  ])('who does not read its %s is closed, and that is counted', async (_, asked) => {
    const before = await stage.count('clients_over_output_limit');
    const client = await deaf(stage, asked);
    await eventually('it is closed', async () => {
      expect(await stage.ask('ECHO', 'x')).toBe(bulk('x'));
      return (await stage.count('clients_over_output_limit')) === before + 1;
    });
    await stage.respite.logged(({ reason }) => reason === 'over its output limit');
    await client.close();
  });
});

test.each([
  ['SUBSCRIBE', 'SUBSCRIBE channel\r\n', 'PUBLISH channel hello\r\n'],
  ['MONITOR', 'MONITOR\r\n', 'PING\r\n'],
])('a flood for a client of %s that does not read piles up at Redis, not here', async (_, begin, each) => {
  stage = await Stage.start();
  const client = await deaf(stage, begin);
  await eventually('it is there', async () => (await stage.count('upstream_connections')) > 1);
  const growth = watchGrowth(stage);
  await using writer = await stage.redis.client();
  for (let at = 0; at < 150; at += 1) await writer.send(each.repeat(1_000)).replies(1_000);
  expect(growth()).toBeLessThan(48 * MB);
  expect(stage.respite.stderr).toBe('');
  await client.close();
  await stage.stop();
});
