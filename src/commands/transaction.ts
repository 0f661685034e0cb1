/** What Redis holds for a client between MULTI or WATCH and EXEC, as far as requests and replies tell. */
import type { Effect, Transaction } from './rules';

export class TransactionState {
  #queuing = false;
  #watching = false;
  /** MULTI was sent, and neither EXEC nor DISCARD behind it; the replies may still be on their way. */
  #announced = false;
  #strongest: Effect = 'fence';

  /** Commands sent now are queued, unless Redis refused the MULTI. */
  get announced(): boolean {
    return this.#announced;
  }

  /** Nothing is left on the connection; only certain when every reply is in. */
  get plain(): boolean {
    return !this.#queuing && !this.#watching;
  }

  onSent(step: Transaction): void {
    if (step === 'multi') this.#announced = true;
    if (step !== 'exec' && step !== 'discard') return;
    this.#announced = false;
    this.#strongest = 'fence';
  }

  /** What EXEC has to do: a fence, or more when something was queued whose effect no push tells of. */
  get effectOfExec(): Effect {
    return this.#strongest;
  }

  onQueued(effect: Effect): void {
    this.#strongest = strongerOf(this.#strongest, effect);
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
        if (ends(step, head)) this.reset();
        return;
      default:
        step satisfies never;
    }
  }

  reset(): void {
    this.#queuing = false;
    this.#watching = false;
    this.#announced = false;
  }
}

/** The effect that does what both do; `one` is a fence or something stronger. */
export function strongerOf(one: Effect, other: Effect): Effect {
  const another = other === 'settings' ? 'acl' : other;
  return STRENGTH.indexOf(another) > STRENGTH.indexOf(one) ? another : one;
}

/** For what is not among them a fence will do. */
const STRENGTH: readonly Effect[] = ['fence', 'modules', 'flush', 'acl'];

/** Any error of EXEC but EXECABORT leaves the transaction open, a wrong number of arguments for example. */
function ends(step: 'exec' | 'discard', head: string): boolean {
  return step === 'discard' ? head.startsWith('+') : !head.startsWith('-') || head.startsWith('-EX');
}
