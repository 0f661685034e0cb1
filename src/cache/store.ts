/** The cache: partitions that share one set of limits. */
import { Entries, type StoreLimits } from './entries';
import { Partition } from './partition';

export class Store {
  readonly #entries: Entries;
  /** Made anew with each change: each write goes through it. */
  #partitions: readonly Partition[] = [];

  constructor(limits: StoreLimits) {
    this.#entries = new Entries(limits);
  }

  /** Live entries of all partitions. */
  get keys(): number {
    return this.#entries.keys;
  }

  /** What all entries cost, with stale copies and everything removed whose memory is not free yet. */
  get bytes(): number {
    return this.#entries.bytes;
  }

  get evictions(): number {
    return this.#entries.evictions;
  }

  get expirations(): number {
    return this.#entries.expirations;
  }

  partition(): Partition {
    const partition = new Partition(this.#entries);
    this.#partitions = [...this.#partitions, partition];
    return partition;
  }

  release(partition: Partition): void {
    if (!this.#partitions.includes(partition)) return;
    this.#partitions = this.#partitions.filter((other) => other !== partition);
    partition.release();
  }

  /** Drops the key in every partition, stale copies too; returns in how many it was known. */
  dropEverywhere(key: string): number {
    let known = 0;
    for (const partition of this.#partitions) {
      if (partition.drop(key, 'dropped')) known++;
    }
    return known;
  }

  /** Ends what every partition holds, stale copies too, without touching a single entry. */
  clear(): void {
    for (const partition of this.#partitions) partition.endGeneration(false);
  }

  /** Looks at `budget` slots for entries that have expired or ended, so that keys nobody asks for go too. */
  sweep(now: number, budget: number): void {
    this.#entries.sweep(now, budget);
  }
}
