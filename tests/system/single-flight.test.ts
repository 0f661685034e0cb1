// Many ask for the same key at once, and Redis is asked once.

import type { RawClient } from '../support/raw-client';
import { bulk, eventually, NIL, Stage } from '../support/stage';

const READERS = 100;

let stage: Stage;
let readers: RawClient[];
beforeAll(async () => {
  stage = await Stage.start();
  readers = await stage.clients(READERS);
});
afterAll(async () => {
  await Promise.all(readers.map((reader) => reader.close()));
  await stage.stop();
});
beforeEach(async () => {
  await stage.ask('FLUSHALL');
});
afterEach(() => stage.redis.thaw());

function answers(): Promise<string[]> {
  return Promise.all(readers.map(async (reader) => String(await reader.reply())));
}

/** Redis is frozen, so that all of them are surely waiting before the first can be answered. */
async function askAllAtOnce(line: string): Promise<void> {
  const commands = await stage.count('commands');
  stage.redis.freeze();
  for (const reader of readers) reader.send(`${line}\r\n`);
  await eventually('all have asked', async () => (await stage.count('commands')) >= commands + READERS);
}

test.each([
  ['a value', 'there', bulk('value')],
  ['a missing key', 'missing', NIL],
])('a hundred clients that ask for %s cause one GET', async (_what, key, expected) => {
  await stage.redis.ask('SET', 'there', 'value');
  const gets = await stage.callsAtRedis('get');
  const joined = await stage.count('joined_fills');
  await askAllAtOnce(`GET ${key}`);
  expect(await stage.count('joined_fills')).toBe(joined + READERS - 1);
  expect(await stage.count('fills_in_flight')).toBe(1);
  stage.redis.thaw();
  expect(await answers()).toEqual(readers.map(() => expected));
  for (const reader of readers) reader.send(`GET ${key}\r\n`);
  expect(await answers()).toEqual(readers.map(() => expected));
  expect(await stage.callsAtRedis('get')).toBe(gets + 1);
  expect(await stage.count('fills_in_flight')).toBe(0);
});

test('an error is shared by those who wait, and asked for again by the next', async () => {
  await stage.redis.ask('LPUSH', 'list', 'x');
  const gets = await stage.callsAtRedis('get');
  await askAllAtOnce('GET list');
  stage.redis.thaw();
  for (const answer of await answers()) expect(answer).toMatch(/^-WRONGTYPE /);
  expect(await stage.callsAtRedis('get')).toBe(gets + 1);
  expect(await stage.ask('GET', 'list')).toMatch(/^-WRONGTYPE /);
  expect(await stage.callsAtRedis('get')).toBe(gets + 2);
});

test('who asks after a write was answered does not join what was asked before it', async () => {
  await stage.redis.ask('SET', 'k', 'old');
  await using writer = await stage.client();
  await writer.ask('ECHO', 'warm');
  for (let round = 0; round < 20; round += 1) {
    await stage.ask('RESPITE', 'PURGE', 'k');
    await askAllAtOnce('GET k');
    writer.send(`SET k ${round}\r\n`);
    stage.redis.thaw();
    await writer.reply();
    expect(await writer.askText('GET', 'k')).toBe(bulk(`${round}`));
    await answers();
    expect(await stage.ask('GET', 'k')).toBe(bulk(`${round}`));
  }
});

test('a PURGE while it is under way keeps its answer out of the cache', async () => {
  await stage.redis.ask('SET', 'k', 'v');
  await using reader = await stage.client();
  const commands = await stage.count('commands');
  stage.redis.freeze();
  reader.send('GET k\r\n');
  await eventually('asked', async () => (await stage.count('commands')) > commands);
  expect(await stage.ask('RESPITE', 'PURGE', 'k')).toBe(':0\r\n');
  stage.redis.thaw();
  expect(String(await reader.reply())).toBe(bulk('v'));
  expect(await stage.ask('RESPITE', 'INSPECT', 'k')).toBe(NIL);
});

test('those who had joined it by then ask once more, together', async () => {
  await stage.redis.ask('SET', 'k', 'v');
  const gets = await stage.callsAtRedis('get');
  await askAllAtOnce('GET k');
  await stage.ask('RESPITE', 'PURGE', 'k');
  stage.redis.thaw();
  expect(await answers()).toEqual(readers.map(() => bulk('v')));
  expect(await stage.callsAtRedis('get')).toBe(gets + 2);
});

test('a reader that leaves takes the answer from nobody else', async () => {
  await stage.redis.ask('SET', 'k', 'v');
  await using first = await stage.client();
  const commands = await stage.count('commands');
  stage.redis.freeze();
  first.send('GET k\r\n');
  await eventually('asked', async () => (await stage.count('commands')) > commands);
  for (const reader of readers) reader.send('GET k\r\n');
  await first.reset();
  stage.redis.thaw();
  expect(await answers()).toEqual(readers.map(() => bulk('v')));
});
