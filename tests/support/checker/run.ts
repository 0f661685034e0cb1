/** One run of the checker: servers, actors and faults are set going, stopped again, and what was seen is told. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ChaosRelay } from '../chaos-relay';
import { RedisServer } from '../redis-server';
import { Respite } from '../respite';
import { within } from '../tether';
import { Actor, Failures, type Player, type Role, type Stage } from './actor';
import { Client } from './client';
import type { Fault, Scene } from './faults';
import { History, type Kind, type Violation } from './history';
import { HttpReader } from './http-reader';
import { KeySpace, SWAPPED } from './key-space';
import { Random } from './random';
import { reader } from './readers';
import { swapper } from './swapper';
import { EVERYTHING, type Mix, writer } from './writers';

export interface Plan {
  readonly seed: number;
  /** Milliseconds without a fault; a schedule of faults takes what it takes. */
  readonly length: number;
  /** Struck one after the other, each on a page of its own, between two halves of the length. */
  readonly faults?: readonly Fault[];
  /** Operations a second, all actors together. */
  readonly reads?: number;
  readonly writes?: number;
  readonly mix?: Mix;
  /** Instead of those of every kind. */
  readonly readers?: readonly Role[];
  readonly writers?: readonly Role[];
  /** In each database; pairs come on top. */
  readonly keys?: number;
  /** Sets the relay up before anybody connects. */
  readonly weather?: (relay: ChaosRelay) => void;
  /** Another main.js. */
  readonly program?: string;
  readonly flags?: readonly string[];
  /** Milliseconds by which these flags let news be later than the heartbeat does. */
  readonly slack?: number;
  /** See `Stage.apart`. */
  readonly apart?: boolean;
  /** What these flags do not promise. */
  readonly unpromised?: readonly Kind[];
  /** Ends the run as soon as something is found. */
  readonly untilFound?: boolean;
  readonly onFault?: (name: string) => void;
}

export interface Report {
  readonly seconds: number;
  readonly reads: number;
  readonly hitShare: number;
  readonly writes: number;
  readonly writesBeside: number;
  readonly failures: number;
  readonly failedBy: ReadonlyMap<string, number>;
  /** How many writes of each name. */
  readonly operations: ReadonlyMap<string, number>;
  readonly violations: Readonly<Record<string, number>>;
  readonly told: readonly Violation[];
  /** Milliseconds, over the writes made beside the proxy. */
  readonly staleness: {
    readonly p50: number;
    readonly p99: number;
    readonly p999: number;
    readonly max: number;
  };
  readonly proxy: Readonly<Record<string, number>>;
}

const TIMEOUT = 300;
/** A busy machine lets timers and sockets wait. */
const ALLOWANCE = 400;
const PAGE = 2_000;
const PATIENCE = 15_000;
/** A second, each client. */
const HTTP_READS = 100;

const USERS = ['alice', 'bob'].flatMap((user) => ['--user', user, 'on', '>secret', '~*', '&*', '+@all']);
// Bob may not do everything, so that what GET and MGET filled is kept apart for him.
const RESTRICTED = ['-swapdb'];

function readers(): Role[] {
  return [
    reader({ name: 'RESP2 GET', via: 'proxy', protocol: 2 }, 'gets'),
    reader({ name: 'RESP3 GET', via: 'proxy', protocol: 3 }, 'gets'),
    reader({ name: 'RESP3 GET in db 1', via: 'proxy', protocol: 3, db: 1 }, 'gets'),
    reader({ name: "alice's GET", via: 'proxy', protocol: 2, user: 'alice' }, 'gets'),
    reader({ name: 'RESP3 GET in db 2', via: 'proxy', protocol: 3, db: SWAPPED }, 'gets'),
    reader({ name: 'RESP2 MGET in db 2', via: 'proxy', protocol: 2, db: SWAPPED }, 'mgets'),
    reader({ name: 'RESP2 MGET', via: 'proxy', protocol: 2 }, 'mgets'),
    reader({ name: 'RESP3 MGET', via: 'proxy', protocol: 3 }, 'mgets'),
    reader({ name: "bob's MGET", via: 'proxy', protocol: 3, user: 'bob' }, 'mgets'),
    reader({ name: 'RESP2 pipeline', via: 'proxy', protocol: 2 }, 'pipeline'),
    reader({ name: 'RESP3 pipeline', via: 'proxy', protocol: 3 }, 'pipeline'),
    reader({ name: "alice's pipeline in db 1", via: 'proxy', protocol: 3, user: 'alice', db: 1 }, 'pipeline'),
    reader({ name: 'transactions', via: 'proxy', protocol: 2 }, 'transaction'),
    reader({ name: 'changing users and databases', via: 'proxy', protocol: 2 }, 'changeIdentity'),
    reader({ name: 'pinned now and then', via: 'proxy', protocol: 3 }, 'pinAndReset'),
  ];
}

