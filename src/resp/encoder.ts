/** Writes requests and replies in the protocol's own bytes. */

import { CR, DOLLAR, LF, STAR, ZERO } from './bytes';

const LINE_ENDS = /[\r\n]/g;

export const OK = status('OK');
export const QUEUED = status('QUEUED');
export const PONG = status('PONG');

const NIL_RESP2 = Buffer.from('$-1\r\n');
const NIL_RESP3 = Buffer.from('_\r\n');

/** A request as clients send it: an array of bulks, in one buffer of exactly its size. */
export function encodeCommand(args: readonly (Buffer | string)[]): Buffer {
  let size = lineLength(args.length);
  for (const arg of args) size += bulkLength(byteLength(arg));
  const target = Buffer.allocUnsafe(size);
  let at = writeLine(target, 0, STAR, args.length);
  for (const arg of args) at = writeBulk(target, at, arg);
  return target;
}

export function bulk(value: Buffer | string): Buffer {
  const target = Buffer.allocUnsafe(bulkLength(byteLength(value)));
  writeBulk(target, 0, value);
  return target;
}

export function status(text: string): Buffer {
  return Buffer.from(`+${oneLine(text)}\r\n`);
}

/** The text begins with the error's code, as in `ERR unknown command`. */
export function error(text: string): Buffer {
  return Buffer.from(`-${oneLine(text)}\r\n`);
}

export function integer(value: number | bigint): Buffer {
  return Buffer.from(`:${value}\r\n`);
}

export function array(...frames: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.from(`*${frames.length}\r\n`), ...frames]);
}

/** Pairs of frames: a map to RESP3, a flat array to RESP2. */
export function map(protocol: 2 | 3, entries: readonly (readonly [Buffer, Buffer])[]): Buffer {
  const head = protocol === 3 ? `%${entries.length}\r\n` : `*${entries.length * 2}\r\n`;
  return Buffer.concat([Buffer.from(head), ...entries.flat()]);
}

export function nil(protocol: 2 | 3): Buffer {
  return protocol === 3 ? NIL_RESP3 : NIL_RESP2;
}

/** A line end inside a line would let its rest pass for another reply. */
function oneLine(text: string): string {
  return text.replace(LINE_ENDS, ' ');
}

function byteLength(value: Buffer | string): number {
  return typeof value === 'string' ? Buffer.byteLength(value) : value.length;
}

/** The size of a line that holds a type and a number: `$12\r\n`. */
function lineLength(value: number): number {
  let length = 4;
  for (let rest = value; rest >= 10; rest /= 10) length += 1;
  return length;
}

function bulkLength(size: number): number {
  return lineLength(size) + size + 2;
}

function writeBulk(target: Buffer, start: number, value: Buffer | string): number {
  let at = writeLine(target, start, DOLLAR, byteLength(value));
  at += typeof value === 'string' ? target.write(value, at) : value.copy(target, at);
  return writeLineEnd(target, at);
}

/** Digits one by one: a string for each length takes three times as long. */
function writeLine(target: Buffer, start: number, type: number, value: number): number {
  const end = start + lineLength(value) - 2;
  target[start] = type;
  for (let at = end - 1, rest = value; at > start; at -= 1, rest = Math.floor(rest / 10)) {
    target[at] = ZERO + (rest % 10);
  }
  return writeLineEnd(target, end);
}

function writeLineEnd(target: Buffer, at: number): number {
  target[at] = CR;
  target[at + 1] = LF;
  return at + 2;
}
