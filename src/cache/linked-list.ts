/** A doubly linked list over slot numbers in one Int32Array: the order of use, without an object for each entry. */

/** No slot: the end of the list in either direction. */
export const NONE = -1;

export class LinkedList {
  /** For each slot the next and the previous one, side by side for the processor's cache. */
  #links = new Int32Array(0);
  #head = NONE;
  #tail = NONE;

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
    if (2 * capacity <= this.#links.length) return;
    const larger = new Int32Array(2 * capacity);
    larger.set(this.#links);
    this.#links = larger;
  }

  next(slot: number): number {
    return this.#links[2 * slot] ?? NONE;
  }

  previous(slot: number): number {
    return this.#links[2 * slot + 1] ?? NONE;
  }

  linkFirst(slot: number): void {
    const second = this.#head;
    this.#links[2 * slot] = second;
    this.#links[2 * slot + 1] = NONE;
    if (second === NONE) this.#tail = slot;
    else this.#links[2 * second + 1] = slot;
    this.#head = slot;
  }

  unlink(slot: number): void {
    const next = this.next(slot);
    const previous = this.previous(slot);
    if (next === NONE) this.#tail = previous;
    else this.#links[2 * next + 1] = previous;
    if (previous === NONE) this.#head = next;
    else this.#links[2 * previous] = next;
  }

  moveToFirst(slot: number): void {
    if (this.#head === slot) return;
    this.unlink(slot);
    this.linkFirst(slot);
  }
}
