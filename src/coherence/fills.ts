/** Reads on their way to fill the cache: who waits for them, and which of them a change has overtaken. */
import type { Partition } from '../cache/store';
import { FILLED_BY_GET, FILLED_BY_MGET } from '../cache/store';
import { byteAt, COLON, DOLLAR, EMPTY, MINUS, UNDERSCORE, ZERO } from '../resp/bytes';
import { isNil, parseShallow, type Reply } from '../resp/reply-parser';
import type { Stats } from '../telemetry/stats';
import type { Waiter, WireLoss } from '../upstream/wire';

/**
 * Somebody who waits for the answer of a fill, and gets back the number that it gave its asking: when it has asked anew
 * meanwhile, it knows an answer to the asking before. All bytes are RESP3, or RESP2 when the fill wire speaks that.
 */
export interface FillReader {
  /** The answer is chunk[start, end), which nobody changes any more. */
  onAnswer(asking: number, chunk: Buffer, start: number, end: number): void;
  /** A value too large to keep, piece by piece. */
  onPiece(asking: number, piece: Buffer, last: boolean): void;
  /** The wire has fallen silent: whoever can do with a stale copy waits no longer. */
  onAskingSilent(asking: number): void;
  /** Too large to be passed on by a wire that waits for nobody: nothing of it has been, nor will be. */
  onTooLarge(asking: number): void;
  onAskingLost(asking: number, loss: WireLoss): void;
}

export interface FillLimits {
  readonly ttl: number;
  readonly negativeTtl: number;
  readonly maxValue: number;
}

/** What a fill needs of the tracker it belongs to. */
export interface FillHome {
  readonly partition: Partition;
  readonly limits: FillLimits;
  readonly register: FillRegister;
  now(): number;
  /** A reply to something sent at `sentAt` came: every push up to then has been handled. Tells the time. */
  confirm(sentAt: number): number;
  onPush(push: Reply): void;
  noteBig(key: string): void;
}

/** One key that a fill will store, unless a drop of the key comes first. */
export interface Claim {
  readonly key: string;
  /** The fill itself, when others may share its answer. */
  readonly shareable: GetFill | undefined;
  cancelled: boolean;
  /** The next one for the same key. */
  next: Claim | undefined;
}

/** All claims by key. Registered before the read is sent; every drop of a key cancels them. */
export class FillRegister {
  readonly #claims = new Map<string, Claim>();
  readonly #stats: Stats;
  #inFlight = 0;

  constructor(stats: Stats) {
    this.#stats = stats;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  add(claim: Claim): void {
    claim.next = this.#claims.get(claim.key);
    this.#claims.set(claim.key, claim);
    this.#inFlight += 1;
  }

  finish(claim: Claim): void {
    this.#inFlight -= 1;
    if (claim.cancelled) return;
    let before: Claim | undefined;
    for (let at = this.#claims.get(claim.key); at && at !== claim; at = at.next) before = at;
    if (before) before.next = claim.next;
    else if (claim.next) this.#claims.set(claim.key, claim.next);
    else this.#claims.delete(claim.key);
  }

  /** The GET in flight for this key that a further reader may share; `after` is the last MGET that reader has asked. */
  joinable(key: string, after: number): GetFill | undefined {
    for (let claim = this.#claims.get(key); claim; claim = claim.next) {
      const fill = claim.shareable;
      if (fill) return fill.order > after ? fill : undefined;
    }
    return undefined;
  }

  cancel(key: string): void {
    const first = this.#claims.get(key);
    if (!first) return;
    this.#claims.delete(key);
    for (let claim: Claim | undefined = first; claim; claim = claim.next) this.#cancelOne(claim);
  }

  cancelAll(): void {
    for (const first of this.#claims.values()) {
      for (let claim: Claim | undefined = first; claim; claim = claim.next) this.#cancelOne(claim);
    }
    this.#claims.clear();
  }

  #cancelOne(claim: Claim): void {
    claim.cancelled = true;
    this.#stats.fillsCancelled += 1;
  }
}

/** Somebody who asked for a key while it was being asked for. */
interface Joined {
  readonly reader: FillReader;
  readonly asking: number;
  readonly since: number;
}

/** `GET key` and `PTTL key`, sent together; where the value lies is kept until the expiry is known too. */
export class GetFill implements Waiter, Claim {
  readonly key: string;
  /** Its place among all that this tracker asked. */
  readonly order: number;
  cancelled = false;
  next: Claim | undefined = undefined;
  readonly #home: FillHome;
  readonly #sentAt: number;
  readonly #reader: FillReader;
  readonly #asking: number;
  #joined: Joined[] | undefined = undefined;
  #stage: 'value' | 'streaming' | 'dropping' | 'expiry' | 'done' = 'value';
  /** The value is #chunk[#start, #end). */
  #chunk = EMPTY;
  #start = 0;
  #end = 0;
  /** What came of a reply that is not whole yet. */
  #pieces: Buffer[] | undefined = undefined;
  #size = 0;

