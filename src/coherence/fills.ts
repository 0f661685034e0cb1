/** Reads on their way to fill the cache: who waits for them, and which of them a change has overtaken. */
import type { Partition } from '../cache/store';
import { FILLED_BY_GET, FILLED_BY_MGET } from '../cache/store';
import { COLON, DOLLAR, MINUS, UNDERSCORE } from '../resp/bytes';
import { encodeCommand } from '../resp/encoder';
import { parseReply, type Reply } from '../resp/reply-parser';
import type { Stats } from '../telemetry/stats';
import type { Waiter, WireLoss } from '../upstream/wire';

/** Somebody who waits for the answer of a fill. All bytes are RESP3, or RESP2 when the fill wire speaks that. */
export interface FillReader {
  onAnswer(frame: Buffer): void;
  /** A value too large to keep, piece by piece. */
  onPiece(piece: Buffer, last: boolean): void;
  onLost(loss: WireLoss): void;
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
  /** A reply to something sent at `sentAt` came: every push up to then has been handled. */
  confirm(sentAt: number): void;
  onPush(push: Reply): void;
  noteBig(key: string): void;
}

/** One key that a fill will store, unless a drop of the key comes first. */
export class Claim {
  readonly key: string;
  readonly fill: GetFill | undefined;
  cancelled = false;
  next: Claim | undefined;

