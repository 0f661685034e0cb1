/** Who may come in: clients are counted over both ports, wherever the count is kept. */
import type { Socket } from 'node:net';
import type { Guests } from '../commands/house';

export interface Admission {
  /** Asked once for each client, when it can be told what it gets to hear. */
  admits(socket: Socket): boolean;
  /** Nobody more fits in, not even beside a client that is in. */
  readonly full: boolean;
}

/** Counts those who are here. */
export class GuestLimit implements Admission {
  readonly #guests: Guests;
  readonly #most: number;

  constructor(guests: Guests, most: number) {
    this.#guests = guests;
    this.#most = most;
  }

  get full(): boolean {
    return this.#guests.size >= this.#most;
  }

  admits(): boolean {
    return !this.full;
  }
}
