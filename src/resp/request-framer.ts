/** Finds where requests end in the bytes of a client, exactly as strict and as lenient as Redis 7.0 is. */

import { byteAt, CR, DOLLAR, EMPTY, LF, NUL, STAR, ZERO } from './bytes';
import { parseRequest, splitInline } from './request-parser';

/** 'large': an array frame over `streamAbove` that is not whole yet, of which `streamFrom` has come. 'broken': see `problem`; nothing follows. */
export type RequestStep = 'frame' | 'more' | 'large' | 'broken';

export interface RequestLimits {
  /** The longest argument (Redis: proto-max-bulk-len). */
  maxBulk: number;
  /** The longest inline request, and the longest line that holds a length (Redis: PROTO_INLINE_MAX_SIZE). */
  maxInline: number;
  /** A frame over this size that is still arriving is handed out in pieces. */
  streamAbove: number;
  /** So much of it must have come before: to announce a large frame costs nothing, to receive one costs a connection. */
  streamFrom: number;
}

export interface LargePiece {
  piece: Buffer;
  last: boolean;
}

const DEFAULT_LIMITS: RequestLimits = {
  maxBulk: 536_870_912,
  maxInline: 65_536,
  streamAbove: 1_048_576,
  streamFrom: 262_144,
};

const MAX_ELEMENTS = 2_147_483_647;
const MAX_ELEMENTS_BEFORE_AUTH = 10;
const MAX_BULK_BEFORE_AUTH = 16_384;

/** The least room made behind a frame that has to wait for its rest. */
const MIN_ROOM = 512;

/** Not read yet: the line in question is still on its way. */
const UNKNOWN = -1;

/** Where the line that was read last ends: at its \r. A second result that costs no object. */
let lineEnd = 0;

/**
 * Bytes go in by push(), next() finds a frame among them, skip() goes on behind it.
 *
 *     …skipped… | *3 $3 SET $1 k $9 hel
 *               ^start           ^#position    ^#length    ^#argumentEnd, once `$9` has been read
 *
 * What was handed out as a part of `buffer` stays as it is: bytes are never moved or overwritten in place.
 */
export class RequestFramer {
  /** False: lengths are held to what Redis grants a client that has not authenticated. */
  authenticated = true;

  /** After 'frame': it is buffer[start … end) until skip(). A push() may move it, and then these fields with it. */
  buffer: Buffer = EMPTY;
  start = 0;
  end = 0;
  inline = false;
  /** False when a line or an argument ends in other bytes than \r\n: Redis does not look at them. */
  tidy = true;
  /** Array frames: where the first argument lies, and how many there are. */
  nameStart = 0;
  nameEnd = 0;
  /** And the second one, when there is one. */
  keyStart = 0;
  keyEnd = 0;
  count = 0;

  /** After 'broken': what Redis says, without the ERR in front. */
  problem = '';

  readonly #limits: RequestLimits;
  /** What next() found; 'more' while it has to look. */
  #step: RequestStep = 'more';
  #discarding = false;
  /** The bytes received end here; what `buffer` has behind it is room to grow. */
  #length = 0;
  /** Everything before it has been understood: whole arguments, whole lines. */
  #position = 0;
  /** How far the line at #position has been searched for its end. */
  #searched = 0;
  /** Arguments of the current frame that are not whole yet; 0 between frames. */
  #remaining = 0;
  #argumentsStart = 0;
  /** Just behind the argument at #position and the two bytes that follow it. */
  #argumentEnd = UNKNOWN;

  constructor(limits: Partial<RequestLimits> = {}) {
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
  }

  /** Bytes held and not yet skipped. */
  get buffered(): number {
    return this.#length - this.start;
  }

