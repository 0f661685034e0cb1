/** How many commands a second one client address may send: a bucket that fills at that rate and holds one second's worth. */

/** The rate of one client address. */
export interface Limiter {
  /** Undefined: somebody else has to be asked, and `onceKnown` tells when to try again. */
  take(now: number, commands?: number): boolean | undefined;
  /** Whole milliseconds until the next command is admitted. */
  waitFor(now: number): number;
  onceKnown(tell: () => void): void;
}

export interface Limiters {
  of(address: string, now: number): Limiter;
  /** Forgets addresses that nobody uses, when nothing is lost by it. */
  tidy(now: number, inUse: ReadonlySet<string>): void;
}

export class RateLimiter implements Limiter {
  readonly #perSecond: number;
  #tokens: number;
  #filledAt: number;
  /** Of one second's worth, so many are kept elsewhere. */
  reserved = 0;

  constructor(perSecond: number, now: number) {
    this.#perSecond = perSecond;
    this.#tokens = perSecond;
    this.#filledAt = now;
  }

  /** Several commands at once are admitted when one would be: what they are too many is owed by those that follow. */
  take(now: number, commands = 1): boolean {
    this.#fill(now);
    if (this.#tokens < 1) return false;
    this.#tokens -= commands;
    return true;
  }

  waitFor(now: number): number {
    this.#fill(now);
    return Math.max(1, Math.ceil(((1 - this.#tokens) * 1000) / this.#perSecond));
  }

  /** Up to so many more that are there whole, for whoever keeps some in store. */
  takeSpare(most: number): number {
    const spare = Math.max(0, Math.min(most, Math.floor(this.#tokens)));
    this.#tokens -= spare;
    return spare;
  }

  giveBack(commands: number): void {
    this.#tokens = Math.min(this.#perSecond, this.#tokens + commands);
  }

  onceKnown(tell: () => void): void {
    tell();
  }

  /** A full bucket is as good as a new one: it need not be remembered. */
  isFull(now: number): boolean {
    this.#fill(now);
    return this.#tokens >= this.#perSecond;
  }

  #fill(now: number): void {
    const earned = ((now - this.#filledAt) * this.#perSecond) / 1000;
    this.#tokens = Math.min(this.#perSecond - this.reserved, this.#tokens + earned);
    this.#filledAt = now;
  }
}

/** One bucket for each address, forgotten once it is full. */
export class RateLimits implements Limiters {
  readonly #buckets = new Map<string, RateLimiter>();
  readonly #perSecond: number;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  of(address: string, now: number): RateLimiter {
    let bucket = this.#buckets.get(address);
    if (!bucket) {
      bucket = new RateLimiter(this.#perSecond, now);
      this.#buckets.set(address, bucket);
    }
    return bucket;
  }

  tidy(now: number, inUse: ReadonlySet<string>): void {
    for (const [address, bucket] of this.#buckets) {
      if (!inUse.has(address) && bucket.isFull(now)) this.#buckets.delete(address);
    }
  }
}
