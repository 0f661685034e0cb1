/**
 * The rate of each address as a worker sees it: tokens are leased in blocks from the process that keeps the buckets.
 *
 * What a block holds was taken out of the bucket, so all workers together never admit more than one proxy would. What is
 * not used for a second goes back.
 */
import type { Clock } from '../clock';
import type { Limiter, Limiters } from '../session/rate-limiter';

export interface Grant {
  /** Commands admitted; 0: none before `wait` ms are over. */
  readonly granted: number;
  readonly wait: number;
}

export interface Lender {
  /** Never rejects. At least `needed`, or nothing; and up to `spare` more. */
  charge(address: string, needed: number, spare: number): Promise<Grant>;
  giveBack(address: string, tokens: number): void;
}

const KEEP = 1_000;

export class LeasedRates implements Limiters {
  readonly #rates = new Map<string, LeasedRate>();
  readonly #lender: Lender;
  readonly #clock: Clock;
  readonly #spare: number;

  /** A tenth of the rate is out on lease at most, however many workers there are. */
  constructor(perSecond: number, workers: number, lender: Lender, clock: Clock) {
    this.#lender = lender;
    this.#clock = clock;
    this.#spare = Math.floor(perSecond / 10 / workers);
    clock.every(KEEP, () => {
      for (const rate of this.#rates.values()) rate.returnUnused(clock.now());
    });
  }

  of(address: string): Limiter {
    let rate = this.#rates.get(address);
    if (!rate) {
      rate = new LeasedRate(address, this.#spare, this.#lender, this.#clock);
      this.#rates.set(address, rate);
    }
    return rate;
  }

  tidy(_now: number, inUse: ReadonlySet<string>): void {
    for (const [address, rate] of this.#rates)
      if (!inUse.has(address) && rate.isEmpty) this.#rates.delete(address);
  }
}

class LeasedRate implements Limiter {
  readonly #address: string;
  readonly #spare: number;
  readonly #lender: Lender;
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();
  #tokens = 0;
  #asking = false;
  /** The lender thinks that something is in store here, used up though it may be. */
  #isLent = false;
  #refusedUntil = 0;
  #usedAt = 0;

  constructor(address: string, spare: number, lender: Lender, clock: Clock) {
    this.#address = address;
    this.#spare = spare;
    this.#lender = lender;
    this.#clock = clock;
  }

  get isEmpty(): boolean {
    return !this.#isLent && !this.#asking;
  }

  take(now: number, commands = 1): boolean | undefined {
    this.#usedAt = now;
    if (this.#tokens >= commands) {
      this.#tokens -= commands;
      return true;
    }
    if (now < this.#refusedUntil) return false;
    void this.#ask(commands - this.#tokens);
    return undefined;
  }

  waitFor(now: number): number {
    return Math.max(1, Math.ceil(this.#refusedUntil - now));
  }

  onceKnown(tell: () => void): void {
    this.#waiting.add(tell);
  }

  returnUnused(now: number): void {
    if (!this.#isLent || this.#asking || now - this.#usedAt < KEEP) return;
    this.#isLent = false;
    this.#lender.giveBack(this.#address, this.#tokens);
    this.#tokens = 0;
  }

  async #ask(needed: number): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    const { granted, wait } = await this.#lender.charge(this.#address, needed, this.#spare);
    this.#asking = false;
    this.#tokens += granted;
    if (granted > 0) this.#isLent = true;
    if (granted === 0) this.#refusedUntil = this.#clock.now() + wait;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const tell of waiting) tell();
  }
}
