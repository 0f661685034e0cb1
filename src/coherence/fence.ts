/**
 * Holds a reply back until every push that its command caused has been handled.
 *
 * Some writes do not tell their keys. When the reply to one has arrived, Redis has already sent the pushes, on the
 * fill wires; a PING on each of them comes back behind those pushes. One round of PINGs serves all that wait for it.
 */
import type { Stats } from '../telemetry/stats';
import type { Tracker } from './tracker';

export interface Barrier {
  wait(done: () => void): void;
}

export class Fence implements Barrier {
  readonly #trackers: () => readonly Tracker[];
  readonly #stats: Stats;
  #waiting: (() => void)[] = [];

  constructor(trackers: () => readonly Tracker[], stats: Stats) {
    this.#trackers = trackers;
    this.#stats = stats;
  }

  /** Whoever asks before this turn of the event loop is over shares one round. */
  wait(done: () => void): void {
    this.#waiting.push(done);
    if (this.#waiting.length === 1) process.nextTick(() => this.#round());
  }

  #round(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#stats.fencesRun += 1;
    let outstanding = 1;
    const onPong = () => {
      outstanding -= 1;
      if (outstanding === 0) for (const done of waiting) done();
    };
    for (const tracker of this.#trackers()) {
      // Nothing says what a write has changed where time alone rules.
      if (tracker.mode === 'ttl') {
        tracker.dropAll();
        continue;
      }
      outstanding += 1;
      tracker.synchronize(onPong);
    }
    onPong();
  }
}
