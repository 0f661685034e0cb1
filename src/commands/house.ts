/** What all conversations of one proxy share. */
import type { Store } from '../cache/store';
import type { Clock } from '../clock';
import type { Drops } from '../coherence/drops';
import type { Barrier } from '../coherence/fence';
import type { Untold } from '../coherence/untold';
import type { Descriptors } from '../telemetry/descriptors';
import type { Latencies } from '../telemetry/latency';
import type { Reading } from '../telemetry/reading';
import type { Stats } from '../telemetry/stats';
import type { ExclusivePool } from '../upstream/exclusive-pool';
import type { Identity } from '../upstream/identity';
import type { Links } from './links';
import type { ListedClient } from './local';
import type { Neighbours } from './neighbours';
import type { CommandTable } from './table';

export interface House {
  readonly store: Store;
  readonly links: Links;
  readonly pool: ExclusivePool;
  readonly drops: Drops;
  readonly fence: Barrier;
  readonly untold: Untold;
  readonly stats: Stats;
  readonly latencies: Latencies;
  readonly clock: Clock;
  readonly guests: Guests;
  readonly descriptors: Descriptors;
  /** What a client is before it says who it is. */
  readonly home: Identity;
  /** The proxy's own password. */
  readonly password: string | undefined;
  readonly backing: BackingKnowledge;
  /** The other processes that share the ports, if there are any. */
  readonly neighbours: Neighbours | undefined;
  /** Until when CLIENT PAUSE holds clients back: a command that waits must not keep those of others waiting. */
  pausedUntil: number;
  /** What this process tells of itself. */
  reading(): Reading;
  /** The same of all processes that share the ports. */
  survey(): Promise<Reading>;
}

/** What the control connection has learned about the backing server. */
export interface BackingKnowledge {
  readonly table: CommandTable;
  /** Redis wants a password that respite was not given. */
  readonly asksForPassword: boolean;
  /** False while COMMAND could not be asked: Redis wants a password, or is not there. */
  readonly tableKnown: boolean;
  knowsUser(name: string): boolean;
  /** When Redis was last heard of, this user could use every command. */
  wasUnrestricted(user: string): boolean;
  /** Rights have changed through the proxy. Resolves when it is known for whom. */
  reloadRights(): Promise<void>;
  /** A module was loaded, or a command met that is not in the table. */
  reloadTable(): Promise<void>;
  /** Asks for the table in the name of a client that has just authenticated. */
  learnAs(identity: Identity): Promise<void>;
}

/** A client that is connected, by RESP or HTTP. */
export interface Guest extends ListedClient {
  /** The id that Redis gave the wire this client has for itself; 0 when it has none. */
  readonly upstreamId: number;
  /** Gives the client a wire of its own, so that Redis can send it something: the target of a REDIRECT. */
  adopt(): number;
  /** When Redis said yes to the user that the client is. */
  readonly userSince: number;
  /** Whether this client, too, is one whom Redis does not know any more when it does not know `identity`. */
  sharesFateOf(identity: Identity): boolean;
  /** Its user is gone: it is closed as soon as it has the answers that it is owed, and asks for nothing more. */
  dismiss(): void;
}

export class Guests {
  readonly #guests = new Map<number, Guest>();
  readonly #nextId: () => number;

  constructor(nextId: () => number = countUp()) {
    this.#nextId = nextId;
  }

  get size(): number {
    return this.#guests.size;
  }

  nextId(): number {
    return this.#nextId();
  }

  enter(guest: Guest): void {
    this.#guests.set(guest.face.id, guest);
  }

  leave(guest: Guest): void {
    this.#guests.delete(guest.face.id);
  }

  dismiss(whom: (guest: Guest) => boolean): void {
    const dismissed = [...this.#guests.values()].filter(whom);
    for (const guest of dismissed) guest.dismiss();
  }

  find(id: number): Guest | undefined {
    return this.#guests.get(id);
  }

  [Symbol.iterator](): Iterator<Guest> {
    return this.#guests.values();
  }
}

function countUp(): () => number {
  let last = 0;
  return () => {
    last += 1;
    return last;
  };
}
