/**
 * What one identity knows of Redis and how it is told of changes: the fill wire, its epoch, and the cache partition.
 *
 * Reads that fill travel on the connection that carries the pushes, so that both keep their order. An epoch is one
 * unbroken life of that order: what was cached in it is worth nothing once it has ended.
 */
import type { Partition } from '../cache/partition';
import type { Store } from '../cache/store';
import type { Clock } from '../clock';
import { encodeCommand } from '../resp/encoder';
import { parseShallow, type Reply } from '../resp/reply-parser';
import type { Stats } from '../telemetry/stats';
import { fillHandshake } from '../upstream/handshake';
import type { Identity } from '../upstream/identity';
import type { Waiter, Wire } from '../upstream/wire';
import { isDisowned, type WireMaker } from '../upstream/wire-maker';
import { type Claim, type FillReader, FillRegister } from './fill-register';
import {
  type FillHome,
  type FillLimits,
  getAndPttl,
  LONGEST_WRITTEN,
  MOST_WRITTEN,
  mget,
  OUT_OF_STEP,
  pttl,
  writeGetAndPttl,
} from './fills';
import { GetFill } from './get-fill';
import { MgetFill } from './mget-fill';
import type { Untold } from './untold';

export type Coherence = 'tracking' | 'ttl';

export interface TrackerSettings extends FillLimits {
  readonly coherence: Coherence;
  readonly upstreamTimeout: number;
  readonly staleIfError: number;
}

export interface TrackerParts {
  readonly identity: Identity;
  readonly maker: WireMaker;
  readonly store: Store;
  readonly clock: Clock;
  readonly stats: Stats;
  readonly settings: TrackerSettings;
  readonly untold: Untold;
  /** A key may have changed: every partition must hear of it, not only this one. */
  onCoherence(mode: Coherence, why: string | undefined): void;
}

export const HEARTBEAT = 1_000;
/** While nothing is cached, nothing can be outdated. */
const IDLE_HEARTBEAT = 10_000;
/** Keys seen above --max-value are remembered, so many at most, and read over a shared wire from then on. */
const MOST_BIG_KEYS = 1_000;
const PING = encodeCommand(['PING']);

export class Tracker implements FillHome {
  readonly partition: Partition;
  readonly limits: FillLimits;
  readonly register: FillRegister;
  readonly #parts: TrackerParts;
  readonly #bigKeys = new Set<string>();
  /** PINGs that somebody waits for. */
  readonly #fences = new Set<Pong>();
  #wire: Wire | undefined;
  /** A wire that fell silent: its readers go on waiting while nothing shows that Redis is answering others. */
  #fading: Wire | undefined;
  #mode: Coherence;
  #live = false;
  #freshUntil = 0;
  #staleUntil = 0;
  #oldestPing: number | undefined;
  #pingedAt = 0;
  /** When the first answer was met of those that have just come in together. */
  #hearingAt: number | undefined;
  #closed = false;
  /** Why the next wire does without HELLO: tried anew at every later reconnect. */
  #helloRefused: string | undefined;
  asked = 0;
  epoch = 0;
  heardAt = 0;
  pushedAt = 0;

  constructor(parts: TrackerParts) {
    this.#parts = parts;
    this.register = new FillRegister(parts.stats);
    this.#mode = parts.settings.coherence;
    this.limits = parts.settings;
    this.partition = parts.store.partition();
  }

  get mode(): Coherence {
    return this.#mode;
  }

  get live(): boolean {
    return this.#live;
  }

  get wire(): Wire | undefined {
    return this.#wire;
  }

  now(): number {
    return this.#parts.clock.now();
  }

  /** Whether the cache may answer at this moment: the link is up, and its last sign of life is not too old. */
  answersAt(now: number): boolean {
    return this.#live && now <= this.#freshUntil && !this.#parts.untold.any;
  }

  /** Whether what was cached in the last epoch may still be given out. */
  answersStaleAt(now: number): boolean {
    return now < this.#staleUntil && !this.answersAt(now) && !this.#parts.untold.any;
  }

  isBig(key: string): boolean {
    return this.#bigKeys.size > 0 && this.#bigKeys.has(key);
  }

  /**
   * The caller hears through `reader`, possibly before this returns. `after` is the order of the last MGET that the
   * same client has asked: a GET sent before that one may be older than what it reads.
   */
  fill(key: string, reader: FillReader, asking: number, after: number, now: number): void {
    const inFlight = this.#parts.untold.any ? undefined : this.register.joinable(key, after);
    if (inFlight) {
      this.#parts.stats.joinedFills += 1;
      inFlight.join(reader, asking, now);
      return;
    }
    const wire = this.#openWire();
    this.asked += 1;
    this.#parts.stats.fills += 1;
    const fill = new GetFill(key, this.asked, this, reader, asking, now);
    if (key.length > LONGEST_WRITTEN) wire.sendText(getAndPttl(key), fill, 2);
    else wire.sendWritten(key, writeGetAndPttl, MOST_WRITTEN, fill, 2);
  }

