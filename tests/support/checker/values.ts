/** Values that say by which write they were made: of any length, with what was there before in front of them or not. */
import type { Random } from './random';

export class Values {
  #made = 0;

  /** No other write has it. */
  next(): string {
    this.#made += 1;
    return `v${this.#made}`;
  }

  /** The same, of some length. */
  some(random: Random): string {
    const value = this.next();
    return random.oneIn(4) ? padded(value, random.between(1, 300)) : value;
  }
}

export function padded(value: string, length: number): string {
  return value + '.'.repeat(length);
}

/** To be appended to whatever there is. */
export function appendix(value: string): string {
  return `+${value}`;
}

/** What tells which write made a value last. */
export function tokenOf(value: string): string {
  const at = value.lastIndexOf('+') + 1;
  const end = value.indexOf('.', at);
  return end < 0 ? value.slice(at) : value.slice(at, end);
}
