/** File descriptors: how many connections this process may still have, and the word to the operator when they run out. */
import { readdirSync, readFileSync } from 'node:fs';
import type { Log } from './log';

/** What is kept back for connections to Redis, and for telling clients that there is no room. */
const SPARE = 16;
/** The log is not told of each client that comes and goes at the limit. */
const PLENTY_AGAIN = 0.9;
/** Where it cannot be counted: the event loop's own, the log, the ports, the control connection. */
const USUALLY_IN_USE = 32;

export class Descriptors {
  readonly #connections: () => number;
  readonly #log: Log;
  readonly #room: number;
  #scarce = false;

  /** `connections` counts those that are open. To be made before there are any. */
  constructor(connections: () => number, log: Log, limit = limitOfProcess()) {
    this.#connections = connections;
    this.#log = log;
    this.#room = limit - inUse() - SPARE;
  }

  /** May one more client come in? */
  get left(): boolean {
    const connections = this.#connections();
    if (!this.#scarce && connections >= this.#room) this.#warn(connections);
    else if (this.#scarce && connections < this.#room * PLENTY_AGAIN) this.#reassure(connections);
    return connections < this.#room;
  }

  #warn(connections: number): void {
    this.#scarce = true;
    this.#log.warn(
      { connections },
      'file descriptors are running out: no more clients are let in until some leave; raise ulimit -n, or lower --max-clients',
    );
  }

  #reassure(connections: number): void {
    this.#scarce = false;
    this.#log.info({ connections }, 'there are file descriptors again: clients are let in');
  }
}

/** Where the system does not say, nothing is held back: it closes those for whom it has no descriptor. */
function limitOfProcess(): number {
  try {
    const soft = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

function inUse(): number {
  try {
    return readdirSync('/dev/fd').length;
  } catch {
    return USUALLY_IN_USE;
  }
}
