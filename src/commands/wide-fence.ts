/** A fence around all processes that share the ports: everybody's pushes are in before the reply goes on. */
import type { Barrier } from '../coherence/fence';
import type { Neighbours } from './neighbours';

export class WideFence implements Barrier {
  readonly #own: Barrier;
  readonly #neighbours: Neighbours;
  #waiting: (() => void)[] = [];

  constructor(own: Barrier, neighbours: Neighbours) {
    this.#own = own;
    this.#neighbours = neighbours;
  }

  /** As with the fence of one process, whoever asks in the same turn of the event loop shares a round. */
  wait(done: () => void): void {
    this.#waiting.push(done);
    if (this.#waiting.length === 1) process.nextTick(() => this.#round());
  }

  #round(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    let outstanding = 2;
    const onPassed = () => {
      outstanding -= 1;
      if (outstanding === 0) for (const done of waiting) done();
    };
    this.#own.wait(onPassed);
    void this.#neighbours.ask({ about: 'effect', effect: 'fence' }).then(onPassed);
  }
}
