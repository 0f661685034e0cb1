/** Who reads what in order to fill the cache, and which of those reads a change has overtaken. */
import type { Stats } from '../telemetry/stats';
import type { WireLoss } from '../upstream/wire';

/**
 * Somebody who waits for the answer of a fill, and gets back the number that it gave its asking: when it has asked anew
 * meanwhile, it knows an answer to the asking before. All bytes are RESP3, or RESP2 when the fill wire speaks that.
 */
export interface FillReader {
  /** The answer is chunk[start, end), which nobody changes any more. */
  onAnswer(asking: number, chunk: Buffer, start: number, end: number): void;
  /** A value too large to keep, piece by piece. */
  onPiece(asking: number, piece: Buffer, last: boolean): void;
  /** The wire has fallen silent: whoever can do with a stale copy waits no longer. */
  onAskingSilent(asking: number): void;
  /** Too large to be passed on by a wire that waits for nobody: nothing of it has been, nor will be. */
  onTooLarge(asking: number): void;
  onAskingLost(asking: number, loss: WireLoss): void;
}

/** A read in flight whose answer others may have as well. */
export interface Shareable {
  /** Its place among all that was asked. */
  readonly order: number;
  join(reader: FillReader, asking: number, since: number): void;
}

/** One key that a fill will store, unless a drop of the key comes first. */
export interface Claim {
  readonly key: string;
  /** The fill itself, when others may share its answer. */
  readonly shareable: Shareable | undefined;
  cancelled: boolean;
  /** The next one for the same key. */
  next: Claim | undefined;
}

/** All claims by key. Registered before the read is sent; every drop of a key cancels them. */
export class FillRegister {
  readonly #claims = new Map<string, Claim>();
  readonly #stats: Stats;
  #inFlight = 0;

  constructor(stats: Stats) {
    this.#stats = stats;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  add(claim: Claim): void {
    claim.next = this.#claims.get(claim.key);
    this.#claims.set(claim.key, claim);
    this.#inFlight += 1;
  }

  finish(claim: Claim): void {
    this.#inFlight -= 1;
    if (claim.cancelled) return;
    let before: Claim | undefined;
    for (let at = this.#claims.get(claim.key); at && at !== claim; at = at.next) before = at;
    if (before) before.next = claim.next;
    else if (claim.next) this.#claims.set(claim.key, claim.next);
    else this.#claims.delete(claim.key);
  }

  /** The GET in flight for this key that a further reader may share; `after` is the last MGET that reader has asked. */
  joinable(key: string, after: number): Shareable | undefined {
    for (let claim = this.#claims.get(key); claim; claim = claim.next) {
      const fill = claim.shareable;
      if (fill) return fill.order > after ? fill : undefined;
    }
    return undefined;
  }

  cancel(key: string): void {
    if (this.#claims.size === 0) return;
    const first = this.#claims.get(key);
    if (!first) return;
    this.#claims.delete(key);
    for (let claim: Claim | undefined = first; claim; claim = claim.next) this.#cancelOne(claim);
  }

  cancelAll(): void {
    for (const first of this.#claims.values()) {
      for (let claim: Claim | undefined = first; claim; claim = claim.next) this.#cancelOne(claim);
    }
    this.#claims.clear();
  }

  #cancelOne(claim: Claim): void {
    claim.cancelled = true;
    this.#stats.fillsCancelled += 1;
  }
}
