/** The few keys that everybody uses at the same time; now and then all go over to others, with a history of their own. */
import type { History, KeyHistory } from './history';
import type { Random } from './random';
import { Values } from './values';

export type Pair = readonly [KeyHistory, KeyHistory];

interface Page {
  readonly singles: readonly KeyHistory[];
  readonly pairs: readonly Pair[];
}

const PAIRS = 4;
/** A flush on its way concerns the pages to come as well, and what is on its way at a turn the page before. */
const AHEAD = 2;
const BEHIND = 2;

/** Those that everybody writes to. */
export const DATABASES = 2;
/** One more, which is only ever changed whole, by SWAPDB; and what it is swapped with, which nobody reads. */
export const SWAPPED = 2;
export const BACKSTAGE = 3;
/** Those that are read. */
export const SHOWN = 3;

export class KeySpace {
  readonly #history: History;
  readonly #singles: number;
  /** For each page that is in use, each database. */
  readonly #pages: Page[][] = [];
  #current: Page[];
  readonly values = new Values();
  #made = 0;

  constructor(history: History, singles: number) {
    this.#history = history;
    this.#singles = singles;
    this.#current = this.#add();
    for (let i = 0; i < AHEAD; i++) this.#add();
  }

  turnPage(): void {
    this.#add();
    this.#current = this.#pages[this.#pages.length - 1 - AHEAD] ?? this.#current;
    if (this.#pages.length > BEHIND + 1 + AHEAD) this.#forget(this.#pages.shift() ?? []);
  }

  /** The first keys are used more often than the last. */
  any(random: Random, db: number): KeyHistory {
    const { singles } = this.#page(db);
    const key = singles[Math.floor(singles.length * random.next() ** 2)];
    if (!key) throw new Error('no keys');
    return key;
  }

  /** Different ones. */
  some(random: Random, db: number, count: number): KeyHistory[] {
    const picked = new Set<KeyHistory>();
    while (picked.size < Math.min(count, this.#singles)) picked.add(this.any(random, db));
    return [...picked];
  }

  /** Two keys that are always written together, with the same value. */
  pair(random: Random, db: number): Pair {
    return random.pick(this.#page(db).pairs);
  }

  /** A value that no other write has, of some length. */
  value(random: Random): string {
    return this.values.some(random);
  }

  /** The name of a key that only one operation uses. */
  private(): string {
    return `private:${this.values.next()}`;
  }

  /** The key of that name in another database. */
  sibling(key: KeyHistory, db: number): KeyHistory {
    for (const pages of this.#pages) {
      const at = pages[key.db]?.singles.indexOf(key) ?? -1;
      const found = at < 0 ? undefined : pages[db]?.singles[at];
      if (found) return found;
    }
    throw new Error(`no ${key.name} in database ${db}`);
  }

  #page(db: number): Page {
    const page = this.#current[db];
    if (!page) throw new Error(`no database ${db}`);
    return page;
  }

  #add(): Page[] {
    this.#made += 1;
    const name = (rest: string) => `${this.#made}:${rest}`;
    const pages = Array.from({ length: SHOWN }, (_, db) => ({
      singles: Array.from({ length: this.#singles }, (__, i) => this.#history.add(name(`k${i}`), db)),
      pairs: Array.from(
        { length: PAIRS },
        (__, i): Pair => [
          this.#history.add(name(`p${i}a`), db, true),
          this.#history.add(name(`p${i}b`), db, true),
        ],
      ),
    }));
    this.#pages.push(pages);
    return pages;
  }

  #forget(pages: readonly Page[]): void {
    for (const { singles, pairs } of pages)
      for (const key of [...singles, ...pairs.flat()]) this.#history.forget(key);
  }
}
