/** Wires that one client has to itself for a while: lent, given back, and lent again to the next. */
import type { Clock } from '../clock';
import { encodeCommand } from '../resp/encoder';
import { exclusiveHandshake } from './handshake';
import type { Identity, Protocol } from './identity';
import { ignoreReply } from './ignore-reply';
import type { Wire, WireEvents } from './wire';
import type { WireMaker } from './wire-maker';

/** What Redis holds about a connection that a later borrower would notice. */
export interface WireFacts {
  identity: Identity;
  protocol: Protocol;
}

export interface Lease {
  readonly wire: Wire;
  facts: WireFacts;
  /** Set when the borrower gave the connection a name, which has to go before anybody else borrows it. */
  named: boolean;
  /** Redis would not take its user any more as it did then: to be closed when it comes back. */
  outdated: boolean;
  /** What Redis sends without being asked goes to the borrower. */
  onPush: ((frame: Buffer) => void) | undefined;
}

/** More idle wires than this for one identity are closed: a burst must not be held against Redis's own client limit. */
const MOST_IDLE = 64;
const IDLE_FOR = 60_000;

export class ExclusivePool {
  readonly #idle = new Map<string, Lease[]>();
  readonly #lent = new Set<Lease>();
  readonly #maker: WireMaker;
  readonly #clock: Clock;

  constructor(maker: WireMaker, clock: Clock) {
    this.#maker = maker;
    this.#clock = clock;
  }

  get lent(): number {
    return this.#lent.size;
  }

  get idle(): number {
    let sum = 0;
    for (const leases of this.#idle.values()) sum += leases.length;
    return sum;
  }

  /** An idle wire in just this state, else a new one. */
  borrow(identity: Identity, protocol: Protocol): Lease {
    return this.borrowIdle(identity, protocol) ?? this.#open(identity, protocol);
  }

  /** An idle wire in just this state, or none. */
  borrowIdle(identity: Identity, protocol: Protocol): Lease | undefined {
    const leases = this.#idle.get(poolKey(identity, protocol));
    for (let lease = leases?.pop(); lease; lease = leases?.pop()) {
      if (lease.wire.closed) continue;
      this.#lent.add(lease);
      return lease;
    }
    return undefined;
  }

  /** Only for a wire that answers nobody and holds no transaction, watch, subscription or other state. */
  giveBack(lease: Lease): void {
    this.#lent.delete(lease);
    lease.onPush = undefined;
    if (lease.wire.closed) return;
    // A slow client may have left it paused.
    lease.wire.resume();
    const key = poolKey(lease.facts.identity, lease.facts.protocol);
    const leases = this.#idle.get(key) ?? [];
    if (lease.outdated || leases.length >= MOST_IDLE) {
      lease.wire.close(lease.outdated ? 'the user has changed' : 'more idle connections than are kept');
      return;
    }
    if (lease.named) lease.wire.send(encodeCommand(['CLIENT', 'SETNAME', '']), ignoreReply);
    lease.named = false;
    lease.wire.lastUsedAt = this.#clock.now();
    leases.push(lease);
    this.#idle.set(key, leases);
  }

  destroy(lease: Lease, reason: string): void {
    this.#lent.delete(lease);
    lease.wire.close(reason);
  }

  /** A command blocks on it whose client has left. */
  part(lease: Lease): void {
    this.#lent.delete(lease);
    lease.wire.partUnsaid();
  }

  /** Closes what nobody has borrowed for a minute, and forgets what Redis has closed. */
  tidy(): void {
    const oldest = this.#clock.now() - IDLE_FOR;
    for (const [key, leases] of this.#idle) {
      const kept = leases.filter((lease) => !lease.wire.closed && lease.wire.lastUsedAt >= oldest);
      for (const lease of leases) if (!kept.includes(lease)) lease.wire.close('idle');
      if (kept.length === 0) this.#idle.delete(key);
      else this.#idle.set(key, kept);
    }
  }

  /** Closes every wire of a user who has a password now: idle ones at once, and those that are lent when they come back. */
  closeUser(user: string): void {
    for (const lease of this.#lent) if (lease.facts.identity.user === user) lease.outdated = true;
    for (const leases of this.#idle.values()) {
      for (const lease of leases)
        if (lease.facts.identity.user === user) lease.wire.close('the user has changed');
    }
    this.tidy();
  }

  close(): void {
    for (const leases of this.#idle.values()) for (const lease of leases) lease.wire.close('shutting down');
    for (const lease of this.#lent) lease.wire.close('shutting down');
    this.#idle.clear();
    this.#lent.clear();
  }

  #open(identity: Identity, protocol: Protocol): Lease {
    const events: WireEvents = { onPush: (frame) => lease.onPush?.(frame) };
    const wire = this.#maker.open(identity, exclusiveHandshake(identity, protocol, this.#maker.home), events);
    const lease: Lease = {
      wire,
      facts: { identity, protocol },
      named: false,
      outdated: false,
      onPush: undefined,
    };
    this.#lent.add(lease);
    return lease;
  }
}

function poolKey(identity: Identity, protocol: Protocol): string {
  return `${protocol} ${identity.db} ${identity.user}`;
}
