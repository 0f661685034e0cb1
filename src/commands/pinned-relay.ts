/**
 * A session that keeps one wire for good: subscribers, monitors, clients with CLIENT TRACKING of their own.
 *
 * What comes back can no longer be counted one for each command, so the frames pass as they come. They are counted as
 * far as that is safe, for one purpose: a reply that may stand for a write waits for a fence. Counting too few replies
 * only means a fence too many.
 */
import { DOLLAR, GREATER, MINUS, STAR } from '../resp/bytes';
import type { Lease } from '../upstream/exclusive-pool';
import type { WireLoss } from '../upstream/wire';
import type { Door } from './outlet';
import { HeldReply, type Slots } from './slots';
import type { CommandRow, Effect } from './table';
import { strongerOf, type TransactionState } from './transaction';

export interface RelayParts {
  readonly lease: Lease;
  readonly door: Door;
  /** What has to be done before a reply that may stand for such a command is delivered. */
  carryOut(effect: Effect, done: () => void): void;
  /** The client's replies in their order: what was owed before stands there too. */
  readonly slots: Slots;
  readonly transaction: TransactionState;
  /** Redis has answered RESET: the connection is as new, and the session is free. */
  onReset(): void;
  /** It was an error: an ACL may forbid it, or it had arguments. */
  onResetRefused(): void;
  /** The wire is gone, and everything that came over it has been delivered. */
  onLost(loss: WireLoss): void;
}

/** Their answers are as many as their arguments, or pushes. */
const SUBSCRIBING = /^[ps]?(un)?subscribe$/;
/** The first element of what a RESP2 subscriber gets without asking, or once for each argument. */
const MESSAGE = /^\*[0-9]+\r\n\$[0-9]+\r\n([ps]?message|[ps]?(un)?subscribe|invalidate)\r\n/;
const RESET_FRAME = '+RESET\r\n';
const HEAD_LENGTH = 128;

export class PinnedRelay {
  readonly #parts: RelayParts;
  #expected = 0;
  #seen = 0;
  /** Replies up to this one may stand for a write. */
  #fencedUpTo = 0;
  /** The strongest effect of those commands. */
  #effect: Effect = 'fence';
  #countable = true;
  #resetSent = false;
  #resetSeen = false;
  #loss: WireLoss | undefined;
  #held: HeldReply | undefined;
  #midFrame = false;
  /** More frames of the same chunk may come after this. */
  #paused = false;
  /** How the frame begins; only gathered while RESET's answer is awaited. */
  #head = '';

  constructor(parts: RelayParts) {
    this.#parts = parts;
    parts.lease.wire.pin((type, chunk, start, end, last) => this.#onFrame(type, chunk, start, end, last));
    parts.lease.wire.onceClosed((loss) => {
      this.#loss = loss;
      this.#held?.abandon();
      this.#parts.slots.settle();
    });
  }

  get lease(): Lease {
    return this.#parts.lease;
  }

  /** Nothing may follow a RESET before it is answered: what follows goes another way. */
  get resetting(): boolean {
    return this.#resetSent;
  }

  send(row: CommandRow, raw: Buffer): void {
    this.announce(row);
    this.#parts.lease.wire.sendBytes(raw);
  }

  /** Counts a command whose bytes are sent in pieces. */
  announce(row: CommandRow): void {
    const { transaction } = this.#parts;
    const effect = row.transaction === 'exec' ? transaction.effectOfExec : row.effect;
    if (transaction.announced) transaction.onQueued(effect);
    if (row.transaction) transaction.onSent(row.transaction);
    if (transaction.announced && SUBSCRIBING.test(row.name)) this.#parts.lease.wire.countPushes();
    if (row.name === 'reset') this.#resetSent = true;
    if (row.name === 'sync' || row.name === 'psync') this.#parts.lease.wire.unframe();
    if (row.route === 'pinned' && !SUBSCRIBING.test(row.name) && row.name !== 'client|tracking')
      this.#countable = false;
    if (!SUBSCRIBING.test(row.name)) this.#expected += 1;
    if (row.effect === 'none' && row.name !== 'unknown') return;
    this.#fencedUpTo = this.#countable ? this.#expected : Number.POSITIVE_INFINITY;
    this.#effect = strongerOf(this.#effect, effect);
  }

  #onFrame(type: number, chunk: Buffer, start: number, end: number, last: boolean): void {
    if (!this.#midFrame) this.#beginFrame(type, chunk, start, end);
    const begun = this.#midFrame;
    this.#midFrame = !last;
    if (this.#resetSent) this.#lookForReset(type, chunk, start, end, last);
    if (this.#held) this.#held.add(chunk.subarray(start, end), last);
    else this.#parts.door.outlet.append(chunk, start, end, begun, !last);
    this.#parts.slots.settle();
    this.#slowDown();
  }

  #beginFrame(type: number, chunk: Buffer, start: number, end: number): void {
    this.#held = undefined;
    this.#head = '';
    const fenced = this.#seen < this.#fencedUpTo;
    if (!fenced) this.#effect = 'fence';
    if (type !== GREATER && !isMessage(type, chunk, start, end)) this.#seen += 1;
    if (fenced || this.#parts.slots.size > 0) this.#held = this.#hold(fenced);
  }

  /** The answer to RESET may come in pieces, like any other. */
  #lookForReset(type: number, chunk: Buffer, start: number, end: number, last: boolean): void {
    const room = HEAD_LENGTH - this.#head.length;
    if (room > 0) this.#head += chunk.latin1Slice(start, Math.min(end, start + room));
    if (!last) return;
    const text = this.#head;
    if (text === RESET_FRAME) this.#resetSeen = true;
    if (type !== MINUS || !text.includes("'reset'")) return;
    this.#resetSent = false;
    this.#parts.onResetRefused();
  }

  /** Whatever could be delivered has been. */
  onSettled(): void {
    if (this.#parts.slots.size > 0) return;
    if (this.#resetSeen) this.#finishReset();
    else if (this.#loss) this.#parts.onLost(this.#loss);
  }

  #finishReset(): void {
    this.#resetSeen = false;
    this.#parts.onReset();
  }

  #hold(fenced: boolean): HeldReply {
    const held = new HeldReply(this.#parts.door.outlet, fenced);
    this.#parts.slots.add(held);
    if (!fenced) return held;
    this.#parts.carryOut(this.#effect, () => {
      held.release();
      this.#parts.slots.settle();
    });
    return held;
  }

  #slowDown(): void {
    const { door, lease } = this.#parts;
    if (this.#paused || !door.outlet.slow) return;
    this.#paused = true;
    lease.wire.pause();
    door.onceWritable(() => {
      this.#paused = false;
      lease.wire.resume();
    });
  }
}

function isMessage(type: number, chunk: Buffer, start: number, end: number): boolean {
  if (type !== STAR) return false;
  // Too little of it to tell: taken for a message, which is the safe side.
  if (end - start < 32 && chunk.indexOf(DOLLAR, start) < 0) return true;
  return MESSAGE.test(chunk.latin1Slice(start, Math.min(end, start + 64)));
}
