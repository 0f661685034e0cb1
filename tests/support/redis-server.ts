/** A real redis-server for tests: on a loopback port of its own, to be killed, frozen and restarted at will. */
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { type Bytes, RawClient } from './raw-client';
import { type Ending, endingOf, spawnTethered, within } from './tether';

export interface RedisServerOptions {
  /** Configuration as on redis-server's command line: ['--requirepass', 'secret']. */
  args?: string[];
  /** Without one, a free port is picked. */
  port?: number;
}

const PATIENCE = 10_000;

export async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

export class RedisServer {
  readonly host = '127.0.0.1';
  readonly port: number;
  /** An empty folder of its own: dump files, unix sockets. */
  readonly folder: string;
  readonly #args: string[];
  #child: ChildProcess | undefined;
  #ending: Promise<Ending> | undefined;
  #log = '';

  private constructor(port: number, folder: string, args: string[]) {
    this.port = port;
    this.folder = folder;
    this.#args = args;
  }

  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    // Somebody may take a free port between the look and the use: look again then.
    for (let attempt = 1; ; attempt++) {
      const folder = await mkdtemp(path.join(os.tmpdir(), 'respite-test-'));
      const server = new RedisServer(options.port ?? (await freePort()), folder, options.args ?? []);
      try {
        await server.#run();
        return server;
      } catch (error) {
        await server.stop();
        if (options.port !== undefined || attempt === 5 || !server.log.includes('in use')) throw error;
      }
    }
  }

  get url(): string {
    return `redis://${this.host}:${this.port}`;
  }

  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error('redis-server is not running');
    return this.#child.pid;
  }

  /** What it has written so far, since its last start. */
  get log(): string {
    return this.#log;
  }

  /** Such as '7.0.15'. */
  get version(): string {
    return /Redis version=([\d.]+)/.exec(this.#log)?.[1] ?? 'unknown';
  }

  /** True when this server's version is at least the given one: atLeast(7, 2). */
  atLeast(major: number, minor = 0): boolean {
    const [ownMajor = 0, ownMinor = 0] = this.version.split('.').map(Number);
    return ownMajor > major || (ownMajor === major && ownMinor >= minor);
  }

  client(): Promise<RawClient> {
    return RawClient.connect({ host: this.host, port: this.port });
  }

  /** Sends one command on a connection of its own, beside any proxy, and gives the raw reply. */
  async ask(...args: (Bytes | number)[]): Promise<Buffer> {
    const client = await this.client();
    try {
      return await client.ask(...args);
    } finally {
      await client.close();
    }
  }

  /** The same, as a string. */
  async askText(...args: (Bytes | number)[]): Promise<string> {
    return (await this.ask(...args)).toString('latin1');
  }

  /** One number of INFO: info('total_connections_received'). */
  async info(field: string): Promise<number> {
    const text = await this.askText('INFO', 'everything');
    const value = new RegExp(`^${field}:(\\d+)`, 'm').exec(text)?.[1];
    if (value === undefined) throw new Error(`INFO tells no number ${field}`);
    return Number(value);
  }

  /** Stops it from doing anything, connections open: a machine that hangs. */
  freeze(): void {
    process.kill(this.pid, 'SIGSTOP');
  }

  thaw(): void {
    process.kill(this.pid, 'SIGCONT');
  }

  /** Ends it, by default without any notice. It can be started again with restart(). */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (this.#child === undefined) return;
    this.#child.kill(signal);
    if (this.#ending) await within(PATIENCE, `redis-server does not end by ${signal}`, this.#ending);
    this.#child = undefined;
  }

  /** Starts it again on the same port with the same arguments; what it held is gone. */
  async restart(): Promise<void> {
    await this.kill();
    await this.#run();
  }

  /** Ends it for good. May be called more than once. */
  async stop(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #run(): Promise<void> {
    const own = ['--port', `${this.port}`, '--bind', this.host, '--save', '', '--dir', this.folder];
    const child = spawnTethered('redis-server', [...own, ...this.#args], { folder: this.folder });
    this.#child = child;
    this.#ending = endingOf(child);
    this.#log = '';
    await within(
      PATIENCE,
      () => `redis-server is not ready:\n${this.#log}`,
      this.#ready(child, this.#ending),
    );
  }

  #ready(child: ChildProcess, ending: Promise<Ending>): Promise<void> {
    return new Promise((resolve, reject) => {
      const read = (chunk: Buffer) => {
        this.#log += chunk.toString();
        if (this.#log.includes('Ready to accept connections')) resolve();
      };
      child.stdout?.on('data', read);
      child.stderr?.on('data', read);
      ending.then(
        (how) => reject(new Error(`redis-server ended (${JSON.stringify(how)}):\n${this.#log}`)),
        reject,
      );
    });
  }
}
