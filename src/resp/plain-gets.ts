/** Finds GET requests in the one form in which clients send them, word by word: all others are for RequestFramer. */
import { byteAt, SPACE, viewOf, ZERO } from './bytes';

/** `*2\r\n$3\r\nGET\r\n$`, as words; the bits of LOWER_CASE make no difference to Redis. */
const ARRAY_OF_TWO = wordOf('*2\r\n');
const NAME_OF_THREE = wordOf('$3\r\n');
const GET = wordOf('get\r');
const LOWER_CASE = 0x20202000;
const KEY_FOLLOWS = 0x0a24;
const HEAD = 14;
const NAME_AT = 8;
const LETTER_G = 0x67;
const LINE_END = 0x0d0a;
/** The head, one digit, its line end, no key, and the last line end. */
const SHORTEST = HEAD + 1 + 2 + 2;
/** A longer key goes the long way. */
const MOST_DIGITS = 5;

/**
 *     …answered… | *2 $3 GET $5 hello | *2 $3 GET …
 *                ^at            ^    ^
 *                        keyStart    keyEnd
 */
export class PlainGets {
  readonly view: DataView;
  /** Everything before it has been dealt with. */
  at: number;
  /** After find(). */
  keyStart = 0;
  keyEnd = 0;
  readonly #end: number;

  /** False: surely not. To look closer takes an object. */
  static mayBegin(bytes: Buffer, start: number, end: number): boolean {
    return start + SHORTEST <= end && (byteAt(bytes, start + NAME_AT) | SPACE) === LETTER_G;
  }

  /** bytes[start … end) are requests that begin at `start`. */
  constructor(bytes: Buffer, start: number, end: number) {
    this.view = viewOf(bytes);
    this.at = start;
    this.#end = end;
  }

  /** Whether a GET begins at `at` that is plain and whole. */
  find(): boolean {
    const { view, at } = this;
    const end = this.#end;
    if (
      at + SHORTEST > end ||
      view.getInt32(at) !== ARRAY_OF_TWO ||
      view.getInt32(at + 4) !== NAME_OF_THREE ||
      (view.getInt32(at + 8) | LOWER_CASE) !== GET ||
      view.getInt16(at + 12) !== KEY_FOLLOWS
    ) {
      return false;
    }
    return this.#findKey(view, at + HEAD, end);
  }

  /** Goes on behind what was found. */
  skip(): void {
    this.at = this.keyEnd + 2;
  }

  #findKey(view: DataView, digitsStart: number, end: number): boolean {
    const last = Math.min(digitsStart + MOST_DIGITS, end - 2);
    let length = 0;
    let at = digitsStart;
    for (; at < last; at += 1) {
      const digit = view.getUint8(at) - ZERO;
      if (digit < 0 || digit > 9) break;
      length = length * 10 + digit;
    }
    const canonical = at === digitsStart + 1 || view.getUint8(digitsStart) !== ZERO;
    if (at === digitsStart || !canonical || view.getUint16(at) !== LINE_END) return false;
    const keyEnd = at + 2 + length;
    if (keyEnd + 2 > end || view.getUint16(keyEnd) !== LINE_END) return false;
    this.keyStart = at + 2;
    this.keyEnd = keyEnd;
    return true;
  }
}

function wordOf(text: string): number {
  return Buffer.from(text, 'latin1').readInt32BE();
}
