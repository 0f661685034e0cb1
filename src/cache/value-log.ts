/** Keeps keys and values outside the V8 heap, one record for each slot, in segments that are only appended to. */
import { copyBytes, copyWords, type Room, roomOf, viewOf } from '../resp/bytes';
import { LinkedList, NONE } from './linked-list';
import { INTS, KEY_LENGTH, OFFSET, Rows, SEGMENT, VALUE_LENGTH } from './rows';

export const SEGMENT_BYTES = 131_072;

/** In front of each record, so that whoever cleans a segment can walk it: its slot, and how long it is. */
const HEADER_BYTES = 8;
const LENGTH_AT = 4;

/** What a Buffer of its own costs beside its bytes. */
const LARGE_OVERHEAD = 256;

/** A record longer than this part of a segment gets a Buffer of its own: 16 KB of 128. */
const LARGE_PART = 8;

const NOWHERE = 0;
const SHARES = 8;
const CLEANABLE_SHARE = 2;
const MOST_SPARES = 2;
const DEAD_PART = 1 / 4;

/** Up to this a loop by words is quicker than Buffer's own copy. */
const SHORT_COPY_BY_WORDS = 128;

class Segment implements Room {
  readonly view: DataView;
  used = 0;
  dead = 0;

  constructor(
    readonly number: number,
    readonly bytes: Buffer,
    readonly large: boolean,
  ) {
    this.view = viewOf(bytes);
  }
}

/**
 *     segment   [slot|length|key…|value…][slot|length|key…|value…][slot|length|key…|value…]· · · ·
 *               ^ offset of a live one    ^ dead: its slot points elsewhere             ^ used
 *
 * Removing only marks bytes as dead. Once a quarter of all is dead, the sparsest segment's live records move to the
 * open one, a segment for each operation at most: a removal kills less than a cleaning step frees.
 */
export class ValueLog {
  readonly #segmentBytes: number;
  readonly #longest: number;
  readonly #rows: Rows;
  /** Number 0 is no segment: a column of zeros means that no slot holds anything. */
  #segments: (Segment | undefined)[] = [undefined];
  #freeNumbers: number[] = [];
  #spares: Buffer[] = [];
  #open: Segment | undefined;
  /** Sealed segments by how many eighths of them are dead. */
  readonly #byShare: readonly LinkedList[];
  #used = 0;
  #dead = 0;
  #allocated = 0;

  /** Rows are made room for by whoever owns them. */
  constructor(rows: Rows, segmentBytes = SEGMENT_BYTES) {
    this.#rows = rows;
    // A segment is in one of them at a time.
    const places = new Rows();
    this.#byShare = Array.from({ length: SHARES }, () => new LinkedList(places));
    this.#segmentBytes = segmentBytes;
    this.#longest = segmentBytes / LARGE_PART;
  }

  /** Bytes of all buffers, the unused rest of the open segment and the spares included. */
  get bytesAllocated(): number {
    return this.#allocated;
  }

  /** Bytes that records occupy, dead ones included. */
  get bytesUsed(): number {
    return this.#used;
  }

  get bytesDead(): number {
    return this.#dead;
  }

  /** What a record will add to `bytesUsed`. */
  cost(keyLength: number, valueLength: number): number {
    const length = HEADER_BYTES + keyLength + valueLength;
    return length > this.#longest ? length + LARGE_OVERHEAD : length;
  }

