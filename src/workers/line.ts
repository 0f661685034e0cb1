/** A worker's line to the process that owns the ports, and through it to the other workers. */
import type { Clock } from '../clock';
import type { About, Answers, Neighbours, News, Question, Topic } from '../commands/neighbours';
import type { Grant, Lender } from './leased-rates';
import type { Order, Report } from './messages';

/** The other end waits less long for those who do not answer: this is for when it does not answer itself. */
const PATIENCE = 10_000;
const NOTHING_GRANTED: Grant = { granted: 0, wait: 1_000 };

export class Line implements Neighbours, Lender {
  readonly #send: (report: Report) => void;
  readonly #clock: Clock;
  readonly #waiting = new Map<number, (order: Order | undefined) => void>();
  #lastId = 0;

  constructor(send: (report: Report) => void, clock: Clock) {
    this.#send = send;
    this.#clock = clock;
  }

  async ask<T extends Topic>(question: About<T>): Promise<readonly Answers[T][]> {
    const order = await this.#await((id) => ({ kind: 'ask', id, question: question as Question }));
    return order?.kind === 'answers' ? (order.answers as readonly Answers[T][]) : [];
  }

  tell(news: News): void {
    this.#send({ kind: 'news', news });
  }

  async charge(address: string, needed: number, spare: number): Promise<Grant> {
    const order = await this.#await((id) => ({ kind: 'charge', id, address, needed, spare }));
    return order?.kind === 'tokens' ? order : NOTHING_GRANTED;
  }

  giveBack(address: string, tokens: number): void {
    this.#send({ kind: 'give back', address, tokens });
  }

  onAnswer(id: number, order: Order): void {
    this.#waiting.get(id)?.(order);
  }

  #await(reportWith: (id: number) => Report): Promise<Order | undefined> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve) => {
      const timer = this.#clock.after(PATIENCE, () => finish(undefined));
      const finish = (order: Order | undefined) => {
        timer.stop();
        this.#waiting.delete(id);
        resolve(order);
      };
      this.#waiting.set(id, finish);
      this.#send(reportWith(id));
    });
  }
}
