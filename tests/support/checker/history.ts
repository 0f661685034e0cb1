/**
 * What was written, when, and whether a read may have seen what it saw.
 *
 * Writers run at once, and Redis alone knows in which order it carried out what overlapped. So every verdict rests on
 * what is certain: a write is older than another when it was acknowledged before the other was sent. Each value is
 * unique and says which write it comes from; nil may come from any delete, flush or expiry, and is held against the
 * one that suits it best. A write whose answer got lost may still happen at any time: nothing is older than it ever
 * ends, and it makes nothing else old.
 */
import { tokenOf } from './values';

/** Where a write was made: promises differ. */
export type Via = 'proxy' | 'beside';
export type Kind =
  | 'read your writes'
  | 'never backwards'
  | 'exact expiry'
  | 'told in time'
  | 'snapshot'
  | 'no such value';

export interface Violation {
  readonly kind: Kind;
  readonly told: string;
}

export interface Target {
  readonly key: KeyHistory;
  /** Undefined: the key is gone after the write. */
  readonly value?: string;
  /** Milliseconds to live. */
  readonly px?: number;
  /** What was there may be a part of what is there now, and expires as it would have before: APPEND, KEEPTTL. */
  readonly keepsExpiry?: boolean;
}

/** Redis counts whole milliseconds, and looks at its clock when it begins with a command. */
const CLOCK_STEP = 2;
const NEVER = Number.POSITIVE_INFINITY;
const ALWAYS = Number.NEGATIVE_INFINITY;

/** One key's part of a write. */
class Version {
  readonly key: KeyHistory;
  readonly value: string | undefined;
  readonly start: number;
  readonly px: number | undefined;
  readonly keepsExpiry: boolean;
  /** When it was acknowledged. */
  end = NEVER;
  expiresAt = NEVER;
  /** A PEXPIRE may have changed its deadline. */
  deadlineUnsure: boolean;
  /** How long after the acknowledgement the last read began that still saw something older. */
  late = 0;

  constructor({ key, value, px, keepsExpiry = false }: Target, start: number) {
    this.key = key;
    this.value = value;
    this.px = px;
    this.keepsExpiry = keepsExpiry;
    this.start = start;
    this.deadlineUnsure = key.pexpiring > 0;
  }

  tell(): string {
    const end = this.end === NEVER ? '?' : this.end.toFixed(2);
    return `${this.value === undefined ? 'nil' : tokenOf(this.value)} [${this.start.toFixed(2)}, ${end}]`;
  }
}

/** An instant, somewhere between start and end, at which the key was missing. */
interface Gap {
  start: number;
  end: number;
  /** The latest moment at which whatever makes it expire was acknowledged; a later write calls it off. */
  readonly setBy: Version | undefined;
}

export class KeyHistory {
  readonly name: string;
  readonly db: number;
  /** It is only ever written together with another, with the same value. */
  readonly paired: boolean;
  /** By what tells their values apart. */
  readonly versions = new Map<string, Version>();
  /** Acknowledged writes made beside the proxy, in the order of their acknowledgement. */
  readonly besides: Version[] = [];
  readonly latest: Record<Via, Version | undefined> = { proxy: undefined, beside: undefined };
  gaps: Gap[] = [{ start: ALWAYS, end: ALWAYS, setBy: undefined }];
  /** PEXPIREs whose answer is not there, and when the last one was answered. */
  pexpiring = 0;
  pexpiredAt = ALWAYS;
  /** Of writes that certainly did not happen: by what tells their values apart, how that was told. */
  readonly refusals = new Map<string, string>();

  constructor(name: string, db: number, paired: boolean) {
    this.name = name;
    this.db = db;
    this.paired = paired;
  }

  floor(via: Via): number {
    return this.latest[via]?.start ?? ALWAYS;
  }
}

/** One connection, as far as promises about one session go: what it has read, and what it has written itself. */
export class Session {
  readonly name: string;
  readonly floors = new Map<KeyHistory, number>();

  constructor(name: string) {
    this.name = name;
  }

  raise(key: KeyHistory, start: number): void {
    if (start > this.floor(key)) this.floors.set(key, start);
  }

  floor(key: KeyHistory): number {
    return this.floors.get(key) ?? ALWAYS;
  }

  /** From now on it is somebody else. */
  forget(): void {
    this.floors.clear();
  }
}

/** A write on its way. One of the three methods is called, once. */
export class PendingWrite {
  readonly #versions: readonly Version[];
  readonly #gaps: readonly Gap[];
  readonly #via: Via;
  readonly #session: Session | undefined;
  readonly #now: () => number;

  constructor(targets: readonly Target[], via: Via, session: Session | undefined, now: () => number) {
    const start = now();
    this.#versions = targets.map((target) => new Version(target, start));
    this.#gaps = this.#versions.map(opens);
    this.#via = via;
    this.#session = session;
    this.#now = now;
  }

