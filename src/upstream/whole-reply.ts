/** The waiter for a reply that is read by the proxy itself: it is needed whole. */
import type { Waiter, Wire, WireLoss } from './wire';

/** What is asked here is answered in a few lines. */
const LONGEST = 1024 * 1024;

export class WholeReply implements Waiter {
  readonly #pieces: Buffer[] = [];
  readonly #wire: Wire;
  readonly #onWhole: (frame: Buffer) => void;
  readonly #onLost: (loss: WireLoss) => void;
  #size = 0;

  constructor(wire: Wire, onWhole: (frame: Buffer) => void, onLost: (loss: WireLoss) => void) {
    this.#wire = wire;
    this.#onWhole = onWhole;
    this.#onLost = onLost;
  }

  onReply(chunk: Buffer, start: number, end: number, last: boolean): void {
    this.#pieces.push(chunk.subarray(start, end));
    this.#size += end - start;
    if (last) this.#onWhole(Buffer.concat(this.#pieces));
    else if (this.#size > LONGEST) this.#wire.close('the backing server sent more than it was asked for');
  }

  onLost(loss: WireLoss): void {
    this.#onLost(loss);
  }
}
