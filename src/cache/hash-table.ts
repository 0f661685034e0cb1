/** Finds slots by the hash of their keys: chains through their rows, and buckets that grow by one for each insert. */
import { NONE } from './linked-list';
import { CHAIN, HASH, INTS, type Rows } from './rows';

/**
 * Linear hashing: `level` is a power of two, buckets beyond it are those that have been split already.
 *
 *     0 … buckets-level   already split: hash & (2·level-1)     level … buckets   what they were split into
 *     buckets-level … level   still whole: hash & (level-1)
 *
 * A V8 Map would rehash whole (75 ms at a million keys, again and again as deleted keys fill it), throw "Map maximum
 * size exceeded" once it has 16.7 million places and less than half of them deleted, and cost 28 to 56 bytes a key.
 */
export class HashTable {
  // Slots are kept as slot + 1, so that the zeros of a new array mean none.
  #heads = new Int32Array(1);
  readonly #rows: Rows;
  #level = 1;
  #buckets = 1;
  #count = 0;

  /** Rows are made room for by whoever owns them. */
  constructor(rows: Rows) {
    this.#rows = rows;
  }

  /** The first slot linked under this very hash, or NONE. */
  first(hash: number): number {
    return this.#seek(this.#heads[this.#bucketOf(hash)] ?? 0, hash);
  }

  /** The next slot under the same hash, or NONE. */
  after(slot: number): number {
    return this.#seek(this.#next(slot), this.#hash(slot));
  }

  link(slot: number, hash: number): void {
    if (++this.#count > this.#buckets) this.#split();
    this.#rows.ints[(slot << INTS) + HASH] = hash;
    this.#push(this.#bucketOf(hash), slot);
  }

  unlink(slot: number): void {
    this.#count--;
    const bucket = this.#bucketOf(this.#hash(slot));
    const rest = this.#next(slot);
    let link = this.#heads[bucket] ?? 0;
    if (link === slot + 1) {
      this.#heads[bucket] = rest;
      return;
    }
    while (link !== 0) {
      const following = this.#next(link - 1);
      if (following === slot + 1) {
        this.#rows.ints[((link - 1) << INTS) + CHAIN] = rest;
        return;
      }
      link = following;
    }
  }

  #next(slot: number): number {
    return this.#rows.ints[(slot << INTS) + CHAIN] ?? 0;
  }

  #hash(slot: number): number {
    return this.#rows.ints[(slot << INTS) + HASH] ?? 0;
  }

  #seek(from: number, hash: number): number {
    const { ints } = this.#rows;
    let link = from;
    while (link !== 0) {
      const row = (link - 1) << INTS;
      if (ints[row + HASH] === hash) return link - 1;
      link = ints[row + CHAIN] ?? 0;
    }
    return NONE;
  }

  #bucketOf(hash: number): number {
    const bucket = hash & (2 * this.#level - 1);
    return bucket < this.#buckets ? bucket : hash & (this.#level - 1);
  }

  #push(bucket: number, slot: number): void {
    this.#rows.ints[(slot << INTS) + CHAIN] = this.#heads[bucket] ?? 0;
    this.#heads[bucket] = slot + 1;
  }

  /** Deals the chain of the first whole bucket out between itself and a new last one. */
  #split(): void {
    const from = this.#buckets - this.#level;
    const to = this.#buckets++;
    if (to >= this.#heads.length) this.#heads = grown(this.#heads, this.#heads.length * 2);
    let link = this.#heads[from] ?? 0;
    this.#heads[from] = 0;
    while (link !== 0) {
      const slot = link - 1;
      link = this.#next(slot);
      this.#push((this.#hash(slot) & this.#level) === 0 ? from : to, slot);
    }
    if (this.#buckets === 2 * this.#level) this.#level *= 2;
  }
}

function grown(column: Int32Array, capacity: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(capacity);
  larger.set(column);
  return larger;
}
