/** How long answers take, by where they come from: histograms that cost the hot path next to nothing. */

/** Upper bounds in milliseconds, from one that memory meets to one that a blocking command needs. */
export const BOUNDS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 5_000,
];

export class LatencyHistogram {
  /** How many were at most as long as each bound and longer than the one before; the last: longer than all. */
  readonly counts: number[] = new Array(BOUNDS.length + 1).fill(0);
  sum = 0;
  readonly #mask: number;
  #turn = 0;

  /** One in `every` is measured: a power of two. */
  constructor(every: number) {
    this.#mask = every - 1;
  }

  /** Whether the next one is to be measured, or one of the next. */
  isDue(events = 1): boolean {
    const turn = this.#turn + events;
    this.#turn = turn & this.#mask;
    return turn > this.#mask;
  }

  observe(milliseconds: number): void {
    let place = 0;
    while (place < BOUNDS.length && milliseconds > (BOUNDS[place] ?? 0)) place += 1;
    this.counts[place] = (this.counts[place] ?? 0) + 1;
    this.sum += milliseconds;
  }
}

/** By where answers come from. */
export interface Outcomes {
  readonly hit: LatencyHistogram;
  readonly miss: LatencyHistogram;
  readonly passed: LatencyHistogram;
}

/** By the port that the client came in by. */
export interface Latencies {
  readonly resp: Outcomes;
  readonly http: Outcomes;
}

/** One in so many is measured: to look at the clock takes as long as a tenth of a hit does. */
export const MEASURED = { hit: 64, miss: 1, passed: 16 } as const;

export function createLatencies(): Latencies {
  return { resp: createOutcomes(), http: createOutcomes() };
}

function createOutcomes(): Outcomes {
  return {
    hit: new LatencyHistogram(MEASURED.hit),
    miss: new LatencyHistogram(MEASURED.miss),
    passed: new LatencyHistogram(MEASURED.passed),
  };
}
