/** Decodes whole requests into their arguments: array frames by redis-parser, inline lines as Redis splits them. */

import RedisParser from 'redis-parser';
import { APOSTROPHE, BACKSLASH, CR, LF, NUL, QUOTE, SPACE, TAB, ZERO } from './bytes';

let decoded: unknown;
let failure: Error | undefined;

const parser = new RedisParser({
  returnBuffers: true,
  returnReply: (reply: unknown) => {
    decoded = reply;
  },
  returnError: (error: Error) => {
    failure = error;
  },
});

/**
 * The arguments of one whole array frame. They are slices of the frame: copy what is kept longer than the frame.
 *
 * redis-parser has no limits of its own and waits for what is missing, so it is given nothing but what
 * RequestFramer found to be a frame.
 */
export function parseRequest(frame: Buffer): Buffer[] {
  decoded = undefined;
  failure = undefined;
  parser.execute(frame);
  const result = decoded;
  decoded = undefined;
  if (failure !== undefined || !Array.isArray(result)) {
    parser.reset();
    throw failure ?? new RangeError('expected one whole array frame, got a part of one');
  }
  return result as Buffer[];
}

/**
 * The arguments of an inline request, or undefined when its quotes do not balance (sdssplitargs in Redis).
 * The line's own end may be left on: it is white space as any other. The arguments are copies.
 */
export function splitInline(line: Buffer): Buffer[] | undefined {
  const words: Buffer[] = [];
  const cursor: Cursor = { line, at: 0, word: [] };
  for (skipBlanks(cursor); peek(cursor, 0) !== NUL; skipBlanks(cursor)) {
    cursor.word = [];
    if (!readWord(cursor)) return undefined;
    words.push(Buffer.from(cursor.word));
  }
  return words;
}

interface Cursor {
  readonly line: Buffer;
  at: number;
  word: number[];
}

/** A byte ahead of the cursor; NUL at the end, where C's string has one. */
function peek(cursor: Cursor, ahead: number): number {
  return cursor.line[cursor.at + ahead] ?? NUL;
}

/** C's isspace: it counts \v and \f too, though they do not end an unquoted word. */
function isSpace(byte: number): boolean {
  return byte === SPACE || (byte >= TAB && byte <= CR);
}

function skipBlanks(cursor: Cursor): void {
  while (isSpace(peek(cursor, 0))) cursor.at += 1;
}

/** Reads on to the end of a word; false when a quote is left open or runs into the next word. */
function readWord(cursor: Cursor): boolean {
  for (;;) {
    const byte = peek(cursor, 0);
    switch (byte) {
      case NUL:
      case SPACE:
      case LF:
      case CR:
      case TAB:
        return true;
      case QUOTE:
      case APOSTROPHE:
        cursor.at += 1;
        return readQuoted(cursor, byte);
      default:
        cursor.word.push(byte);
        cursor.at += 1;
    }
  }
}

function readQuoted(cursor: Cursor, quote: number): boolean {
  for (;;) {
    const byte = peek(cursor, 0);
    if (byte === NUL) return false;
    if (byte === quote) return closeQuote(cursor);
    if (byte !== BACKSLASH) takeBytes(cursor, byte, 1);
    else if (quote === QUOTE) readEscape(cursor);
    else if (peek(cursor, 1) === APOSTROPHE) takeBytes(cursor, APOSTROPHE, 2);
    else takeBytes(cursor, BACKSLASH, 1);
  }
}

/** A closing quote ends the word: only white space or the end may stand behind it. */
function closeQuote(cursor: Cursor): boolean {
  cursor.at += 1;
  const behind = peek(cursor, 0);
  return behind === NUL || isSpace(behind);
}

function readEscape(cursor: Cursor): void {
  const letter = peek(cursor, 1);
  const high = hexDigit(peek(cursor, 2));
  const low = hexDigit(peek(cursor, 3));
  if (letter === LETTER_X && high >= 0 && low >= 0) takeBytes(cursor, high * 16 + low, 4);
  else if (letter === NUL) takeBytes(cursor, BACKSLASH, 1);
  else takeBytes(cursor, ESCAPES.get(letter) ?? letter, 2);
}

/** Adds one byte to the word for so many bytes of the line. */
function takeBytes(cursor: Cursor, byte: number, length: number): void {
  cursor.word.push(byte);
  cursor.at += length;
}

const LETTER_X = 0x78;

const ESCAPES: ReadonlyMap<number, number> = new Map(
  ['n\n', 'r\r', 't\t', 'b\b', 'a\x07'].map((pair) => [pair.charCodeAt(0), pair.charCodeAt(1)]),
);

function hexDigit(byte: number): number {
  const letter = byte | SPACE;
  if (byte >= ZERO && byte < ZERO + 10) return byte - ZERO;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : -1;
}
