/** Finds where replies end in the bytes of a Redis server, RESP2 and RESP3, and keeps none of them. */

import {
  BANG,
  byteAt,
  COLON,
  COMMA,
  CR,
  DOLLAR,
  EQUALS,
  GREATER,
  HASH,
  LF,
  MINUS,
  NINE,
  PAREN,
  PERCENT,
  PIPE,
  PLUS,
  STAR,
  TILDE,
  UNDERSCORE,
  ZERO,
} from './bytes';

/** What the next byte is a part of. */
const TYPE = 0;
const TEXT = 1;
const LENGTH = 2;
const LENGTH_LF = 3;
const BODY = 4;
const BODY_CR = 5;
const BODY_LF = 6;

/** Lua gives up long before; what is kept for each level must not be what fills the memory. */
const MAX_DEPTH = 200_000;
/** Texts of errors may be long; those of numbers, booleans and nulls are not. */
const MAX_TEXT = 536_870_912;
const MAX_SHORT_TEXT = 64;
const MAX_DIGITS = 15;

/**
 * Where the scan stands inside a reply:
 *
 *     *3 :1 *2 $2 o│k $2 ok :3       #left 2: both elements of the inner array
 *                                    #outer 0, 1: nothing behind the reply itself, and the :3
 */
export class ReplyFramer {
  /** After scan(): the reply ended exactly at the index returned. The next scan begins a new one. */
  complete = false;
  /** The first byte of the current, or just completed, reply; that of the value itself when attributes stand before it. */
  type = 0;
  /** Pushes met inside this reply. They are no elements of it; Redis 6 sends them there. */
  innerPushes = 0;
  /** Set where SUBSCRIBE was queued: in EXEC's answer Redis 7 counts what it confirms as an element like any other. */
  pushesAreElements = false;
  /** Set when the bytes are no RESP: from here on nobody can tell which answer is whose. */
  problem = '';

  #state = TYPE;
  /** Values still to come in the innermost aggregate, or 1 for the reply itself. */
  #left = 1;
  /** The same for the aggregates around it. */
  readonly #outer: number[] = [];
  /** The type of the length that is being read. */
  #kind = 0;
  #digits = 0;
  #negative = false;
  /** TEXT: the bytes it may still have. LENGTH: the number so far. BODY: the bytes still to come. */
  #amount = 0;
  /** TEXT: the last byte of the chunk before was a \r. */
  #afterCr = false;

  /** The index just past what belongs to the current reply in this chunk, or `at` itself when there is a problem. */
  scan(chunk: Buffer, at: number): number {
    if (this.complete) this.#begin();
    let next = at;
    while (next < chunk.length && this.problem === '') {
      next = this.#advance(chunk, next);
      if (this.#left === 0) {
        this.complete = true;
        return next;
      }
    }
    return this.problem === '' ? next : at;
  }

