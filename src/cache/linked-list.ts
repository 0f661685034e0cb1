/** A doubly linked list over slot numbers, through their rows: the order of use, without an object for each entry. */
import { INTS, NEXT, PREVIOUS, Rows } from './rows';

/** No slot: the end of the list in either direction. */
export const NONE = -1;

export class LinkedList {
  readonly #rows: Rows;
  #head = NONE;
  #tail = NONE;

  /** A slot is in one list of those that share rows; without any it has rows of its own. */
  constructor(rows = new Rows()) {
    this.#rows = rows;
  }

  /** The slot used most recently, or NONE. */
  get head(): number {
    return this.#head;
  }

  /** The slot used least recently, or NONE. */
  get tail(): number {
    return this.#tail;
  }

  /** Makes room for slots below `capacity`; what is linked stays linked. */
  reserve(capacity: number): void {
    this.#rows.reserve(capacity);
  }

  next(slot: number): number {
    return this.#rows.ints[(slot << INTS) + NEXT] ?? NONE;
  }

  previous(slot: number): number {
    return this.#rows.ints[(slot << INTS) + PREVIOUS] ?? NONE;
  }

  linkFirst(slot: number): void {
    const { ints } = this.#rows;
    const second = this.#head;
    ints[(slot << INTS) + NEXT] = second;
    ints[(slot << INTS) + PREVIOUS] = NONE;
    if (second === NONE) this.#tail = slot;
    else ints[(second << INTS) + PREVIOUS] = slot;
    this.#head = slot;
  }

  unlink(slot: number): void {
    const { ints } = this.#rows;
    const next = this.next(slot);
    const previous = this.previous(slot);
    if (next === NONE) this.#tail = previous;
    else ints[(next << INTS) + PREVIOUS] = previous;
    if (previous === NONE) this.#head = next;
    else ints[(previous << INTS) + NEXT] = next;
  }

  moveToFirst(slot: number): void {
    if (this.#head === slot) return;
    this.unlink(slot);
    this.linkFirst(slot);
  }
}