  done(): void {
    const end = this.#now();
    this.#versions.forEach((version, index) => {
      version.end = end;
      const gap = this.#gaps[index];
      if (gap && version.value === undefined) gap.end = end;
      if (gap && version.px !== undefined) {
        gap.end = end + version.px;
        if (!version.deadlineUnsure) version.expiresAt = end + version.px;
      }
      this.#supersede(version);
      this.#session?.raise(version.key, version.start);
    });
  }

  /** It may have happened, and may happen yet: the intervals stay open. */
  lost(): void {}

  /** It has certainly not happened, as `told` says. */
  refused(told: string): void {
    for (const { key, value } of this.#versions) {
      if (value === undefined) continue;
      key.versions.delete(tokenOf(value));
      key.refusals.set(tokenOf(value), told);
    }
    for (const [index, gap] of this.#gaps.entries()) {
      const version = this.#versions[index];
      if (version) version.key.gaps = version.key.gaps.filter((each) => each !== gap);
    }
  }

  #supersede(version: Version): void {
    const { key } = version;
    if (version.start > key.floor(this.#via)) key.latest[this.#via] = version;
    if (this.#via === 'beside') key.besides.push(version);
    if (version.keepsExpiry) return;
    // An expiry still to come of what was overwritten will not come.
    key.gaps = key.gaps.filter(
      ({ start, setBy }) => setBy === undefined || setBy.end >= version.start || start <= version.end,
    );
  }
}

/** Notes what the write may bring about, from now on: before it is acknowledged somebody may see it. */
function opens(version: Version): Gap {
  const { key, value, start, px } = version;
  if (value !== undefined) key.versions.set(tokenOf(value), version);
  const gap = {
    start: start + (px ?? 0) - CLOCK_STEP,
    end: NEVER,
    setBy: px === undefined ? undefined : version,
  };
  if (value === undefined || px !== undefined) key.gaps.push(gap);
  return gap;
}

/** PEXPIRE on its way: it changes the deadline of whatever is there. Without milliseconds, PERSIST: it takes it away. */
export class PendingExpiry {
  readonly #key: KeyHistory;
  readonly #px: number | undefined;
  readonly #via: Via;
  readonly #version: Version;
  readonly #gap: Gap;
  readonly #now: () => number;

  constructor(key: KeyHistory, px: number | undefined, via: Via, now: () => number) {
    this.#key = key;
    this.#px = px;
    this.#via = via;
    this.#now = now;
    this.#version = new Version({ key }, now());
    this.#gap = { start: this.#version.start + (px ?? 0) - CLOCK_STEP, end: NEVER, setBy: this.#version };
    key.pexpiring += 1;
    if (px !== undefined) key.gaps.push(this.#gap);
    for (const version of key.versions.values()) {
      version.deadlineUnsure = true;
      version.expiresAt = NEVER;
    }
  }

  /** `found` as Redis says: false, there was no such key. */
  done(found: boolean): void {
    const end = this.#now();
    const key = this.#key;
    const alone = key.pexpiring === 1 && key.pexpiredAt < this.#version.start;
    key.pexpiring -= 1;
    key.pexpiredAt = end;
    this.#version.end = end;
    if (this.#px === undefined) return;
    this.#gap.end = found ? end + this.#px : end;
    if (!found) this.#gap.start = this.#version.start;
    // Made beside the proxy it is news like any other: until the news is there, the old deadline is the right one.
    else if (alone && this.#via === 'proxy') this.#setDeadlines(end + this.#px);
  }

  #setDeadlines(deadline: number): void {
    for (const version of this.#key.versions.values())
      if (version.end < this.#version.start) version.expiresAt = deadline;
  }

  /** No deadline is sure any more. */
  lost(): void {}
}

/** A read of one key on its way. */
export class PendingRead {
  readonly #key: KeyHistory;
  readonly #session: Session;
  readonly #history: History;
  readonly #start: number;
  readonly #proxied: Version | undefined;
  readonly #besides: number;

  constructor(key: KeyHistory, session: Session, history: History) {
    this.#key = key;
    this.#session = session;
    this.#history = history;
    this.#start = history.now();
    this.#proxied = key.latest.proxy;
    this.#besides = key.besides.length;
  }

  saw(value: string | null): void {
    const history = this.#history;
    history.reads += 1;
    const version = value === null ? undefined : this.#key.versions.get(tokenOf(value));
    if (value === null) this.#judge('nil', this.#newestGap(), this.#startOfNil());
    else if (version) {
      this.#judge(version.tell(), version.end, version.start);
      if (this.#start > version.expiresAt + CLOCK_STEP)
        this.#complain('exact expiry', version.tell(), `it ended at ${version.expiresAt.toFixed(2)}`);
    } else this.#complain('no such value', brief(value), this.#history.whereFrom(this.#key, tokenOf(value)));
  }

  #judge(seen: string, end: number, start: number): void {
    if (this.#proxied && this.#proxied.start > end)
      this.#complain('read your writes', seen, `acknowledged before: ${this.#proxied.tell()}`);
    if (this.#session.floor(this.#key) > end)
      this.#complain(
        'never backwards',
        seen,
        `the session knows what was sent at ${this.#session.floor(this.#key).toFixed(2)}`,
      );
    this.#measure(seen, end);
    this.#session.raise(this.#key, start);
  }

  /** Which writes beside the proxy were acknowledged, and not seen yet. */
  #measure(seen: string, end: number): void {
    for (let i = this.#besides - 1; i >= 0; i--) {
      const newer = this.#key.besides[i];
      // Acknowledgements come in order: what was acknowledged before this one ended was sent before, too.
      if (!newer || newer.end < end) return;
      if (newer.start <= end) continue;
      const late = this.#start - newer.end;
      newer.late = Math.max(newer.late, late);
      if (late > this.#history.bound)
        this.#complain('told in time', seen, `${late.toFixed(1)} ms after ${newer.tell()}`);
    }
  }

  #newestGap(): number {
    const now = this.#history.now();
    let newest = ALWAYS;
    for (const { start, end } of this.#key.gaps) if (start <= now) newest = Math.max(newest, end);
    return newest;
  }

  /** The earliest gap that this read may have seen without breaking a promise. */
  #startOfNil(): number {
    const now = this.#history.now();
    const least = Math.max(this.#proxied?.start ?? ALWAYS, this.#session.floor(this.#key));
    let earliest = NEVER;
    for (const { start, end } of this.#key.gaps)
      if (start <= now && end >= least) earliest = Math.min(earliest, start);
    return earliest === NEVER ? ALWAYS : earliest;
  }

  #complain(kind: Kind, seen: string, why: string): void {
    const { name, db } = this.#key;
    const when = `[${this.#start.toFixed(2)}, ${this.#history.now().toFixed(2)}]`;
    this.#history.complain(
      kind,
      `${this.#session.name} read ${name} in db ${db} at ${when}, saw ${seen}; ${why}`,
    );
  }
}

/** The beginning, and the end, which says who wrote it. */
function brief(value: string): string {
  return value.length < 60
    ? value
    : `${value.slice(0, 20)}[${value.length} bytes]${value.slice(-20)}, ${tokenOf(value)}`;
}

const MOST_TOLD = 20;

export class History {
  /** The longest that a write made beside the proxy may stay unseen, in milliseconds. */
  readonly bound: number;
  readonly violations = new Map<Kind, number>();
  readonly told: Violation[] = [];
  /** Of those writes made beside the proxy that were seen late at all: how late. */
  readonly lateness: number[] = [];
  onViolation: () => void = () => {};
  /** Not complained of. */
  unpromised: ReadonlySet<Kind> = new Set();
  reads = 0;
  besides = 0;
  readonly #keys = new Set<KeyHistory>();

  constructor(bound: number) {
    this.bound = bound;
  }

  now(): number {
    return performance.now();
  }

  add(name: string, db: number, paired = false): KeyHistory {
    const key = new KeyHistory(name, db, paired);
    this.#keys.add(key);
    return key;
  }

  /** All keys that somebody may use, of one database or of both. */
  *keys(db?: number): Iterable<KeyHistory> {
    for (const key of this.#keys) if (db === undefined || key.db === db) yield key;
  }

  /** Nobody uses it any more: what it tells about staleness is counted. */
  forget(key: KeyHistory): void {
    if (!this.#keys.delete(key)) return;
    this.besides += key.besides.length;
    for (const { late } of key.besides) if (late > 0) this.lateness.push(late);
  }

  finish(): void {
    for (const key of [...this.#keys]) this.forget(key);
  }

  write(targets: readonly Target[], via: Via, session?: Session): PendingWrite {
    return new PendingWrite(targets, via, session, () => this.now());
  }

  expire(key: KeyHistory, px: number | undefined, via: Via): PendingExpiry {
    return new PendingExpiry(key, px, via, () => this.now());
  }

  read(key: KeyHistory, session: Session): PendingRead {
    return new PendingRead(key, session, this);
  }

  /** What is known of a value that has no business in this key. */
  whereFrom(key: KeyHistory, token: string): string {
    const refusal = key.refusals.get(token);
    if (refusal) return refusal;
    const others = [...this.#keys].filter((other) => other.versions.has(token));
    const names = others.map(({ name, db }) => `${name} in db ${db}`);
    return `nobody wrote that to this key, but to ${names.join(', ') || 'none that is in use'}`;
  }

  complain(kind: Kind, told: string): void {
    if (this.unpromised.has(kind)) return;
    this.violations.set(kind, (this.violations.get(kind) ?? 0) + 1);
    if (this.told.length < MOST_TOLD) this.told.push({ kind, told });
    this.onViolation();
  }

  /** Milliseconds, of all writes made beside the proxy: 0 for those that no later read missed. */
  lateAt(share: number): number {
    const sorted = this.lateness.toSorted((a, b) => a - b);
    const at = Math.ceil(share * this.besides) - 1 - (this.besides - sorted.length);
    return at < 0 ? 0 : (sorted[Math.min(at, sorted.length - 1)] ?? 0);
  }
}
