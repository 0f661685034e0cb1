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
import { FILLED_BY_GET, FILLED_BY_MGET, type Partition } from '../cache/store';
import type { FillReader } from '../coherence/fills';
import type { Stats } from '../telemetry/stats';
import type { Protocol } from '../upstream/identity';
import type { Waiter, WireLoss } from '../upstream/wire';
import { append, appendEntry, lossAnswer, translateGet, translateMget } from './answers';
import type { Link } from './links';
import type { Outlet } from './outlet';
import { appendPieces, type Slot } from './slots';

/** What a read needs of the conversation that it stands in. */
export interface ReadDesk {
  readonly link: Link;
  readonly protocol: Protocol;
  readonly outlet: Outlet;
  readonly stats: Stats;
  /** The order of the last MGET asked: no GET behind it may share an answer that was asked for earlier. */
  lastMget: number;
  now(): number;
  settle(): void;
  /** The answer that was asked for then has come. */
  onFilled(askedAt: number): void;
  /** The slot was answered from memory. */
  onRemembered(fresh: boolean, storedAt: number): void;
  /** What stands behind is asked anew: its answers may be older than the one this slot will give. */
  rethinkBehind(slot: Slot): void;
  /** Sends the command over the client's shared wire. */
  sendAround(request: Buffer, waiter: Waiter): void;
  dropKeys(keys: readonly string[]): void;
}

type ReadState = 'lookup' | 'asked' | 'around';

export class ReadSlot implements Slot, Waiter {
  readonly #desk: ReadDesk;
  readonly #request: Buffer;
  readonly #keys: readonly Buffer[];
  readonly #names: readonly string[];
  readonly #many: boolean;
  #state: ReadState = 'lookup';
  #asking: Asking | undefined;
  #answer: Buffer | undefined;
  #pieces: Buffer[] = [];
  #complete = false;
  #begun = false;
  #delivering = false;
  #sentAround = false;
  #askedAt = 0;

  /** `keys` may be slices of the request, which has to stay as it is. */
  constructor(
    desk: ReadDesk,
    request: Buffer,
    keys: readonly Buffer[],
    names: readonly string[],
    many: boolean,
  ) {
    this.#desk = desk;
    this.#request = request;
    this.#keys = keys;
    this.#names = names;
    this.#many = many;
  }

  /** Decides what is done ahead of its turn. */
  plan(): void {
    if (this.#inMemory()) this.#state = 'lookup';
    else this.#ask();
  }

  /** Whatever was asked before is not good enough any more. */
  rethink(): void {
    if (this.#state === 'around') return;
    this.#asking = undefined;
    this.#answer = undefined;
    this.#pieces = [];
    this.plan();
  }

  settle(): boolean {
    if (this.#state === 'lookup') {
      if (this.#deliverFromMemory()) return true;
      this.#ask();
      this.#desk.rethinkBehind(this);
      return false;
    }
    if (this.#state === 'around' && !this.#sentAround) this.#sendAround();
    if (this.#answer) {
      append(this.#desk.outlet, this.#answer);
      return true;
    }
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#delivering = appendPieces(this.#desk.outlet, pieces, this.#delivering, this.#complete);
    return this.#complete;
  }

  onAnswer(asking: Asking, frame: Buffer): void {
    if (asking !== this.#asking) return;
    this.#desk.stats.misses += 1;
    this.#desk.onFilled(this.#askedAt);
    const { protocol } = this.#desk;
    this.#answer = this.#many ? translateMget(frame, protocol) : translateGet(frame, protocol);
    this.#desk.settle();
  }

  onPiece(asking: Asking, piece: Buffer, last: boolean): void {
    if (asking !== this.#asking) return;
    this.#add(piece, last);
  }

  onAskingLost(asking: Asking, loss: WireLoss): void {
    if (asking !== this.#asking || this.#begun) return;
    this.#asking = undefined;
    if (this.#deliverableStale()) this.#state = 'lookup';
    else if (loss.sent) this.#answer = lossAnswer(loss);
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
    if (this.#complete) return;
    this.#answer = lossAnswer(loss);
    this.#desk.settle();
  }

  #add(piece: Buffer, last: boolean): void {
    this.#pieces.push(piece);
    this.#complete = last;
    this.#desk.settle();
  }

  #ask(): void {
    this.#state = 'asked';
    const asking = new Asking(this);
    this.#asking = asking;
    this.#askedAt = this.#desk.now();
    const { tracker } = this.#desk.link;
    const [key] = this.#keys;
    const [name] = this.#names;
    if (this.#many) this.#desk.lastMget = tracker.fillMany(this.#request, this.#keys, asking);
    else if (key && name !== undefined) tracker.fill(name, key, asking, this.#desk.lastMget);
  }

  /** Only now that it is its turn: sent earlier, on another wire, it could be older than what stands before it. */
  #sendAround(): void {
    this.#sentAround = true;
    this.#desk.sendAround(this.#request, this);
  }

  #inMemory(): boolean {
    const { tracker } = this.#desk.link;
    const now = this.#desk.now();
    if (!tracker.answersAt(now)) return this.#deliverableStale();
    return this.#names.every((name) => this.#readable(tracker.partition, tracker.partition.peek(name, now)));
  }

  #deliverableStale(): boolean {
    const { tracker } = this.#desk.link;
    const now = this.#desk.now();
    if (!tracker.answersStaleAt(now)) return false;
    return this.#names.every((name) =>
      this.#readable(tracker.partition, tracker.partition.lookupStale(name, now)),
    );
  }

  #deliverFromMemory(): boolean {
    if (!this.#inMemory()) return false;
    const { link, outlet, protocol, stats } = this.#desk;
    const { tracker } = link;
    const now = this.#desk.now();
    const fresh = tracker.answersAt(now);
    if (this.#many) append(outlet, Buffer.from(`*${this.#names.length}\r\n`));
    for (const name of this.#names) {
      const slot = fresh ? tracker.partition.lookup(name, now) : tracker.partition.lookupStale(name, now);
      this.#desk.onRemembered(fresh, tracker.partition.storedAt(slot));
      appendEntry(outlet, tracker.partition, slot, protocol);
      countHit(stats, tracker.partition.isNegative(slot), fresh);
    }
    return true;
  }

  /** Rights differ by command: who may GET a key may not be allowed to MGET it. */
  #readable(partition: Partition, slot: number): boolean {
    if (slot < 0) return false;
    const needed = this.#many ? FILLED_BY_MGET : FILLED_BY_GET;
    return this.#desk.link.unrestricted || (partition.filledBy(slot) & needed) !== 0;
  }
}

export function countHit(stats: Stats, negative: boolean, fresh: boolean): void {
  if (!fresh) stats.staleHits += 1;
  else if (negative) stats.negativeHits += 1;
  else stats.hits += 1;
}

/** One asking of a slot: when the slot asks anew, the answer to the former asking finds nobody. */
class Asking implements FillReader {
  readonly #slot: ReadSlot;

  constructor(slot: ReadSlot) {
    this.#slot = slot;
  }

  onAnswer(frame: Buffer): void {
    this.#slot.onAnswer(this, frame);
  }

  onPiece(piece: Buffer, last: boolean): void {
    this.#slot.onPiece(this, piece, last);
  }

  onLost(loss: WireLoss): void {
    this.#slot.onAskingLost(this, loss);
  }
}
