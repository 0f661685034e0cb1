/** A redis-server with the built program in front of it, and how a test looks at both. */
import { ChaosRelay } from './chaos-relay';
import type { Bytes, RawClient } from './raw-client';
import { RedisServer } from './redis-server';
import { Respite } from './respite';

export interface StageOptions {
  flags?: string[];
  /** redis-server's own. */
  args?: string[];
  /** Puts a relay between the two. */
  relayed?: boolean;
}

export class Stage {
  readonly redis: RedisServer;
  readonly respite: Respite;
  readonly #relay: ChaosRelay | undefined;

  private constructor(redis: RedisServer, respite: Respite, relay: ChaosRelay | undefined) {
    this.redis = redis;
    this.respite = respite;
    this.#relay = relay;
  }

  static async start(options: StageOptions = {}): Promise<Stage> {
    const redis = await RedisServer.start({ args: options.args ?? [] });
    const relay = options.relayed ? await ChaosRelay.start({ port: redis.port }) : undefined;
    try {
      const url = (relay ?? redis).url;
      const flags = ['--redis', url, '--http-port', 'off', ...(options.flags ?? [])];
      return new Stage(redis, await Respite.start(flags), relay);
    } catch (error) {
      await relay?.stop();
      await redis.stop();
      throw error;
    }
  }

  get relay(): ChaosRelay {
    if (!this.#relay) throw new Error('this stage has no relay');
    return this.#relay;
  }

  /** A client of the proxy. */
  client(): Promise<RawClient> {
    return this.respite.client();
  }

  clients(count: number): Promise<RawClient[]> {
    return Promise.all(Array.from({ length: count }, () => this.client()));
  }

  /** Sends one command to the proxy, on a connection of its own. */
  async ask(...args: (Bytes | number)[]): Promise<string> {
    const client = await this.client();
    try {
      return await client.askText(...args);
    } finally {
      await client.close();
    }
  }

  /** One line of INFO respite. The proxy answers that itself, even while Redis says nothing. */
  async figure(name: string): Promise<string> {
    const text = await this.ask('INFO', 'respite');
    const value = new RegExp(`^${name}:(.*)\r$`, 'm').exec(text)?.[1];
    if (value === undefined) throw new Error(`INFO respite tells no ${name}`);
    return value;
  }

  async count(name: string): Promise<number> {
    return Number(await this.figure(name));
  }

  /** How often Redis was asked for this command, by anybody. */
  async callsAtRedis(name: string): Promise<number> {
    const text = await this.redis.askText('INFO', 'commandstats');
    return Number(new RegExp(`^cmdstat_${name}:calls=(\\d+)`, 'm').exec(text)?.[1] ?? 0);
  }

  /** Connections that Redis has accepted so far, those of the looks at it excepted. */
  connectionCounter(): () => Promise<number> {
    let looks = 0;
    return async () => {
      looks += 1;
      return (await this.redis.info('total_connections_received')) - looks;
    };
  }

  /** Connections that Redis has open now, without the one of this look. */
  async connectionsAtRedis(): Promise<number> {
    return (await this.redis.info('connected_clients')) - 1;
  }

  /** The lines of Redis's own CLIENT LIST. */
  async clientsAtRedis(): Promise<string[]> {
    return (await this.redis.askText('CLIENT', 'LIST')).split('\n').filter((line) => line.startsWith('id='));
  }

  async stop(): Promise<void> {
    await this.respite.kill();
    await this.#relay?.stop();
    await this.redis.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/** A reply as Redis writes it. */
export function bulk(text: string): string {
  return `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
}

export const NIL = '$-1\r\n';

/** Looks again and again until it holds, and says what did not when that takes too long. */
export async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
  patience = 10_000,
): Promise<void> {
  const deadline = performance.now() + patience;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`after ${patience} ms still not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
