// Client libraries as people use them, pointed at the proxy: ioredis, node-redis in both protocols, redis-cli.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import Redis from 'ioredis';
import { createClient } from 'redis';
import { eventually, Stage } from '../support/stage';

const run = promisify(execFile);

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.start();
});
afterAll(() => stage.stop());
beforeEach(async () => {
  await stage.redis.ask('FLUSHALL');
});

describe('ioredis', () => {
  let redis: Redis;
  beforeEach(() => {
    redis = new Redis({ port: stage.respite.port, host: '127.0.0.1' });
  });
  afterEach(() => redis.disconnect());

  test('strings, buffers, pipelines and transactions', async () => {
    expect(await redis.set('k', 'v')).toBe('OK');
    for (let round = 0; round < 3; round += 1) expect(await redis.get('k')).toBe('v');
    const binary = Buffer.from([0, 255, 13, 10]);
    await redis.set(binary, binary);
    expect(await redis.getBuffer(binary)).toEqual(binary);
    expect(await redis.mget('k', 'none')).toEqual(['v', null]);
    const pipeline = redis.pipeline();
    for (let at = 0; at < 500; at += 1) pipeline.set(`p${at}`, at).get(`p${at}`);
    const results = await pipeline.exec();
    expect(results?.filter((_, at) => at % 2).map(([, value]) => value)).toEqual(
      Array.from({ length: 500 }, (_, at) => `${at}`),
    );
    expect(await redis.multi().incr('n').incr('n').get('n').exec()).toEqual([
      [null, 1],
      [null, 2],
      [null, '2'],
    ]);
    await redis.watch('k');
    await stage.redis.ask('SET', 'k', 'changed');
    expect(await redis.multi().set('k', 'mine').exec()).toBeNull();
    expect(await redis.get('k')).toBe('changed');
  });

  test('scripts, scan streams, blocking and pub/sub', async () => {
    redis.defineCommand('twice', { numberOfKeys: 1, lua: "return redis.call('incrby', KEYS[1], 2)" });
    expect(await redis.call('EVAL', 'return ARGV[1]', '0', 'x')).toBe('x');
    const entries = Array.from({ length: 300 }, (_, at) => [`scan:${at}`, at]).flat();
    await redis.mset(...entries);
    const seen = new Set<string>();
    for await (const keys of redis.scanStream({ match: 'scan:*', count: 50 }))
      for (const key of keys) seen.add(key);
    expect(seen.size).toBe(300);
    const blocked = redis.duplicate();
    const popped = blocked.blpop('list', 0);
    await eventually('blocked', async () => (await stage.redis.info('blocked_clients')) === 1);
    await redis.rpush('list', 'x');
    expect(await popped).toEqual(['list', 'x']);
    blocked.disconnect();
    const subscriber = redis.duplicate();
    const heard = new Promise((resolve) => subscriber.on('message', (...told) => resolve(told)));
    await subscriber.subscribe('news');
    expect(await redis.publish('news', 'hello')).toBe(1);
    expect(await heard).toEqual(['news', 'hello']);
    await subscriber.unsubscribe('news');
    expect(await subscriber.get('scan:1')).toBe('1');
    subscriber.disconnect();
  });
});

describe.each([2, 3] as const)('node-redis with RESP%i', (RESP) => {
  const url = () => `redis://127.0.0.1:${stage.respite.port}`;

  test('strings, pipelines, transactions, hashes, scan', async () => {
    const client = createClient({ url: url(), RESP });
    await client.connect();
    try {
      expect(await client.set('k', 'v')).toBe('OK');
      for (let round = 0; round < 3; round += 1) expect(await client.get('k')).toBe('v');
      expect(await client.get('none')).toBeNull();
      expect(await client.mGet(['k', 'none'])).toEqual(['v', null]);
      const all = await Promise.all(Array.from({ length: 500 }, (_, at) => client.incrBy('n', at % 3)));
      expect(all.at(-1)).toBe(499);
      expect(await client.multi().set('a', '1').incr('a').get('a').exec()).toEqual(['OK', 2, '2']);
      await client.hSet('h', { one: '1', two: '2' });
      expect({ ...(await client.hGetAll('h')) }).toEqual({ one: '1', two: '2' });
      await client.mSet(Array.from({ length: 200 }, (_, at): [string, string] => [`scan:${at}`, `${at}`]));
      const seen = new Set<string>();
      for await (const keys of client.scanIterator({ MATCH: 'scan:*', COUNT: 30 }))
        for (const key of keys) seen.add(key);
      expect(seen.size).toBe(200);
      expect(await client.eval('return ARGV[1]', { arguments: ['x'] })).toBe('x');
      expect(await client.zAdd('z', { score: 1.5, value: 'm' })).toBe(1);
      expect(await client.zScore('z', 'm')).toBe(1.5);
    } finally {
      client.destroy();
    }
  });

  test('pub/sub and blocking on duplicates', async () => {
    const client = createClient({ url: url(), RESP });
    const subscriber = client.duplicate();
    const blocked = client.duplicate();
    await Promise.all([client.connect(), subscriber.connect(), blocked.connect()]);
    try {
      const heard = new Promise((resolve) => void subscriber.subscribe('news', resolve));
      await eventually('heard', async () => (await client.publish('news', 'hello')) > 0);
      expect(await heard).toBe('hello');
      const popped = blocked.blPop('list', 0);
      await eventually('blocked', async () => (await stage.redis.info('blocked_clients')) === 1);
      await client.rPush('list', 'x');
      expect(await popped).toEqual({ key: 'list', element: 'x' });
    } finally {
      for (const each of [client, subscriber, blocked]) each.destroy();
    }
  });
});

test('node-redis with a client-side cache of its own is told of changes through the proxy', async () => {
  const url = `redis://127.0.0.1:${stage.respite.port}`;
  const client = createClient({
    url,
    RESP: 3,
    clientSideCache: { maxEntries: 100, ttl: 0, evictPolicy: 'LRU' },
  });
  await client.connect();
  try {
    await stage.redis.ask('SET', 'k', 'old');
    expect(await client.get('k')).toBe('old');
    expect(await client.get('k')).toBe('old');
    await stage.ask('SET', 'k', 'new');
    await eventually('told', async () => (await client.get('k')) === 'new');
  } finally {
    client.destroy();
  }
});

describe('redis-cli', () => {
  const cli = async (...args: string[]) =>
    (await run('redis-cli', ['-p', `${stage.respite.port}`, ...args], { timeout: 10_000 })).stdout;

  test('commands, errors, RESP3, pipes and scans', async () => {
    expect(await cli('SET', 'k', 'v')).toBe('OK\n');
    expect(await cli('GET', 'k')).toBe('v\n');
    expect(await cli('GET', 'none')).toBe('\n');
    expect(await cli('-3', 'HGETALL', 'none')).toBe('\n');
    expect(await cli('-n', '3', 'SET', 'other', 'w')).toBe('OK\n');
    expect(await cli('-n', '3', 'GET', 'other')).toBe('w\n');
    expect(await cli('LPUSH', 'k', 'x')).toContain('WRONGTYPE');
    expect(await cli('--scan', '--pattern', 'k*')).toBe('k\n');
    expect(await cli('EVAL', 'return {1,2}', '0')).toBe('1\n2\n');
    expect(await cli('INFO', 'respite')).toContain('# Respite');
    expect(await cli('RESPITE', 'PURGE', 'ALL')).toMatch(/^\d+\n$/);
    expect(await cli('--bigkeys')).toContain('Biggest');
  });
});
