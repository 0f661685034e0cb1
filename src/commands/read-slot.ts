/**
 * A GET or MGET in the order of one client's replies.
 *
 * It is looked up when its turn comes, not when it was read. One that is not in memory when it is read is asked for at
 * once, so that a pipeline of misses costs one round trip:
 *
 *     lookup ──turn comes, still there──────────────▶ delivered
 *       └──turn comes, gone──▶ asked ──answer, turn──▶ delivered
 *     around: past the cache, over the shared wire, when its turn comes
 */
import { FILLED_BY_GET, FILLED_BY_MGET } from '../cache/entries';
import type { Partition } from '../cache/partition';
import type { FillReader } from '../coherence/fill-register';
import type { Tracker } from '../coherence/tracker';
import { encodeCommand, nil } from '../resp/encoder';
import { isNil } from '../resp/reply-parser';
import type { Stats } from '../telemetry/stats';
import type { Protocol } from '../upstream/identity';
import type { Waiter, WireLoss } from '../upstream/wire';
import { append, appendEntry, CUT_SHORT, lossAnswer, translateMget } from './answers';
import type { Outlet } from './outlet';
import { appendPieces, type Slot } from './slots';

/** What a read needs of the link that it reads from. */
export interface ReadLink {
  readonly tracker: Pick<
    Tracker,
    'answersAt' | 'answersStaleAt' | 'partition' | 'limits' | 'fill' | 'fillMany'
  >;
  readonly unrestricted: boolean;
}

/** What a read needs of the conversation that it stands in. */
export interface ReadDesk {
  readonly link: ReadLink;
  readonly protocol: Protocol;
  readonly outlet: Outlet;
  readonly stats: Stats;
  /** The order of the last MGET asked: no GET behind it may share an answer that was asked for earlier. */
  lastMget: number;
  now(): number;
  settle(): void;
  /** An answer has come, after so many milliseconds. */
  onFilled(took: number): void;
  /** The slot was answered from memory. */
  onRemembered(fresh: boolean, storedAt: number): void;
  /** What stands behind is asked anew: its answers may be older than the one this slot will give. */
  rethinkBehind(slot: Slot): void;
  /**
   * Of what stands behind, what reads the same key asks anew, and behind an MGET among that everything: for what is
   * asked from `after` on.
   */
  rereadBehind(slot: Slot, name: string, now: number, after: number): void;
  /** Sends the command over the client's shared wire. */
  sendAround(request: Buffer, waiter: Waiter): void;
  /** Sends it over a wire of its own, which a slow client holds back. */
  sendAlone(request: Buffer, waiter: Waiter): void;
  dropKeys(keys: readonly string[]): void;
  /** Ends the client's connection: part of a reply is with it, and the rest will never come. */
  breakOff(reason: string): void;
}

/** An answer over this is read for one client alone, and held back by it. */
const LARGE_ANSWER = 16 * 1024 * 1024;

type ReadState = 'lookup' | 'asked' | 'around';

export class ReadSlot implements Slot, Waiter, FillReader {
  readonly #desk: ReadDesk;
  readonly #names: readonly string[];
  readonly many: boolean;
  #state: ReadState = 'lookup';
  /** Counts how often it has asked: the answer to an asking before the last one is not good enough any more. */
  #asking = 0;
  /** The answer is #answer[#start, #end). */
  #answer: Buffer | undefined = undefined;
  #start = 0;
  #end = 0;
  #pieces: Buffer[] | undefined = undefined;
  #complete = false;
  #begun = false;
  #delivering = false;
  #sentAround = false;
  /** What comes may be more than should be held here. */
  #isLarge = false;
  #askedAt = 0;

  constructor(desk: ReadDesk, names: readonly string[], many: boolean) {
    this.#desk = desk;
    this.#names = names;
    this.many = many;
  }

