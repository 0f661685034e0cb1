/** The wires that all clients of one identity share for plain commands: so many for each protocol version. */
import { handshake } from './handshake';
import type { Identity, Protocol } from './identity';
import type { Wire } from './wire';
import type { WireMaker } from './wire-maker';

const IDLE_FOR = 60_000;

export class SharedWires {
  readonly #wires: Record<Protocol, (Wire | undefined)[]>;
  readonly #scripts: Record<Protocol, Wire | undefined> = { 2: undefined, 3: undefined };
  readonly #identity: Identity;
  readonly #maker: WireMaker;

  constructor(identity: Identity, maker: WireMaker, count: number) {
    this.#identity = identity;
    this.#maker = maker;
    this.#wires = { 2: new Array(count).fill(undefined), 3: new Array(count).fill(undefined) };
  }

  /** A client always gets the same wire, so that its own commands stay in order. */
  wireFor(client: number, protocol: Protocol, now: number): Wire {
    const wires = this.#wires[protocol];
    const place = client % wires.length;
    const wire = wires[place];
    if (wire && !wire.closed) {
      wire.lastUsedAt = now;
      return wire;
    }
    const opened = this.#openOne(protocol, now);
    wires[place] = opened;
    return opened;
  }

  /**
   * Scripts of all clients have one wire more: Redis reads nothing behind a script that runs away, and answers -BUSY
   * on all others, so that plain commands must not stand behind one.
   */
  scriptWire(protocol: Protocol, now: number): Wire {
    const wire = this.#scripts[protocol];
    if (wire && !wire.closed) {
      wire.lastUsedAt = now;
      return wire;
    }
    const opened = this.#openOne(protocol, now);
    this.#scripts[protocol] = opened;
    return opened;
  }

  *open(): Iterable<Wire> {
    const all = [...this.#wires[2], ...this.#wires[3], this.#scripts[2], this.#scripts[3]];
    for (const wire of all) if (wire && !wire.closed) yield wire;
  }

  closeIdle(now: number): void {
    for (const wire of this.open()) {
      if (wire.unanswered === 0 && now - wire.lastUsedAt > IDLE_FOR) wire.close('idle');
    }
  }

  close(reason: string): void {
    for (const wire of this.open()) wire.close(reason);
  }

  #openOne(protocol: Protocol, now: number): Wire {
    const wire = this.#maker.open(this.#identity, handshake(this.#identity, protocol, this.#maker.home));
    wire.lastUsedAt = now;
    return wire;
  }
}