  /** Tells its order among all that was asked. */
  fillMany(keys: readonly string[], reader: FillReader, asking: number): number {
    const wire = this.#openWire();
    this.asked += 1;
    this.#parts.stats.fills += 1;
    const order = this.asked;
    const claims: Claim[] = [];
    const places: number[] = [];
    let requests = mget(keys);
    const claimed = new Set<string>();
    const now = this.now();
    keys.forEach((key, place) => {
      // Where pushes tell, the entry is just what MGET will say. Where time rules it may be older, and has to go.
      const isKept = this.#mode === 'tracking' && this.partition.peek(key, now) >= 0;
      if (claimed.has(key) || isKept) return;
      claimed.add(key);
      claims.push({ key, shareable: undefined, cancelled: false, hash: 0, next: undefined });
      places.push(place);
      requests += pttl(key);
    });
    const fill = new MgetFill(claims, places, this, reader, asking);
    wire.sendText(requests, fill, 1 + claims.length);
    return order;
  }

  /** Calls back once every push that Redis had sent before now has been handled, or the epoch has ended. */
  synchronize(done: () => void): void {
    const wire = this.#wire;
    if (this.#live && wire && !wire.closed) {
      const pong = new Pong(this, done);
      this.#fences.add(pong);
      wire.send(PING, pong);
    } else {
      this.dropStale();
      done();
    }
  }

  /** Nobody will say what has changed by now: a stale copy may be of just what the caller has written. */
  dropStale(): void {
    this.partition.endStale();
  }

  /** A write in `ttl` mode whose keys are not known, or a change that concerns all keys. */
  dropAll(): void {
    this.partition.endGeneration(false);
    this.partition.endStale();
    this.register.cancelAll();
  }

  /** In this partition alone: how many entries went. */
  dropKeys(keys: readonly string[]): number {
    let dropped = 0;
    for (const key of keys) {
      this.register.cancel(key);
      if (this.partition.drop(key, 'dropped')) dropped += 1;
    }
    return dropped;
  }

  noteBig(key: string): void {
    if (this.#bigKeys.size >= MOST_BIG_KEYS) this.#bigKeys.clear();
    this.#bigKeys.add(key);
  }

  distrust(): void {
    this.#wire?.close(OUT_OF_STEP.reason);
    this.#fading?.close(OUT_OF_STEP.reason);
  }

  confirm(sentAt: number): number {
    this.#hearingAt ??= this.now();
    const now = this.#hearingAt;
    // The order of the stream holds, but what was given out meanwhile may have been overtaken: begin anew.
    if (now - sentAt > this.#parts.settings.upstreamTimeout && this.#live) this.#renewEpoch();
    this.#freshUntil = Math.max(this.#freshUntil, sentAt + HEARTBEAT + this.#parts.settings.upstreamTimeout);
    return now;
  }

  /** What cannot be understood may be an invalidation: the order of pushes is lost with it. */
  #onPushFrame(wire: Wire, frame: Buffer): void {
    const push = parseShallow(frame);
    if (push) this.onPush(push.reply);
    else wire.close('the backing server sent a push that nests as none does');
  }

  onPush(push: Reply): void {
    if (push.type !== 'push') return;
    const [kind, keys] = push.items;
    if (kind?.type !== 'bulk' || kind.value.latin1Slice() !== 'invalidate' || !keys) return;
    this.pushedAt = this.now();
    if (keys.type === 'array') for (const key of keys.items) this.#invalidate(key);
    else this.#invalidateAll();
  }

  /** Each second: a sign of life is asked for, and its absence acted upon. */
  heartbeat(): void {
    const now = this.now();
    const silentSince = this.#oldestPing;
    if (silentSince !== undefined && now - silentSince > this.#parts.settings.upstreamTimeout) this.#fade();
    const wire = this.#wire;
    if (wire?.ready && !wire.closed && this.#hasSomethingToLose(now)) {
      this.#oldestPing ??= now;
      this.#pingedAt = now;
      wire.send(PING, new Pong(this, undefined));
    }
    // Stale copies are for as long as Redis cannot be reached: nobody else would find out when it can.
    if (now < this.#staleUntil) this.#openWire();
    if (this.#fading?.unanswered === 0) this.#fading.close('its last reader was answered');
  }

  /** A Redis that nobody reads through here is asked less often. */
  #hasSomethingToLose(now: number): boolean {
    const awaited = this.register.inFlight > 0 || this.#fences.size > 0 || this.#oldestPing !== undefined;
    return this.partition.keys > 0 || awaited || now - this.#pingedAt >= IDLE_HEARTBEAT;
  }

  /** Opens the fill wire ahead of the first read. */
  warm(): void {
    this.#openWire();
  }

  close(reason: string): void {
    this.#closed = true;
    this.#endEpoch(false);
    this.#wire?.close(reason);
    this.#fading?.close(reason);
    this.#parts.store.release(this.partition);
  }

  onPong(pong: Pong, sentAt: number): void {
    this.#fences.delete(pong);
    this.#oldestPing = undefined;
    this.confirm(sentAt);
  }

  #openWire(): Wire {
    if (this.#wire && !this.#wire.closed) return this.#wire;
    let why = this.#helloRefused;
    this.#helloRefused = undefined;
    let mode: Coherence = why === undefined ? this.#parts.settings.coherence : 'ttl';
    const wire = this.#parts.maker.open(
      this.#parts.identity,
      fillHandshake(this.#parts.identity, mode, this.#parts.maker.home, (refusal) => {
        if (refusal === undefined) return;
        mode = 'ttl';
        why = refusal;
      }),
      {
        onReady: () => this.#beginEpoch(mode, why),
        onPush: (frame) => this.#onPushFrame(wire, frame),
        onClosed: (closed, reason) => this.#onClosed(closed, reason),
        onHeard: () => {
          this.heardAt = this.now();
          this.#hearingAt = undefined;
        },
      },
    );
    this.#wire = wire;
    return wire;
  }

  #beginEpoch(mode: Coherence, why: string | undefined): void {
    const now = this.now();
    this.#fading?.close('silent, while others were answered');
    this.#mode = mode;
    this.#parts.onCoherence(mode, why);
    this.epoch += 1;
    this.#parts.stats.epochs += 1;
    this.#endStale();
    this.#oldestPing = undefined;
    this.#freshUntil = now + HEARTBEAT + this.#parts.settings.upstreamTimeout;
    this.#live = true;
  }

