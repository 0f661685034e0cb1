// Rules about what Redis says has changed: every kind of change ends in the new value.

import { Mutant } from '../support/mutant';
import type { RawClient } from '../support/raw-client';
import { RedisServer } from '../support/redis-server';
import { Respite } from '../support/respite';
import { eventually, Stage, testRule } from '../support/rule-stage';
import { ScriptedServer } from '../support/scripted-server';

let redis: RedisServer;

beforeAll(async () => {
  redis = await RedisServer.start();
});

afterAll(() => redis.stop());

const server = () => redis;
const OLD = '$3\r\nold\r\n';
const NEW = '$3\r\nnew\r\n';
const NIL = '$-1\r\n';

async function changedBeside(stage: Stage, ...change: string[]): Promise<string[]> {
  await stage.redis.ask('SET', 'k', 'old');
  const client = await stage.client();
  const before = [await client.askText('GET', 'k'), await client.askText('GET', 'k')];
  await stage.redis.ask(...change);
  await stage.settle();
  return [...before, await client.askText('GET', 'k')];
}

testRule('a push drops the entry', server, {
  scenario: (stage) => changedBeside(stage, 'SET', 'k', 'new'),
  seen: [OLD, OLD, NEW],
  without: {
    file: 'coherence/tracker.js',
    find: "this.partition.drop(name, 'dropped');",
    replace: '',
  },
  seenWithout: [OLD, OLD, OLD],
});

testRule('a null push drops every entry', server, {
  scenario: (stage) => changedBeside(stage, 'FLUSHALL'),
  seen: [OLD, OLD, NIL],
  without: { file: 'coherence/tracker.js', find: 'this.#invalidateAll();', replace: ';' },
  seenWithout: [OLD, OLD, OLD],
});

testRule('a missing key is remembered, and a push ends that too', server, {
  async scenario(stage) {
    const client = await stage.client();
    const before = await client.askText('GET', 'k');
    await stage.redis.ask('CONFIG', 'RESETSTAT');
    const again = [await client.askText('GET', 'k'), await stage.gets()];
    await stage.redis.ask('SET', 'k', 'new');
    await stage.settle();
    return [before, ...again, await client.askText('GET', 'k')];
  },
  seen: [NIL, NIL, 0, NEW],
  without: {
    file: 'coherence/tracker.js',
    find: "this.partition.drop(name, 'dropped');",
    replace: '',
  },
  seenWithout: [NIL, NIL, 0, NIL],
});

const DUMPED_NEW = '\x00\x03new\x0a\x00';

describe('changes made beside the proxy', () => {
  let stage: Stage;
  let client: RawClient;

  beforeAll(async () => {
    stage = await Stage.set(redis, {});
    client = await stage.client();
  });

  afterAll(() => stage.clear());

  /** What is done, and what k holds then. */
  const CHANGES: Record<string, { does: (beside: RawClient) => Promise<unknown>; left: string }> = {
    SET: { does: (beside) => beside.ask('SET', 'k', 'new'), left: NEW },
    MSET: { does: (beside) => beside.ask('MSET', 'a', '1', 'k', 'new'), left: NEW },
    APPEND: { does: (beside) => beside.ask('APPEND', 'k', 'er'), left: '$5\r\nolder\r\n' },
    SETRANGE: { does: (beside) => beside.ask('SETRANGE', 'k', '0', 'new'), left: NEW },
    GETSET: { does: (beside) => beside.ask('GETSET', 'k', 'new'), left: NEW },
    DEL: { does: (beside) => beside.ask('DEL', 'k'), left: NIL },
    UNLINK: { does: (beside) => beside.ask('UNLINK', 'k'), left: NIL },
    GETDEL: { does: (beside) => beside.ask('GETDEL', 'k'), left: NIL },
    FLUSHALL: { does: (beside) => beside.ask('FLUSHALL'), left: NIL },
    'FLUSHALL ASYNC': { does: (beside) => beside.ask('FLUSHALL', 'ASYNC'), left: NIL },
    FLUSHDB: { does: (beside) => beside.ask('FLUSHDB'), left: NIL },
    'RENAME away': { does: (beside) => beside.ask('RENAME', 'k', 'other'), left: NIL },
    'RENAME onto it': { does: (beside) => onto(beside, 'RENAME', 'other', 'k'), left: NEW },
    'COPY onto it': { does: (beside) => onto(beside, 'COPY', 'other', 'k', 'REPLACE'), left: NEW },
    'MOVE away': { does: (beside) => beside.ask('MOVE', 'k', '7'), left: NIL },
    'EXPIRE in the past': { does: (beside) => beside.ask('EXPIRE', 'k', '-1'), left: NIL },
    'GETEX in the past': { does: (beside) => beside.ask('GETEX', 'k', 'PXAT', '1'), left: NIL },
    'RESTORE … REPLACE': { does: (beside) => restored(beside), left: NEW },
    'SORT … STORE': {
      does: (beside) => onto(beside, 'SORT', 'nothing', 'STORE', 'k'),
      left: NIL,
    },
    EVAL: { does: (beside) => beside.ask('EVAL', "redis.call('SET', 'k', 'new')", '0'), left: NEW },
    'a transaction': { does: (beside) => inTransaction(beside), left: NEW },
    'FLUSHALL and SET in a transaction': { does: (beside) => flushedAndSet(beside), left: NEW },
  };

  test.each(Object.entries(CHANGES))('%s is seen', async (_, { does, left }) => {
    await using beside = await redis.client();
    await beside.ask('FLUSHALL');
    await beside.ask('SET', 'k', 'old');
    await stage.settle();
    expect(await client.askText('GET', 'k')).toBe(OLD);
    await does(beside);
    await stage.settle();
    expect(await client.askText('GET', 'k')).toBe(left);
    expect(await client.askText('MGET', 'k')).toBe(`*1\r\n${left}`);
  });

  async function onto(beside: RawClient, ...change: string[]): Promise<void> {
    await beside.ask('SET', 'other', 'new');
    await beside.ask(...change);
  }

  async function restored(beside: RawClient): Promise<void> {
    await beside.ask('SET', 'other', 'new');
    const dump = await beside.ask('DUMP', 'other');
    expect(dump.toString('latin1')).toContain(DUMPED_NEW.slice(0, 5));
    await beside.ask('RESTORE', 'k', '0', dump.subarray(dump.indexOf('\r\n') + 2, -2), 'REPLACE');
  }

  async function inTransaction(beside: RawClient): Promise<void> {
    for (const words of [['MULTI'], ['DEL', 'k'], ['SET', 'k', 'new'], ['EXEC']]) await beside.ask(...words);
  }

  async function flushedAndSet(beside: RawClient): Promise<void> {
    for (const words of [['MULTI'], ['FLUSHALL'], ['SET', 'k', 'new'], ['EXEC']]) await beside.ask(...words);
  }
});