function writers(mix: Mix): Role[] {
  return [
    writer({ name: 'RESP2 writer', via: 'proxy', protocol: 2 }, mix),
    writer({ name: 'RESP3 writer', via: 'proxy', protocol: 3 }, mix),
    writer({ name: "alice's writer in db 1", via: 'proxy', protocol: 3, user: 'alice', db: 1 }, mix),
    writer({ name: 'subscribed writer', via: 'proxy', protocol: 3, pinned: 'subscriber' }, mix),
    writer({ name: 'tracking writer', via: 'proxy', protocol: 3, pinned: 'tracker' }, mix),
    swapper({ name: 'swapper', protocol: 2 }),
    writer({ name: 'writer beside', via: 'beside', protocol: 2 }, mix),
    writer({ name: 'writer beside in RESP3', via: 'beside', protocol: 3 }, mix),
    writer({ name: 'writer beside in db 1', via: 'beside', protocol: 2, db: 1 }, mix),
  ];
}

export async function check(plan: Plan): Promise<Report> {
  await using redis = await RedisServer.start({
    args: [...USERS, ...RESTRICTED, '--enable-debug-command', 'local', '--busy-reply-threshold', '100'],
  });
  await using relay = await ChaosRelay.start(redis);
  plan.weather?.(relay);
  const flags = ['--redis', relay.url, '--upstream-timeout', `${TIMEOUT}ms`, '--max-value', '4kb'];
  await using respite = await Respite.start([...flags, ...(plan.flags ?? [])], {}, plan.program);
  const run = new Run(plan, redis, relay, respite);
  return await run.go();
}

class Run {
  readonly #plan: Plan;
  readonly #scene: Scene;
  readonly #stage: Stage;
  readonly #players: Player[];
  readonly #respite: Respite;
  readonly #begun = performance.now();
  #onFound: () => void = () => {};

