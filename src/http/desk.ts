/** What the routes have in common: how their commands are carried out, and what becomes of errors. */

import type { Socket } from 'node:net';
import type { Command } from '../commands/conversation';
import type { House } from '../commands/house';
import type { Limiters } from '../session/rate-limiter';
import type { Log } from '../telemetry/log';
import { type Allowance, Caller } from './caller';
import type { Connections } from './connections';
import type { EventStream } from './event-stream';
import type { Form } from './formats';
import { type CallerPlace, placeOf } from './place';
import { HttpProblem } from './problem';

/** JSON is made at one go while nobody else is served, and takes up to six times as much. */
const MOST_FOR_JSON = 64 * 1024 * 1024;
const JSON_LIMIT =
  'that JSON is made of: ask with Upstash-Response-Format: resp2, or for a value with Accept: application/octet-stream';

export interface DeskParts {
  readonly house: House;
  readonly connections: Connections;
  readonly rateLimits: Limiters | undefined;
  readonly replyLimit: number;
  /** Seconds that a connection may stay idle. */
  readonly keepAlive: number;
  readonly log: Log;
}

export class Desk {
  readonly house: House;
  readonly connections: Connections;
  readonly keepAlive: number;
  readonly json: Allowance;
  readonly log: Log;
  /** Those that are open, for the end of them all. */
  readonly streams = new Set<EventStream>();
  readonly #rateLimits: Limiters | undefined;
  readonly #replyLimit: number;

  constructor({ house, connections, rateLimits, replyLimit, keepAlive, log }: DeskParts) {
    this.keepAlive = keepAlive;
    this.json = { bytes: Math.min(MOST_FOR_JSON, replyLimit), why: JSON_LIMIT };
    this.house = house;
    this.connections = connections;
    this.log = log;
    this.#rateLimits = rateLimits;
    this.#replyLimit = replyLimit;
  }

  /** Carries out the commands of one request, in their order: one round trip for all of them. */
  async execute(socket: Socket, commands: readonly Command[], { resp }: Form): Promise<Buffer[]> {
    const caller = this.connections.borrow(socket);
    try {
      return await caller.ask(commands, resp ? undefined : this.json);
    } finally {
      this.connections.giveBack(socket, caller);
    }
  }

  get limitsRates(): boolean {
    return this.#rateLimits !== undefined;
  }

  /** Counts commands against the limit of the client's address. */
  async charge(socket: Socket, commands: number): Promise<void> {
    if (!this.#rateLimits) return;
    const { clock, stats } = this.house;
    const limiter = this.#rateLimits.of(socket.remoteAddress ?? '', clock.now());
    let admitted = limiter.take(clock.now(), commands);
    while (admitted === undefined) {
      await new Promise<void>((known) => limiter.onceKnown(known));
      if (socket.destroyed) throw new HttpProblem(499, 'the client has left');
      admitted = limiter.take(clock.now(), commands);
    }
    if (admitted) return;
    stats.rateLimited += 1;
    const wait = limiter.waitFor(clock.now());
    throw new HttpProblem(429, `rate limit exceeded, try again in ${wait} ms`, {
      'retry-after': String(Math.ceil(wait / 1000)),
    });
  }

  placeOf(socket: Socket): CallerPlace {
    return placeOf(socket, this.#replyLimit);
  }

  secondsSince(time: number): number {
    return Math.max(0, Math.floor((this.house.clock.now() - time) / 1000));
  }

  /** A caller that belongs to no client: for what goes on when the client who asked for it has left. */
  open(name: string): Caller {
    return new Caller(this.house, { address: name, localAddress: name, replyLimit: this.#replyLimit });
  }
}
