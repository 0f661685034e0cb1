/** Chance with a seed: the same seed asks for the same operations. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 up to 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `least` up to and with `most`. */
  between(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  oneIn(times: number): boolean {
    return this.next() * times < 1;
  }

  pick<T>(choices: readonly T[]): T {
    const chosen = choices[Math.floor(this.next() * choices.length)];
    if (chosen === undefined) throw new Error('nothing to pick from');
    return chosen;
  }

  /** By weights. */
  weigh<T>(choices: readonly (readonly [number, T])[]): T {
    let at = this.next() * choices.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, choice] of choices) {
      at -= weight;
      if (at < 0) return choice;
    }
    throw new Error('nothing to weigh');
  }

  /** All choices, in another order. */
  shuffle<T>(choices: readonly T[]): T[] {
    return choices
      .map((choice) => ({ choice, at: this.next() }))
      .sort((a, b) => a.at - b.at)
      .map(({ choice }) => choice);
  }

  /** Another source of chance, which does not depend on how much this one is asked. */
  fork(): Random {
    return new Random(this.next() * 2 ** 32);
  }
}
