/** Runs the same load against several servers in turn, A B C C B A, and makes ratios of what was seen in one round. */
import type { RedisServer } from '../support/redis-server';
import type { Contestant } from './contestants';
import type { Load, Shape } from './load';
import { cpuOf } from './usage';

export interface Plan {
  readonly rounds: number;
  /** How long one trial is to last. */
  readonly seconds: number;
}

export interface Trial {
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
  /** Microseconds of the server's CPU for each command, and of the Redis behind it. */
  readonly cpu: number;
  readonly cpuBehind: number;
  /** GETs that Redis was asked, for each command. */
  readonly getsBehind: number;
}

export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

export function spreadOf(figures: readonly number[]): Spread {
  const sorted = [...figures].sort((a, b) => a - b);
  const at = (index: number) => sorted[index] ?? Number.NaN;
  const middle = (sorted.length - 1) / 2;
  const median = (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2;
  return { median, least: at(0), most: at(sorted.length - 1) };
}

/** One figure of both sides: each side's median, and their ratio round by round, where both had the same weather. */
export interface Ratio {
  readonly own: number;
  readonly other: number;
  readonly ratio: Spread;
}

export function ratioOf(
  own: readonly Trial[],
  other: readonly Trial[],
  figure: (trial: Trial) => number,
): Ratio {
  const pairs = own.flatMap((trial, round) => {
    const rival = other[round];
    return rival ? [figure(trial) / figure(rival)] : [];
  });
  return {
    own: spreadOf(own.map(figure)).median,
    other: spreadOf(other.map(figure)).median,
    ratio: spreadOf(pairs),
  };
}

/** The trials of each contestant, in the order of the contestants. */
export async function compare(
  contestants: readonly Contestant[],
  load: Load,
  plan: Plan,
): Promise<Trial[][]> {
  const entries: { contestant: Contestant; count: number; trials: Trial[] }[] = [];
  for (const contestant of contestants) {
    entries.push({ contestant, count: await warmUp(contestant, load, plan), trials: [] });
  }
  for (let round = 0; round < plan.rounds; round++) {
    // Turned round each time: nobody is always the one who comes after the slowest.
    const turn = round % 2 === 0 ? entries : entries.toReversed();
    for (const { contestant, count, trials } of turn) trials.push(await attempt(contestant, load, count));
  }
  return entries.map(({ trials }) => trials);
}

/** Fills caches, lets V8 compile what is hot, and finds out how many commands a trial takes. */
export async function warmUp({ port }: Contestant, load: Load, { seconds }: Plan): Promise<number> {
  const first = await load.run(port, load.warmUp ?? warmUpCount(load));
  // Where a load says itself how little warms up, the first of it was misses: it tells nothing of the rate.
  const { rate } = load.warmUp === undefined ? first : await load.run(port, load.warmUp);
  return Math.max(load.clients * load.depth, Math.ceil(rate * seconds));
}

function warmUpCount({ clients, depth }: Shape): number {
  return clients === 1 ? 3_000 * depth : 10_000 * Math.min(depth, 4);
}

async function attempt({ port, pid, redis }: Contestant, load: Load, count: number): Promise<Trial> {
  const gets = redis ? await getsOf(redis) : 0;
  const [cpu, cpuBehind] = [cpuOf(pid), redis ? cpuOf(redis.pid) : Number.NaN];
  const { rate, p50, p99, commands } = await load.run(port, count);
  const each = (sum: number) => sum / commands;
  return {
    rate,
    p50,
    p99,
    cpu: each(cpuOf(pid) - cpu),
    cpuBehind: redis ? each(cpuOf(redis.pid) - cpuBehind) : Number.NaN,
    getsBehind: redis ? each((await getsOf(redis)) - gets) : 0,
  };
}

/** How many GETs this Redis has been asked so far, by anybody. */
export async function getsOf(redis: RedisServer): Promise<number> {
  const text = await redis.askText('INFO', 'commandstats');
  return Number(/^cmdstat_get:calls=(\d+)/m.exec(text)?.[1] ?? 0);
}
