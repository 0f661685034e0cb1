/** One read that goes past the cache on a wire of its own, since what it brings is too much to be held for a slow client. */
import type { ExclusivePool, Lease } from '../upstream/exclusive-pool';
import type { Waiter, WireLoss } from '../upstream/wire';
import type { Door } from './outlet';

export class Detour implements Waiter {
  readonly #pool: ExclusivePool;
  readonly #lease: Lease;
  readonly #door: Door;
  readonly #waiter: Waiter;
  #paused = false;
  #over = false;

  /** What comes goes to `waiter` at once: it is the turn of this read, nothing stands before it. */
  constructor(pool: ExclusivePool, lease: Lease, door: Door, waiter: Waiter) {
    this.#pool = pool;
    this.#lease = lease;
    this.#door = door;
    this.#waiter = waiter;
  }

  begin(request: Buffer): void {
    this.#lease.wire.send(request, this);
  }

  /** The client has left: nobody takes the rest. */
  abandon(): void {
    if (!this.#over) this.#pool.destroy(this.#lease, 'its client has left');
  }

  onReply(chunk: Buffer, start: number, end: number, last: boolean): void {
    if (last) {
      this.#over = true;
      this.#pool.giveBack(this.#lease);
    }
    this.#waiter.onReply(chunk, start, end, last);
    if (!last) this.#slowDown();
  }

  onLost(loss: WireLoss): void {
    this.#over = true;
    this.#pool.destroy(this.#lease, loss.reason);
    this.#waiter.onLost(loss);
  }

  #slowDown(): void {
    if (this.#paused || this.#over || !this.#door.outlet.slow) return;
    this.#paused = true;
    this.#lease.wire.pause();
    this.#door.onceWritable(() => {
      this.#paused = false;
      if (!this.#over) this.#lease.wire.resume();
    });
  }
}