  constructor(plan: Plan, redis: RedisServer, relay: ChaosRelay, respite: Respite) {
    this.#plan = plan;
    this.#respite = respite;
    const history = new History(1000 + TIMEOUT + ALLOWANCE + (plan.slack ?? 0));
    this.#scene = { relay, redis, history, timeout: TIMEOUT, proxy: () => Client.connect(respite.port) };
    this.#stage = {
      history,
      space: new KeySpace(history, plan.keys ?? 24),
      ports: { proxy: respite.port, beside: redis.port },
      httpPort: respite.httpPort,
      apart: plan.apart ?? false,
      stopped: false,
      failures: new Failures(),
      writes: new Map(),
    };
    const random = new Random(plan.seed);
    const cast = (roles: readonly Role[], rate: number) =>
      roles.map((role) => new Actor(this.#stage, role, random.fork(), rate / roles.length));
    const rates = { reads: plan.reads ?? 6_000, writes: plan.writes ?? 400 };
    const byHttp = (name: string) => new HttpReader(name, this.#stage, random.fork(), HTTP_READS);
    this.#players = [
      ...cast(plan.readers ?? readers(), rates.reads),
      ...cast(plan.writers ?? writers(plan.mix ?? EVERYTHING), rates.writes),
      ...(plan.readers ? [] : ['HTTP', 'HTTP too'].map(byHttp)),
    ];
  }

  async go(): Promise<Report> {
    const { history } = this.#scene;
    const found = new Promise<void>((resolve) => {
      this.#onFound = resolve;
    });
    history.unpromised = new Set(this.#plan.unpromised);
    if (this.#plan.untilFound) history.onViolation = () => this.#onFound();
    const acting = this.#players.map((player) => player.run());
    const crash = this.#crash();
    crash.catch(() => undefined);
    try {
      await Promise.race([this.#direct(), found, crash, ...acting]);
      const proxy = await this.#figures();
      await this.#stop(acting);
      history.finish();
      return this.#report(proxy);
    } finally {
      this.#stage.stopped = true;
    }
  }

  async #direct(): Promise<void> {
    const { length, faults = [] } = this.#plan;
    await this.#calm(length / 2);
    for (const fault of faults) {
      if (this.#stage.stopped) return;
      this.#plan.onFault?.(fault.name);
      this.#stage.space.turnPage();
      await sleep(150);
      await fault.strike(this.#scene);
      await sleep(300);
    }
    await this.#calm(length / 2);
  }

  async #calm(length: number): Promise<void> {
    for (let left = length; left > 0 && !this.#stage.stopped; left -= PAGE) {
      this.#stage.space.turnPage();
      await sleep(Math.min(left, PAGE));
    }
  }

  async #crash(): Promise<never> {
    const ending = await this.#respite.ended;
    throw new Error(
      `respite ended (${JSON.stringify(ending)}): ${this.#respite.stderr}${this.#respite.stdout}`,
    );
  }

  /** Whatever is on its way has to be answered. */
  async #stop(acting: readonly Promise<void>[]): Promise<void> {
    this.#stage.stopped = true;
    const waiting = () => {
      const late = this.#players.filter(({ unanswered }) => unanswered !== '');
      return `never answered: ${late.map(({ name, unanswered }) => `${name}'s ${unanswered}`).join('; ')}`;
    };
    try {
      await within(PATIENCE, waiting, Promise.all(acting));
    } catch (cause) {
      throw new Error(`${cause instanceof Error ? cause.message : cause}\n${await this.#testimony()}`);
    }
  }

  /** What proxy and Redis have to say about those who wait. */
  async #testimony(): Promise<string> {
    const client = await Client.connect(this.#respite.port);
    const answers = [await client.ask('CLIENT', 'LIST'), await client.ask('INFO', 'respite')];
    client.close();
    return [...answers, await this.#scene.redis.askText('CLIENT', 'LIST')].join('\n');
  }

  async #figures(): Promise<Record<string, number>> {
    const client = await Client.connect(this.#respite.port);
    const answer = await client.ask('INFO', 'respite');
    client.close();
    const lines = typeof answer === 'string' ? answer.split('\r\n') : [];
    const pairs = lines.map((line) => line.split(':')).map(([name, value]) => [name, Number(value)]);
    return Object.fromEntries(pairs.filter(([, value]) => Number.isFinite(value)));
  }

  #report(proxy: Record<string, number>): Report {
    const { history } = this.#scene;
    const writes = [...this.#stage.writes.values()].reduce((sum, count) => sum + count, 0);
    return {
      seconds: (performance.now() - this.#begun) / 1000,
      reads: history.reads,
      hitShare: proxy.hit_ratio ?? 0,
      writes,
      writesBeside: history.besides,
      failures: this.#stage.failures.count,
      failedBy: this.#stage.failures.texts,
      violations: Object.fromEntries(KINDS.map((kind) => [kind, history.violations.get(kind) ?? 0])),
      told: history.told,
      operations: this.#stage.writes,
      staleness: {
        p50: history.lateAt(0.5),
        p99: history.lateAt(0.99),
        p999: history.lateAt(0.999),
        max: history.lateAt(1),
      },
      proxy,
    };
  }
}

const KINDS: readonly Kind[] = [
  'read your writes',
  'never backwards',
  'exact expiry',
  'told in time',
  'snapshot',
  'no such value',
];
