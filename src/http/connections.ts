/** The HTTP connections that are open: the callers of each, and who is turned away at the limit for clients. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Timer } from '../clock';
import type { House } from '../commands/house';
import type { Admission } from '../session/admission';
import { Caller } from './caller';
import { placeOf } from './place';
import { HttpProblem } from './problem';

export interface ConnectionLimits {
  readonly admission: Admission;
  /** 0: never. */
  readonly idleTimeout: number;
  readonly replyLimit: number;
}

const TOO_MANY = 'the limit of clients is reached, try again later';

class Connection {
  readonly callers = new Set<Caller>();
  /** Those that have begun to arrive and are not answered yet. */
  readonly requests = new Map<IncomingMessage, ServerResponse>();
  /** The caller that stays as long as the connection does; none for one that was turned away. */
  main: Caller | undefined;
  /** Ends it while no request has come. Between two requests the server itself does. */
  impatience: Timer | undefined;
}

export class Connections {
  readonly #house: House;
  readonly #limits: ConnectionLimits;
  readonly #connections = new Map<Socket, Connection>();
  #onEmpty: (() => void) | undefined;

  constructor(house: House, limits: ConnectionLimits) {
    this.#house = house;
    this.#limits = limits;
  }

  get size(): number {
    return this.#connections.size;
  }

  enter(socket: Socket): void {
    const connection = new Connection();
    this.#connections.set(socket, connection);
    socket.once('close', () => this.#leave(socket, connection));
    const { idleTimeout } = this.#limits;
    if (idleTimeout > 0) connection.impatience = this.#house.clock.after(idleTimeout, () => socket.destroy());
    const { stats, descriptors } = this.#house;
    if (!descriptors.left || !this.#limits.admission.admits(socket)) {
      stats.clientsRefused += 1;
      return;
    }
    stats.clientsAccepted += 1;
    connection.main = this.#open(socket, connection);
  }

  /** A request has come: from now on the server itself looks for those that are idle. */
  awaken(socket: Socket): void {
    this.#connections.get(socket)?.impatience?.stop();
  }

  begin(request: IncomingMessage, response: ServerResponse): void {
    const requests = this.#connections.get(request.socket)?.requests;
    requests?.set(request, response);
    response.once('close', () => requests?.delete(request));
  }

  /** Shutting down: connections that ask for nothing are ended, or with `patient` false those that ask too slowly too. */
  endIdle(patient: boolean): void {
    for (const [socket, { requests }] of this.#connections) {
      const waits = [...requests.keys()].some(({ complete }) => patient || complete);
      if (!waits) socket.destroySoon();
    }
  }

  /** False: the client goes on asking and does not read what it is answered. It is sent away. */
  keepsUp(socket: Socket): boolean {
    const requests = this.#connections.get(socket)?.requests;
    let unread = socket.writableLength;
    // Answers that wait for those in front of them are not at the socket yet.
    for (const response of requests?.values() ?? []) if (!response.socket) unread += response.writableLength;
    if (unread > this.#limits.replyLimit) socket.destroy();
    return !socket.destroyed;
  }

  /** Throws when the connection came over the limit for clients. */
  checkAdmitted(socket: Socket): void {
    if (!this.#connections.get(socket)?.main) throw tooMany();
  }

  /** A caller that is free: the connection's own, or one more when requests are pipelined. Pair with `giveBack`. */
  borrow(socket: Socket): Caller {
    const connection = this.#connections.get(socket);
    if (!connection) throw new HttpProblem(499, 'the client has left');
    if (!connection.main) throw tooMany();
    if (!connection.main.busy) return connection.main;
    if (this.#limits.admission.full) throw tooMany();
    return this.#open(socket, connection);
  }

  giveBack(socket: Socket, caller: Caller): void {
    const connection = this.#connections.get(socket);
    if (!connection || caller === connection.main) return;
    connection.callers.delete(caller);
    caller.leave();
  }

  /** The value of a key as the connection's own caller may know it from memory. */
  idle(socket: Socket): Caller | undefined {
    const main = this.#connections.get(socket)?.main;
    return main?.busy ? undefined : main;
  }

  /** Commands that wait for what somebody else will do are given up. */
  abandonBlocked(problem: HttpProblem): void {
    for (const { callers } of this.#connections.values())
      for (const caller of [...callers]) if (caller.blocked) caller.abandon(problem);
  }

  /** Resolves when nobody is connected. */
  emptied(): Promise<void> {
    if (this.#connections.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
    });
  }

  closeAll(): void {
    for (const socket of this.#connections.keys()) socket.destroy();
  }

  #open(socket: Socket, connection: Connection): Caller {
    const place = placeOf(socket, this.#limits.replyLimit);
    const caller = new Caller(this.#house, place, () => socket.destroy());
    connection.callers.add(caller);
    return caller;
  }

  #leave(socket: Socket, connection: Connection): void {
    this.#connections.delete(socket);
    connection.impatience?.stop();
    for (const caller of connection.callers) caller.leave();
    if (this.#connections.size === 0) this.#onEmpty?.();
  }
}

function tooMany(): HttpProblem {
  return new HttpProblem(429, TOO_MANY, { 'retry-after': '1', connection: 'close' });
}
