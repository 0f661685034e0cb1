/** Holds every entry of every partition: the row that describes a slot, the order of use, the limits and counts. */
import type { Room } from '../resp/bytes';
import { HashTable } from './hash-table';
import { keyAtHand } from './key-at-hand';
import { hashOfKey } from './key-hash';
import { LinkedList, NONE } from './linked-list';
import { DEADLINE, FLOATS, GENERATION, INTS, REDIS_DEADLINE, ROW_BYTES, Rows, STORED_AT, USE } from './rows';
import { SEGMENT_BYTES, ValueLog } from './value-log';

/** `purged` is for what is removed without its key being judged: it belongs to a generation that has ended. */
export type RemovalReason = 'evicted' | 'expired' | 'dropped' | 'replaced' | 'purged';

export interface StoreLimits {
  /** Slots in use at most, those of ended generations and stale copies included. */
  maxKeys: number;
  /** Bytes at most, as `size` counts them. */
  maxMemory: number;
  /** The longest value that is kept, without its RESP frame. */
  maxValue: number;
  /** Whether an ended generation may stay readable. */
  keepsStale: boolean;
}

export const FILLED_BY_GET = 1;
export const FILLED_BY_MGET = 2;

/** How an entry is used: hits are counted above the bits that tell by what it was filled. */
const ONE_HIT = 4;
const FILLED_BY = ONE_HIT - 1;

const MOST_KEYS = 16_000_000;

/** What an entry costs beside its record: its row, and its bucket of the table. */
const ENTRY_BYTES = ROW_BYTES + 4;

const NO_VALUE = Buffer.alloc(0);

const FIRST_CAPACITY = 1024;
const SMALLEST_SEGMENT = 4096;

/** While ended generations still occupy slots, each insert looks at this many for one to reclaim. */
const RECLAIMED_BY_INSERT = 8;

/**
 * The entries of a partition between two ends. When it ends, all of them do at once, because nobody looks for them
 * any more; their slots are given back one by one later. Its number is used again when the last slot is.
 */
export class Generation {
  fate: 'live' | 'stale' | 'ended' = 'live';
  occupied = 0;

  constructor(readonly number: number) {}
}

/** What a partition holds after it was released: no slot belongs to it, ever. */
export const NO_GENERATION = new Generation(NONE);

export class Entries {
  readonly #limits: StoreLimits;
  readonly #rows = new Rows();
  readonly #table = new HashTable(this.#rows);
  readonly #order = new LinkedList(this.#rows);
  readonly #values: ValueLog;
  readonly #generations: (Generation | undefined)[] = [];
  readonly #freeNumbers: number[] = [];

  #capacity = 0;
  #touchedSlots = 0;
  #freeSlots: number[] = [];

  #cursor = 0;
  #occupied = 0;
  #ended = 0;
  #liveKeys = 0;
  #evictions = 0;
  #expirations = 0;

  constructor(limits: StoreLimits) {
    this.#limits = { ...limits, maxKeys: Math.min(limits.maxKeys, MOST_KEYS) };
    this.#values = new ValueLog(this.#rows, segmentBytesFor(limits.maxMemory));
  }

  get keepsStale(): boolean {
    return this.#limits.keepsStale;
  }

  get keys(): number {
    return this.#liveKeys;
  }

  get bytes(): number {
    return this.#occupied * ENTRY_BYTES + this.#values.bytesUsed;
  }

  get evictions(): number {
    return this.#evictions;
  }

  get expirations(): number {
    return this.#expirations;
  }

  begin(): Generation {
    const number = this.#freeNumbers.pop() ?? this.#generations.length;
    const generation = new Generation(number);
    this.#generations[number] = generation;
    return generation;
  }

  /** Its entries are not live any more, but `locate` still finds them. */
  retire(generation: Generation): void {
    this.#liveKeys -= generation.occupied;
    generation.fate = 'stale';
  }

  end(generation: Generation): void {
    if (generation.fate === 'ended') return;
    if (generation.fate === 'live') this.#liveKeys -= generation.occupied;
    generation.fate = 'ended';
    this.#ended += generation.occupied;
    if (generation.occupied === 0) this.#forget(generation);
  }