  constructor(
    key: string,
    order: number,
    home: FillHome,
    reader: FillReader,
    asking: number,
    sentAt: number,
  ) {
    this.key = key;
    this.order = order;
    this.#home = home;
    this.#reader = reader;
    this.#asking = asking;
    this.#sentAt = sentAt;
    home.register.add(this);
  }

  get shareable(): GetFill {
    return this;
  }

  join(reader: FillReader, asking: number, since: number): void {
    this.#joined ??= [];
    this.#joined.push({ reader, asking, since });
  }

  onReply(chunk: Buffer, start: number, end: number, last: boolean): void {
    if (this.#stage === 'streaming') this.#pass(chunk.subarray(start, end), last);
    else if (this.#stage !== 'dropping') this.#take(chunk, start, end, last);
    if (last && (this.#stage === 'streaming' || this.#stage === 'dropping')) this.#stage = 'expiry';
  }

  onSilence(): void {
    this.#reader.onAskingSilent(this.#asking);
    for (const { reader, asking } of this.#joined ?? []) reader.onAskingSilent(asking);
  }

  onLost(loss: WireLoss): void {
    if (this.#stage === 'done') return;
    this.#stage = 'done';
    this.#home.register.finish(this);
    this.#reader.onAskingLost(this.#asking, loss);
    for (const { reader, asking } of this.#joined ?? []) reader.onAskingLost(asking, loss);
  }

  #take(chunk: Buffer, start: number, end: number, last: boolean): void {
    if (!last || this.#pieces) this.#gather(chunk.subarray(start, end), last);
    else this.#onWhole(chunk, start, end);
  }

  #onWhole(chunk: Buffer, start: number, end: number): void {
    if (this.#stage === 'value') this.#onValue(chunk, start, end);
    else this.#onExpiry(millisecondsOf(chunk, start, end));
  }

  #onValue(chunk: Buffer, start: number, end: number): void {
    this.#stage = 'expiry';
    this.#chunk = chunk;
    this.#start = start;
    this.#end = end;
    if (this.#isTooLarge(end - start)) this.#home.noteBig(this.key);
  }

  #gather(piece: Buffer, last: boolean): void {
    if (this.#stage === 'value' && this.#size === 0 && announced(piece) > this.#mostPassedOn) {
      this.#letGo();
      return;
    }
    const pieces = this.#pieces ?? [];
    this.#pieces = pieces;
    this.#size += piece.length;
    // An expiry that is longer than any is let go.
    if (this.#stage === 'value' || this.#size <= LONGEST_TIME) pieces.push(piece);
    if (last) {
      const whole = Buffer.concat(pieces);
      const all = whole.length === this.#size;
      this.#forgetPieces();
      if (all) this.#onWhole(whole, 0, whole.length);
      else this.#onExpiry(undefined);
    } else if (this.#stage === 'value' && this.#isTooLarge(this.#size)) {
      this.#forgetPieces();
      this.#beginStreaming(pieces);
    }
  }

  #forgetPieces(): void {
    this.#pieces = undefined;
    this.#size = 0;
  }

  #isTooLarge(size: number): boolean {
    return size > this.#home.limits.maxValue + HEADER_ROOM;
  }

  get #mostPassedOn(): number {
    return Math.max(PASSED_ON_UP_TO, this.#home.limits.maxValue);
  }

  /** The rest is dropped as it comes, and whoever waits reads it in another way. */
  #letGo(): void {
    this.#stage = 'dropping';
    this.#home.register.cancel(this.key);
    this.#home.noteBig(this.key);
    this.#reader.onTooLarge(this.#asking);
    for (const { reader, asking } of this.#joined ?? []) reader.onTooLarge(asking);
  }

  /** Nobody joins any more: a later reader would have missed the beginning. */
  #beginStreaming(pieces: readonly Buffer[]): void {
    this.#stage = 'streaming';
    this.#home.register.cancel(this.key);
    this.#home.noteBig(this.key);
    forget(this.#home, this.key);
    for (const piece of pieces) this.#pass(piece, false);
  }

  #pass(piece: Buffer, last: boolean): void {
    this.#reader.onPiece(this.#asking, piece, last);
    for (const { reader, asking } of this.#joined ?? []) reader.onPiece(asking, piece, last);
  }

  #onExpiry(expiresIn: number | undefined): void {
    this.#stage = 'done';
    const home = this.#home;
    home.register.finish(this);
    const now = home.confirm(this.#sentAt);
    // Streamed: nothing was kept of it.
    if (this.#end === 0) return;
    if (!this.cancelled) this.#store(expiresIn, now);
    this.#reader.onAnswer(this.#asking, this.#chunk, this.#start, this.#end);
    if (this.#joined) this.#answerJoined(this.#joined, redisDeadline(this.#sentAt, expiresIn));
  }

  /** The key may have expired between the answer at Redis and the moment at which such a reader asked. */
  #answerJoined(joined: readonly Joined[], deadline: number): void {
    for (const { reader, asking, since } of joined) {
      if (since > deadline) reader.onAskingLost(asking, EXPIRED_ON_ITS_WAY);
      else reader.onAnswer(asking, this.#chunk, this.#start, this.#end);
    }
  }

  #store(expiresIn: number | undefined, now: number): void {
    const chunk = this.#chunk;
    const start = this.#start;
    // An error, no answer to PTTL, or what no GET answers.
    if (expiresIn === undefined || !isBulkOrNil(chunk, start)) {
      forget(this.#home, this.key);
      return;
    }
    const missing = isNil(chunk, start);
    keep(this.#home, this.key, chunk, start, this.#end, missing, expiresIn, this.#sentAt, now, FILLED_BY_GET);
  }
}

/** `MGET key …` and a PTTL for each key that the cache does not hold, sent together. */
export class MgetFill implements Waiter {
  readonly #home: FillHome;
  readonly #claims: readonly Claim[];
  readonly #places: readonly number[];
  readonly #sentAt: number;
  readonly #reader: FillReader;
  readonly #asking: number;
  readonly #expiries: (number | undefined)[] = [];
  #pieces: Buffer[] = [];
  #size = 0;
  #stage: 'value' | 'overflowing' | 'expiries' | 'done' = 'value';
  #value: Buffer | undefined;

  /** `claims` are the keys whose PTTL was asked, each once, and `places` where each stands in the MGET. */
  constructor(
    claims: readonly Claim[],
    places: readonly number[],
    home: FillHome,
    reader: FillReader,
    asking: number,
  ) {
    this.#home = home;
    this.#claims = claims;
    this.#places = places;
    this.#reader = reader;
    this.#asking = asking;
    this.#sentAt = home.now();
    for (const claim of claims) home.register.add(claim);
  }

  onReply(chunk: Buffer, start: number, end: number, last: boolean): void {
    if (this.#stage === 'overflowing') {
      if (last) this.#beginExpiries();
      return;
    }
    this.#pieces.push(chunk.subarray(start, end));
    this.#size += end - start;
    if (last) this.#onWhole(wholeOf(this.#pieces));
    else if (this.#size > MGET_KEPT_UP_TO) this.#overflow();
  }

  onSilence(): void {
    this.#reader.onAskingSilent(this.#asking);
  }

  onLost(loss: WireLoss): void {
    if (this.#stage === 'done') return;
    this.#end();
    this.#reader.onAskingLost(this.#asking, loss);
  }

  #onWhole(frame: Buffer): void {
    this.#pieces = [];
    this.#size = 0;
    if (this.#stage === 'expiries') {
      this.#expiries.push(millisecondsOf(frame, 0, frame.length));
      if (this.#expiries.length === this.#claims.length) this.#finish();
    } else {
      this.#value = frame;
      this.#beginExpiries();
    }
  }

  /** Too much to be held: the rest is let go as it comes, and the command goes past the cache. */
  #overflow(): void {
    this.#stage = 'overflowing';
    this.#pieces = [];
    this.#size = 0;
    for (const claim of this.#claims) this.#home.register.cancel(claim.key);
    this.#reader.onTooLarge(this.#asking);
  }

  #beginExpiries(): void {
    this.#stage = 'expiries';
    if (this.#claims.length === 0) this.#finish();
  }

  #finish(): void {
    const value = this.#value;
    if (value && value[0] !== MINUS) this.#storeAll(value);
    this.#end();
    this.#home.confirm(this.#sentAt);
    if (value) this.#reader.onAnswer(this.#asking, value, 0, value.length);
  }

  #end(): void {
    this.#stage = 'done';
    for (const claim of this.#claims) this.#home.register.finish(claim);
  }

  #storeAll(value: Buffer): void {
    const parsed = parseShallow(value);
    if (!parsed) {
      this.#home.onPush(ANYTHING_MAY_HAVE_CHANGED);
      return;
    }
    const { reply, pushes } = parsed;
    // Redis 6 may put a push inside the array: it counts before anything is stored.
    for (const push of pushes) this.#home.onPush(push);
    if (reply.type !== 'array') return;
    this.#claims.forEach((claim, index) => {
      if (claim.cancelled) return;
      const item = reply.items[this.#places[index] ?? -1];
      if (item?.type === 'bulk') this.#storeOne(claim.key, item.value, this.#expiries[index]);
      else forget(this.#home, claim.key);
    });
  }

  #storeOne(key: string, value: Buffer, expiresIn: number | undefined): void {
    if (value.length > this.#home.limits.maxValue) this.#home.noteBig(key);
    if (value.length > this.#home.limits.maxValue || expiresIn === undefined) forget(this.#home, key);
    else {
      const frame = Buffer.concat([Buffer.from(`$${value.length}\r\n`), value, CRLF]);
      keep(
        this.#home,
        key,
        frame,
        0,
        frame.length,
        false,
        expiresIn,
        this.#sentAt,
        this.#home.now(),
        FILLED_BY_MGET,
      );
    }
  }
}

/** `$536870912` and its line end fit. */
const HEADER_ROOM = 16;
const MGET_KEPT_UP_TO = 16 * 1024 * 1024;
/** A larger value would pile up for a client that reads slowly, since this wire cannot be made to wait. */
const PASSED_ON_UP_TO = 16 * 1024 * 1024;
/** What stands inside an answer that is none could have been pushes. */
const ANYTHING_MAY_HAVE_CHANGED: Reply = {
  type: 'push',
  items: [{ type: 'bulk', value: Buffer.from('invalidate') }, { type: 'nil' }],
};
/** `:-9223372036854775808` and its line end fit. */
const LONGEST_TIME = 32;
const CRLF = Buffer.from('\r\n');
const EXPIRED_ON_ITS_WAY: WireLoss = { sent: false, reason: 'expired on its way' };

/** PTTL answers the time left, -1 for a key without expiry, or this for no such key. */
const NO_KEY = -2;

/** Redis has answered anew. Where no push tells, what was kept before may be older, and goes even if nothing replaces it. */
function forget(home: FillHome, key: string): void {
  home.partition.drop(key, 'replaced');
}

function keep(
  home: FillHome,
  key: string,
  chunk: Buffer,
  start: number,
  end: number,
  missing: boolean,
  expiresIn: number,
  sentAt: number,
  now: number,
  filledBy: number,
): void {
  const longest = missing ? home.limits.negativeTtl : home.limits.ttl;
  if (missing !== (expiresIn === NO_KEY) || longest === 0 || expiresIn === 0) {
    forget(home, key);
    return;
  }
  const expiresAt = redisDeadline(sentAt, expiresIn);
  const deadline = Math.min(expiresAt, sentAt + longest);
  const value = missing ? undefined : chunk;
  home.partition.insert(key, value, start, end, deadline, expiresAt, now, filledBy);
}

/** Counted from the sending: Redis read its clock later than that, so the key is never kept beyond its end. */
function redisDeadline(sentAt: number, expiresIn: number | undefined): number {
  return expiresIn === undefined || expiresIn < 0 ? Number.POSITIVE_INFINITY : sentAt + expiresIn;
}

/** How long a bulk says it is, when its first piece tells. */
function announced(piece: Buffer): number {
  const end = piece.indexOf('\r\n');
  return piece[0] === DOLLAR && end > 0 ? Number(piece.latin1Slice(1, end)) : 0;
}

function isBulkOrNil(chunk: Buffer, start: number): boolean {
  return chunk[start] === DOLLAR || chunk[start] === UNDERSCORE;
}

function wholeOf(pieces: readonly Buffer[]): Buffer {
  const [only] = pieces;
  return pieces.length === 1 && only ? only : Buffer.concat(pieces);
}

/** Undefined when Redis answered something else, such as an error for a user who may not ask. */
function millisecondsOf(chunk: Buffer, start: number, end: number): number | undefined {
  if (chunk[start] !== COLON || end - start > LONGEST_TIME) return undefined;
  const negative = chunk[start + 1] === MINUS;
  let value = 0;
  for (let at = negative ? start + 2 : start + 1; at < end - 2; at += 1) {
    const digit = byteAt(chunk, at) - ZERO;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return negative ? -value : value;
}

/** Requests as texts of bytes, like the keys. */
export function getAndPttl(key: string): string {
  return `*2\r\n$3\r\nGET\r\n${bulk(key)}${pttl(key)}`;
}

export function pttl(key: string): string {
  return `*2\r\n$4\r\nPTTL\r\n${bulk(key)}`;
}

export function mget(keys: readonly string[]): string {
  return `*${keys.length + 1}\r\n$4\r\nMGET\r\n${keys.map(bulk).join('')}`;
}

function bulk(key: string): string {
  return `$${key.length}\r\n${key}\r\n`;
}
