/** Who a client is now: its Redis user, its database, the link that goes with them, and whether it may read there yet. */
import type { Identity } from '../upstream/identity';
import type { ClientFace } from './clients';
import type { House } from './house';
import type { Change } from './identify';
import type { Link } from './links';

export class Standing {
  readonly #house: House;
  readonly #face: ClientFace;
  readonly #onCaughtUp: () => void;
  #identity: Identity;
  #link: Link;
  #catchingUp = false;
  /** How often the fill wire to read from has changed: who waits for a former one is not up to date with this one. */
  #catchUps = 0;
  /** The proxy's own password was given, or there is none. */
  admitted: boolean;
  /** When Redis said yes to the user. */
  since: number;
  /** It may have seen values newer than what another identity's link has heard of. */
  hasRead = false;

  constructor(house: House, face: ClientFace, onCaughtUp: () => void) {
    this.#house = house;
    this.#face = face;
    this.#onCaughtUp = onCaughtUp;
    this.#identity = house.home;
    this.#link = house.links.join(house.home, false);
    this.admitted = house.password === undefined;
    this.since = house.clock.now();
    this.#show();
  }

  get identity(): Identity {
    return this.#identity;
  }

  get link(): Link {
    return this.#link;
  }

  get atHome(): boolean {
    return this.#identity === this.#house.home;
  }

  /** Cached reads have to wait: the fill wire of this identity has not told yet what it knows. */
  get catchingUp(): boolean {
    return this.#catchingUp;
  }

  /** Redis wants a password, respite was given none, and neither was this client. */
  get isStranger(): boolean {
    return this.#house.backing.asksForPassword && this.atHome;
  }

  /** Redis will not have this identity: does that go for this client as well? */
  sharesFateOf({ user, password }: Identity): boolean {
    const mine = this.#identity;
    if (this.atHome || mine.user !== user) return false;
    return mine.password === password || this.#link.identity.password === password;
  }

  become({ identity, protocol, name, admitted }: Change): void {
    this.admitted = admitted;
    this.#face.protocol = protocol;
    if (name !== undefined) this.#face.name = name;
    if (identity !== this.#identity) this.#take(identity);
  }

  /** RESET. What was read past the cache, on a pinned wire, may be newer than what is kept at home. */
  goHome(wasPinned: boolean): void {
    this.admitted = this.#house.password === undefined;
    Object.assign(this.#face, { name: '', kind: 'normal', tracking: false, protocol: 2 });
    const before = this.#link;
    this.hasRead ||= wasPinned;
    if (!this.atHome) this.#take(this.#house.home);
    if (wasPinned && this.#link === before) this.#catchUp();
  }

  /** Nobody waits for anything any more. */
  leave(): void {
    this.#catchUps += 1;
    this.#house.links.leave(this.#link);
  }

  #take(identity: Identity): void {
    const { links } = this.#house;
    const before = this.#link;
    const { user, password } = this.#identity;
    this.#link = links.join(identity, identity.user !== user || identity.password !== password);
    links.leave(before);
    this.since = this.#house.clock.now();
    this.#identity = identity;
    this.#show();
    if (this.#link !== before && this.hasRead) this.#catchUp();
  }

  #show(): void {
    this.#face.user = this.#identity.user || 'default';
    this.#face.db = this.#identity.db;
  }

  /** What was read under the former identity may be newer than what the new one's fill wire has heard of. */
  #catchUp(): void {
    const { tracker } = this.#link;
    this.#catchUps += 1;
    this.#catchingUp = tracker.mode !== 'ttl';
    if (!this.#catchingUp) {
      tracker.dropAll();
      return;
    }
    const mine = this.#catchUps;
    tracker.synchronize(() => {
      // Changed again meanwhile: this wire's word is nothing to go by for the next one.
      if (mine !== this.#catchUps) return;
      this.#catchingUp = false;
      this.#onCaughtUp();
    });
  }
}