  constructor(key: string, fill: GetFill | undefined) {
    this.key = key;
    this.fill = fill;
  }
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
    for (let claim = this.#claims.get(key); claim; claim = claim.next)
      if (claim.fill) return claim.fill.order > after ? claim.fill : undefined;
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

/** `GET key` and `PTTL key`, sent together; the bytes of the value are kept until the expiry is known too. */
export class GetFill implements Waiter {
  /** Its place among all that this tracker asked. */
  readonly order: number;
  readonly #home: FillHome;
  readonly #claim: Claim;
  readonly #sentAt: number;
  readonly #readers: { readonly reader: FillReader; readonly since: number }[] = [];
  #pieces: Buffer[] = [];
  #size = 0;
  #stage: 'value' | 'streaming' | 'expiry' | 'done' = 'value';
  #value: Buffer | undefined;

  constructor(key: string, order: number, home: FillHome) {
    this.order = order;
    this.#home = home;
    this.#claim = new Claim(key, this);
    this.#sentAt = home.now();
    home.register.add(this.#claim);
  }

  join(reader: FillReader): void {
    this.#readers.push({ reader, since: this.#home.now() });
  }

  onReply(chunk: Buffer, start: number, end: number, last: boolean): void {
    if (this.#stage === 'expiry') {
      this.#pieces.push(chunk.subarray(start, end));
      if (last) this.#finish();
      return;
    }
    const piece = chunk.subarray(start, end);
    if (this.#stage === 'streaming') this.#pass(piece, last);
    else this.#gather(piece, last);
    if (last) this.#stage = 'expiry';
  }

  onLost(loss: WireLoss): void {
    if (this.#stage === 'done') return;
    this.#stage = 'done';
    this.#home.register.finish(this.#claim);
    for (const { reader } of this.#readers) reader.onLost(loss);
  }

  #gather(piece: Buffer, last: boolean): void {
    this.#pieces.push(piece);
    this.#size += piece.length;
    if (last) {
      this.#value = this.#pieces.length === 1 ? piece : Buffer.concat(this.#pieces, this.#size);
      this.#pieces = [];
      if (this.#isTooLarge) this.#home.noteBig(this.#claim.key);
    } else if (this.#isTooLarge) {
      this.#beginStreaming();
    }
  }

  get #isTooLarge(): boolean {
    return this.#size > this.#home.limits.maxValue + HEADER_ROOM;
  }

  /** Nobody joins any more: a later reader would have missed the beginning. */
  #beginStreaming(): void {
    this.#stage = 'streaming';
    this.#home.register.cancel(this.#claim.key);
    this.#home.noteBig(this.#claim.key);
    const pieces = this.#pieces;
    this.#pieces = [];
    for (const piece of pieces) this.#pass(piece, false);
  }

  #pass(piece: Buffer, last: boolean): void {
    for (const { reader } of this.#readers) reader.onPiece(piece, last);
  }

  #finish(): void {
    this.#stage = 'done';
    this.#home.register.finish(this.#claim);
    this.#home.confirm(this.#sentAt);
    const value = this.#value;
    if (!value) return;
    const expiresIn = millisecondsOf(wholeOf(this.#pieces));
    if (!this.#claim.cancelled) this.#store(value, expiresIn);
    const deadline = redisDeadline(this.#sentAt, expiresIn);
    for (const { reader, since } of this.#readers) {
      // The key may have expired between the answer at Redis and the moment at which this reader asked.
      if (since > deadline) reader.onLost({ sent: false, reason: 'expired on its way' });
      else reader.onAnswer(value);
    }
  }

  #store(value: Buffer, expiresIn: number | undefined): void {
    if (expiresIn === undefined || value[0] === MINUS) return;
    keep(this.#home, this.#claim.key, value, isNil(value), expiresIn, this.#sentAt, FILLED_BY_GET);
  }
}

/** `MGET key …` and a PTTL for each key that the cache does not hold, sent together. */
export class MgetFill implements Waiter {
  readonly #home: FillHome;
  readonly #claims: readonly Claim[];
  readonly #places: readonly number[];
  readonly #sentAt: number;
  readonly #reader: FillReader;
  readonly #expiries: (number | undefined)[] = [];
  #pieces: Buffer[] = [];
  #size = 0;
  #stage: 'value' | 'overflowing' | 'expiries' | 'done' = 'value';
  #value: Buffer | undefined;

  /** `claims` are the keys whose PTTL was asked, each once, and `places` where each stands in the MGET. */
  constructor(claims: readonly Claim[], places: readonly number[], home: FillHome, reader: FillReader) {
    this.#home = home;
    this.#claims = claims;
    this.#places = places;
    this.#reader = reader;
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

  onLost(loss: WireLoss): void {
    if (this.#stage === 'done') return;
    this.#end();
    this.#reader.onLost(loss);
  }

  #onWhole(frame: Buffer): void {
    this.#pieces = [];
    this.#size = 0;
    if (this.#stage === 'expiries') {
      this.#expiries.push(millisecondsOf(frame));
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
    this.#reader.onLost({ sent: false, reason: 'too large an answer to be kept' });
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
    if (value) this.#reader.onAnswer(value);
  }

  #end(): void {
    this.#stage = 'done';
    for (const claim of this.#claims) this.#home.register.finish(claim);
  }

  #storeAll(value: Buffer): void {
    const { reply, pushes } = parseReply(value);
    // Redis 6 may put a push inside the array: it counts before anything is stored.
    for (const push of pushes) this.#home.onPush(push);
    if (reply.type !== 'array') return;
    this.#claims.forEach((claim, index) => {
      const item = reply.items[this.#places[index] ?? -1];
      if (item?.type === 'bulk' && !claim.cancelled)
        this.#storeOne(claim.key, item.value, this.#expiries[index]);
    });
  }

  #storeOne(key: string, value: Buffer, expiresIn: number | undefined): void {
    if (value.length > this.#home.limits.maxValue) this.#home.noteBig(key);
    else if (expiresIn !== undefined) {
      const frame = Buffer.concat([Buffer.from(`$${value.length}\r\n`), value, CRLF]);
      keep(this.#home, key, frame, false, expiresIn, this.#sentAt, FILLED_BY_MGET);
    }
  }
}

/** `$536870912` and its line end fit. */
const HEADER_ROOM = 16;
const MGET_KEPT_UP_TO = 16 * 1024 * 1024;
const CRLF = Buffer.from('\r\n');

/** PTTL answers the time left, -1 for a key without expiry, or this for no such key. */
const NO_KEY = -2;

function keep(
  home: FillHome,
  key: string,
  frame: Buffer,
  missing: boolean,
  expiresIn: number,
  sentAt: number,
  filledBy: number,
): void {
  if (missing !== (expiresIn === NO_KEY)) return;
  const longest = missing ? home.limits.negativeTtl : home.limits.ttl;
  if (longest === 0 || expiresIn === 0) return;
  const expiresAt = redisDeadline(sentAt, expiresIn);
  const deadline = Math.min(expiresAt, sentAt + longest);
  const value = missing ? undefined : frame;
  home.partition.insert(key, value, 0, frame.length, deadline, expiresAt, home.now(), filledBy);
}

/** Counted from the sending: Redis read its clock later than that, so the key is never kept beyond its end. */
function redisDeadline(sentAt: number, expiresIn: number | undefined): number {
  return expiresIn === undefined || expiresIn < 0 ? Number.POSITIVE_INFINITY : sentAt + expiresIn;
}

function isNil(frame: Buffer): boolean {
  return frame[0] === UNDERSCORE || (frame[0] === DOLLAR && frame[1] === MINUS);
}

function wholeOf(pieces: readonly Buffer[]): Buffer {
  const [only] = pieces;
  return pieces.length === 1 && only ? only : Buffer.concat(pieces);
}

/** Undefined when Redis answered something else, such as an error for a user who may not ask. */
function millisecondsOf(frame: Buffer): number | undefined {
  return frame[0] === COLON ? Number(frame.latin1Slice(1, frame.length - 2)) : undefined;
}

/** `GET key` and `PTTL key` as one request. */
export function encodeGetAndPttl(key: Buffer): Buffer {
  const size = String(key.length);
  const head = `*2\r\n$3\r\nGET\r\n$${size}\r\n`;
  const middle = `\r\n*2\r\n$4\r\nPTTL\r\n$${size}\r\n`;
  const request = Buffer.allocUnsafe(head.length + middle.length + 2 * key.length + 2);
  let at = request.latin1Write(head, 0);
  at += key.copy(request, at);
  at += request.latin1Write(middle, at);
  at += key.copy(request, at);
  request.latin1Write('\r\n', at);
  return request;
}

export function encodePttl(key: Buffer): Buffer {
  return encodeCommand(['PTTL', key]);
}
