// Rules about time: a key that has expired in Redis is not answered from memory, although no push tells of it.

import { command } from '../support/raw-client';
import { RedisServer } from '../support/redis-server';
import { eventually, FILL_WIRE, Stage, testRule } from '../support/rule-stage';

let redis: RedisServer;

beforeAll(async () => {
  redis = await RedisServer.start({ args: ['--enable-debug-command', 'yes'] });
  // Redis removes what has expired only when somebody asks for it: until then it sends no push.
  await redis.ask('DEBUG', 'SET-ACTIVE-EXPIRE', '0');
});

afterAll(() => redis.stop());

const server = () => redis;
const OLD = '$3\r\nold\r\n';
const NIL = '$-1\r\n';

async function pass(ms: number): Promise<void> {
  const end = performance.now() + ms;
  while (performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** What a read says once k has had its time, and the connection that would tell of changes is silent. */
async function readAfterExpiry(stage: Stage, first: string[], second: string[]): Promise<string[]> {
  const client = await stage.client(['PING']);
  await stage.redis.ask('SET', 'k', 'old', 'PX', '300');
  const written = performance.now();
  const before = await client.askText(...first);
  await pass(written + 305 - performance.now());
  return [before, await client.askText(...second)];
}

const FOR_EVER = {
  file: 'coherence/fills.js',
  find: 'expiresIn < 0 ? Number.POSITIVE_INFINITY : sentAt + expiresIn',
  replace: 'Number.POSITIVE_INFINITY',
};

testRule('a key with PEXPIRE that GET filled is not answered from memory after its time', server, {
  scenario: (stage) => readAfterExpiry(stage, ['GET', 'k'], ['GET', 'k']),
  seen: [OLD, NIL],
  without: FOR_EVER,
  seenWithout: [OLD, OLD],
});

testRule('a key with PEXPIRE that MGET filled is not answered from memory after its time', server, {
  scenario: (stage) => readAfterExpiry(stage, ['MGET', 'k'], ['MGET', 'k']),
  seen: [`*1\r\n${OLD}`, `*1\r\n${NIL}`],
  without: FOR_EVER,
  seenWithout: [`*1\r\n${OLD}`, `*1\r\n${OLD}`],
});

testRule('the time left is counted from the sending of the request, however late the answer', server, {
  async scenario(stage) {
    await stage.redis.ask('SET', 'k', 'old', 'PX', '60000');
    const client = await stage.client();
    stage.relay.aim(FILL_WIRE);
    stage.relay.slow(0, 300);
    await client.ask('GET', 'k');
    const inRedis = Number((await stage.redis.askText('PTTL', 'k')).slice(1));
    // Both clocks count whole milliseconds; the answer was 300 of them late.
    return (await timeLeft(stage)) <= inRedis + 100 ? 'not longer than Redis' : 'longer than Redis';
  },
  seen: 'not longer than Redis',
  without: {
    file: 'coherence/get-fill.js',
    find: 'missing, expiresIn, this.#sentAt, now,',
    replace: 'missing, expiresIn, now, now,',
  },
  seenWithout: 'longer than Redis',
});

async function timeLeft(stage: Stage): Promise<number> {
  const client = await stage.client();
  const text = await client.askText('RESPITE', 'INSPECT', 'k');
  const told = /ttl_ms\r\n:(\d+)/.exec(text);
  if (!told) throw new Error(`no time left in ${JSON.stringify(text)}`);
  return Number(told[1]);
}

test('a key whose expiry is taken away or put off beside the proxy lives on', async () => {
  await using stage = await Stage.set(redis, {});
  const client = await stage.client(['PING']);
  await redis.ask('SET', 'k', 'old', 'PX', '300');
  await client.ask('GET', 'k');
  await redis.ask('PERSIST', 'k');
  await pass(305);
  expect(await client.askText('GET', 'k')).toBe(OLD);
});

test('a key whose expiry is brought forward beside the proxy is gone in time', async () => {
  await using stage = await Stage.set(redis, {});
  await redis.ask('SET', 'k', 'old');
  const client = await stage.client(['GET', 'k']);
  await redis.ask('PEXPIRE', 'k', '100');
  await pass(105);
  expect(await client.askText('GET', 'k')).toBe(NIL);
});

test('PEXPIRE through the proxy counts from its reply', async () => {
  await using stage = await Stage.set(redis, {});
  await redis.ask('SET', 'k', 'old');
  const client = await stage.client(['GET', 'k'], ['PEXPIRE', 'k', '50'], ['GET', 'k']);
  await pass(55);
  expect(await client.askText('GET', 'k')).toBe(NIL);
});

test('a key that expires between its GET and its PTTL is not stored', async () => {
  await using stage = await Stage.set(redis, {});
  const client = await stage.client(['PING']);
  await redis.ask('SET', 'k', 'old', 'PX', '300');
  const asked = stage.relay.hangBehind('up', command('GET', 'k').toString('latin1'), FILL_WIRE);
  const answer = client.send(command('GET', 'k')).reply();
  await asked;
  await stage.relay.sight('down', 'old');
  await pass(305);
  stage.relay.release();
  expect((await answer).toString()).toBe(OLD);
  expect(await stage.figure('keys')).toBe('0');
});

test('entries live no longer than --ttl, and "missing" no longer than --negative-ttl', async () => {
  await using stage = await Stage.set(redis, { flags: ['--ttl', '150ms', '--negative-ttl', '100ms'] });
  await redis.ask('SET', 'k', 'old');
  const client = await stage.client(['GET', 'k'], ['GET', 'nothing']);
  await redis.ask('CONFIG', 'RESETSTAT');
  const begin = performance.now();
  await eventually('"missing" is asked again', async () => {
    await client.ask('GET', 'nothing');
    return (await stage.gets()) > 0;
  });
  expect(performance.now() - begin).toBeLessThan(2_000);
  await pass(begin + 155 - performance.now());
  await redis.ask('CONFIG', 'RESETSTAT');
  await client.ask('GET', 'k');
  expect(await stage.gets()).toBe(1);
});
