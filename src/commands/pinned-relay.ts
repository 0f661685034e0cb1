/**
 * A session that keeps one wire for good: subscribers, monitors, clients with CLIENT TRACKING of their own.
 *
 * What comes back can no longer be counted one for each command, so the frames pass as they come. They are counted as
 * far as that is safe, for one purpose: a reply that may stand for a write waits for a fence. Counting too few replies
 * only means a fence too many.
 */
import type { Fence } from '../coherence/fence';
import { DOLLAR, GREATER, STAR } from '../resp/bytes';
import type { Lease } from '../upstream/exclusive-pool';
import type { Door } from './outlet';
import { HeldReply, Slots } from './slots';
import type { CommandRow } from './table';

export interface RelayParts {
  readonly lease: Lease;
  readonly door: Door;
  readonly fence: Fence;
  /** Replies still owed when the session was pinned, and whether a write may be among them. */
  readonly owed: number;
  readonly owedMayWrite: boolean;
  /** Redis has answered RESET: the connection is as new, and the session is free. */
  onReset(): void;
}

/** Their answers are as many as their arguments, or pushes. */
const SUBSCRIBING = /^[ps]?(un)?subscribe$/;
/** The first element of what a RESP2 subscriber gets without asking, or once for each argument. */
const MESSAGE = /^\*[0-9]+\r\n\$[0-9]+\r\n([ps]?message|[ps]?(un)?subscribe|invalidate)\r\n/;
const RESET_FRAME = '+RESET\r\n';

export class PinnedRelay {
  readonly #parts: RelayParts;
  readonly #slots = new Slots(() => this.#onSettled());
  #expected: number;
  #seen = 0;
  /** Replies up to this one may stand for a write. */
  #fencedUpTo = 0;
  #countable = true;
  #resetSent = false;
  #resetSeen = false;
  #held: HeldReply | undefined;
  #midFrame = false;

  constructor(parts: RelayParts) {
    this.#parts = parts;
    this.#expected = parts.owed;
    if (parts.owedMayWrite) this.#fencedUpTo = parts.owed;
    parts.lease.wire.pin((type, chunk, start, end, last) => this.#onFrame(type, chunk, start, end, last));
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
    if (row.name === 'reset') this.#resetSent = true;
    if (row.route === 'pinned' && !SUBSCRIBING.test(row.name) && row.name !== 'client|tracking')
      this.#countable = false;
    if (!SUBSCRIBING.test(row.name)) this.#expected += 1;
    if (row.effect === 'none' && row.name !== 'unknown') return;
    this.#fencedUpTo = this.#countable ? this.#expected : Number.POSITIVE_INFINITY;
  }

  #onFrame(type: number, chunk: Buffer, start: number, end: number, last: boolean): void {
    if (!this.#midFrame) this.#beginFrame(type, chunk, start, end, last);
    this.#midFrame = !last;
    if (this.#held) this.#held.add(chunk.subarray(start, end), last);
    else this.#parts.door.outlet.append(chunk, start, end);
    if (this.#held) this.#slots.settle();
    else this.#onSettled();
    this.#slowDown();
  }

  #beginFrame(type: number, chunk: Buffer, start: number, end: number, last: boolean): void {
    this.#held = undefined;
    const fenced = this.#seen < this.#fencedUpTo;
    if (type !== GREATER && !isMessage(type, chunk, start, end)) this.#seen += 1;
    if (fenced || this.#slots.size > 0) this.#held = this.#hold(fenced);
    if (this.#resetSent && last && chunk.latin1Slice(start, end) === RESET_FRAME) this.#resetSeen = true;
  }

  #onSettled(): void {
    if (this.#resetSeen && this.#slots.size === 0) this.#parts.onReset();
  }

  #hold(fenced: boolean): HeldReply {
    const held = new HeldReply(this.#parts.door.outlet, fenced);
    this.#slots.add(held);
    if (!fenced) return held;
    this.#parts.fence.wait(() => {
      held.release();
      this.#slots.settle();
    });
    return held;
  }

  #slowDown(): void {
    const { door, lease } = this.#parts;
    if (!door.outlet.slow) return;
    lease.wire.pause();
    door.onceWritable(() => lease.wire.resume());
  }
}

function isMessage(type: number, chunk: Buffer, start: number, end: number): boolean {
  if (type !== STAR) return false;
  // Too little of it to tell: taken for a message, which is the safe side.
  if (end - start < 32 && chunk.indexOf(DOLLAR, start) < 0) return true;
  return MESSAGE.test(chunk.latin1Slice(start, Math.min(end, start + 64)));
}
