/** The places in the order of one client's replies that cannot be delivered yet. */
import Queue from 'mnemonist/queue';
import type { Outlet } from './outlet';

export interface Slot {
  /** Delivers what can be delivered; true when nothing more is to come from here. */
  settle(): boolean;
}

export class Slots {
  readonly #queue = new Queue<Slot>();
  readonly #onSettled: () => void;
  #settling = false;
  #again = false;

  constructor(onSettled: () => void) {
    this.#onSettled = onSettled;
  }

  get size(): number {
    return this.#queue.size;
  }

  add(slot: Slot): void {
    this.#queue.enqueue(slot);
  }

  forEachBehind(slot: Slot, visit: (behind: Slot) => void): void {
    let passed = false;
    // A copy: visiting may settle slots.
    for (const each of this.#queue.toArray()) {
      if (passed) visit(each);
      else passed = each === slot;
    }
  }

  /** Delivers from the front as far as it goes. Settling may call this again: then one more round is made. */
  settle(): void {
    this.#again = true;
    if (this.#settling) return;
    this.#settling = true;
    while (this.#again) {
      this.#again = false;
      while (this.#queue.peek()?.settle()) this.#queue.dequeue();
    }
    this.#settling = false;
    this.#onSettled();
  }

  clear(): void {
    this.#queue.clear();
  }
}

/** A reply that waits for a fence, or stands behind one that does. */
export class HeldReply implements Slot {
  readonly #outlet: Outlet;
  #pieces: Buffer[] = [];
  #fenced: boolean;
  #complete = false;
  #begun = false;

  constructor(outlet: Outlet, fenced: boolean) {
    this.#outlet = outlet;
    this.#fenced = fenced;
  }

  add(piece: Buffer, last: boolean): void {
    this.#pieces.push(piece);
    this.#complete = last;
  }

  /** Nobody wants the reply, but its place in the order stands until the fence is passed. */
  abandon(): void {
    this.#complete = true;
  }

  release(): void {
    this.#fenced = false;
  }

  settle(): boolean {
    if (this.#fenced) return false;
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#begun = appendPieces(this.#outlet, pieces, this.#begun, this.#complete);
    return this.#complete;
  }
}

/** Pieces of one reply; true once anything of it has been appended. */
export function appendPieces(
  outlet: Outlet,
  pieces: readonly Buffer[],
  begun: boolean,
  complete: boolean,
): boolean {
  pieces.forEach((piece, at) => {
    outlet.append(piece, 0, piece.length, begun || at > 0, !complete || at < pieces.length - 1);
  });
  return begun || pieces.length > 0;
}
