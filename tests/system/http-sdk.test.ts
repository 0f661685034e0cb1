// The official SDK of Upstash, unchanged, with its url and token pointing at respite.

import { jest } from '@jest/globals';
import { Redis } from '@upstash/redis';
import { RedisServer } from '../support/redis-server';
import { Respite } from '../support/respite';

const TOKEN = 'a token for tests';

describe('@upstash/redis', () => {
  let server: RedisServer;
  let respite: Respite;
  let redis: Redis;

  beforeAll(async () => {
    server = await RedisServer.start();
    respite = await Respite.start(['--redis', server.url, '--http-token', TOKEN]);
    redis = new Redis({ url: `http://127.0.0.1:${respite.httpPort}`, token: TOKEN });
  });

  afterAll(async () => {
    await respite.stop();
    await server.stop();
  });

  beforeEach(async () => {
    // The SDK logs the end of a stream that it has ended itself: it takes the error of another realm for none.
    jest.spyOn(console, 'error').mockImplementation(() => {});
    await redis.flushall();
  });
  afterEach(() => jest.restoreAllMocks());

  test('sets and gets text, numbers and objects', async () => {
    expect(await redis.set('text', 'grüße, 世界')).toBe('OK');
    expect(await redis.get('text')).toBe('grüße, 世界');
    await redis.set('object', { list: [1, 'two', null], nested: { deep: true } });
    expect(await redis.get('object')).toEqual({ list: [1, 'two', null], nested: { deep: true } });
    await redis.set('number', 42, { ex: 100 });
    expect(await redis.get('number')).toBe(42);
    expect(await redis.ttl('number')).toBe(100);
    expect(await redis.get('missing')).toBeNull();
    expect(await redis.set('text', 'again', { nx: true })).toBeNull();
    expect(await redis.set('text', 'again', { get: true })).toBe('grüße, 世界');
  });

  test('decodes a value that is the word OK, and other words of Redis', async () => {
    await redis.set('ok', 'OK');
    expect(await redis.get('ok')).toBe('OK');
    expect(await redis.mget('ok', 'missing')).toEqual(['OK', null]);
    expect(await redis.ping()).toBe('PONG');
    expect(await redis.echo('hello')).toBe('hello');
    expect(await redis.type('ok')).toBe('string');
  });

  test('works with hashes, lists, sets and sorted sets', async () => {
    await redis.hset('hash', { name: 'respite', count: 3 });
    expect(await redis.hgetall('hash')).toEqual({ name: 'respite', count: 3 });
    expect(await redis.hmget('hash', 'name', 'none')).toEqual({ name: 'respite', none: null });
    await redis.rpush('list', 'a', 'b', 'c');
    expect(await redis.lrange('list', 0, -1)).toEqual(['a', 'b', 'c']);
    await redis.sadd('set', 'x', 'y');
    expect((await redis.smembers('set')).sort()).toEqual(['x', 'y']);
    await redis.zadd('sorted', { score: 1.5, member: 'one' }, { score: 2, member: 'two' });
    expect(await redis.zrange('sorted', 0, -1, { withScores: true })).toEqual(['one', 1.5, 'two', 2]);
    expect(await redis.zscore('sorted', 'one')).toBe(1.5);
  });

  test('scans', async () => {
    await redis.mset({ k1: 1, k2: 2, k3: 3 });
    const [cursor, keys] = await redis.scan(0, { match: 'k*', count: 100 });
    expect(cursor).toBe('0');
    expect(keys.sort()).toEqual(['k1', 'k2', 'k3']);
  });

  test('pipelines, with an error in the place of the command that failed', async () => {
    const results = await redis.pipeline().set('a', 1).incr('a').get('a').del('a').get('a').exec();
    expect(results).toEqual(['OK', 2, 2, 1, null]);
    const kept = await redis.pipeline().set('t', 'text').incr('t').get('t').exec({ keepErrors: true });
    expect(kept[1]).toMatchObject({ error: 'ERR value is not an integer or out of range' });
    expect(kept[2]).toMatchObject({ result: 'text' });
  });

  test('gathers what is asked at once into one pipeline by itself', async () => {
    const auto = new Redis({
      url: `http://127.0.0.1:${respite.httpPort}`,
      token: TOKEN,
      enableAutoPipelining: true,
    });
    const answers = await Promise.all([auto.set('p', 'q'), auto.get('p'), auto.incr('n'), auto.incr('n')]);
    expect(answers).toEqual(['OK', 'q', 1, 2]);
  });

  test('runs transactions', async () => {
    const results = await redis.multi().set('n', 5).incrby('n', 10).get('n').exec();
    expect(results).toEqual(['OK', 15, 15]);
  });

  test('gets the reason when a transaction is refused as a whole', async () => {
    await expect(redis.multi().set('n', 5).eval('no lua', [], []).exec()).rejects.toThrow(/ERR|EXECABORT/);
  });

  test('runs scripts, by text and by hash', async () => {
    expect(await redis.eval('return {KEYS[1], ARGV[1], 7}', ['k'], ['v'])).toEqual(['k', 'v', 7]);
    const script = redis.createScript<number>('return redis.call("INCRBY", KEYS[1], ARGV[1])');
    expect(await script.exec(['counter'], ['5'])).toBe(5);
    expect(await script.exec(['counter'], ['5'])).toBe(10);
    expect(await redis.get('counter')).toBe(10);
    const sha = await redis.scriptLoad('return 1');
    expect(await redis.scriptExists(sha)).toEqual([1]);
  });

  test('works without base64 too', async () => {
    const plain = new Redis({
      url: `http://127.0.0.1:${respite.httpPort}`,
      token: TOKEN,
      responseEncoding: false,
      automaticDeserialization: false,
    });
    await plain.set('text', 'grüße');
    expect(await plain.get('text')).toBe('grüße');
    expect(await plain.mget('text')).toEqual(['grüße']);
  });

  test('throws what Redis says', async () => {
    await redis.set('text', 'abc');
    await expect(redis.incr('text')).rejects.toThrow('ERR value is not an integer or out of range');
    await expect(redis.lpush('text', 'x')).rejects.toThrow('WRONGTYPE');
  });

  test('is refused with a wrong token', async () => {
    const stranger = new Redis({ url: `http://127.0.0.1:${respite.httpPort}`, token: 'wrong', retry: false });
    await expect(stranger.get('text')).rejects.toThrow('Unauthorized');
  });

  test('is given a new token for reading its own writes with each answer', async () => {
    const tokens = new Set([redis.readYourWritesSyncToken]);
    await redis.set('text', 'abc');
    tokens.add(redis.readYourWritesSyncToken);
    await redis.get('text');
    tokens.add(redis.readYourWritesSyncToken);
    await redis.pipeline().get('text').exec();
    tokens.add(redis.readYourWritesSyncToken);
    await redis.multi().get('text').exec();
    tokens.add(redis.readYourWritesSyncToken);
    expect(tokens.size).toBe(5);
  });

  test('subscribes, and hears what others publish', async () => {
    const subscriber = redis.subscribe<{ hello: string }>(['news']);
    const message = new Promise((resolve) => subscriber.on('message', resolve));
    await new Promise((resolve) => subscriber.on('subscribe', resolve));
    expect(await redis.publish('news', { hello: 'world' })).toBe(1);
    expect(await message).toEqual({ channel: 'news', message: { hello: 'world' } });
    await subscriber.unsubscribe();
  });

  test('subscribes to patterns', async () => {
    const subscriber = redis.psubscribe(['new*']);
    const message = new Promise((resolve) => subscriber.on('pmessage', resolve));
    await new Promise((resolve) => subscriber.on('psubscribe', resolve));
    await redis.publish('newer', { n: 1 });
    expect(await message).toEqual({ pattern: 'new*', channel: 'newer', message: { n: 1 } });
    await subscriber.unsubscribe();
  });
});
