/** The entries that belong to one identity and server: what is live, and what the last lost epoch left behind. */
import type { Room } from '../resp/bytes';
import { type Entries, type Generation, NO_GENERATION, type RemovalReason } from './entries';
import { NONE } from './linked-list';

export class Partition {
  readonly #entries: Entries;
  #live: Generation;
  #stale: Generation | undefined;

  constructor(entries: Entries) {
    this.#entries = entries;
    this.#live = entries.begin();
  }

  /** Live entries, those included that have expired and were not looked at since. */
  get keys(): number {
    return this.#live.occupied;
  }

  /** The slot of a live entry, which becomes the most recently used, or -1. */
  lookup(key: string, now: number): number {
    return this.#hit(this.#entries.locate(this.#live, key), this.#live, now);
  }

  /** The same for the key source[start, end), without a string made of it. */
  lookupBytes(source: DataView, start: number, end: number, now: number): number {
    return this.#hit(this.#entries.locateBytes(this.#live, source, start, end), this.#live, now);
  }

  /** The slot of what was live when the last generation ended, until Redis itself would have expired it, or -1. */
  lookupStale(key: string, now: number): number {
    if (this.#stale === undefined) return NONE;
    return this.#hit(this.#entries.locate(this.#stale, key), this.#stale, now);
  }

  /** Like `lookup`, but nobody will know: order and hits stay, an expired entry does too. */
  peek(key: string, now: number): number {
    const slot = this.#entries.locate(this.#live, key);
    return slot === NONE || this.#entries.hasExpired(slot, this.#live, now) ? NONE : slot;
  }

  /**
   * Copies value[start, end), a framed bulk string; undefined means that the key does not exist. What was known of
   * the key is gone whether or not the new entry can be kept: false says that it can not.
   */
  insert(
    key: string,
    value: Buffer | undefined,
    start: number,
    end: number,
    deadline: number,
    redisDeadline: number,
    now: number,
    filledBy: number,
  ): boolean {
    this.drop(key, 'replaced');
    if (this.#live === NO_GENERATION) return false;
    return this.#entries.insert(this.#live, key, value, start, end, deadline, redisDeadline, now, filledBy);
  }

  /** The live entry and the stale copy; false when there was neither. */
  drop(key: string, reason: RemovalReason): boolean {
    const live = this.#dropFrom(this.#live, key, reason);
    const stale = this.#stale !== undefined && this.#dropFrom(this.#stale, key, reason);
    return live || stale;
  }

  /** Every live entry dies at once, or turns stale until `endStale` or the next end. */
  endGeneration(keepStale: boolean): void {
    this.endStale();
    if (this.#live.occupied === 0) return;
    if (keepStale && this.#entries.keepsStale) {
      this.#entries.retire(this.#live);
      this.#stale = this.#live;
    } else {
      this.#entries.end(this.#live);
    }
    this.#live = this.#entries.begin();
  }

  endStale(): void {
    if (this.#stale === undefined) return;
    this.#entries.end(this.#stale);
    this.#stale = undefined;
  }

  /** Nothing is kept from now on. */
  release(): void {
    this.endStale();
    this.#entries.end(this.#live);
    this.#live = NO_GENERATION;
  }

  isNegative(slot: number): boolean {
    return this.#entries.isNegative(slot);
  }

  /** Bytes of the framed value; 0 for a negative entry. */
  valueLength(slot: number): number {
    return this.#entries.valueLength(slot);
  }

  /** Returns the number of bytes copied to target[at…]. */
  copyValue(slot: number, target: Room, at: number): number {
    return this.#entries.copyValue(slot, target, at);
  }

  /** A copy that belongs to the caller. */
  readValue(slot: number): Buffer {
    return this.#entries.readValue(slot);
  }

  storedAt(slot: number): number {
    return this.#entries.storedAt(slot);
  }

  deadline(slot: number): number {
    return this.#entries.deadline(slot);
  }

  hits(slot: number): number {
    return this.#entries.hits(slot);
  }

  filledBy(slot: number): number {
    return this.#entries.filledBy(slot);
  }

  /** Bytes that the whole entry costs. */
  size(slot: number): number {
    return this.#entries.size(slot);
  }

  #hit(slot: number, generation: Generation, now: number): number {
    if (slot === NONE) return NONE;
    if (this.#entries.hasExpired(slot, generation, now)) {
      this.#entries.remove(slot, 'expired');
      return NONE;
    }
    this.#entries.countHit(slot);
    return slot;
  }

  #dropFrom(generation: Generation, key: string, reason: RemovalReason): boolean {
    const slot = this.#entries.locate(generation, key);
    if (slot === NONE) return false;
    this.#entries.remove(slot, reason);
    return true;
  }
}
