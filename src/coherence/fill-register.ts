/** Who reads what in order to fill the cache, and which of those reads a change has overtaken. */
import { keyAtHand } from '../cache/key-at-hand';
import type { Stats } from '../telemetry/stats';
import type { WireLoss } from '../upstream/wire';

/**
 * Somebody who waits for the answer of a fill, and gets back the number that it gave its asking: when it has asked anew
 * meanwhile, it knows an answer to the asking before. All bytes are RESP3, or RESP2 when the fill wire speaks that.
 */
export interface FillReader {
  /** The answer is chunk[start, end), which nobody changes any more; it has come now. */
  onAnswer(asking: number, chunk: Buffer, start: number, end: number, now: number): void;
  /** A value too large to keep, piece by piece. */
  onPiece(asking: number, piece: Buffer, last: boolean): void;
  /** The wire has fallen silent: whoever can do with a stale copy waits no longer. */
  onAskingSilent(asking: number): void;
  /** Too large to be passed on by a wire that waits for nobody: nothing of it has been, nor will be. */
  onTooLarge(asking: number): void;
  /**
   * The answer may have been too old already when this was asked: it has to be asked anew, now. What was asked before
   * `after` will not do: that may be overtaken, too, and so on for as long as the key is changed.
   */
  onOvertaken(asking: number, now: number, after: number): void;
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
  /** The register's own: the key's hash, and the next claim whose hash falls on the same place. */
  hash: number;
  next: Claim | undefined;
}

const FIRST_PLACES = 64;

/**
 * All claims by key. Registered before the read is sent; every drop of a key cancels them.
 *
 * A table of its own, newest first in each place: a Map that is asked four times for each miss, and gets rid of all that
 * it was given, takes a tenth of what a miss does.
 */
export class FillRegister {
  readonly #stats: Stats;
  /** A power of two of them. */
  #places: (Claim | undefined)[] = emptyPlaces(FIRST_PLACES);
  #registered = 0;
  #inFlight = 0;

  constructor(stats: Stats) {
    this.#stats = stats;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  add(claim: Claim): void {
    if (this.#registered === this.#places.length) this.#grow();
    claim.hash = hashOf(claim.key);
    const place = this.#placeOf(claim.hash);
    claim.next = this.#places[place];
    this.#places[place] = claim;
    this.#registered += 1;
    this.#inFlight += 1;
  }

  finish(claim: Claim): void {
    this.#inFlight -= 1;
    if (claim.cancelled) return;
    const place = this.#placeOf(claim.hash);
    let before: Claim | undefined;
    for (let at = this.#places[place]; at && at !== claim; at = at.next) before = at;
    if (before) before.next = claim.next;
    else this.#places[place] = claim.next;
    claim.next = undefined;
    this.#registered -= 1;
  }

  /** The GET in flight for this key that a further reader may share; `after` is the last MGET that reader has asked. */
  joinable(key: string, after: number): Shareable | undefined {
    if (this.#registered === 0) return undefined;
    const hash = hashOf(key);
    for (let claim = this.#places[this.#placeOf(hash)]; claim; claim = claim.next) {
      if (claim.hash !== hash || !claim.shareable || claim.key !== key) continue;
      return claim.shareable.order > after ? claim.shareable : undefined;
    }
    return undefined;
  }

  cancel(key: string): void {
    if (this.#registered === 0) return;
    const hash = hashOf(key);
    const place = this.#placeOf(hash);
    let before: Claim | undefined;
    for (let claim = this.#places[place]; claim; claim = claim.next) {
      if (claim.hash !== hash || claim.key !== key) {
        before = claim;
        continue;
      }
      if (before) before.next = claim.next;
      else this.#places[place] = claim.next;
      this.#registered -= 1;
      this.#cancelOne(claim);
    }
  }

  cancelAll(): void {
    const places = this.#places;
    this.#places = emptyPlaces(FIRST_PLACES);
    this.#registered = 0;
    for (const first of places) {
      for (let claim = first; claim; claim = claim.next) this.#cancelOne(claim);
    }
  }

  #cancelOne(claim: Claim): void {
    claim.cancelled = true;
    this.#stats.fillsCancelled += 1;
  }

  #placeOf(hash: number): number {
    return hash & (this.#places.length - 1);
  }

  #grow(): void {
    const before = this.#places;
    this.#places = emptyPlaces(before.length * 2);
    for (const first of before) this.#moveChain(first);
  }

  /** Turned round twice, so that the newest stays first. */
  #moveChain(first: Claim | undefined): void {
    const chain: Claim[] = [];
    for (let claim = first; claim; claim = claim.next) chain.push(claim);
    for (const claim of chain.reverse()) {
      const place = this.#placeOf(claim.hash);
      claim.next = this.#places[place];
      this.#places[place] = claim;
    }
  }
}

/** Salted as no generation of entries is. */
function hashOf(key: string): number {
  keyAtHand.take(key);
  return keyAtHand.hash(-1);
}

function emptyPlaces(count: number): (Claim | undefined)[] {
  return new Array<Claim | undefined>(count).fill(undefined);
}
