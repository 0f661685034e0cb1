/** The clients that a worker has been handed: which of them have a seat, and which ids theirs are. */
import type { Socket } from 'node:net';
import type { Guests } from '../commands/house';
import type { Admission } from '../session/admission';

interface Arrival {
  readonly id: number;
  readonly seated: boolean;
}

/** Ids that no client was handed with: those of the requests of one HTTP connection. Each process has its own range. */
const RANGE = 2 ** 36;

export class Arrivals implements Admission {
  readonly #mostGuests: number;
  readonly #onSeatFree: () => void;
  /** By both ends of the connection: TLS wraps the socket in another one. */
  readonly #expected = new Map<string, Arrival>();
  #seats = 0;
  #nextId: number | undefined;
  #lastOwnId: number;
  guests: Guests | undefined;

  constructor(serial: number, mostGuests: number, onSeatFree: () => void) {
    this.#lastOwnId = serial * RANGE;
    this.#mostGuests = mostGuests;
    this.#onSeatFree = onSeatFree;
  }

  /** How many have a seat. */
  get seats(): number {
    return this.#seats;
  }

  get full(): boolean {
    return (this.guests?.size ?? 0) >= this.#mostGuests;
  }

  /** False: the client has left already. */
  arrive(socket: Socket, arrival: Arrival): boolean {
    const place = placeOf(socket);
    const { seated } = arrival;
    if (place === undefined) {
      socket.destroy();
      if (seated) this.#onSeatFree();
      return false;
    }
    this.#expected.set(place, arrival);
    if (seated) this.#seats += 1;
    socket.once('close', () => this.#leave(place, arrival));
    // A pair of ends is a way that both sides close by themselves; sockets that are handed on forget that.
    socket.allowHalfOpen = true;
    return true;
  }

  admits(socket: Socket): boolean {
    const arrival = this.#expected.get(placeOf(socket) ?? '');
    if (!arrival?.seated) return false;
    this.#nextId = arrival.id;
    return true;
  }

  /** The id of the client that was admitted last, once; then one of this process's own. */
  readonly nextId = (): number => {
    const given = this.#nextId;
    this.#nextId = undefined;
    if (given !== undefined) return given;
    this.#lastOwnId += 1;
    return this.#lastOwnId;
  };

  #leave(place: string, arrival: Arrival): void {
    if (this.#expected.get(place) === arrival) this.#expected.delete(place);
    if (!arrival.seated) return;
    this.#seats -= 1;
    this.#onSeatFree();
  }
}

function placeOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string | undefined {
  return remoteAddress === undefined
    ? undefined
    : `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}
