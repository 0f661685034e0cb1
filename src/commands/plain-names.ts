/** Names of commands that can be told from the bytes of a request, without a string made of them. */
import { byteAt } from '../resp/bytes';

/** The most letters that two words of 32 bits hold. */
const MOST_LETTERS = 8;
const CASE_BIT = 0x20;
const LETTER_A = 0x61;
const LETTER_Z = 0x7a;
const SPREAD = 0x9e3779b1;

interface Named<Row> {
  readonly first: number;
  readonly second: number;
  readonly row: Row;
}

export class PlainNames<Row> {
  /** Two names that fall on one number are both left to the long way: there is no such pair in Redis. */
  readonly #names = new Map<number, Named<Row> | undefined>();

  /** Names that are longer, or not made of letters alone, are left out. */
  add(name: string, row: Row): void {
    const bytes = Buffer.from(name, 'latin1');
    if (!isShortWord(bytes, 0, bytes.length)) return;
    const first = pack(bytes, 0, Math.min(4, bytes.length));
    const second = pack(bytes, 4, bytes.length);
    const number = spread(first, second);
    this.#names.set(number, this.#names.has(number) ? undefined : { first, second, row });
  }

  /** The row of the name bytes[start, end), in upper or lower case. Undefined: the long way has to tell. */
  find(bytes: Buffer, start: number, end: number): Row | undefined {
    if (!isShortWord(bytes, start, end)) return undefined;
    const first = pack(bytes, start, Math.min(start + 4, end));
    const second = pack(bytes, start + 4, end);
    const named = this.#names.get(spread(first, second));
    return named !== undefined && named.first === first && named.second === second ? named.row : undefined;
  }
}

function isShortWord(bytes: Buffer, start: number, end: number): boolean {
  if (end - start > MOST_LETTERS) return false;
  for (let at = start; at < end; at += 1) {
    const letter = byteAt(bytes, at) | CASE_BIT;
    if (letter < LETTER_A || letter > LETTER_Z) return false;
  }
  return true;
}

function pack(bytes: Buffer, start: number, end: number): number {
  let word = 0;
  for (let at = start; at < end; at += 1) word = (word << 8) | byteAt(bytes, at) | CASE_BIT;
  return word;
}

function spread(first: number, second: number): number {
  return first ^ Math.imul(second, SPREAD);
}
