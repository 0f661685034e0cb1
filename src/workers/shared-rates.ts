/**
 * The rates of all addresses, for all workers: a bucket for each address, and what of it workers keep in store.
 *
 * What is in store counts as if it were still in the bucket when the bucket fills: otherwise the two together would hold
 * more than one second's worth.
 */
import type { Clock } from '../clock';
import { RateLimiter } from '../session/rate-limiter';
import type { Grant } from './leased-rates';

class SharedRate {
  readonly bucket: RateLimiter;
  /** Whoever asks anew has used up what it had. */
  readonly stores = new Map<unknown, number>();

  constructor(perSecond: number, now: number) {
    this.bucket = new RateLimiter(perSecond, now);
  }

  put(worker: unknown, tokens: number): void {
    this.bucket.reserved += tokens - (this.stores.get(worker) ?? 0);
    if (tokens > 0) this.stores.set(worker, tokens);
    else this.stores.delete(worker);
  }
}

export class SharedRates {
  readonly #rates = new Map<string, SharedRate>();
  readonly #perSecond: number;
  readonly #clock: Clock;

  constructor(perSecond: number, clock: Clock) {
    this.#perSecond = perSecond;
    this.#clock = clock;
  }

  charge(worker: unknown, address: string, needed: number, spare: number): Grant {
    const now = this.#clock.now();
    const rate = this.#of(address);
    if (!rate.bucket.take(now, needed)) return { granted: 0, wait: rate.bucket.waitFor(now) };
    const stored = rate.bucket.takeSpare(spare);
    rate.put(worker, stored);
    return { granted: needed + stored, wait: 0 };
  }

  giveBack(worker: unknown, address: string, tokens: number): void {
    const rate = this.#of(address);
    rate.put(worker, 0);
    rate.bucket.giveBack(tokens);
  }

  /** The worker is gone, and what it had in store. */
  forget(worker: unknown): void {
    for (const rate of this.#rates.values()) rate.put(worker, 0);
  }

  /** A bucket that is full is as good as a new one. */
  tidy(): void {
    for (const [address, { bucket }] of this.#rates)
      if (bucket.isFull(this.#clock.now())) this.#rates.delete(address);
  }

  #of(address: string): SharedRate {
    let rate = this.#rates.get(address);
    if (!rate) {
      rate = new SharedRate(this.#perSecond, this.#clock.now());
      this.#rates.set(address, rate);
    }
    return rate;
  }
}