test('keys that Redis evicts for want of memory are not answered from the cache any more', async () => {
  await using small = await RedisServer.start({ args: ['--maxmemory-policy', 'allkeys-random'] });
  await using stage = await Stage.set(small, { flags: ['--negative-ttl', '0'] });
  const client = await stage.client();
  const keys = Array.from({ length: 50 }, (_, index) => `k${index}`);
  for (const key of keys) await small.ask('SET', key, 'x'.repeat(1000));
  await client.ask('MGET', ...keys);
  expect(await stage.figure('keys')).toBe('50');
  await small.ask('CONFIG', 'SET', 'maxmemory', '1');
  await eventually('all are evicted', async () => (await small.askText('DBSIZE')) === ':0\r\n');
  await stage.settle();
  expect(await client.askText('MGET', ...keys)).toBe(`*50\r\n${NIL.repeat(50)}`);
});

test('more keys than tracking-table-max-keys are kept coherent: Redis makes the proxy forget the others', async () => {
  await using narrow = await RedisServer.start({ args: ['--tracking-table-max-keys', '10'] });
  await using stage = await Stage.set(narrow, {});
  const client = await stage.client();
  const keys = Array.from({ length: 200 }, (_, index) => `k${index}`);
  for (const key of keys) await narrow.ask('SET', key, 'old');
  for (const key of keys) expect(await client.askText('GET', key)).toBe(OLD);
  // Its table shrinks by and by, on its own timer.
  await eventually('most are forgotten', async () => Number(await stage.figure('keys')) <= 10);
  await narrow.ask('MSET', ...keys.flatMap((key) => [key, 'new']));
  await stage.settle();
  expect(await client.askText('MGET', ...keys)).toBe(`*200\r\n${NEW.repeat(200)}`);
});

/** Redis 6 puts what it has to say about a key that expired during MGET between the elements of MGET's own answer. */
async function pushedInsideAnArray(program?: string): Promise<string[]> {
  let value = OLD;
  const answers: Record<string, () => string> = {
    GET: () => value,
    PTTL: () => ':-1\r\n',
    MGET: () => `*2\r\n${value}>2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n${value}`,
  };
  await using server = await ScriptedServer.start(([name = '']) => answers[name]?.());
  await using respite = await Respite.start(['--redis', server.url, '--http-port', 'off'], {}, program);
  await using client = await respite.client();
  const many = await client.askText('MGET', 'a', 'b');
  value = NEW;
  return [many, await client.askText('GET', 'a'), await client.askText('GET', 'b')];
}

test('a push inside an array is no element, and counts before anything of it is stored', async () => {
  expect(await pushedInsideAnArray()).toEqual([`*2\r\n${OLD}${OLD}`, NEW, OLD]);
});

test('a push inside an array: it shows when the rule is taken out', async () => {
  await using mutant = await Mutant.make([
    { file: 'coherence/mget-fill.js', find: 'this.#home.onPush(push);', replace: ';' },
  ]);
  expect(await pushedInsideAnArray(mutant.program)).toEqual([`*2\r\n${OLD}${OLD}`, OLD, OLD]);
});
