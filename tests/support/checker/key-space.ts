/** The few keys that everybody uses at the same time; now and then all go over to others, with a history of their own. */
import type { History, KeyHistory } from './history';
import type { Random } from './random';

export type Pair = readonly [KeyHistory, KeyHistory];

interface Page {
  readonly singles: readonly KeyHistory[];
  readonly pairs: readonly Pair[];
}

const PAIRS = 4;
/** A flush on its way concerns the pages to come as well, and what is on its way at a turn the page before. */
const AHEAD = 2;
const BEHIND = 2;

export const DATABASES = 2;

export class KeySpace {
  readonly #history: History;
  readonly #singles: number;
  /** For each page that is in use, each database. */
  readonly #pages: Page[][] = [];
  #current: Page[];
  #made = 0;
  #values = 0;

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
    this.#values += 1;
    return `v${this.#values}${random.oneIn(4) ? '.'.repeat(random.between(1, 300)) : ''}`;
  }

  /** The name of a key that only one operation uses. */
  private(): string {
    this.#values += 1;
    return `private${this.#values}`;
  }

  #page(db: number): Page {
    const page = this.#current[db];
    if (!page) throw new Error(`no database ${db}`);
    return page;
  }

  #add(): Page[] {
    this.#made += 1;
    const name = (rest: string) => `${this.#made}:${rest}`;
    const pages = Array.from({ length: DATABASES }, (_, db) => ({
      singles: Array.from({ length: this.#singles }, (__, i) => this.#history.add(name(`k${i}`), db)),
      pairs: Array.from(
        { length: PAIRS },
        (__, i): Pair => [this.#history.add(name(`p${i}a`), db), this.#history.add(name(`p${i}b`), db)],
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
