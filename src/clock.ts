/** Time and timers, so that a test can put its own in their place. */

/** A timer that has been set; stopping one that has fired does nothing. */
export interface Timer {
  stop(): void;
}

export interface Clock {
  /** Milliseconds that only go forward, with fractions; good for differences, tells no date. */
  now(): number;
  /** Calls once, after so many milliseconds. */
  after(ms: number, call: () => void): Timer;
  /** Calls again and again, that far apart. */
  every(ms: number, call: () => void): Timer;
}

// setTimeout takes anything longer for 1 ms.
const LONGEST = 2 ** 31 - 1;

// The global one is looked up by a getter each time.
const source = performance;

/** The real one. Its timers alone do not keep the process alive: sockets and servers do. */
export const systemClock: Clock = {
  now: () => source.now(),
  after(ms, call) {
    const timer = setTimeout(call, Math.min(ms, LONGEST));
    timer.unref();
    return { stop: () => clearTimeout(timer) };
  },
  every(ms, call) {
    const timer = setInterval(call, Math.min(ms, LONGEST));
    timer.unref();
    return { stop: () => clearInterval(timer) };
  },
};
