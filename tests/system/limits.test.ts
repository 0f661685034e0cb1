// Limits for clients on both ports: what one gets that meets one, that others are not affected, and that the counters show it.

import net from 'node:net';
import { ask } from '../support/http';
import { command, RawClient } from '../support/raw-client';
import { RedisServer } from '../support/redis-server';
import { Respite } from '../support/respite';
import { eventually } from '../support/stage';

let redis: RedisServer;

beforeAll(async () => {
  redis = await RedisServer.start();
  await redis.ask('MSET', 'k', 'v', 'big', 'x'.repeat(256 * 1024));
});

afterAll(() => redis.stop());

function start(...flags: string[]): Promise<Respite> {
  return Respite.start(['--redis', redis.url, ...flags]);
}

async function figure(client: RawClient, name: string): Promise<number> {
  const text = await client.askText('INFO', 'respite');
  return Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(text)?.[1]);
}

test('--max-clients is one number for both ports', async () => {
  await using respite = await start('--max-clients', '3');
  await using inside = await respite.client();
  await inside.ask('PING');
  const byHttp = await RawClient.connect(respite.httpPort);
  byHttp.send('GET /get/k HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await byHttp.until('{"result":"v"}');
  await using third = await respite.client();
  expect(await third.askText('GET', 'k')).toBe('$1\r\nv\r\n');
  for (let at = 0; at < 3; at += 1) {
    await using outside = await respite.client();
    expect(String(await outside.send(command('GET', 'k')).rest())).toBe(
      '-ERR max number of clients reached\r\n',
    );
    const refused = await ask(respite, '/get/k');
    expect(refused).toMatchObject({ status: 429, headers: { 'retry-after': '1' } });
    expect(refused.json).toEqual({ error: expect.stringContaining('clients') });
  }
  expect(await inside.askText('GET', 'k')).toBe('$1\r\nv\r\n');
  expect(await figure(inside, 'clients_refused')).toBe(6);
  expect(await figure(inside, 'clients')).toBe(3);
  await byHttp.close();
  await eventually('room again', async () => (await ask(respite, '/get/k')).status === 200);
});

test('--rate-limit counts for an address, on both ports together, and for no other address', async () => {
  await using respite = await start('--rate-limit', '10');
  await using client = await respite.client();
  const socket = net.connect({ port: respite.port, host: '127.0.0.1', localAddress: '127.0.0.2' });
  await using neighbour = await RawClient.over(socket, 'connect');
  client.send(Buffer.concat(Array.from({ length: 40 }, () => command('GET', 'k'))));
  const replies = (await client.replies(40)).map(String);
  const refused = replies.filter((reply) => reply.startsWith('-'));
  expect(refused.length).toBeGreaterThan(20);
  for (const reply of refused) expect(reply).toMatch(/^-ERR rate limit exceeded, try again in \d+ ms\r\n$/);
  const byHttp = await ask(respite, '/get/k');
  expect(byHttp).toMatchObject({ status: 429, headers: { 'retry-after': '1' } });
  expect(byHttp.json).toEqual({ error: expect.stringMatching(/^rate limit exceeded, try again in \d+ ms$/) });
  expect(await neighbour.askText('GET', 'k')).toBe('$1\r\nv\r\n');
  expect(await figure(neighbour, 'rate_limited')).toBe(refused.length + 1);
  await eventually('admitted again', async () => (await client.askText('GET', 'k')) === '$1\r\nv\r\n');
});

test('--client-timeout closes who is idle on either port, half a command or none sent, and nobody else', async () => {
  await using respite = await start('--client-timeout', '400ms');
  const silent = await RawClient.connect(respite.port);
  const half = await RawClient.connect(respite.port);
  half.send('*2\r\n$3\r\nGET\r\n$10\r\nabc');
  const silentByHttp = await RawClient.connect(respite.httpPort);
  const halfByHttp = await RawClient.connect(respite.httpPort);
  halfByHttp.send('GET /get/k HTTP/1.1\r\nHost:');
  const keptByHttp = await RawClient.connect(respite.httpPort);
  keptByHttp.send('GET /get/k HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const blockedByHttp = ask(respite, '/blpop/list/5');
  await using blocked = await respite.client();
  blocked.send(command('BLPOP', 'other', '0'));
  for (const client of [silent, half, silentByHttp, halfByHttp, keptByHttp]) {
    await client.rest(5_000);
    await client.close();
  }
  await redis.ask('RPUSH', 'list', 'x');
  await redis.ask('RPUSH', 'other', 'y');
  expect((await blockedByHttp).json).toEqual({ result: ['list', 'x'] });
  expect(String(await blocked.reply())).toContain('other');
  expect(respite.log.filter(({ reason }) => reason === 'idle for too long').length).toBeGreaterThanOrEqual(2);
});

test('--client-timeout leaves an HTTP client alone that goes on asking for what is in memory', async () => {
  await using respite = await start('--client-timeout', '500ms');
  await using client = await RawClient.connect(respite.httpPort);
  const until = performance.now() + 1_500;
  while (performance.now() < until) {
    client.send('GET /get/k HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await client.until('{"result":"v"}');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(client.ended).toBe(false);
});

test('--client-output-limit: who never reads is closed, on either port, and memory stays bounded', async () => {
  await using respite = await start('--client-output-limit', '1mb');
  await using other = await respite.client();
  const deaf = await Promise.all(Array.from({ length: 20 }, () => RawClient.connect(respite.port)));
  for (const client of deaf) {
    client.pause();
    client.send(Buffer.concat(Array.from({ length: 200 }, () => command('GET', 'big'))));
  }
  await eventually(
    'all are closed',
    () => respite.log.filter(({ reason }) => reason === 'over its output limit').length === 20,
  );
  expect(await other.askText('GET', 'k')).toBe('$1\r\nv\r\n');
  expect((await ask(respite, '/mget/big/big/big/big/big/big')).status).toBeGreaterThanOrEqual(500);
  expect((await ask(respite, '/get/k')).json).toEqual({ result: 'v' });
  for (const client of deaf) await client.close();
});
