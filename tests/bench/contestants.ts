/** The servers that are compared, each with a Redis of its own behind it, so that none pays for another's traffic. */
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { RawClient } from '../support/raw-client';
import { freePort, RedisServer } from '../support/redis-server';
import { Respite } from '../support/respite';
import { endingOf, spawnTethered, within } from '../support/tether';
import { findTool } from './tools';

export interface Contestant {
  readonly name: string;
  /** Where the load goes. */
  readonly port: number;
  /** The process whose CPU time is counted. */
  readonly pid: number;
  /** The Redis behind it; for redis-server itself the same, and none behind the floor. */
  readonly redis?: RedisServer;
}

export interface Backed extends Contestant {
  readonly redis: RedisServer;
}

/** Fills a Redis before anything is measured. */
export type Fill = (redis: RedisServer) => Promise<unknown>;

export interface RespiteOptions {
  readonly flags?: readonly string[];
  readonly name?: string;
  /** Another build's main.js: a mutant. */
  readonly program?: string;
  readonly nodeFlags?: readonly string[];
}

interface Closing {
  close(): Promise<unknown>;
}

const FLOOR = path.join(__dirname, 'floor.ts');

export class Contestants {
  readonly #fill: Fill;
  readonly #open: Closing[] = [];

  constructor(fill: Fill) {
    this.#fill = fill;
  }

  async redisServer(): Promise<Backed> {
    const redis = await this.#redis();
    return { name: 'redis-server', port: redis.port, pid: redis.pid, redis };
  }

  async respite(options: RespiteOptions = {}): Promise<Backed> {
    const { flags = [], name = 'respite', program, nodeFlags = [] } = options;
    const redis = await this.#redis();
    const all = ['--redis', redis.url, '--http-port', 'off', ...flags];
    const respite = await Respite.start(all, {}, program, [...nodeFlags]);
    this.#open.push({ close: () => respite.stop() });
    return { name, port: respite.port, pid: respite.pid, redis };
  }

  /** What Node takes to move the same bytes: floor.ts, which says `bytes` bytes to every GET. */
  async floor(bytes: number, nodeFlags: readonly string[] = []): Promise<Contestant> {
    const own = ['-r', 'ts-node/register/transpile-only', FLOOR, `${bytes}`];
    const child = spawnTethered(process.execPath, [...nodeFlags, ...own]);
    const ended = endingOf(child);
    this.#open.push({
      close: async () => {
        child.kill();
        await ended;
      },
    });
    const { port } = JSON.parse(await firstLine(child));
    if (child.pid === undefined) throw new Error('the floor is not running');
    return { name: 'floor', port: Number(port), pid: child.pid };
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

function firstLine(child: ChildProcess): Promise<string> {
  let told = '';
  const line = new Promise<string>((resolve, reject) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      told += chunk.toString();
      if (told.includes('\n')) resolve(told);
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      told += chunk.toString();
    });
    child.once('exit', () => reject(new Error(`it ended: ${told}`)));
  });
  return within(10_000, () => `it has said nothing but ${JSON.stringify(told)}`, line);
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
