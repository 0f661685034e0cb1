// Clients that use CLIENT TRACKING themselves work through the proxy, and INFO respite tells of its own.

import Redis from 'ioredis';
import { BasicClientSideCache, createClient } from 'redis';
import type { RawClient } from '../support/raw-client';
import { RedisServer } from '../support/redis-server';
import { eventually, Stage } from '../support/rule-stage';

let redis: RedisServer;
let stage: Stage;

beforeAll(async () => {
  redis = await RedisServer.start();
  stage = await Stage.set(redis, {});
});

afterAll(async () => {
  await stage.clear();
  await redis.stop();
});

beforeEach(async () => {
  await redis.ask('FLUSHALL');
  await redis.ask('SET', 'k', 'old');
  await stage.settle();
});

const OLD = '$3\r\nold\r\n';
const INVALIDATION = '>2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n';

test("node-redis's client-side cache is told of changes made beside the proxy and through it", async () => {
  const cache = new BasicClientSideCache();
  const client = createClient({
    RESP: 3,
    socket: { port: stage.respite.port, host: '127.0.0.1' },
    clientSideCache: cache,
  });
  client.on('error', () => {});
  await client.connect();
  try {
    expect([await client.get('k'), await client.get('k')]).toEqual(['old', 'old']);
    expect(cache.stats().hitCount).toBe(1);
    await redis.ask('SET', 'k', 'new');
    await eventually('it is told', async () => (await client.get('k')) === 'new');
    const writer = await stage.client();
    await writer.ask('SET', 'k', 'newer');
    await eventually('it is told again', async () => (await client.get('k')) === 'newer');
    await client.set('k', 'own');
    expect(await client.get('k')).toBe('own');
  } finally {
    client.destroy();
  }
});

test('ioredis with HELLO 3 and CLIENT TRACKING ON goes on working', async () => {
  const client = new Redis({ port: stage.respite.port, host: '127.0.0.1', protocol: 3 });
  try {
    expect(await client.call('CLIENT', 'TRACKING', 'ON')).toBe('OK');
    expect(await client.get('k')).toBe('old');
    await redis.ask('SET', 'k', 'new');
    expect(await client.get('k')).toBe('new');
    expect(await client.set('k', 'own')).toBe('OK');
    expect(await client.get('k')).toBe('own');
  } finally {
    client.disconnect();
  }
});

test('a RESP3 client is pushed its own invalidations', async () => {
  const client = await stage.client(['HELLO', '3'], ['CLIENT', 'TRACKING', 'ON']);
  expect(await client.askText('GET', 'k')).toBe(OLD);
  await redis.ask('SET', 'k', 'new');
  expect((await client.reply()).toString()).toBe(INVALIDATION);
  expect(await client.askText('CLIENT', 'TRACKINGINFO')).toContain('$2\r\non\r\n');
});

test('a RESP2 client redirects its invalidations to another of its connections', async () => {
  const subscriber = await stage.client();
  const id = (await subscriber.askText('CLIENT', 'ID')).slice(1, -2);
  await subscriber.ask('SUBSCRIBE', '__redis__:invalidate');
  const client = await stage.client();
  expect(await client.askText('CLIENT', 'TRACKING', 'ON', 'REDIRECT', id)).toBe('+OK\r\n');
  expect(await client.askText('GET', 'k')).toBe(OLD);
  await redis.ask('SET', 'k', 'new');
  expect((await subscriber.reply()).toString()).toBe(
    '*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n*1\r\n$1\r\nk\r\n',
  );
});

test('BCAST with a prefix, OPTIN and NOLOOP are as Redis has them', async () => {
  const broadcast = await stage.client(['HELLO', '3'], ['CLIENT', 'TRACKING', 'ON', 'BCAST', 'PREFIX', 'k']);
  const optIn = await stage.client(['HELLO', '3'], ['CLIENT', 'TRACKING', 'ON', 'OPTIN', 'NOLOOP']);
  expect(await optIn.askText('CLIENT', 'CACHING', 'YES')).toBe('+OK\r\n');
  expect(await optIn.askText('GET', 'k')).toBe(OLD);
  expect(await optIn.askText('SET', 'k', 'own')).toBe('+OK\r\n');
  await optIn.ask('CLIENT', 'CACHING', 'YES');
  await optIn.ask('GET', 'k');
  expect((await broadcast.reply()).toString()).toBe(INVALIDATION);
  await redis.ask('MSET', 'k', 'new', 'other', 'new');
  expect((await broadcast.reply()).toString()).toBe(INVALIDATION);
  expect((await optIn.reply()).toString()).toBe(INVALIDATION);
});

test('a client with CLIENT TRACKING of its own does not disturb what the proxy is told', async () => {
  const [plain, tracking] = [
    await stage.client(['GET', 'k']),
    await stage.client(['HELLO', '3'], ['CLIENT', 'TRACKING', 'ON'], ['GET', 'k']),
  ];
  await tracking.ask('CLIENT', 'TRACKING', 'OFF');
  await redis.ask('SET', 'k', 'new');
  await stage.settle();
  expect(await plain.askText('GET', 'k')).toBe('$3\r\nnew\r\n');
});

describe('INFO respite tells', () => {
  let client: RawClient;

  beforeEach(async () => {
    client = await stage.client();
  });

  const grows = async (name: string, act: () => Promise<unknown>) => {
    const before = Number(await stage.figure(name));
    await act();
    await stage.settle();
    return Number(await stage.figure(name)) - before;
  };

  test('invalidations by their reason', async () => {
    await client.ask('GET', 'k');
    expect(await grows('invalidations', () => redis.ask('SET', 'k', 'new'))).toBe(1);
    await client.ask('GET', 'k');
    expect(await grows('invalidations_by_write', () => client.ask('SET', 'k', 'new'))).toBe(1);
    await client.ask('GET', 'k');
    expect(await grows('invalidations_by_purge', () => client.ask('RESPITE', 'PURGE', 'k'))).toBe(1);
    await client.ask('GET', 'k');
    expect(await grows('invalidations_of_all', () => redis.ask('FLUSHALL'))).toBe(1);
  });

  test('fences, flushes, fills that were cancelled and epochs', async () => {
    expect(await grows('fences', () => client.ask('EVAL', 'return 1', '0'))).toBeGreaterThanOrEqual(2);
    expect(await grows('flushes', () => client.ask('FLUSHALL'))).toBe(1);
    const epochs = Number(await stage.figure('epochs'));
    stage.relay.cut('rst');
    await eventually('the next epoch has begun', async () => {
      await client.ask('GET', 'k');
      return Number(await stage.figure('epochs')) === epochs + 1;
    });
  });

  test('how long ago Redis was last heard of', async () => {
    await client.ask('GET', 'k');
    await redis.ask('SET', 'k', 'new');
    await stage.settle();
    expect(Number(await stage.figure('ms_since_last_push'))).toBeLessThan(1_000);
    const heard = Number(await stage.figure('ms_since_last_heartbeat'));
    expect(heard).toBeGreaterThanOrEqual(0);
    expect(heard).toBeLessThan(3_000);
  });
});
