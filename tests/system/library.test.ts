// The proxy as a part of a program: `import { createProxy } from 'respite'`.

import { createProxy, OptionError, type Proxy as RespiteProxy } from 'respite';
import { RawClient } from '../support/raw-client';
import { RedisServer } from '../support/redis-server';
import { bulk, eventually } from '../support/stage';

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(() => redis.stop());

async function withProxy(proxy: RespiteProxy, run: (client: RawClient) => Promise<void>): Promise<void> {
  await proxy.start();
  const client = await RawClient.connect(proxy.address.port);
  try {
    await run(client);
  } finally {
    await client.close();
    await proxy.stop();
  }
}

test('a proxy starts, tells its address and figures, and stops', async () => {
  const proxy = createProxy({ redis: redis.url, port: 0, httpPort: 'off' });
  await withProxy(proxy, async (client) => {
    expect(proxy.address).toMatchObject({ host: '127.0.0.1', port: expect.any(Number), http: undefined });
    await client.ask('SET', 'k', 'v');
    for (let round = 0; round < 3; round += 1) expect(await client.askText('GET', 'k')).toBe(bulk('v'));
    expect(proxy.figures()).toMatchObject({ hits: 2, misses: 1, keys: 1, clients: 1, upstream: 'up' });
  });
  expect(() => proxy.address).toThrow('the proxy is not running');
  await proxy.stop();
});

test('a wrong option is refused at once, by its name', () => {
  expect(() => createProxy({ maxKeys: 'many' })).toThrow(OptionError);
  expect(() => createProxy({ maxKeys: 'many' })).toThrow(/maxKeys|max-keys/);
});

test('options are those of the command line, as numbers or as text', async () => {
  const settings = { redis: redis.url, port: 0, httpPort: 'off', logLevel: 'silent' } as const;
  for (const limits of [
    { maxKeys: 2, ttl: 60_000 },
    { maxKeys: '2', ttl: '1m' },
  ]) {
    const proxy = createProxy({ ...settings, ...limits });
    await withProxy(proxy, async (client) => {
      for (const key of ['a', 'b', 'c']) await client.ask('GET', key);
      expect(proxy.figures()).toMatchObject({ keys: 2, maxKeys: 2 });
    });
  }
});

test('two proxies in one program do not meet', async () => {
  const options = { redis: redis.url, port: 0, httpPort: 'off' } as const;
  const [one, other] = [createProxy(options), createProxy(options)];
  await withProxy(one, (first) =>
    withProxy(other, async (second) => {
      await first.ask('SET', 'k', 'old');
      expect(await second.askText('GET', 'k')).toBe(bulk('old'));
      await first.ask('SET', 'k', 'new');
      await eventually('told', async () => (await second.askText('GET', 'k')) === bulk('new'));
      expect(one.figures().clients).toBe(1);
    }),
  );
});

test('without a Redis it brings its own, and takes it along', async () => {
  let pid = 0;
  await withProxy(createProxy({ port: 0, httpPort: 'off' }), async (client) => {
    expect(await client.askText('SET', 'k', 'v')).toBe('+OK\r\n');
    pid = Number(/process_id:(\d+)/.exec(await client.askText('INFO', 'server'))?.[1]);
  });
  await eventually('gone', () => {
    try {
      process.kill(pid, 0);
      return false;
    } catch {
      return true;
    }
  });
});
