/** What Redis holds for a client between MULTI or WATCH and EXEC, as far as requests and replies tell. */
import type { Effect, Transaction } from './rules';

/** More keys than this are not kept: a fence needs none. */
const MOST_KEYS = 10_000;

export class TransactionState {
  #queuing = false;
  #watching = false;
  /** MULTI was sent, and neither EXEC nor DISCARD behind it; the replies may still be on their way. */
  #announced = false;
  readonly #weakest: Effect;
  #strongest: Effect;
  #keys: string[] = [];

  /** `weakest`: what EXEC does at the least. */
  constructor(weakest: 'keys' | 'fence') {
    this.#weakest = weakest;
    this.#strongest = weakest;
  }

  /** Commands sent now are queued, unless Redis refused the MULTI. */
  get announced(): boolean {
    return this.#announced;
  }

  /** Nothing is left on the connection; only certain when every reply is in. */
  get plain(): boolean {
    return !this.#queuing && !this.#watching;
  }

  /** Whatever is sent now belongs to what the connection holds: on another one it would do something else. */
  get unfinished(): boolean {
    return this.#announced || this.#watching;
  }

  onSent(step: Transaction): void {
    if (step === 'multi') this.#announced = true;
    if (step !== 'exec' && step !== 'discard') return;
    this.#forgetQueued();
  }

  /** What EXEC has to do: drop what is queued to be changed or read, a fence where that cannot be told, or more. */
  get effectOfExec(): Effect {
    return this.#strongest;
  }

  /** Where the effect of EXEC is `keys`. */
  get keysOfExec(): readonly string[] {
    return this.#keys;
  }

  /** `keys` are those of an effect `keys`, as far as they are known. */
  onQueued(effect: Effect, keys?: readonly string[]): void {
    if (effect === 'none') return;
    if (effect === 'keys' && keys && this.#keys.length + keys.length <= MOST_KEYS) {
      for (const key of keys) this.#keys.push(key);
    } else {
      this.#strongest = strongerOf(this.#strongest, effect === 'keys' ? 'fence' : effect);
    }
  }

  /** `head` is the beginning of the reply. */
  onReply(step: Transaction, head: string): void {
    switch (step) {
      case 'multi':
        if (head.startsWith('+')) this.#queuing = true;
        return;
      case 'watch':
        if (head === '+OK') this.#watching = true;
        return;
      case 'unwatch':
        if (head === '+OK') this.#watching = false;
        return;
      case 'exec':
      case 'discard':
        if (ends(step, head)) this.#leave();
        return;
      default:
        step satisfies never;
    }
  }

  /** Everything is answered. A MULTI that Redis refused begins nothing, and nothing will end it. */
  onSettled(): void {
    if (this.#announced && !this.#queuing) this.#forgetQueued();
  }

  reset(): void {
    this.#leave();
    this.#forgetQueued();
  }

  /** What is announced by now is another transaction, sent behind the one that has ended. */
  #leave(): void {
    this.#queuing = false;
    this.#watching = false;
  }

  #forgetQueued(): void {
    this.#announced = false;
    this.#strongest = this.#weakest;
    this.#keys = [];
  }
}

/** The effect that does what both do. */
export function strongerOf(one: Effect, other: Effect): Effect {
  const another = other === 'settings' ? 'acl' : other;
  return STRENGTH.indexOf(another) > STRENGTH.indexOf(one) ? another : one;
}

const STRENGTH: readonly Effect[] = ['none', 'keys', 'fence', 'modules', 'flush', 'acl'];

/** Any error of EXEC but EXECABORT leaves the transaction open, a wrong number of arguments for example. */
function ends(step: 'exec' | 'discard', head: string): boolean {
  return step === 'discard' ? head.startsWith('+') : !head.startsWith('-') || head.startsWith('-EX');
}
