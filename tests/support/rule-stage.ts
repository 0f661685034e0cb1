/** What a test of the consistency rules plays on: a redis-server, a relay in front of it, the program behind that. */
import { ChaosRelay } from './chaos-relay';
import { Mutant, type Mutation } from './mutant';
import { type Bytes, command, type RawClient } from './raw-client';
import type { RedisServer } from './redis-server';
import { Respite } from './respite';

/** The connection over which the cache is filled and told of changes, as a relay knows it. */
export const FILL_WIRE = /TRACKING/;

export interface Staging {
  flags?: string[];
  /** Of the program's own URL: 'user:password'. */
  credentials?: string;
}

export class Stage {
  readonly redis: RedisServer;
  readonly relay: ChaosRelay;
  readonly respite: Respite;
  readonly #clients: RawClient[] = [];

  private constructor(redis: RedisServer, relay: ChaosRelay, respite: Respite) {
    this.redis = redis;
    this.relay = relay;
    this.respite = respite;
  }

  /** `redis` is emptied. `main` is the main.js of a mutant. */
  static async set(redis: RedisServer, { flags = [], credentials }: Staging, main?: string): Promise<Stage> {
    await redis.ask('FLUSHALL');
    const relay = await ChaosRelay.start(redis);
    const url = `redis://${credentials ? `${credentials}@` : ''}127.0.0.1:${relay.port}`;
    try {
      const all = ['--redis', url, '--http-port', 'off', ...flags];
      return new Stage(redis, relay, await Respite.start(all, {}, main));
    } catch (error) {
      await relay.stop();
      throw error;
    }
  }

  /** A client of the proxy; `greeting` are commands whose answers do not matter. */
  async client(...greeting: Bytes[][]): Promise<RawClient> {
    const client = await this.respite.client();
    this.#clients.push(client);
    for (const words of greeting) await client.ask(...words);
    return client;
  }

  /** Sends a read; whatever the relay holds back is released once the proxy has asked Redis, or when it has answered. */
  async readThenRelease(client: RawClient, ...words: Bytes[]): Promise<string> {
    const asked = this.relay.sight('up', command(...words).toString('latin1'));
    const answer = client.send(command(...words)).reply();
    await Promise.race([asked, answer]);
    this.relay.release();
    return (await answer).toString('latin1');
  }

  /** When this returns, the proxy has handled every push that Redis had sent before. */
  async settle(): Promise<void> {
    await using client = await this.respite.client();
    await client.ask('EVAL', 'return 1', '0');
  }

  /** One figure of INFO respite. */
  async figure(name: string): Promise<string> {
    await using client = await this.respite.client();
    const text = await client.askText('INFO', 'respite');
    return new RegExp(`^${name}:(.*)\r$`, 'm').exec(text)?.[1] ?? 'no such figure';
  }

  /** How often Redis has been asked GET since its statistics were last reset. */
  async gets(): Promise<number> {
    const text = await this.redis.askText('INFO', 'commandstats');
    return Number(/cmdstat_get:calls=(\d+)/.exec(text)?.[1] ?? 0);
  }

  async clear(): Promise<void> {
    for (const client of this.#clients) await client.close();
    await this.respite.kill();
    await this.relay.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.clear();
  }
}

/** Waits until it is so, however long the machine takes; looks again and again. */
export async function eventually(what: string, isSo: () => Promise<boolean> | boolean, patience = 10_000) {
  const end = performance.now() + patience;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`after ${patience} ms it is still not so: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export interface Rule<Seen> extends Staging {
  /** Plays it and tells what was seen. */
  scenario: (stage: Stage) => Promise<Seen>;
  seen: Seen;
  /** Takes the rule out of the compiled program, and what is seen then. */
  without: Mutation | readonly Mutation[];
  seenWithout: Seen;
}

/** Two tests: the program keeps the rule, and the same scenario finds it out when the rule is not there. */
export function testRule<Seen>(title: string, redis: () => RedisServer, rule: Rule<Seen>): void {
  test(title, async () => {
    await using stage = await Stage.set(redis(), rule);
    expect(await rule.scenario(stage)).toEqual(rule.seen);
  });

  test(`${title}: it shows when the rule is taken out`, async () => {
    await using mutant = await Mutant.make([rule.without].flat());
    await using stage = await Stage.set(redis(), rule, mutant.program);
    expect(await rule.scenario(stage)).toEqual(rule.seenWithout);
  });
}
