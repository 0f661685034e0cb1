/** Questions of one worker, put to the others; the answers that come in time go back together. */
import type { Clock, Timer } from '../clock';
import type { Answers, Question, Topic } from '../commands/neighbours';
import type { Reading } from '../telemetry/reading';
import type { Hand } from './hand';

/** Whoever does not answer for so long is left out: a worker that hangs must not make all of them hang. */
const PATIENCE = 2_000;
/** A fence takes as long as Redis takes to answer a PING. */
const PATIENCE_WITH_EFFECTS = 6_000;

interface Round {
  readonly question: Question;
  readonly missing: Set<Hand>;
  readonly answers: Answers[Topic][];
  readonly timer: Timer;
  readonly finish: (answers: readonly Answers[Topic][]) => void;
}

export class Switchboard {
  readonly #clock: Clock;
  readonly #rounds = new Map<number, Round>();
  #lastId = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `finish` is called once, with the answers of those who are still there and have answered. */
  ask(
    question: Question,
    hands: readonly Hand[],
    finish: (answers: readonly Answers[Topic][]) => void,
  ): void {
    if (hands.length === 0) {
      finish([]);
      return;
    }
    this.#lastId += 1;
    const id = this.#lastId;
    const patience = question.about === 'effect' ? PATIENCE_WITH_EFFECTS : PATIENCE;
    const timer = this.#clock.after(patience, () => this.#finish(id));
    this.#rounds.set(id, { question, missing: new Set(hands), answers: [], timer, finish });
    for (const hand of hands) hand.order({ kind: 'question', id, question });
  }

  onAnswer(hand: Hand, id: number, answer: Answers[Topic]): void {
    const round = this.#rounds.get(id);
    if (!round?.missing.delete(hand)) return;
    // Whatever has been told of a worker stays true when it is gone.
    if (round.question.about === 'reading') hand.noteReading(answer as Reading);
    round.answers.push(answer);
    if (round.missing.size === 0) this.#finish(id);
  }

  onEnd(hand: Hand): void {
    for (const [id, round] of this.#rounds)
      if (round.missing.delete(hand) && round.missing.size === 0) this.#finish(id);
  }

  #finish(id: number): void {
    const round = this.#rounds.get(id);
    this.#rounds.delete(id);
    round?.timer.stop();
    round?.finish(round.answers);
  }
}
