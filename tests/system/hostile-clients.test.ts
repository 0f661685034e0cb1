// Clients that send half of what they announce, or another protocol: what they may cost, and how they are told.

import { readFileSync } from 'node:fs';
import { Mutant } from '../support/mutant';
import type { RawClient } from '../support/raw-client';
import { RedisServer } from '../support/redis-server';
import { Respite } from '../support/respite';
import { bulk, eventually, Stage } from '../support/stage';

const MB = 1024 * 1024;

function residentMemory(stage: Stage): number {
  const status = readFileSync(`/proc/${stage.respite.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

async function closeAll(clients: readonly RawClient[]): Promise<void> {
  for (const client of clients) await client.close();
}

test('a thousand requests of two megabytes, announced and not sent, cost no connection to Redis', async () => {
  await using stage = await Stage.start();
  await stage.ask('GET', 'x');
  const before = await stage.connectionsAtRedis();
  const memory = residentMemory(stage);
  const clients = await stage.clients(1_000);
  const begin = '*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$2000000\r\nxxxx';
  for (const client of clients) client.send(begin);
  for (let at = 0; at < 20; at += 1) expect(await stage.ask('ECHO', 'x')).toBe(bulk('x'));
  expect(await stage.connectionsAtRedis()).toBeLessThan(before + 10);
  expect(residentMemory(stage) - memory).toBeLessThan(40 * MB);
  // One that goes on is carried out all the same.
  clients[0]?.send(Buffer.alloc(1_999_996, 'x')).send('\r\n');
  expect(String(await clients[0]?.reply())).toBe('+OK\r\n');
  expect(await stage.redis.askText('STRLEN', 'key')).toBe(':2000000\r\n');
  await closeAll(clients);
}, 30_000);

test('a thousand who send the better part of a megabyte and wait are not all kept', async () => {
  await using stage = await Stage.start();
  await stage.ask('GET', 'x');
  const memory = residentMemory(stage);
  const [worker, ...crowd] = await stage.clients(1_001);
  const most = Buffer.concat([
    Buffer.from('*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$950000\r\n'),
    Buffer.alloc(900_000, 'x'),
  ]);
  const value = 'y'.repeat(800_000);
  for (const [at, client] of crowd.entries()) {
    client.send(most);
    // Who really sends, in two pieces, is served throughout.
    if (at % 100 > 0) continue;
    worker?.send(`*3\r\n$3\r\nSET\r\n$4\r\nreal\r\n$800000\r\n${value.slice(0, 400_000)}`);
    expect(await stage.ask('ECHO', 'x')).toBe(bulk('x'));
    worker?.send(`${value.slice(400_000)}\r\n`);
    expect(String(await worker?.reply())).toBe('+OK\r\n');
  }
  await eventually(
    'most of them are closed',
    async () => (await stage.count('clients_unfinished_closed')) > 600,
  );
  expect(residentMemory(stage) - memory).toBeLessThan(600 * MB);
  expect(await stage.redis.askText('EXISTS', 'key')).toBe(':0\r\n');
  await closeAll(crowd);
}, 60_000);

test('--client-timeout closes who sends half a request, large or small, and sleeps', async () => {
  await using stage = await Stage.start({ flags: ['--client-timeout', '300ms'] });
  const [small, announced, large] = await stage.clients(3);
  small?.send('*2\r\n$3\r\nGET\r\n$100\r\nabc');
  announced?.send('*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$2000000\r\nxxxx');
  large?.send('*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$2000000\r\n').send(Buffer.alloc(MB));
  for (const client of [small, announced, large]) expect(String(await client?.rest())).toBe('');
  expect(await stage.count('clients_idle_closed')).toBe(3);
  expect(await stage.redis.askText('EXISTS', 'key')).toBe(':0\r\n');
});

test('a mistake in the program is told in the log, and ends it', async () => {
  await using mutant = await Mutant.make([
    {
      file: 'session/session.js',
      find: "return word === 'post' || word === 'host:';",
      replace: "if (word === 'oops') Promise.reject(new Error('a mistake')); return false;",
    },
  ]);
  await using redis = await RedisServer.start();
  await using respite = await Respite.start(['--redis', redis.url], {}, mutant.program);
  await using client = await respite.client();
  client.send('OOPS\r\n');
  expect(await respite.ended).toEqual({ code: 1, signal: null });
  expect(respite.log.at(-1)).toMatchObject({ level: 'fatal', origin: 'unhandledRejection' });
  expect(respite.stderr).toContain('a mistake');
});

describe('HTTP sent to the Redis port', () => {
  test.each([
    ['POST / HTTP/1.1\r\nHost: localhost\r\n\r\nSET k v\r\n'],
    ['GET / HTTP/1.1\r\nhost: localhost\r\n\r\nSET k v\r\n'],
    ['*1\r\n$4\r\npost\r\nSET k v\r\n'],
  ])('%j is cut off before anything behind it is carried out', async (request) => {
    await using stage = await Stage.start();
    await using client = await stage.client();
    expect(String(await client.send(request).rest())).not.toContain('+OK');
    expect(await stage.ask('EXISTS', 'k')).toBe(':0\r\n');
    expect(await stage.count('clients_speaking_http')).toBe(1);
    const line = await stage.respite.logged(({ msg }) => msg.startsWith('possible security attack'));
    expect([line.level, typeof line.client]).toEqual(['warn', 'string']);
  });

  test('a thousand times is told once', async () => {
    await using stage = await Stage.start();
    for (let round = 0; round < 10; round += 1) {
      const clients = await stage.clients(20);
      for (const client of clients) client.send('POST / HTTP/1.1\r\n\r\n');
      await Promise.all(clients.map((client) => client.rest()));
    }
    await eventually('all are counted', async () => (await stage.count('clients_speaking_http')) === 200);
    expect(stage.respite.log.filter(({ msg }) => /attack|client closed/.test(msg))).toHaveLength(1);
  });
});
