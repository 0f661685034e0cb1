// Running out of file descriptors: nobody new is let in, who is here is served, and it passes.

import { ask } from '../support/http';
import { command, RawClient } from '../support/raw-client';
import { RedisServer } from '../support/redis-server';
import { Respite } from '../support/respite';
import { eventually } from '../support/stage';

const TOO_MANY = '-ERR max number of clients reached\r\n';

let redis: RedisServer;

beforeAll(async () => {
  redis = await RedisServer.start();
  await redis.ask('SET', 'k', 'v');
});

afterAll(() => redis.stop());

/** A client that asks for something, and what it was answered: '' when it was cut off without a word. */
async function arrive(respite: Respite): Promise<{ client: RawClient; answer: string }> {
  const client = await RawClient.connect(respite.port);
  const answer = await client
    .send('PING\r\n')
    .reply()
    .then(String, () => '');
  return { client, answer };
}

test('clients past the limit are told so, the others go on, and the log has one line about it', async () => {
  await using respite = await Respite.start(['--redis', redis.url], {}, undefined, [], 64);
  const arrived = [];
  for (let at = 0; at < 60; at += 1) arrived.push(await arrive(respite));
  const inside = arrived.filter(({ answer }) => answer === '+PONG\r\n');
  const outside = arrived.filter(({ answer }) => answer === TOO_MANY);
  expect(inside.length).toBeGreaterThan(5);
  expect(inside.length + outside.length).toBe(60);
  for (const { client } of inside) {
    expect(await client.askText('GET', 'k')).toBe('$1\r\nv\r\n');
    expect(await client.askText('EVAL', 'return 1', '0')).toBe(':1\r\n');
  }
  expect(await ask(respite, '/get/k')).toMatchObject({ status: 429 });
  const lines = () => respite.log.filter(({ msg }) => msg.includes('file descriptors'));
  expect(lines().map(({ level }) => level)).toEqual(['warn']);
  for (const { client } of [...inside.splice(0, 5), ...outside]) await client.close();
  await eventually('let in again', async () => {
    const { client, answer } = await arrive(respite);
    await client.close();
    return answer === '+PONG\r\n';
  });
  expect(await ask(respite, '/get/k')).toMatchObject({ status: 200 });
  expect(lines().map(({ level }) => level)).toEqual(['warn', 'info']);
  expect((await respite.stop()).code).toBe(0);
  for (const { client } of inside) await client.close();
});

test('connections to Redis that cannot be had are errors of their commands, and say nothing about Redis', async () => {
  await using respite = await Respite.start(['--redis', redis.url], {}, undefined, [], 100);
  await using another = await respite.client();
  const clients = await Promise.all(Array.from({ length: 50 }, () => respite.client()));
  for (const client of [another, ...clients]) expect(await client.askText('STRLEN', 'k')).toBe(':1\r\n');
  // Each of them wants a connection of its own to Redis, and there is not room for all.
  for (const client of clients) client.send(command('BLPOP', 'list', '0'));
  const refused = () => clients.filter(({ unread }) => unread.length > 0);
  const blocked = () => clients.filter(({ unread }) => unread.length === 0);
  await eventually('told or blocked', async () => blocked().length === (await redis.info('blocked_clients')));
  for (const client of refused())
    expect(String(await client.reply())).toMatch(/^-ERR respite: .*no file descriptor is left/);
  expect(await another.askText('BLPOP', 'nosuch', '0.01')).toMatch(/no file descriptor is left/);
  expect(await another.askText('STRLEN', 'k')).toBe(':1\r\n');
  // At once: there is nothing to wait for, as there is when it is Redis that cannot be reached.
  await Promise.all(clients.slice(0, 20).map((client) => client.close()));
  const served = async () => (await another.askText('BLPOP', 'nosuch', '0.01')).startsWith('*');
  await eventually('there is a connection for one more', served, 700);
  expect((await ask(respite, '/readyz')).status).toBe(200);
  expect(respite.log.filter(({ msg }) => msg.includes('is gone'))).toEqual([]);
  expect(respite.stderr).toBe('');
  for (const client of clients) await client.close();
});
