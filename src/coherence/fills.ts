/** What all fills have in common: what they ask, and what of the answer is kept, and for how long. */
import { keyAtHand } from '../cache/key-at-hand';
import type { Partition } from '../cache/partition';
import { byteAt, COLON, copyWords, MINUS, type Room, viewOf, ZERO } from '../resp/bytes';
import type { Reply } from '../resp/reply-parser';
import type { WireLoss } from '../upstream/wire';
import type { FillRegister } from './fill-register';

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
  /** How many reads have been asked for; each has its order among them. */
  readonly asked: number;
  now(): number;
  /** A reply to something sent at `sentAt` came: every push up to then has been handled. Tells the time. */
  confirm(sentAt: number): number;
  onPush(push: Reply): void;
  noteBig(key: string): void;
  /** An answer came that belongs to something else: from here on nobody knows which is whose. */
  distrust(): void;
}

/** A status, which answers PING, came in place of a value: Redis has left out an answer. */
export const OUT_OF_STEP: WireLoss = {
  sent: true,
  reason: 'the backing server left out an answer, and gave that of another command',
};

/** `:-9223372036854775808` and its line end fit. */
export const LONGEST_TIME = 32;

/** PTTL answers the time left, -1 for a key without expiry, or this for no such key. */
export const NO_KEY = -2;

/** Redis has answered anew. Where no push tells, what was kept before may be older, and goes even if nothing replaces it. */
export function forget(home: FillHome, key: string): void {
  home.partition.drop(key, 'replaced');
}

export function keep(
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
export function redisDeadline(sentAt: number, expiresIn: number | undefined): number {
  return expiresIn === undefined || expiresIn < 0 ? Number.POSITIVE_INFINITY : sentAt + expiresIn;
}

/** Undefined when Redis answered something else, such as an error for a user who may not ask. */
export function millisecondsOf(chunk: Buffer, start: number, end: number): number | undefined {
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

/** A key no longer than this is asked for by bytes, another by a text. */
export const LONGEST_WRITTEN = 256;
/** What GET and PTTL of such a key take, at the most. */
export const MOST_WRITTEN = 2 * LONGEST_WRITTEN + 64;

const GET = viewOf(Buffer.from('*2\r\n$3\r\nGET\r\n$'));
const PTTL = viewOf(Buffer.from('*2\r\n$4\r\nPTTL\r\n$'));
const LINE_END = 0x0d0a;

/** Writes what `getAndPttl` says, from `at` on; returns where it ends. */
export function writeGetAndPttl(key: string, room: Room, at: number): number {
  keyAtHand.take(key);
  return writeRequest(PTTL, room, writeRequest(GET, room, at));
}

/** The head of a request, and the key at hand as its last argument. */
function writeRequest(head: DataView, { view }: Room, from: number): number {
  copyWords(head, 0, view, from, head.byteLength);
  const { length } = keyAtHand;
  let at = from + head.byteLength;
  if (length >= 100) view.setUint8(at++, ZERO + Math.floor(length / 100));
  if (length >= 10) view.setUint8(at++, ZERO + (Math.floor(length / 10) % 10));
  view.setUint8(at++, ZERO + (length % 10));
  view.setUint16(at, LINE_END);
  copyWords(keyAtHand.view, 0, view, at + 2, length);
  view.setUint16(at + 2 + length, LINE_END);
  return at + length + 4;
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
