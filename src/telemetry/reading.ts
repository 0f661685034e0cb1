/** All that one process tells of itself, and how what several tell becomes one. */
import type { Latencies, Outcomes } from './latency';
import { createStats, type Figures, type Stats } from './stats';

/** How many answers were at most as long as each bound and longer than the one before, and the sum of all, in ms. */
export interface Times {
  readonly counts: readonly number[];
  readonly sum: number;
}

type OutcomeTimes = { readonly [Outcome in keyof Outcomes]: Times };

export type LatencyTimes = { readonly [Port in keyof Latencies]: OutcomeTimes };

export interface Reading {
  readonly figures: Figures;
  readonly latencies: LatencyTimes;
  /** Microseconds of processor time, user and system. */
  readonly processorTime: number;
  /** Bytes of resident memory. */
  readonly memory: number;
}

/** What only grows: it stays in the sum when the process that counted it is gone. */
type Counter = keyof Stats | 'evictions' | 'expirations';

const COUNTERS: readonly Counter[] = [
  ...(Object.keys(createStats()) as (keyof Stats)[]),
  'evictions',
  'expirations',
];

export function takeReading(figures: Figures, { resp, http }: Latencies): Reading {
  const { user, system } = process.cpuUsage();
  return {
    figures,
    latencies: { resp: outcomesOf(resp), http: outcomesOf(http) },
    processorTime: user + system,
    memory: process.memoryUsage.rss(),
  };
}

/**
 * One reading for all: what is counted adds up, and so do connections, clients and entries. Together they are as
 * coherent, as connected and as lately heard of as the worst of them; what is the same for all comes from the first.
 */
export function sumReadings(readings: readonly [Reading, ...Reading[]]): Reading {
  const [first] = readings;
  const figures = readings.map((reading) => reading.figures);
  return {
    figures: {
      ...first.figures,
      ...sumCounters(figures),
      uptime: Math.max(...figures.map((each) => each.uptime)),
      coherence: figures.find((each) => each.coherence !== 'tracking')?.coherence ?? 'tracking',
      upstream: figures.find((each) => each.upstream !== 'up')?.upstream ?? 'up',
      redisVersion: figures.find((each) => each.redisVersion !== '')?.redisVersion ?? '',
      clients: sum(figures, (each) => each.clients),
      keys: sum(figures, (each) => each.keys),
      bytes: sum(figures, (each) => each.bytes),
      maxKeys: sum(figures, (each) => each.maxKeys),
      maxMemory: sum(figures, (each) => each.maxMemory),
      fillsInFlight: sum(figures, (each) => each.fillsInFlight),
      links: sum(figures, (each) => each.links),
      upstreamConnections: sum(figures, (each) => each.upstreamConnections),
      sinceLastPush: pick(Math.min, figures, (each) => each.sinceLastPush),
      sinceLastHeartbeat: pick(Math.max, figures, (each) => each.sinceLastHeartbeat),
    },
    latencies: sumLatencies(readings.map((reading) => reading.latencies)),
    processorTime: sum(readings, (each) => each.processorTime),
    memory: sum(readings, (each) => each.memory),
  };
}

/** What is left of a process that is gone: what it has counted. */
export function countersOf(reading: Reading): Reading {
  const none = { clients: 0, keys: 0, bytes: 0, maxKeys: 0, maxMemory: 0, fillsInFlight: 0, links: 0 };
  return {
    ...reading,
    figures: {
      ...reading.figures,
      ...none,
      uptime: 0,
      coherence: 'tracking',
      upstream: 'up',
      upstreamConnections: 0,
      sinceLastPush: undefined,
      sinceLastHeartbeat: undefined,
    },
    memory: 0,
  };
}

function sumCounters(figures: readonly Figures[]): Pick<Figures, Counter> {
  const entries = COUNTERS.map((name) => [name, sum(figures, (each) => each[name])]);
  return Object.fromEntries(entries) as Pick<Figures, Counter>;
}

function sumLatencies(all: readonly LatencyTimes[]): LatencyTimes {
  return { resp: sumOutcomes(all.map(({ resp }) => resp)), http: sumOutcomes(all.map(({ http }) => http)) };
}

function sumOutcomes(all: readonly OutcomeTimes[]): OutcomeTimes {
  return {
    hit: sumTimes(all.map(({ hit }) => hit)),
    miss: sumTimes(all.map(({ miss }) => miss)),
    passed: sumTimes(all.map(({ passed }) => passed)),
  };
}

function sumTimes(all: readonly Times[]): Times {
  const counts = (all[0]?.counts ?? []).map((_count, place) => sum(all, (each) => each.counts[place] ?? 0));
  return { counts, sum: sum(all, (each) => each.sum) };
}

function outcomesOf({ hit, miss, passed }: Outcomes): OutcomeTimes {
  return { hit: timesOf(hit), miss: timesOf(miss), passed: timesOf(passed) };
}

function timesOf({ counts, sum: total }: Times): Times {
  return { counts: [...counts], sum: total };
}

function sum<T>(all: readonly T[], figure: (one: T) => number): number {
  return all.reduce((total, one) => total + figure(one), 0);
}

function pick(
  which: (...values: number[]) => number,
  figures: readonly Figures[],
  figure: (one: Figures) => number | undefined,
): number | undefined {
  const values = figures.map(figure).filter((value) => value !== undefined);
  return values.length === 0 ? undefined : which(...values);
}