  #begin(): void {
    this.complete = false;
    this.innerPushes = 0;
    this.#left = 1;
  }

  #advance(chunk: Buffer, at: number): number {
    switch (this.#state) {
      case TYPE:
        return this.#readType(chunk, at);
      case TEXT:
        return this.#readText(chunk, at);
      case LENGTH:
        return this.#readLength(chunk, at);
      case LENGTH_LF:
        return this.#readLengthEnd(chunk, at);
      case BODY:
        return this.#readBody(chunk, at);
      default:
        return this.#readBodyEnd(chunk, at);
    }
  }

  #readType(chunk: Buffer, at: number): number {
    const kind = byteAt(chunk, at);
    if (this.#outer.length === 0) this.type = kind;
    switch (kind) {
      case PLUS:
      case MINUS:
      case PAREN:
      case COMMA:
        return this.#beginText(chunk, at + 1, MAX_TEXT);
      case COLON:
      case HASH:
      case UNDERSCORE:
        return this.#beginText(chunk, at + 1, MAX_SHORT_TEXT);
      case DOLLAR:
      case STAR:
      case GREATER:
      case PERCENT:
      case TILDE:
      case PIPE:
      case EQUALS:
      case BANG:
        return this.#beginLength(chunk, at + 1, kind);
      default:
        return this.#fail(`a reply begins with the byte 0x${kind.toString(16).padStart(2, '0')}`);
    }
  }

  #beginText(chunk: Buffer, at: number, limit: number): number {
    this.#state = TEXT;
    this.#amount = limit;
    this.#afterCr = false;
    return this.#readText(chunk, at);
  }

  /** A text ends at \r\n; either of the two alone is a part of it. */
  #readText(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#amount + 2);
    let afterCr = this.#afterCr;
    for (let next = at; next < end; next += 1) {
      const byte = byteAt(chunk, next);
      if (byte === LF && afterCr) return this.#endScalar(next + 1);
      afterCr = byte === CR;
    }
    this.#afterCr = afterCr;
    this.#amount -= end - at;
    return this.#amount < -1 ? this.#fail('a line is too long') : end;
  }

  #beginLength(chunk: Buffer, at: number, kind: number): number {
    this.#state = LENGTH;
    this.#kind = kind;
    this.#amount = 0;
    this.#digits = 0;
    this.#negative = false;
    return this.#readLength(chunk, at);
  }

  #readLength(chunk: Buffer, at: number): number {
    let next = at;
    for (; next < chunk.length; next += 1) {
      const byte = byteAt(chunk, next);
      if (byte >= ZERO && byte <= NINE && this.#digits < MAX_DIGITS) {
        this.#amount = this.#amount * 10 + byte - ZERO;
        this.#digits += 1;
      } else if (byte === MINUS && this.#digits === 0 && !this.#negative) {
        this.#negative = true;
      } else {
        return byte === CR && this.#digits > 0
          ? this.#passLengthCr(chunk, next + 1)
          : this.#fail('a length is no number');
      }
    }
    return next;
  }

  #passLengthCr(chunk: Buffer, at: number): number {
    this.#state = LENGTH_LF;
    return at < chunk.length ? this.#readLengthEnd(chunk, at) : at;
  }

  #readLengthEnd(chunk: Buffer, at: number): number {
    if (byteAt(chunk, at) !== LF) return this.#fail('a length does not end in \\r\\n');
    if (this.#negative) return this.#readNil(at + 1);
    switch (this.#kind) {
      case DOLLAR:
      case EQUALS:
      case BANG:
        this.#state = BODY;
        return this.#readBody(chunk, at + 1);
      case PERCENT:
      case PIPE:
        return this.#open(at + 1, 2 * this.#amount);
      default:
        return this.#open(at + 1, this.#amount);
    }
  }

  /** RESP2 writes null as the length -1, of a bulk or an array. No other length is negative. */
  #readNil(at: number): number {
    const nullable = this.#kind === DOLLAR || this.#kind === STAR;
    return nullable && this.#amount === 1 ? this.#endScalar(at) : this.#fail('a length is negative');
  }

  #readBody(chunk: Buffer, at: number): number {
    const end = at + this.#amount;
    if (end + 1 < chunk.length && byteAt(chunk, end) === CR && byteAt(chunk, end + 1) === LF) {
      return this.#endScalar(end + 2);
    }
    const taken = Math.min(this.#amount, chunk.length - at);
    this.#amount -= taken;
    if (this.#amount === 0) this.#state = BODY_CR;
    return at + taken;
  }

  /** A bulk that ends in anything but \r\n means that we lost our place: better to notice than to go on. */
  #readBodyEnd(chunk: Buffer, at: number): number {
    const wanted = this.#state === BODY_CR ? CR : LF;
    if (byteAt(chunk, at) !== wanted) return this.#fail('a bulk does not end in \\r\\n');
    if (wanted === LF) return this.#endScalar(at + 1);
    this.#state = BODY_LF;
    return at + 1;
  }

  #endScalar(at: number): number {
    this.#left -= 1;
    return this.#closeWhole(at);
  }

  /** An aggregate begins. An attribute or an inner push takes no place among the elements around it. */
  #open(at: number, elements: number): number {
    if (this.#outer.length >= MAX_DEPTH) return this.#fail('a reply is nested too deep');
    const isInnerPush = this.#kind === GREATER && this.#outer.length > 0 && !this.pushesAreElements;
    if (isInnerPush) this.innerPushes += 1;
    if (!isInnerPush && this.#kind !== PIPE) this.#left -= 1;
    if (elements > 0) {
      this.#outer.push(this.#left);
      this.#left = elements;
    }
    return this.#closeWhole(at);
  }

  /** Leaves all aggregates that are whole now. */
  #closeWhole(at: number): number {
    this.#state = TYPE;
    while (this.#left === 0 && this.#outer.length > 0) this.#left = this.#outer.pop() ?? 0;
    return at;
  }

  #fail(problem: string): number {
    this.problem = problem;
    return 0;
  }
}