  /** Decides what is done ahead of its turn. */
  plan(now: number, after = 0): void {
    if (this.#isTooMuch()) this.#goAlone();
    else if (this.#inMemory(now)) this.#state = 'lookup';
    else this.#ask(now, after);
  }

  /** A short MGET can name a large value many times. */
  #isTooMuch(): boolean {
    const { partition, limits } = this.#desk.link.tracker;
    const most = Math.max(LARGE_ANSWER, limits.maxValue);
    if (!this.many || this.#names.length * limits.maxValue <= most) return false;
    let size = 0;
    for (const name of this.#names) {
      const slot = partition.peek(name, this.#desk.now());
      if (slot >= 0) size += partition.valueLength(slot);
    }
    return size > most;
  }

  /** Whether memory has it now, and is up to date as far as is known. */
  isFresh(): boolean {
    const now = this.#desk.now();
    return this.#desk.link.tracker.answersAt(now) && this.#inMemory(now);
  }

  /** Whatever was asked before is not good enough any more. */
  rethink(now = this.#desk.now(), after = 0): void {
    if (this.#state === 'around') return;
    this.#asking += 1;
    this.#answer = undefined;
    this.#pieces = undefined;
    this.#complete = false;
    this.plan(now, after);
  }

  reads(name: string): boolean {
    return this.#names.includes(name);
  }

  settle(): boolean {
    if (this.#state === 'lookup' && this.#isTooMuch()) this.#goAlone();
    if (this.#state === 'lookup') {
      if (this.#deliverFromMemory()) return true;
      this.#ask(this.#desk.now());
      this.#desk.rethinkBehind(this);
      return false;
    }
    if (this.#state === 'around' && !this.#sentAround) this.#sendAround();
    if (this.#answer) {
      this.#desk.outlet.append(this.#answer, this.#start, this.#end);
      return true;
    }
    if (this.#pieces) this.#deliverPieces(this.#pieces);
    return this.#complete;
  }

  onAnswer(asking: number, chunk: Buffer, start: number, end: number, now: number): void {
    if (asking !== this.#asking) return;
    this.#desk.stats.misses += 1;
    // What has come together counts as come at once: with an answer that this was asked behind.
    this.#desk.onFilled(Math.max(0, now - this.#askedAt));
    const { protocol } = this.#desk;
    if (this.many) this.#answerWith(translateMget(chunk.subarray(start, end), protocol));
    else if (isNil(chunk, start)) this.#answerWith(nil(protocol));
    else this.#answerWith(chunk, start, end);
    this.#desk.settle();
  }

  onPiece(asking: number, piece: Buffer, last: boolean): void {
    if (asking !== this.#asking) return;
    this.#add(piece, last);
  }

  /** Only for the turn of this read: until then nobody would take what comes. */
  onTooLarge(asking: number): void {
    if (asking !== this.#asking) return;
    this.#asking += 1;
    this.#goAlone();
    this.#desk.settle();
  }

  #goAlone(): void {
    this.#state = 'around';
    this.#isLarge = true;
  }

  onOvertaken(asking: number, now: number, after: number): void {
    if (asking !== this.#asking) return;
    this.#ask(now, after);
    for (const name of this.#names) this.#desk.rereadBehind(this, name, now, after);
  }

  onAskingLost(asking: number, loss: WireLoss): void {
    if (asking !== this.#asking || this.#complete) return;
    this.#asking += 1;
    if (!this.#breaksOff()) this.#onNothingCame(loss);
  }

  onAskingSilent(asking: number): void {
    if (asking !== this.#asking || this.#complete || this.#delivering) return;
    if (!this.#deliverableStale(this.#desk.now())) return;
    this.#asking += 1;
    this.#answer = undefined;
    this.#pieces = undefined;
    this.#state = 'lookup';
    this.#desk.settle();
  }

  #onNothingCame(loss: WireLoss): void {
    this.#pieces = undefined;
    if (this.#deliverableStale(this.#desk.now())) this.#state = 'lookup';
    else if (loss.sent) this.#answerWith(lossAnswer(loss));
    else this.#state = 'around';
    this.#desk.settle();
  }

  /** The reply that came past the cache. */
  onReply(chunk: Buffer, start: number, end: number, last: boolean): void {
    if (!this.#begun) {
      this.#begun = true;
      // It may be newer than an entry whose push is still on its way.
      this.#desk.dropKeys(this.#names);
      this.#desk.rethinkBehind(this);
    }
    this.#add(chunk.subarray(start, end), last);
  }

  onLost(loss: WireLoss): void {
    if (this.#complete || this.#breaksOff()) return;
    this.#pieces = undefined;
    this.#answerWith(lossAnswer(loss));
    this.#desk.settle();
  }

  /** What a client has of a value cannot be taken back: an error behind it would be read as more of the value. */
  #breaksOff(): boolean {
    if (this.#delivering) this.#desk.breakOff(CUT_SHORT);
    return this.#delivering;
  }

  #answerWith(chunk: Buffer, start = 0, end = chunk.length): void {
    this.#answer = chunk;
    this.#start = start;
    this.#end = end;
  }

  #deliverPieces(pieces: readonly Buffer[]): void {
    this.#pieces = undefined;
    this.#delivering = appendPieces(this.#desk.outlet, pieces, this.#delivering, this.#complete);
  }

  #add(piece: Buffer, last: boolean): void {
    this.#pieces ??= [];
    this.#pieces.push(piece);
    this.#complete = last;
    this.#desk.settle();
  }

  #ask(now: number, after = 0): void {
    this.#state = 'asked';
    this.#asking += 1;
    this.#askedAt = now;
    const { tracker } = this.#desk.link;
    const [name] = this.#names;
    if (this.many) this.#desk.lastMget = tracker.fillMany(this.#names, this, this.#asking);
    else if (name !== undefined) {
      tracker.fill(name, this, this.#asking, Math.max(after, this.#desk.lastMget), now);
    }
  }

  /** Only now that it is its turn: sent earlier, on another wire, it could be older than what stands before it. */
  #sendAround(): void {
    this.#sentAround = true;
    const keys = this.#names.map((name) => Buffer.from(name, 'latin1'));
    const request = encodeCommand([this.many ? 'MGET' : 'GET', ...keys]);
    if (this.#isLarge) this.#desk.sendAlone(request, this);
    else this.#desk.sendAround(request, this);
  }

  #inMemory(now: number): boolean {
    const { tracker } = this.#desk.link;
    if (!tracker.answersAt(now)) return this.#deliverableStale(now);
    const { partition } = tracker;
    for (const name of this.#names) if (!this.#readable(partition, partition.peek(name, now))) return false;
    return true;
  }

  #deliverableStale(now: number): boolean {
    const { tracker } = this.#desk.link;
    if (!tracker.answersStaleAt(now)) return false;
    const { partition } = tracker;
    for (const name of this.#names) {
      if (!this.#readable(partition, partition.lookupStale(name, now))) return false;
    }
    return true;
  }

  /** All at one instant: what is there is not to expire between the look and the delivery. */
  #deliverFromMemory(): boolean {
    const now = this.#desk.now();
    const { tracker } = this.#desk.link;
    const fresh = tracker.answersAt(now);
    if (!fresh && !tracker.answersStaleAt(now)) return false;
    if (!this.many) return this.#deliverOne(this.#lookUp(this.#names[0] ?? '', fresh, now), fresh);
    if (!this.#inMemory(now)) return false;
    append(this.#desk.outlet, Buffer.from(`*${this.#names.length}\r\n`));
    for (const name of this.#names) this.#deliverOne(this.#lookUp(name, fresh, now), fresh);
    return true;
  }

  #lookUp(name: string, fresh: boolean, now: number): number {
    const { partition } = this.#desk.link.tracker;
    return fresh ? partition.lookup(name, now) : partition.lookupStale(name, now);
  }

  #deliverOne(slot: number, fresh: boolean): boolean {
    const { link, outlet, protocol, stats } = this.#desk;
    const { partition } = link.tracker;
    if (!this.#readable(partition, slot)) return false;
    this.#desk.onRemembered(fresh, partition.storedAt(slot));
    appendEntry(outlet, partition, slot, protocol);
    countHit(stats, partition.isNegative(slot), fresh);
    return true;
  }

  /** Rights differ by command: who may GET a key may not be allowed to MGET it. */
  #readable(partition: Partition, slot: number): boolean {
    if (slot < 0) return false;
    const needed = this.many ? FILLED_BY_MGET : FILLED_BY_GET;
    return this.#desk.link.unrestricted || (partition.filledBy(slot) & needed) !== 0;
  }
}

export function countHit(stats: Stats, negative: boolean, fresh: boolean): void {
  if (!fresh) stats.staleHits += 1;
  else if (negative) stats.negativeHits += 1;
  else stats.hits += 1;
}
