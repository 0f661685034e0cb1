/** A link for each identity that clients have: its tracker, its shared wires, and when it was last needed. */
import type { Store } from '../cache/store';
import type { Clock } from '../clock';
import { type Coherence, Tracker, type TrackerSettings } from '../coherence/tracker';
import type { Untold } from '../coherence/untold';
import type { Stats } from '../telemetry/stats';
import { type Identity, identityKey, userOf } from '../upstream/identity';
import { SharedWires } from '../upstream/shared-wires';
import type { WireMaker } from '../upstream/wire-maker';

const IDLE_FOR = 60_000;

export class Link {
  readonly identity: Identity;
  readonly tracker: Tracker;
  readonly shared: SharedWires;
  /** Clients that have this identity now. */
  users = 0;
  /** May this user read every key by every command? If not, a value is given only to the command that filled it. */
  unrestricted = false;
  lastUsedAt: number;

  constructor(identity: Identity, tracker: Tracker, shared: SharedWires, now: number) {
    this.identity = identity;
    this.tracker = tracker;
    this.shared = shared;
    this.lastUsedAt = now;
  }
}

export interface LinkParts {
  readonly maker: WireMaker;
  readonly store: Store;
  readonly clock: Clock;
  readonly stats: Stats;
  readonly settings: TrackerSettings & { readonly upstreamConnections: number };
  readonly untold: Untold;
  onCoherence(identity: Identity, mode: Coherence, why: string | undefined): void;
  isUnrestricted(user: string): boolean;
}

export class Links {
  readonly #links = new Map<string, Link>();
  readonly #parts: LinkParts;
  /** Made anew with each change, so that whoever goes through it is not disturbed: each write does. */
  #trackers: readonly Tracker[] = [];

  constructor(parts: LinkParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#links.size;
  }

  /** Somewhere Redis does not say what changes. */
  get timed(): boolean {
    for (const { tracker } of this.#links.values()) if (tracker.mode === 'ttl') return true;
    return false;
  }

  find(identity: Pick<Identity, 'user' | 'db'>): Link | undefined {
    return this.#links.get(identityKey(identity));
  }

  get trackers(): readonly Tracker[] {
    return this.#trackers;
  }

  values(): Iterable<Link> {
    return this.#links.values();
  }

  /** Pair with `leave`. `proven`: Redis has just accepted the password, so that it is the newest. */
  join(identity: Identity, proven: boolean): Link {
    const known = this.#links.get(identityKey(identity));
    if (proven && known?.identity.password !== identity.password) this.#spreadPassword(identity);
    const link = known ?? this.#open({ ...identity, password: this.#newestPassword(identity) });
    link.users += 1;
    link.lastUsedAt = this.#parts.clock.now();
    return link;
  }

  /** A client that has shown an older password may be the first to want another database. */
  #newestPassword({ user, password }: Identity): string | undefined {
    for (const { identity } of this.#links.values()) if (identity.user === user) return identity.password;
    return password;
  }

  #spreadPassword({ user, password }: Identity): void {
    for (const { identity } of this.#links.values()) if (identity.user === user) identity.password = password;
  }

  leave(link: Link): void {
    link.users -= 1;
    link.lastUsedAt = this.#parts.clock.now();
  }

  /** The rights of a user have changed: what was read in its name is forgotten. */
  forgetUser(user: string): void {
    for (const link of this.#links.values()) if (userOf(link.identity) === user) link.tracker.dropAll();
  }

  reassessRights(): void {
    for (const link of this.#links.values())
      link.unrestricted = this.#parts.isUnrestricted(link.identity.user);
  }

  heartbeat(): void {
    const now = this.#parts.clock.now();
    for (const [key, link] of this.#links) {
      link.tracker.heartbeat();
      link.shared.closeIdle(now);
      if (link.users > 0) link.lastUsedAt = now;
      if (now - link.lastUsedAt <= IDLE_FOR) continue;
      this.#links.delete(key);
      this.#listTrackers();
      this.#close(link, 'idle');
    }
  }

  close(): void {
    for (const link of this.#links.values()) this.#close(link, 'shutting down');
    this.#links.clear();
    this.#listTrackers();
  }

  #open(identity: Identity): Link {
    const { maker, store, clock, stats, settings, untold } = this.#parts;
    const tracker = new Tracker({
      identity,
      maker,
      store,
      clock,
      stats,
      settings,
      untold,
      onCoherence: (mode, why) => this.#parts.onCoherence(identity, mode, why),
    });
    const shared = new SharedWires(identity, maker, settings.upstreamConnections);
    const link = new Link(identity, tracker, shared, clock.now());
    link.unrestricted = this.#parts.isUnrestricted(identity.user);
    this.#links.set(identityKey(identity), link);
    this.#listTrackers();
    return link;
  }

  #listTrackers(): void {
    this.#trackers = [...this.#links.values()].map(({ tracker }) => tracker);
  }

  #close(link: Link, reason: string): void {
    link.tracker.close(reason);
    link.shared.close(reason);
  }
}