  /** Takes the next bytes. The chunk may be kept as it is, so its owner must not write to it again. */
  push(chunk: Buffer): void {
    if (this.#step === 'broken') return;
    if (this.start === this.#length) this.#moveTo(chunk);
    else this.#append(chunk);
    this.#length += chunk.length;
  }

  /** What comes next: the same again, at no cost, until skip() is called. */
  next(): RequestStep {
    if (this.#discarding) this.#discard();
    if (this.#discarding) return this.#step === 'broken' ? 'broken' : 'more';
    if (this.#step === 'more') this.#step = this.#scan();
    if (this.#step === 'more') this.#tighten();
    return this.#step;
  }

  /** Where the bytes end that were received. */
  get received(): number {
    return this.#length;
  }

  /** What begins at `start` is the rest of a large request, and no request. */
  get inPieces(): boolean {
    return this.#step === 'large' || this.#discarding;
  }

  /** Somebody else has found whole requests up to there; not while `inPieces`. */
  skipTo(end: number): void {
    this.#argumentEnd = UNKNOWN;
    this.#goOnBehind(end);
  }

  /** The current frame is done with. The rest of a large one is dropped as it arrives. */
  skip(): void {
    if (this.#step === 'large') this.#discarding = true;
    if (this.#step === 'frame') this.#goOnBehind(this.end);
  }

  /**
   * After 'large', before the first piece is taken: the arguments that are whole so far, as copies.
   * There may be none: the first argument can be the large one.
   */
  largeArguments(): Buffer[] {
    const whole = this.count - this.#remaining;
    if (this.#step !== 'large' || whole === 0 || this.#argumentsStart < this.start) return [];
    const head = Buffer.from(`*${whole}\r\n`);
    return parseRequest(Buffer.concat([head, this.buffer.subarray(this.#argumentsStart, this.#position)]));
  }

  /**
   * After 'large': the next bytes of that frame as they came, head first; undefined when more must be pushed first.
   * With the last piece the frame is done with. A line is handed out only when it is whole and found right.
   */
  nextPiece(): LargePiece | undefined | 'broken' {
    if (this.#step !== 'large') return this.#step === 'broken' ? 'broken' : undefined;
    const step = this.#scanArguments();
    if (step === 'broken') {
      this.#step = 'broken';
      return 'broken';
    }
    if (this.#argumentEnd !== UNKNOWN) this.#position = this.#length;
    return this.#takePiece(step === 'frame');
  }

  #takePiece(last: boolean): LargePiece | undefined {
    if (this.#position === this.start) return undefined;
    const piece = this.buffer.subarray(this.start, this.#position);
    if (last) this.#goOnBehind(this.#position);
    else this.start = this.#position;
    this.#tighten();
    return { piece, last };
  }

  #discard(): void {
    let piece = this.nextPiece();
    while (piece !== undefined && piece !== 'broken' && !piece.last) piece = this.nextPiece();
  }

  #goOnBehind(end: number): void {
    this.start = end;
    this.#position = end;
    this.#remaining = 0;
    this.#step = 'more';
    this.#discarding = false;
  }

  #scan(): RequestStep {
    if (this.#remaining > 0) return this.#scanArguments();
    while (this.#position < this.#length) {
      const step = byteAt(this.buffer, this.#position) === STAR ? this.#scanArray() : this.#scanInline();
      if (step !== 'blank') return step;
      this.#goOnBehind(this.end);
    }
    return 'more';
  }

  /** An array's first line, and what follows. `*0`, `*-1`, `*-10` are blank: Redis gives no answer to them. */
  #scanArray(): RequestStep | 'blank' {
    let count = plainLength(this.buffer, this.#position + 1, this.#length);
    if (count < 0) {
      if (!this.#findLine('too big mbulk count string')) return this.#step;
      count = strictInteger(this.buffer, this.#position + 1, lineEnd);
    }
    // Written so that NaN, which is what strictInteger makes of garbage, is refused.
    if (!(count <= MAX_ELEMENTS)) return this.#refuse('invalid multibulk length');
    if (count > MAX_ELEMENTS_BEFORE_AUTH && !this.authenticated) {
      return this.#refuse('unauthenticated multibulk length');
    }
    return this.#beginArray(count, lineEnd + 2);
  }

  #beginArray(count: number, argumentsStart: number): RequestStep | 'blank' {
    this.end = argumentsStart;
    if (count <= 0) return 'blank';
    this.inline = false;
    this.tidy = byteAt(this.buffer, argumentsStart - 1) === LF;
    this.count = count;
    this.#remaining = count;
    this.#argumentsStart = argumentsStart;
    this.#position = argumentsStart;
    return this.#scanArguments();
  }

  #scanArguments(): RequestStep {
    while (this.#remaining > 0) {
      if (this.#argumentEnd === UNKNOWN && !this.#scanLength()) {
        return this.#step === 'broken' ? 'broken' : this.#waitFor(this.#length);
      }
      const end = this.#argumentEnd;
      if (end > this.#length) return this.#waitFor(end);
      if (!this.#endsTidily(end)) this.tidy = false;
      this.#position = end;
      this.#argumentEnd = UNKNOWN;
      this.#remaining -= 1;
    }
    this.end = this.#position;
    return 'frame';
  }

  /** Of a large frame the bytes in question may be gone already; nobody asks about its tidiness. */
  #endsTidily(end: number): boolean {
    return (
      this.#step !== 'large' && byteAt(this.buffer, end - 2) === CR && byteAt(this.buffer, end - 1) === LF
    );
  }

  /** The line in front of an argument; false when it is not whole yet, or refused. */
  #scanLength(): boolean {
    const position = this.#position;
    const plain = position < this.#length && byteAt(this.buffer, position) === DOLLAR;
    const size = plain ? plainLength(this.buffer, position + 1, this.#length) : UNKNOWN;
    if (size >= 0) return this.#beginArgument(size);
    if (!this.#findLine('too big bulk count string')) return false;
    const type = byteAt(this.buffer, position);
    if (type === DOLLAR) return this.#beginArgument(strictInteger(this.buffer, position + 1, lineEnd));
    this.#refuse(`expected '$', got '${quotable(type)}'`);
    return false;
  }

  #beginArgument(size: number): boolean {
    if (!(size >= 0 && size <= this.#limits.maxBulk)) this.#refuse('invalid bulk length');
    else if (size > MAX_BULK_BEFORE_AUTH && !this.authenticated) this.#refuse('unauthenticated bulk length');
    if (this.#step === 'broken') return false;
    const argumentStart = lineEnd + 2;
    if (byteAt(this.buffer, argumentStart - 1) !== LF) this.tidy = false;
    if (this.#remaining === this.count) {
      this.nameStart = argumentStart;
      this.nameEnd = argumentStart + size;
    } else if (this.#remaining === this.count - 1) {
      this.keyStart = argumentStart;
      this.keyEnd = argumentStart + size;
    }
    this.#argumentEnd = argumentStart + size + 2;
    return true;
  }

  /** An inline request. Blank ones, white space included, are swallowed as Redis does. */
  #scanInline(): RequestStep | 'blank' {
    const newline = this.#search(LF);
    if (newline === UNKNOWN) return this.#tooLong ? this.#refuse('too big inline request') : 'more';
    this.end = newline + 1;
    if (newline === this.#position) return 'blank';
    const words = splitInline(this.buffer.subarray(this.#position, newline));
    if (words === undefined) return this.#refuse('unbalanced quotes in request');
    if (words.length === 0) return 'blank';
    this.inline = true;
    this.tidy = true;
    this.count = words.length;
    return 'frame';
  }

  /** Sets lineEnd to the \r of the line at #position; false when it, or the byte behind it, has not come yet. */
  #findLine(problemWhenTooLong: string): boolean {
    const end = this.#search(CR);
    if (end === UNKNOWN && this.#tooLong) this.#refuse(problemWhenTooLong);
    if (end === UNKNOWN || end + 2 > this.#length) return false;
    lineEnd = end;
    return true;
  }

  /** Searches the line at #position on from where the last search ended. Redis uses strchr, which never gets past a NUL. */
  #search(mark: number): number {
    const limit = Math.min(this.#length, this.#position + this.#limits.maxInline + 1);
    let at = Math.max(this.#searched, this.#position);
    while (at < limit && byteAt(this.buffer, at) !== mark && byteAt(this.buffer, at) !== NUL) at += 1;
    this.#searched = at;
    return at < limit && byteAt(this.buffer, at) === mark ? at : UNKNOWN;
  }

  get #tooLong(): boolean {
    return this.#length - this.#position > this.#limits.maxInline;
  }

  #waitFor(end: number): RequestStep {
    if (this.#step === 'large') return 'large';
    const { streamAbove, streamFrom } = this.#limits;
    return end - this.start > streamAbove && this.buffered >= streamFrom ? 'large' : 'more';
  }

  #refuse(problem: string): 'broken' {
    this.problem = `Protocol error: ${problem}`;
    this.#step = 'broken';
    this.start = this.#length;
    this.#moveTo(EMPTY);
    return 'broken';
  }

  /** Puts a chunk behind what is waiting: in the room there is, or all in a larger buffer. */
  #append(chunk: Buffer): void {
    if (this.#length + chunk.length > this.buffer.length) {
      // Room for as much again as is waiting: a frame that comes in single bytes is copied a few times, not each time.
      this.#copyTo(Buffer.allocUnsafe(this.buffered + Math.max(this.buffered, MIN_ROOM) + chunk.length));
    }
    chunk.copy(this.buffer, this.#length);
  }

  /** A client that has sent half a command and sleeps must not keep a whole read buffer alive. */
  #tighten(): void {
    if (this.start === this.#length) this.#moveTo(EMPTY);
    else if (this.buffer.length > this.#fairSize) this.#copyTo(Buffer.allocUnsafe(this.buffered));
  }

  get #fairSize(): number {
    return 8 * Math.max(this.buffered, MIN_ROOM);
  }

  #copyTo(target: Buffer): void {
    this.buffer.copy(target, 0, this.start, this.#length);
    this.#moveTo(target);
  }

  /** From here on the bytes from `start` on stand at the beginning of `target`. */
  #moveTo(target: Buffer): void {
    const shift = this.start;
    this.buffer = target;
    this.start = 0;
    this.end -= shift;
    this.nameStart -= shift;
    this.nameEnd -= shift;
    this.keyStart -= shift;
    this.keyEnd -= shift;
    this.#length -= shift;
    this.#position -= shift;
    this.#searched -= shift;
    this.#argumentsStart -= shift;
    if (this.#argumentEnd !== UNKNOWN) this.#argumentEnd -= shift;
  }
}

/** The most digits that plainLength reads: enough for any length that is allowed. */
const PLAIN_DIGITS = 9;

/** The short cut: the number on a whole line of ordinary digits, or UNKNOWN for all that needs a closer look. */
function plainLength(buffer: Buffer, start: number, length: number): number {
  const last = Math.min(start + PLAIN_DIGITS, length - 2);
  let value = 0;
  for (let at = start; at <= last; at += 1) {
    const byte = byteAt(buffer, at);
    if (byte === CR && at > start) {
      lineEnd = at;
      return value;
    }
    const digit = byte - ZERO;
    if (digit < 0 || digit > 9 || (value === 0 && at > start)) return UNKNOWN;
    value = value * 10 + digit;
  }
  return UNKNOWN;
}

const MAX_INTEGER_TEXT = 20;

/** Redis's string2ll: an integer of 64 bits in its one canonical spelling. Everything else is NaN. */
function strictInteger(buffer: Buffer, start: number, end: number): number {
  if (end - start > MAX_INTEGER_TEXT) return Number.NaN;
  const text = buffer.toString('latin1', start, end);
  if (!/^(?:0|-?[1-9][0-9]*)$/.test(text)) return Number.NaN;
  const value = BigInt(text);
  return BigInt.asIntN(64, value) === value ? Number(value) : Number.NaN;
}

/** Redis puts the byte as it is, but a line end becomes a space. */
function quotable(byte: number): string {
  return byte === CR || byte === LF ? ' ' : String.fromCharCode(byte);
}
