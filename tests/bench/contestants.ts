/** The servers that are compared, each with a Redis of its own behind it, so that none pays for another's traffic. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { RawClient } from '../support/raw-client';
import { freePort, RedisServer } from '../support/redis-server';
import { Respite } from '../support/respite';
import { endingOf, spawnTethered } from '../support/tether';
import { findTool } from './tools';

export interface Contestant {
  readonly name: string;
  /** Where the load goes. */
  readonly port: number;
  /** The process whose CPU time is counted. */
  readonly pid: number;
  /** The Redis behind it; for redis-server itself the same. */
  readonly redis: RedisServer;
}

/** Fills a Redis before anything is measured. */
export type Fill = (redis: RedisServer) => Promise<unknown>;

interface Closing {
  close(): Promise<unknown>;
}

export class Contestants {
  readonly #fill: Fill;
  readonly #open: Closing[] = [];

  constructor(fill: Fill) {
    this.#fill = fill;
  }

  async redisServer(): Promise<Contestant> {
    const redis = await this.#redis();
    return { name: 'redis-server', port: redis.port, pid: redis.pid, redis };
  }

  async respite(flags: string[] = [], name = 'respite', program?: string): Promise<Contestant> {
    const redis = await this.#redis();
    const all = ['--redis', redis.url, '--http-port', 'off', ...flags];
    const respite = await Respite.start(all, {}, program);
    this.#open.push({ close: () => respite.stop() });
    return { name, port: respite.port, pid: respite.pid, redis };
  }

  /** None where it is not installed. */
  async nutcracker(): Promise<Contestant[]> {
    const program = findTool('nutcracker');
    if (program === undefined) return [];
    const redis = await this.#redis();
    const [port, statsPort] = [await freePort(), await freePort()];
    const folder = await mkdtemp(path.join(os.tmpdir(), 'respite-bench-'));
    const file = (name: string) => path.join(folder, name);
    await writeFile(file('nutcracker.yml'), nutcrackerConfig(port, redis.port));
    const own = ['-c', file('nutcracker.yml'), '-p', file('pid'), '-o', file('log')];
    const child = spawnTethered(program, [...own, '-a', '127.0.0.1', '-s', `${statsPort}`], { folder });
    const ended = endingOf(child);
    this.#open.push({
      close: async () => {
        child.kill();
        await ended;
        await rm(folder, { recursive: true, force: true });
      },
    });
    await untilItAnswers(port);
    if (child.pid === undefined) throw new Error('nutcracker is not running');
    return [{ name: 'nutcracker', port, pid: child.pid, redis }];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#open.splice(0).reverse()) await server.close();
  }

  async #redis(): Promise<RedisServer> {
    const redis = await RedisServer.start();
    this.#open.push({ close: () => redis.stop() });
    await this.#fill(redis);
    return redis;
  }
}

/** Writes `count` strings at once: key:000000000000 and so on, the names that redis-benchmark makes with -r. */
export async function fillStrings(redis: RedisServer, count: number, bytes: number): Promise<void> {
  const script = `for i = 0, ARGV[1] - 1 do redis.call('SET', string.format('key:%012d', i), ARGV[2]) end`;
  await redis.ask('EVAL', script, 0, count, 'x'.repeat(bytes));
}

function nutcrackerConfig(port: number, redisPort: number): string {
  return `bench:
  listen: 127.0.0.1:${port}
  redis: true
  hash: fnv1a_64
  distribution: ketama
  preconnect: true
  servers:
    - 127.0.0.1:${redisPort}:1
`;
}

async function untilItAnswers(port: number): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      const client = await RawClient.connect(port);
      await client.ask('GET', 'key');
      await client.close();
      return;
    } catch (error) {
      if (attempt === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