  /** What a record of this cost will leave unused for ever, because it no longer fits into the open segment. */
  waste(cost: number): number {
    if (this.#open === undefined || cost > this.#longest) return 0;
    return this.#open.used + cost > this.#segmentBytes ? this.#segmentBytes - this.#open.used : 0;
  }

  /** Stores the key, which is all of keyView[0, keyLength), and a copy of source[start, end). The slot must hold nothing. */
  put(slot: number, keyView: DataView, keyLength: number, source: Buffer, start: number, end: number): void {
    const length = HEADER_BYTES + keyLength + (end - start);
    const segment = length > this.#longest ? this.#createLarge(length) : this.#openFor(length);
    const { view } = segment;
    const at = this.#claim(slot, segment, length);
    view.setInt32(at, slot, true);
    view.setInt32(at + LENGTH_AT, length, true);
    this.#rows.ints[(slot << INTS) + KEY_LENGTH] = keyLength;
    this.#rows.ints[(slot << INTS) + VALUE_LENGTH] = end - start;
    copyWords(keyView, 0, view, at + HEADER_BYTES, keyLength);
    copyBytes(source, start, segment.bytes, at + HEADER_BYTES + keyLength, end - start);
  }

  remove(slot: number): void {
    const segment = this.#segmentFor(slot);
    if (segment === undefined) return;
    const { ints } = this.#rows;
    const row = slot << INTS;
    ints[row + SEGMENT] = NOWHERE;
    ints[row + KEY_LENGTH] = 0;
    ints[row + VALUE_LENGTH] = 0;
    if (segment.large) this.#free(segment);
    else this.#bury(segment, recordLength(segment.view, this.#offset(slot)));
    if (this.#dead > this.#segmentBytes && this.#dead > this.#used * DEAD_PART) this.clean();
  }

  /** Whether the slot's key is source[start, end). */
  holdsKey(slot: number, source: DataView, start: number, end: number): boolean {
    const { ints } = this.#rows;
    const row = slot << INTS;
    const length = end - start;
    if (ints[row + KEY_LENGTH] !== length) return false;
    const view = this.#segments[ints[row + SEGMENT] ?? NOWHERE]?.view;
    if (view === undefined) return false;
    const from = (ints[row + OFFSET] ?? 0) + HEADER_BYTES;
    let i = 0;
    for (; i + 4 <= length; i += 4) if (view.getInt32(from + i) !== source.getInt32(start + i)) return false;
    for (; i < length; i++) if (view.getUint8(from + i) !== source.getUint8(start + i)) return false;
    return true;
  }

  keyLength(slot: number): number {
    return this.#rows.ints[(slot << INTS) + KEY_LENGTH] ?? 0;
  }

  /** Bytes of the value. */
  length(slot: number): number {
    return this.#rows.ints[(slot << INTS) + VALUE_LENGTH] ?? 0;
  }

  /** Returns the number of bytes copied. */
  copyTo(slot: number, target: Room, at: number): number {
    const { ints } = this.#rows;
    const row = slot << INTS;
    const segment = this.#segments[ints[row + SEGMENT] ?? NOWHERE];
    if (segment === undefined) return 0;
    const length = ints[row + VALUE_LENGTH] ?? 0;
    const from = (ints[row + OFFSET] ?? 0) + HEADER_BYTES + (ints[row + KEY_LENGTH] ?? 0);
    if (length <= SHORT_COPY_BY_WORDS) copyWords(segment.view, from, target.view, at, length);
    else segment.bytes.copy(target.bytes, at, from, from + length);
    return length;
  }

  read(slot: number): Buffer {
    const copy = roomOf(Buffer.allocUnsafe(this.length(slot)));
    this.copyTo(slot, copy, 0);
    return copy.bytes;
  }

  /** Frees one of the sparsest segments by moving what lives in it; false when none is worth the copying. */
  clean(): boolean {
    for (let share = SHARES - 1; share >= CLEANABLE_SHARE; share--) {
      const segment = this.#segments[this.#byShare[share]?.head ?? NONE];
      if (segment === undefined) continue;
      this.#evacuate(segment);
      return true;
    }
    return false;
  }

  #segmentFor(slot: number): Segment | undefined {
    return this.#segments[this.#rows.ints[(slot << INTS) + SEGMENT] ?? NOWHERE];
  }

  #offset(slot: number): number {
    return this.#rows.ints[(slot << INTS) + OFFSET] ?? 0;
  }

