/** The example of the README: a proxy inside a program of one's own. A test runs it. */
import { createProxy } from 'respite';

export async function main(redis: string): Promise<number> {
  const proxy = createProxy({ redis, port: 0, httpPort: 'off', maxKeys: 10_000, ttl: '1m' });
  await proxy.start();

  const { host, port } = proxy.address;
  process.stdout.write(`any Redis client can talk to redis://${host}:${port}\n`);

  const { hits, misses, keys } = proxy.figures();
  process.stdout.write(`${hits} hits, ${misses} misses, ${keys} keys in memory\n`);

  await proxy.stop();
  return port;
}
