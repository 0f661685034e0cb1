/** What Redis still owes one client: counts the replies to come, and does what each demands before it is delivered. */
import { MINUS } from '../resp/bytes';
import { QUEUED } from '../resp/encoder';
import type { LatencyHistogram } from '../telemetry/latency';
import type { WireLoss } from '../upstream/wire';
import { CUT_SHORT, lossAnswer } from './answers';
import type { ClientFace } from './clients';
import type { Delivery } from './delivery';
import { applyEffect, type Hold, holdNothing } from './effects';
import type { House } from './house';
import { type Creditor, OwedReply } from './owed-reply';
import type { CommandRow, Effect } from './table';
import type { TransactionState } from './transaction';

/** Who owes: the conversation. */
export interface Debtor {
  /** Something was delivered: the client may be slow to read it. */
  onDelivered(): void;
  /** Nothing is owed any more. */
  onAllPaid(): void;
  /** So much has been paid that more may be asked. */
  onRoom(): void;
  /** Redis knows a command that the table does not: the wire may hold anything now. */
  onUnknownMet(): void;
  /** A wire was lost with replies to come. */
  onWireLost(): void;
  breakOff(reason: string): void;
}

export interface DebtParts {
  readonly house: House;
  readonly face: ClientFace;
  readonly delivery: Delivery;
  readonly transaction: TransactionState;
  /** Times from sending to the last byte of the reply. */
  readonly passed: LatencyHistogram;
}

/** Behind a command that blocks, replies to come would pile up for as long as the client sends. */
const MOST_OWED = 16_384;
/** Redis's word that it did nothing at all with a command that the table does not have. */
const REFUSED = /^-(ERR unknown command|NOAUTH|NOPERM)/;
const NOTHING_DONE = /^-(NOPERM|NOAUTH|EXECABORT) /;

export class Debts implements Creditor {
  readonly #debtor: Debtor;
  readonly #parts: DebtParts;
  #owed = 0;
  #blocking = 0;
  /** The client has left: what replies stand for is done, but nobody reads them. */
  #abandoned = false;
  /** What blocks was given up: its loss is no news. */
  #gaveUp = false;

  constructor(debtor: Debtor, parts: DebtParts) {
    this.#debtor = debtor;
    this.#parts = parts;
  }

  get count(): number {
    return this.#owed;
  }

  get full(): boolean {
    return this.#owed >= MOST_OWED;
  }

  /** Replies to commands that block. */
  get blocking(): number {
    return this.#blocking;
  }

  owe(row: CommandRow, effect: Effect, keys: readonly string[], muted: boolean): OwedReply {
    const { house, face, transaction, passed } = this.#parts;
    const owed = new OwedReply(this, row, effect, keys, muted, transaction.announced);
    this.#owed += 1;
    if (effect === 'flush') house.untold.begin();
    if (!row.blocking && passed.isDue()) owed.sentAt = house.clock.now();
    if (row.blocking) {
      this.#blocking += 1;
      face.blocked = true;
    }
    return owed;
  }

  giveUp(): void {
    this.#gaveUp = true;
  }

  abandon(): void {
    this.#abandoned = true;
  }

  onOwedPiece(owed: OwedReply, chunk: Buffer, start: number, end: number, last: boolean): void {
    if (owed.row.transaction || owed.row.name === 'unknown') owed.noteHead(chunk, start, end);
    if (!owed.begun) {
      owed.begun = true;
      this.#begin(owed, chunk, start);
      this.#settleUntold(owed);
    }
    if (!this.#abandoned && !owed.muted) this.#parts.delivery.deliver(chunk, start, end, last);
    if (last) this.#finish(owed);
    this.#debtor.onDelivered();
  }

  onOwedLost(owed: OwedReply, loss: WireLoss): void {
    const { house, delivery } = this.#parts;
    const { begun } = owed;
    owed.begun = true;
    if (!begun) {
      applyEffect(owed.effect, owed.keys, house, holdNothing);
      this.#settleUntold(owed);
    }
    this.#debtor.onWireLost();
    if (begun && !owed.muted) this.#debtor.breakOff(CUT_SHORT);
    else if (!this.#abandoned && !owed.muted && !this.#gaveUp) {
      const answer = lossAnswer(loss);
      delivery.deliver(answer, 0, answer.length, true);
    }
    this.#finish(owed);
  }

  /** What its command may have changed is forgotten before the first byte of a reply is delivered. */
  #begin(owed: OwedReply, chunk: Buffer, start: number): void {
    if (chunk[start] === MINUS) owed.onRefused?.();
    if (owed.effect === 'none') return;
    if (owed.effect !== 'fence' && isRefusal(chunk, start)) return;
    // Queued: EXEC will do it.
    if (owed.queued && chunk.subarray(start, start + QUEUED.length).equals(QUEUED)) return;
    const { house, delivery } = this.#parts;
    const hold: Hold = (begin) => delivery.holdUntil(begin, owed.muted);
    applyEffect(owed.effect, owed.keys, house, this.#abandoned ? holdNothing : hold);
  }

  #settleUntold(owed: OwedReply): void {
    if (owed.effect === 'flush') this.#parts.house.untold.end();
  }

  #finish(owed: OwedReply): void {
    const { house, face, transaction, passed } = this.#parts;
    this.#owed -= 1;
    if (owed.sentAt > 0) passed.observe(house.clock.now() - owed.sentAt);
    if (owed.row.blocking) {
      this.#blocking -= 1;
      face.blocked = this.#blocking > 0;
    }
    if (owed.row.transaction) transaction.onReply(owed.row.transaction, owed.head);
    if (owed.row.name === 'unknown' && !REFUSED.test(owed.head)) this.#debtor.onUnknownMet();
    if (this.#abandoned) return;
    if (this.#owed === 0) this.#debtor.onAllPaid();
    else if (this.#owed === MOST_OWED / 2) this.#debtor.onRoom();
  }
}

/** Redis did nothing at all. A script can word its own errors, but what scripts do is fenced. */
export function isRefusal(chunk: Buffer, start: number): boolean {
  if (chunk[start] !== MINUS) return false;
  // A slice that ends behind the chunk throws.
  return NOTHING_DONE.test(chunk.latin1Slice(start, Math.min(chunk.length, start + 16)));
}
