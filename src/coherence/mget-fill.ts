/** An MGET that fills the cache: one answer for one reader, and as many entries as it has keys. */
import { FILLED_BY_MGET } from '../cache/entries';
import { MINUS, PLUS } from '../resp/bytes';
import { parseShallow, type Reply } from '../resp/reply-parser';
import type { Waiter, WireLoss } from '../upstream/wire';
import type { Claim, FillReader } from './fill-register';
import { type FillHome, forget, keep, millisecondsOf, OUT_OF_STEP } from './fills';

const KEPT_UP_TO = 16 * 1024 * 1024;
/** What stands inside an answer that is none could have been pushes. */
const ANYTHING_MAY_HAVE_CHANGED: Reply = {
  type: 'push',
  items: [{ type: 'bulk', value: Buffer.from('invalidate') }, { type: 'nil' }],
};
const CRLF = Buffer.from('\r\n');

/** `MGET key …` and a PTTL for each key that the cache does not hold, sent together. */
export class MgetFill implements Waiter {
  readonly #home: FillHome;
  readonly #claims: readonly Claim[];
  readonly #places: readonly number[];
  readonly #sentAt: number;
  readonly #reader: FillReader;
  readonly #asking: number;
  readonly #expiries: (number | undefined)[] = [];
  #pieces: Buffer[] = [];
  #size = 0;
  #stage: 'value' | 'overflowing' | 'expiries' | 'done' = 'value';
  #value: Buffer | undefined;

  /** `claims` are the keys whose PTTL was asked, each once, and `places` where each stands in the MGET. */
  constructor(
    claims: readonly Claim[],
    places: readonly number[],
    home: FillHome,
    reader: FillReader,
    asking: number,
  ) {
    this.#home = home;
    this.#claims = claims;
    this.#places = places;
    this.#reader = reader;
    this.#asking = asking;
    this.#sentAt = home.now();
    for (const claim of claims) home.register.add(claim);
  }

  onReply(chunk: Buffer, start: number, end: number, last: boolean): void {
    if (this.#stage === 'overflowing') {
      if (last) this.#beginExpiries();
      return;
    }
    this.#pieces.push(chunk.subarray(start, end));
    this.#size += end - start;
    if (last) this.#onWhole(wholeOf(this.#pieces));
    else if (this.#size > KEPT_UP_TO) this.#overflow();
  }

  onSilence(): void {
    this.#reader.onAskingSilent(this.#asking);
  }

  onLost(loss: WireLoss): void {
    if (this.#stage === 'done') return;
    this.#end();
    this.#reader.onAskingLost(this.#asking, loss);
  }

  #onWhole(frame: Buffer): void {
    this.#pieces = [];
    this.#size = 0;
    if (frame[0] === PLUS) {
      this.#home.distrust();
      this.onLost(OUT_OF_STEP);
    } else if (this.#stage === 'expiries') {
      this.#expiries.push(millisecondsOf(frame, 0, frame.length));
      if (this.#expiries.length === this.#claims.length) this.#finish();
    } else {
      this.#value = frame;
      this.#beginExpiries();
    }
  }

  /** Too much to be held: the rest is let go as it comes, and the command goes past the cache. */
  #overflow(): void {
    this.#stage = 'overflowing';
    this.#pieces = [];
    this.#size = 0;
    for (const claim of this.#claims) this.#home.register.cancel(claim.key);
    this.#reader.onTooLarge(this.#asking);
  }

  #beginExpiries(): void {
    this.#stage = 'expiries';
    if (this.#claims.length === 0) this.#finish();
  }

  #finish(): void {
    const value = this.#value;
    if (value && value[0] !== MINUS) this.#storeAll(value);
    this.#end();
    const now = this.#home.confirm(this.#sentAt);
    if (value) this.#reader.onAnswer(this.#asking, value, 0, value.length, now);
  }

  #end(): void {
    this.#stage = 'done';
    for (const claim of this.#claims) this.#home.register.finish(claim);
  }

  #storeAll(value: Buffer): void {
    const parsed = parseShallow(value);
    if (!parsed) {
      this.#home.onPush(ANYTHING_MAY_HAVE_CHANGED);
      return;
    }
    const { reply, pushes } = parsed;
    // Redis 6 may put a push inside the array: it counts before anything is stored.
    for (const push of pushes) this.#home.onPush(push);
    if (reply.type !== 'array') return;
    this.#claims.forEach((claim, index) => {
      if (claim.cancelled) return;
      const item = reply.items[this.#places[index] ?? -1];
      if (item?.type === 'bulk') this.#storeOne(claim.key, item.value, this.#expiries[index]);
      else forget(this.#home, claim.key);
    });
  }

  #storeOne(key: string, value: Buffer, expiresIn: number | undefined): void {
    if (value.length > this.#home.limits.maxValue) this.#home.noteBig(key);
    if (value.length > this.#home.limits.maxValue || expiresIn === undefined) forget(this.#home, key);
    else {
      const frame = Buffer.concat([Buffer.from(`$${value.length}\r\n`), value, CRLF]);
      keep(
        this.#home,
        key,
        frame,
        0,
        frame.length,
        false,
        expiresIn,
        this.#sentAt,
        this.#home.now(),
        FILLED_BY_MGET,
      );
    }
  }
}

function wholeOf(pieces: readonly Buffer[]): Buffer {
  const [only] = pieces;
  return pieces.length === 1 && only ? only : Buffer.concat(pieces);
}