  /** The slot of the key's entry, expired or not, or NONE. */
  locate(generation: Generation, key: string): number {
    keyAtHand.take(key);
    return this.#seek(generation, keyAtHand.hash(generation.number), keyAtHand.view, 0, keyAtHand.length);
  }

  /** The same for the key source[start, end). */
  locateBytes(generation: Generation, source: DataView, start: number, end: number): number {
    return this.#seek(generation, hashOfKey(source, start, end, generation.number), source, start, end);
  }

  hasExpired(slot: number, generation: Generation, now: number): boolean {
    // A live entry ends by its own deadline, a stale copy by Redis's.
    const column = generation.fate === 'stale' ? REDIS_DEADLINE : DEADLINE;
    return now >= (this.#rows.floats[(slot << FLOATS) + column] ?? 0);
  }

  countHit(slot: number): void {
    this.#order.moveToFirst(slot);
    const { ints } = this.#rows;
    const use = (slot << INTS) + USE;
    ints[use] = (ints[use] ?? 0) + ONE_HIT;
  }

  /** The key must not be in the generation; false when the limits leave no place for such an entry. */
  insert(
    generation: Generation,
    key: string,
    value: Buffer | undefined,
    start: number,
    end: number,
    deadline: number,
    redisDeadline: number,
    now: number,
    filledBy: number,
  ): boolean {
    const length = value === undefined ? 0 : end - start;
    const cost = this.#cost(key.length, length);
    if (!this.#fits(cost, value, length)) return false;
    if (this.#ended > 0) this.sweep(now, RECLAIMED_BY_INSERT);
    this.#makeRoom(cost, this.#values.cost(key.length, length), now);
    const slot = this.#takeSlot();
    keyAtHand.take(key);
    this.#values.put(slot, keyAtHand.view, keyAtHand.length, value ?? NO_VALUE, start, start + length);
    this.#table.link(slot, keyAtHand.hash(generation.number));
    const { ints, floats } = this.#rows;
    ints[(slot << INTS) + GENERATION] = generation.number;
    ints[(slot << INTS) + USE] = filledBy;
    floats[(slot << FLOATS) + DEADLINE] = deadline;
    floats[(slot << FLOATS) + REDIS_DEADLINE] = redisDeadline;
    floats[(slot << FLOATS) + STORED_AT] = now;
    this.#order.linkFirst(slot);
    generation.occupied++;
    this.#liveKeys++;
    return true;
  }

  /** The one way out: takes the entry from every index and every count. */
  remove(slot: number, reason: RemovalReason): void {
    const generation = this.#generations[this.#rows.ints[(slot << INTS) + GENERATION] ?? NONE];
    if (generation === undefined) return;
    this.#count(generation, reason);
    this.#table.unlink(slot);
    this.#order.unlink(slot);
    this.#values.remove(slot);
    this.#rows.ints[(slot << INTS) + GENERATION] = NONE;
    this.#freeSlots.push(slot);
    this.#occupied--;
    generation.occupied--;
    if (generation.fate === 'ended' && generation.occupied === 0) this.#forget(generation);
  }

  /** Looks at `budget` slots, going round, and removes those that have expired or belong to an ended generation. */
  sweep(now: number, budget: number): void {
    for (let looks = Math.min(budget, this.#touchedSlots); looks > 0; looks--) {
      if (this.#cursor >= this.#touchedSlots) this.#cursor = 0;
      const slot = this.#cursor++;
      const generation = this.#generations[this.#rows.ints[(slot << INTS) + GENERATION] ?? NONE];
      if (generation === undefined) continue;
      if (generation.fate === 'ended') this.remove(slot, 'purged');
      else if (this.hasExpired(slot, generation, now)) this.remove(slot, 'expired');
    }
  }

  isNegative(slot: number): boolean {
    return this.#values.length(slot) === 0;
  }

  filledBy(slot: number): number {
    return (this.#rows.ints[(slot << INTS) + USE] ?? 0) & FILLED_BY;
  }

  valueLength(slot: number): number {
    return this.#values.length(slot);
  }

  copyValue(slot: number, target: Room, at: number): number {
    return this.#values.copyTo(slot, target, at);
  }

  readValue(slot: number): Buffer {
    return this.#values.read(slot);
  }

  storedAt(slot: number): number {
    return this.#rows.floats[(slot << FLOATS) + STORED_AT] ?? 0;
  }

  deadline(slot: number): number {
    return this.#rows.floats[(slot << FLOATS) + DEADLINE] ?? 0;
  }

  hits(slot: number): number {
    return (this.#rows.ints[(slot << INTS) + USE] ?? 0) >>> 2;
  }

  size(slot: number): number {
    return this.#cost(this.#values.keyLength(slot), this.valueLength(slot));
  }

  #seek(generation: Generation, hash: number, source: DataView, start: number, end: number): number {
    let slot = this.#table.first(hash);
    while (
      slot !== NONE &&
      !(this.#belongs(slot, generation) && this.#values.holdsKey(slot, source, start, end))
    ) {
      slot = this.#table.after(slot);
    }
    return slot;
  }

  #belongs(slot: number, generation: Generation): boolean {
    return (this.#rows.ints[(slot << INTS) + GENERATION] ?? 0) === generation.number;
  }

  #cost(keyLength: number, valueLength: number): number {
    return ENTRY_BYTES + this.#values.cost(keyLength, valueLength);
  }

  #fits(cost: number, value: Buffer | undefined, length: number): boolean {
    const { maxKeys, maxMemory, maxValue } = this.#limits;
    if (maxKeys < 1 || cost > maxMemory) return false;
    return value === undefined || payloadLength(length) <= maxValue;
  }

  #makeRoom(entry: number, record: number, now: number): void {
    while (this.#occupied >= this.#limits.maxKeys) this.#evict(now);
    while (this.#occupied > 0 && this.bytes + entry + this.#values.waste(record) > this.#limits.maxMemory) {
      if (!this.#values.clean()) this.#evict(now);
    }
  }

  #evict(now: number): void {
    const slot = this.#order.tail;
    const generation = this.#generations[this.#rows.ints[(slot << INTS) + GENERATION] ?? NONE];
    if (generation === undefined) return;
    if (generation.fate === 'ended') this.remove(slot, 'purged');
    else this.remove(slot, this.hasExpired(slot, generation, now) ? 'expired' : 'evicted');
  }

  #count(generation: Generation, reason: RemovalReason): void {
    if (generation.fate === 'ended') this.#ended--;
    if (generation.fate !== 'live') return;
    this.#liveKeys--;
    if (reason === 'evicted') this.#evictions++;
    if (reason === 'expired') this.#expirations++;
  }

  #takeSlot(): number {
    this.#occupied++;
    const freed = this.#freeSlots.pop();
    if (freed !== undefined) return freed;
    if (this.#touchedSlots === this.#capacity) this.#grow();
    return this.#touchedSlots++;
  }

  #grow(): void {
    const capacity = Math.min(Math.max(FIRST_CAPACITY, this.#capacity * 2), this.#limits.maxKeys);
    this.#rows.reserve(capacity);
    this.#capacity = capacity;
  }

  #forget(generation: Generation): void {
    this.#generations[generation.number] = undefined;
    this.#freeNumbers.push(generation.number);
  }
}

/** The length of the bulk string inside `$<length>\r\n<payload>\r\n`. */
function payloadLength(framed: number): number {
  let payload = framed - 6;
  for (let power = 10; power <= payload - 1; power *= 10) payload--;
  return payload;
}

/** A sixty-fourth of the memory allowed, so that a small cache is not one half-empty segment. */
function segmentBytesFor(maxMemory: number): number {
  let bytes = SMALLEST_SEGMENT;
  while (bytes < SEGMENT_BYTES && bytes * 64 < maxMemory) bytes *= 2;
  return bytes;
}
