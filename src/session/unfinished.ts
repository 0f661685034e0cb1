/**
 * What all clients together have sent and is not dealt with yet: past a limit, whoever has been silent longest is closed.
 *
 * One client alone may have a megabyte here. Ten thousand that each send the better part of one, and wait, are an attack
 * or a mistake; those who are really sending make progress all the time, and stand at the end of the line.
 */

/** Whoever has less here is not counted: ten thousand such clients do no harm. */
const SMALL = 16 * 1024;

export interface Sender {
  closeNow(reason: string): void;
}

export class Unfinished {
  readonly #limit: number;
  readonly #onClosed: () => void;
  /** In the order in which they were last heard of. */
  readonly #held = new Map<Sender, number>();
  #total = 0;

  constructor(limit: number, onClosed: () => void) {
    this.#limit = limit;
    this.#onClosed = onClosed;
  }

  get total(): number {
    return this.#total;
  }

  /** `sender` has sent something, and so many bytes of it are here now. */
  note(sender: Sender, bytes: number): void {
    this.forget(sender);
    if (bytes <= SMALL) return;
    this.#held.set(sender, bytes);
    this.#total += bytes;
    while (this.#total > this.#limit) this.#closeOne();
  }

  forget(sender: Sender): void {
    const bytes = this.#held.get(sender);
    if (bytes === undefined) return;
    this.#held.delete(sender);
    this.#total -= bytes;
  }

  #closeOne(): void {
    const [silent] = this.#held.keys();
    if (!silent) return;
    this.forget(silent);
    this.#onClosed();
    silent.closeNow('silent, with an unfinished request, while those of all clients took too much memory');
  }
}
