/** Forgets what a command may have changed, in every partition: keys know no user and no database here. */
import type { Store } from '../cache/store';
import type { Tracker } from './tracker';

export class Drops {
  readonly #store: Store;
  readonly #trackers: () => readonly Tracker[];

  constructor(store: Store, trackers: () => readonly Tracker[]) {
    this.#store = store;
    this.#trackers = trackers;
  }

  /** How many entries went. A drop always cancels the fills of the key as well: their answers are older than it. */
  dropKey(key: string): number {
    for (const tracker of this.#trackers()) tracker.register.cancel(key);
    return this.#store.dropEverywhere(key);
  }

  dropKeys(keys: readonly string[]): number {
    let dropped = 0;
    for (const key of keys) dropped += this.dropKey(key);
    return dropped;
  }

  dropAll(): void {
    for (const tracker of this.#trackers()) tracker.dropAll();
    this.#store.clear();
  }
}
