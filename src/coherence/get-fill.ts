/** A GET that fills the cache: what it reads, who waits for it, and what becomes of a value that is too large. */
import { FILLED_BY_GET } from '../cache/entries';
import { DOLLAR, EMPTY, PLUS, UNDERSCORE } from '../resp/bytes';
import { isNil } from '../resp/reply-parser';
import type { Waiter, WireLoss } from '../upstream/wire';
import type { Claim, FillReader, Shareable } from './fill-register';
import {
  type FillHome,
  forget,
  keep,
  LONGEST_TIME,
  millisecondsOf,
  NO_KEY,
  OUT_OF_STEP,
  redisDeadline,
} from './fills';

/** `$536870912` and its line end fit. */
const HEADER_ROOM = 16;
/** A larger value would pile up for a client that reads slowly, since this wire cannot be made to wait. */
const PASSED_ON_UP_TO = 16 * 1024 * 1024;

/** Somebody who asked for a key while it was being asked for. */
interface Joined {
  readonly reader: FillReader;
  readonly asking: number;
  readonly since: number;
}

/** `GET key` and `PTTL key`, sent together; where the value lies is kept until the expiry is known too. */
export class GetFill implements Waiter, Claim, Shareable {
  readonly key: string;
  /** Its place among all that this tracker asked. */
  readonly order: number;
  cancelled = false;
  hash = 0;
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
    if (chunk[start] === PLUS) this.#onOutOfStep();
    else if (this.#stage === 'value') this.#onValue(chunk, start, end);
    else this.#onExpiry(millisecondsOf(chunk, start, end));
  }

  #onOutOfStep(): void {
    this.#home.distrust();
    this.onLost(OUT_OF_STEP);
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

  /** Nobody joins any more: a later reader would have missed the beginning. Its expiry will only be known at its end. */
  #beginStreaming(pieces: readonly Buffer[]): void {
    this.#stage = 'streaming';
    this.#home.register.cancel(this.key);
    this.#home.noteBig(this.key);
    forget(this.#home, this.key);
    if (this.#joined) this.#joined = this.#onlyThoseInTime(this.#joined, this.#sentAt, this.#home.now());
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
    this.#reader.onAnswer(this.#asking, this.#chunk, this.#start, this.#end, now);
    if (!this.#joined) return;
    for (const { reader, asking } of this.#onlyThoseInTime(this.#joined, this.#goodUntil(expiresIn), now))
      reader.onAnswer(asking, this.#chunk, this.#start, this.#end, now);
  }

  /** What others were told from then on may not be: when a change came in between, Redis told the expiry of something else. */
  #goodUntil(expiresIn: number | undefined): number {
    const isGone = expiresIn === NO_KEY && !isNil(this.#chunk, this.#start);
    if (this.cancelled || isGone || expiresIn === undefined) return this.#sentAt;
    return redisDeadline(this.#sentAt, expiresIn);
  }

  /** The key may have expired between the answer at Redis and the moment at which a reader joined: those ask anew. */
  #onlyThoseInTime(joined: readonly Joined[], goodUntil: number, now: number): Joined[] {
    const inTime: Joined[] = [];
    const late: Joined[] = [];
    for (const each of joined) (each.since > goodUntil ? late : inTime).push(each);
    const after = this.#home.asked;
    for (const { reader, asking } of late) reader.onOvertaken(asking, now, after);
    return inTime;
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

/** How long a bulk says it is, when its first piece tells. */
function announced(piece: Buffer): number {
  const end = piece.indexOf('\r\n');
  return piece[0] === DOLLAR && end > 0 ? Number(piece.latin1Slice(1, end)) : 0;
}

function isBulkOrNil(chunk: Buffer, start: number): boolean {
  return chunk[start] === DOLLAR || chunk[start] === UNDERSCORE;
}
