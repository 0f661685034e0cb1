/** The servers that are compared, each with a Redis of its own behind it, so that none pays for another's traffic. */
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { ChaosRelay } from '../support/chaos-relay';
import { RawClient } from '../support/raw-client';
import { freePort, RedisServer } from '../support/redis-server';
import { Respite } from '../support/respite';
import { endingOf, spawnTethered, within } from '../support/tether';
import { findTool, needTool } from './tools';

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
  /** The load goes to the HTTP port. */
  readonly http?: boolean;
  /** Redis is this many milliseconds away, each way. */
  readonly away?: number;
}

interface Closing {
  close(): Promise<unknown>;
}

const TS_NODE = ['-r', 'ts-node/register/transpile-only'];
const FLOOR = path.join(__dirname, 'floor.ts');
const IDLE = path.join(__dirname, 'idle.ts');

export class Contestants {
  readonly #fill: Fill;
  readonly #redisArgs: string[];
  readonly #open: Closing[] = [];

  constructor(fill: Fill, redisArgs: string[] = []) {
    this.#fill = fill;
    this.#redisArgs = redisArgs;
  }

  async redisServer(name = 'redis-server'): Promise<Backed> {
    const redis = await this.#redis();
    return { name, port: redis.port, pid: redis.pid, redis };
  }

  /** The same from so many milliseconds away, each way. */
  async farRedis(away: number): Promise<Backed> {
    const redis = await this.#redis();
    const { port } = await this.#relay(redis, away);
    return { name: 'direct', port, pid: redis.pid, redis };
  }

  async respite(options: RespiteOptions = {}): Promise<Backed> {
    const { flags = [], name = 'respite', program, nodeFlags = [], http = false, away } = options;
    const redis = await this.#redis();
    const { url } = away === undefined ? redis : await this.#relay(redis, away);
    const all = ['--redis', url, ...(http ? [] : ['--http-port', 'off']), ...flags];
    const respite = await Respite.start(all, {}, program, [...nodeFlags]);
    this.#open.push({ close: () => respite.stop() });
    return { name, port: http ? respite.httpPort : respite.port, pid: respite.pid, redis };
  }

  /** What Node takes to move the same bytes: floor.ts, which says `bytes` bytes to every GET. */
  async floor(bytes: number, nodeFlags: readonly string[] = []): Promise<Contestant> {
    const child = this.#spawn(process.execPath, [...nodeFlags, ...TS_NODE, FLOOR, `${bytes}`]);
    const { port } = JSON.parse(await firstLine(child));
    return { name: 'floor', port: Number(port), pid: pidOf(child) };
  }

  /** None where it is not installed. */
  async nutcracker(): Promise<Backed[]> {
    const program = findTool('nutcracker');
    if (program === undefined) return [];
    const redis = await this.#redis();
    const [port, statsPort] = [await freePort(), await freePort()];
    const folder = await temporaryFolder();
    const file = (name: string) => path.join(folder, name);
    await writeFile(file('nutcracker.yml'), nutcrackerConfig(port, redis.port));
    const own = ['-c', file('nutcracker.yml'), '-p', file('pid'), '-o', file('log')];
    const child = this.#spawn(program, [...own, '-a', '127.0.0.1', '-s', `${statsPort}`], folder);
    await untilItAnswers(port);
    return [{ name: 'nutcracker', port, pid: pidOf(child), redis }];
  }

  /** With one thread that answers. */
  async webdis(): Promise<Backed> {
    const program = needTool('webdis');
    const redis = await this.#redis();
    const port = await freePort();
    const folder = await temporaryFolder();
    await writeFile(path.join(folder, 'webdis.json'), webdisConfig(port, redis.port, folder));
    const child = this.#spawn(program, [path.join(folder, 'webdis.json')], folder);
    await untilItListens(port);
    return { name: 'webdis', port, pid: pidOf(child), redis };
  }

  /** So many clients more, connected to one of them; they have said PING once, and say no more. */
  async idleClients({ port }: Contestant, count: number): Promise<void> {
    await firstLine(this.#spawn(process.execPath, [...TS_NODE, IDLE, `${port}`, `${count}`]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#open.splice(0).reverse()) await server.close();
  }

  async #redis(): Promise<RedisServer> {
    const redis = await RedisServer.start({ args: this.#redisArgs });
    this.#open.push({ close: () => redis.stop() });
    await this.#fill(redis);
    return redis;
  }

  async #relay(redis: RedisServer, away: number): Promise<ChaosRelay> {
    const relay = await ChaosRelay.start(redis);
    relay.slow(away);
    this.#open.push({ close: () => relay.stop() });
    return relay;
  }

  /** The folder is removed with the program. */
  #spawn(program: string, args: string[], folder?: string): ChildProcess {
    const child = spawnTethered(program, args, folder === undefined ? {} : { folder });
    const ended = endingOf(child);
    this.#open.push({
      close: async () => {
        child.kill();
        await ended;
        if (folder !== undefined) await rm(folder, { recursive: true, force: true });
      },
    });
    return child;
  }
}

function pidOf({ pid, exitCode }: ChildProcess): number {
  if (pid === undefined || exitCode !== null) throw new Error('it is not running');
  return pid;
}

function temporaryFolder(): Promise<string> {
  return mkdtemp(path.join(os.tmpdir(), 'respite-bench-'));
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
  return within(60_000, () => `it has said nothing but ${JSON.stringify(told)}`, line);
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

function webdisConfig(port: number, redisPort: number, folder: string): string {
  return JSON.stringify({
    redis_host: '127.0.0.1',
    redis_port: redisPort,
    http_host: '127.0.0.1',
    http_port: port,
    threads: 1,
    daemonize: false,
    verbosity: 0,
    logfile: path.join(folder, 'log'),
  });
}

function untilItAnswers(port: number): Promise<void> {
  return patiently(async () => {
    const client = await RawClient.connect(port);
    await client.ask('GET', 'key');
    await client.close();
  });
}

function untilItListens(port: number): Promise<void> {
  return patiently(async () => (await RawClient.connect(port)).close());
}

async function patiently(attempt: () => Promise<void>): Promise<void> {
  for (let nth = 1; ; nth++) {
    try {
      return await attempt();
    } catch (error) {
      if (nth === 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
