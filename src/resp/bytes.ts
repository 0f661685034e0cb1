/** The bytes of the Redis protocol by name. */

export const NUL = 0;
export const TAB = 9;
export const LF = 10;
export const CR = 13;
export const SPACE = 32;
export const BANG = 33;
export const QUOTE = 34;
export const HASH = 35;
export const DOLLAR = 36;
export const PERCENT = 37;
export const APOSTROPHE = 39;
export const PAREN = 40;
export const STAR = 42;
export const PLUS = 43;
export const COMMA = 44;
export const MINUS = 45;
export const ZERO = 48;
export const NINE = 57;
export const COLON = 58;
export const EQUALS = 61;
export const GREATER = 62;
export const BACKSLASH = 92;
export const UNDERSCORE = 95;
export const PIPE = 124;
export const TILDE = 126;

export const EMPTY: Buffer = Buffer.alloc(0);

/** The byte at an index that the caller knows to be inside: the only place that vouches for one. */
export function byteAt(buffer: Buffer, index: number): number {
  return buffer[index] as number;
}

/** Bytes, and the same bytes to be read and written as words, wherever those begin. */
export interface Room {
  readonly bytes: Buffer;
  readonly view: DataView;
}

export function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

export function roomOf(bytes: Buffer): Room {
  return { bytes, view: viewOf(bytes) };
}

/** For what is short: Buffer's own copy makes an object each time. */
export function copyWords(
  source: DataView,
  from: number,
  target: DataView,
  at: number,
  length: number,
): void {
  let i = 0;
  for (; i + 4 <= length; i += 4) target.setInt32(at + i, source.getInt32(from + i));
  for (; i < length; i++) target.setUint8(at + i, source.getUint8(from + i));
}

/** Up to this a plain loop is quicker than Buffer's own copy. */
const SHORT_COPY = 64;

export function copyBytes(source: Buffer, from: number, target: Buffer, at: number, length: number): void {
  if (length > SHORT_COPY) {
    source.copy(target, at, from, from + length);
    return;
  }
  for (let i = 0; i < length; i++) target[at + i] = byteAt(source, from + i);
}