  #createLarge(length: number): Segment {
    const segment = this.#create(Buffer.allocUnsafeSlow(length), true);
    this.#used += LARGE_OVERHEAD;
    return segment;
  }

  /** Gives the slot the next bytes of the segment; returns where they begin. */
  #claim(slot: number, segment: Segment, length: number): number {
    const at = segment.used;
    segment.used += length;
    this.#used += length;
    this.#rows.ints[(slot << INTS) + SEGMENT] = segment.number;
    this.#rows.ints[(slot << INTS) + OFFSET] = at;
    return at;
  }

  #openFor(bytes: number): Segment {
    const open = this.#open;
    if (open !== undefined) {
      if (open.used + bytes <= this.#segmentBytes) return open;
      this.#seal(open);
    }
    const buffer = this.#spares.pop();
    if (buffer !== undefined) this.#allocated -= buffer.length;
    this.#open = this.#create(buffer ?? Buffer.allocUnsafeSlow(this.#segmentBytes), false);
    return this.#open;
  }

  /** What is left at its end will never be used: dead bytes like others. */
  #seal(segment: Segment): void {
    const rest = this.#segmentBytes - segment.used;
    segment.used = this.#segmentBytes;
    segment.dead += rest;
    this.#used += rest;
    this.#dead += rest;
    this.#open = undefined;
    this.#byShare[this.#share(segment)]?.linkFirst(segment.number);
  }

  #bury(segment: Segment, bytes: number): void {
    const before = this.#share(segment);
    segment.dead += bytes;
    this.#dead += bytes;
    if (segment === this.#open) {
      if (segment.dead === segment.used) this.#rewind(segment);
      return;
    }
    if (segment.dead === segment.used) {
      this.#byShare[before]?.unlink(segment.number);
      this.#free(segment);
      return;
    }
    const after = this.#share(segment);
    if (after === before) return;
    this.#byShare[before]?.unlink(segment.number);
    this.#byShare[after]?.linkFirst(segment.number);
  }

  /** Nothing in the open segment lives: write over it. */
  #rewind(segment: Segment): void {
    this.#used -= segment.used;
    this.#dead -= segment.dead;
    segment.used = 0;
    segment.dead = 0;
  }

  #evacuate(segment: Segment): void {
    this.#byShare[this.#share(segment)]?.unlink(segment.number);
    const { view } = segment;
    for (let at = 0; segment.used > segment.dead; ) {
      const slot = view.getInt32(at, true);
      const length = recordLength(view, at);
      if (this.#segmentFor(slot) === segment && this.#offset(slot) === at) {
        this.#move(slot, segment, at, length);
      }
      at += length;
    }
    this.#free(segment);
  }

  #move(slot: number, from: Segment, at: number, length: number): void {
    const to = this.#openFor(length);
    copyBytes(from.bytes, at, to.bytes, this.#claim(slot, to, length), length);
    from.used -= length;
    this.#used -= length;
  }

  #share(segment: Segment): number {
    return Math.min(SHARES - 1, Math.floor((segment.dead * SHARES) / this.#segmentBytes));
  }

  #create(buffer: Buffer, large: boolean): Segment {
    const number = this.#freeNumbers.pop() ?? this.#segments.length;
    const segment = new Segment(number, buffer, large);
    this.#segments[number] = segment;
    this.#allocated += buffer.length;
    for (const list of this.#byShare) list.reserve(capacityFor(number + 1));
    return segment;
  }

  #free(segment: Segment): void {
    this.#used -= segment.large ? segment.used + LARGE_OVERHEAD : segment.used;
    this.#dead -= segment.dead;
    this.#segments[segment.number] = undefined;
    this.#freeNumbers.push(segment.number);
    if (!segment.large && this.#spares.length < MOST_SPARES) this.#spares.push(segment.bytes);
    else this.#allocated -= segment.bytes.length;
  }
}

function recordLength(view: DataView, at: number): number {
  return view.getInt32(at + LENGTH_AT, true);
}

/** The power of two that holds `count`. */
function capacityFor(count: number): number {
  let capacity = 64;
  while (capacity < count) capacity *= 2;
  return capacity;
}