  #endStale(): void {
    this.partition.endStale();
    this.#staleUntil = 0;
  }

  #renewEpoch(): void {
    this.epoch += 1;
    this.#parts.stats.epochs += 1;
    this.dropAll();
  }

  #endEpoch(keepStale: boolean): void {
    if (!this.#live) return;
    this.#live = false;
    const window = keepStale ? this.#parts.settings.staleIfError : 0;
    this.partition.endGeneration(window > 0);
    this.#staleUntil = this.now() + window;
    this.register.cancelAll();
    // Memory answers nothing any more, so nobody has to wait for what the wire may still say.
    const fences = [...this.#fences];
    this.#fences.clear();
    for (const pong of fences) pong.giveUp();
  }

  #fade(): void {
    this.#endEpoch(true);
    this.#oldestPing = undefined;
    this.#fading?.close('silent');
    const silent = this.#wire;
    this.#fading = silent;
    this.#wire = undefined;
    this.#openWire();
    // Those who asked before the silence was noticed need not wait for its end where there is a stale copy.
    for (const waiter of silent?.waiting() ?? [])
      if (waiter instanceof GetFill || waiter instanceof MgetFill) waiter.onSilence();
  }

  #onClosed(wire: Wire, reason: string): void {
    this.#hearingAt = undefined;
    if (wire === this.#fading) this.#fading = undefined;
    if (wire !== this.#wire) return;
    this.#wire = undefined;
    this.#oldestPing = undefined;
    const wasLive = this.#live;
    // Ahead of everything else, reconnecting included: from here on nobody says what has changed.
    this.#endEpoch(true);
    // A server older than Redis 6, or one that forbids HELLO to this user: time alone, over RESP2.
    if (wire.refused && !this.#closed && /^(ERR unknown command|NOPERM)/.test(reason))
      this.#helloRefused = reason;
    // Redis is there, and will not have this user: its stale copies are not for times like these.
    if (isDisowned(wire, reason)) this.#endStale();
    if (wasLive && this.now() < this.#staleUntil) this.#openWire();
  }

  #invalidate(key: Reply): void {
    if (key.type !== 'bulk') return;
    const name = key.value.latin1Slice();
    this.#parts.stats.invalidations += 1;
    this.register.cancel(name);
    this.partition.drop(name, 'dropped');
    this.#bigKeys.delete(name);
  }

  /** FLUSHALL and the like. node-redis 6.3 forgets the reads in flight here, and keeps an outdated answer for good. */
  #invalidateAll(): void {
    this.#parts.stats.invalidationsOfAll += 1;
    this.#bigKeys.clear();
    this.dropAll();
  }
}

class Pong implements Waiter {
  readonly #tracker: Tracker;
  readonly #sentAt: number;
  #done: (() => void) | undefined;

  constructor(tracker: Tracker, done: (() => void) | undefined) {
    this.#tracker = tracker;
    this.#sentAt = tracker.now();
    this.#done = done;
  }

  /** Any reply is a sign of life: -BUSY, -LOADING and -NOPERM too. */
  onReply(_chunk: Buffer, _start: number, _end: number, last: boolean): void {
    if (!last) return;
    this.#tracker.onPong(this, this.#sentAt);
    this.#settle();
  }

  onLost(): void {
    this.giveUp();
  }

  /** The epoch has ended. */
  giveUp(): void {
    if (this.#done) this.#tracker.dropStale();
    this.#settle();
  }

  #settle(): void {
    const done = this.#done;
    this.#done = undefined;
    done?.();
  }
}
