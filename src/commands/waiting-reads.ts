/**
 * Reads of what is in memory that stand behind unanswered commands of their own client: nothing is sent for them.
 *
 *     SET a … │ GET b │ GET c │            when SET is answered, both are looked up
 *     SET a … │ GET b │ SET c … │          the second SET has to go behind GET b: so GET b is sent after all, ahead of it
 *
 * They are always the last that the client has asked, so what it asked before cannot be answered behind them.
 */
import type { ReadSlot } from './read-slot';
import type { CommandRow, Effect } from './table';

export interface WaitingRead {
  readonly row: CommandRow;
  /** The bytes to send, if it has to be. */
  readonly raw: Buffer;
  readonly names: readonly string[];
  /** Its place, once it is its turn. */
  readonly slot: ReadSlot;
}

/** More are sent like any other command. */
const MOST_WAITING = 1024;

export class WaitingReads {
  #reads: WaitingRead[] = [];
  /** What the unanswered commands will have dropped by the time they are answered. */
  readonly #touched = new Set<string>();
  /** The same, not in the set yet: few clients ask for anything behind what they write. */
  #alsoTouched: (readonly string[])[] = [];
  #anythingTouched = false;

  get size(): number {
    return this.#reads.length;
  }

  /** A command was sent that these reads would stand behind. */
  onSent(effect: Effect, keys: readonly string[]): void {
    if (effect === 'keys') this.#alsoTouched.push(keys);
    else if (effect !== 'none') this.#anythingTouched = true;
  }

  /** Whether it is of use to wait: memory will hardly have what is being written now. */
  accepts(names: readonly string[]): boolean {
    if (this.#anythingTouched || this.#reads.length >= MOST_WAITING) return false;
    for (const keys of this.#alsoTouched) for (const key of keys) this.#touched.add(key);
    this.#alsoTouched = [];
    return !names.some((name) => this.#touched.has(name));
  }

  add(read: WaitingRead): void {
    this.#reads.push(read);
  }

  takeAll(): readonly WaitingRead[] {
    const reads = this.#reads;
    this.#reads = [];
    return reads;
  }

  /** All that was sent is answered. */
  clear(): void {
    this.#anythingTouched = false;
    if (this.#touched.size > 0) this.#touched.clear();
    if (this.#alsoTouched.length > 0) this.#alsoTouched = [];
    if (this.#reads.length > 0) this.#reads = [];
  }
}
