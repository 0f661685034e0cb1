/** A reply that a client is owed for a command that went to Redis, and what has to be done before it is delivered. */
import type { Waiter, WireLoss } from '../upstream/wire';
import type { CommandRow, Effect } from './table';

/** Whoever delivers it: the conversation that sent the command. */
export interface Creditor {
  onOwedPiece(owed: OwedReply, chunk: Buffer, start: number, end: number, last: boolean): void;
  onOwedLost(owed: OwedReply, loss: WireLoss): void;
}

const HEAD_LENGTH = 32;

export class OwedReply implements Waiter {
  readonly #creditor: Creditor;
  readonly row: CommandRow;
  readonly effect: Effect;
  /** The keys to drop where the effect is `keys`. */
  readonly keys: readonly string[];
  /** CLIENT REPLY OFF or SKIP: nobody wants to read it. */
  readonly muted: boolean;
  begun = false;
  /** It was sent behind a MULTI: the reply may be +QUEUED, and the effect EXEC's. */
  readonly queued: boolean;
  /** When it was sent, for one in so many; 0 for the others. */
  sentAt = 0;
  /** Called when the reply begins as an error. */
  onRefused: (() => void) | undefined;
  #head = '';

  constructor(
    creditor: Creditor,
    row: CommandRow,
    effect: Effect,
    keys: readonly string[],
    muted: boolean,
    queued: boolean,
  ) {
    this.#creditor = creditor;
    this.row = row;
    this.effect = effect;
    this.keys = keys;
    this.muted = muted;
    this.queued = queued;
  }

  /** How the reply begins, without line ends; only gathered where somebody needs it. */
  get head(): string {
    return this.#head;
  }

  noteHead(chunk: Buffer, start: number, end: number): void {
    const room = HEAD_LENGTH - this.#head.length;
    if (room > 0) this.#head += chunk.latin1Slice(start, Math.min(end, start + room)).replace(/\r?\n?$/, '');
  }

  onReply(chunk: Buffer, start: number, end: number, last: boolean): void {
    this.#creditor.onOwedPiece(this, chunk, start, end, last);
  }

  onLost(loss: WireLoss): void {
    this.#creditor.onOwedLost(this, loss);
  }
}
