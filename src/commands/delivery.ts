/** Delivers what comes back for one client in the order of its commands, some of it held back until a fence is passed. */
import type { Outlet } from './outlet';
import { HeldReply, type Slots } from './slots';

export class Delivery {
  readonly #outlet: Outlet;
  readonly #slots: Slots;
  /** The held reply whose pieces are coming in. */
  #receiving: HeldReply | undefined;
  /** Part of a reply has been delivered, and the rest is to come. */
  #midReply = false;

  constructor(outlet: Outlet, slots: Slots) {
    this.#outlet = outlet;
    this.#slots = slots;
  }

  /** At once, unless something stands before it. */
  deliver(chunk: Buffer, start: number, end: number, last: boolean): void {
    if (!this.#receiving && this.#slots.size > 0) {
      this.#receiving = new HeldReply(this.#outlet, false);
      this.#slots.add(this.#receiving);
    }
    if (this.#receiving) {
      this.#receiving.add(chunk.subarray(start, end), last);
      if (last) this.#receiving = undefined;
      this.#slots.settle();
    } else {
      this.#outlet.append(chunk, start, end, this.#midReply, !last);
      this.#midReply = !last;
    }
  }

  /** The reply that begins now, and all behind it, stay back until `begin` calls back. Nobody reads a muted one. */
  holdUntil(begin: (done: () => void) => void, muted: boolean): void {
    const held = new HeldReply(this.#outlet, true);
    if (muted) held.abandon();
    this.#slots.add(held);
    this.#receiving = muted ? undefined : held;
    begin(() => {
      held.release();
      this.#slots.settle();
    });
  }
}
