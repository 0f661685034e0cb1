/** The waiter for a reply that is read by the proxy itself: it is needed whole. */
import type { Waiter, WireLoss } from './wire';

export class WholeReply implements Waiter {
  readonly #pieces: Buffer[] = [];
  readonly #onWhole: (frame: Buffer) => void;
  readonly #onLost: (loss: WireLoss) => void;

  constructor(onWhole: (frame: Buffer) => void, onLost: (loss: WireLoss) => void) {
    this.#onWhole = onWhole;
    this.#onLost = onLost;
  }

  onReply(chunk: Buffer, start: number, end: number, last: boolean): void {
    this.#pieces.push(chunk.subarray(start, end));
    if (last) this.#onWhole(Buffer.concat(this.#pieces));
  }

  onLost(loss: WireLoss): void {
    this.#onLost(loss);
  }
}
