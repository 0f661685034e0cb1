import type { Clock } from '../../../src/clock';
import { type Grant, LeasedRates, type Lender } from '../../../src/workers/leased-rates';
import { SharedRates } from '../../../src/workers/shared-rates';

/** Time that stands still until it is moved, and what is due every so often. */
class StandingClock implements Clock {
  #now = 0;
  readonly #every: { readonly ms: number; readonly call: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  after(): { stop(): void } {
    return { stop: () => undefined };
  }

  every(ms: number, call: () => void): { stop(): void } {
    this.#every.push({ ms, call });
    return { stop: () => undefined };
  }

  move(ms: number): void {
    const before = this.#now;
    this.#now += ms;
    for (const { ms: period, call } of this.#every)
      for (let at = Math.floor(before / period); at < Math.floor(this.#now / period); at += 1) call();
  }
}

/** The line of one worker to the owner of the ports. */
class Wire implements Lender {
  readonly #bank: SharedRates;
  asked = 0;

  constructor(bank: SharedRates) {
    this.#bank = bank;
  }

  async charge(address: string, needed: number, spare: number): Promise<Grant> {
    this.asked += 1;
    return this.#bank.charge(this, address, needed, spare);
  }

  giveBack(address: string, tokens: number): void {
    this.#bank.giveBack(this, address, tokens);
  }
}

const ADDRESS = '10.0.0.1';

function setUp(perSecond: number, workers: number) {
  const clock = new StandingClock();
  const bank = new SharedRates(perSecond, clock);
  const wires = Array.from({ length: workers }, () => new Wire(bank));
  const rates = wires.map((wire) => new LeasedRates(perSecond, workers, wire, clock));
  const asked = () => wires.reduce((total, wire) => total + wire.asked, 0);
  /** As a session does it: asks, and when it has to wait, asks again. */
  const send = async (worker: number, commands = 1): Promise<boolean> => {
    const limiter = rates[worker]?.of(ADDRESS);
    if (!limiter) throw new Error('there is no such worker');
    for (;;) {
      const admitted = limiter.take(clock.now(), commands);
      if (admitted !== undefined) return admitted;
      await new Promise<void>((known) => limiter.onceKnown(known));
    }
  };
  const admittedOf = async (worker: number, tries: number): Promise<number> => {
    let admitted = 0;
    for (let at = 0; at < tries; at += 1) if (await send(worker)) admitted += 1;
    return admitted;
  };
  return { clock, bank, wires, asked, rates, send, admittedOf };
}

test('one client can use the whole burst and the whole rate, and few of its commands ask', async () => {
  const { clock, asked, admittedOf } = setUp(100, 2);
  expect(await admittedOf(0, 150)).toBe(100);
  expect(asked()).toBeLessThan(30);
  let admitted = 0;
  for (let at = 0; at < 100; at += 1) {
    clock.move(10);
    admitted += await admittedOf(0, 3);
  }
  expect(admitted).toBeGreaterThanOrEqual(99);
  expect(admitted).toBeLessThanOrEqual(100);
});

test('all workers together admit no more than one would', async () => {
  const { clock, admittedOf } = setUp(100, 4);
  let admitted = 0;
  for (let round = 0; round < 200; round += 1) {
    clock.move(10);
    admitted += await admittedOf(round % 4, 5);
  }
  expect(admitted).toBeLessThanOrEqual(100 + 200);
  expect(admitted).toBeGreaterThan(250);
});

test('what a worker keeps in store counts when the bucket fills: never more than the burst at once', async () => {
  const { clock, admittedOf } = setUp(100, 2);
  expect(await admittedOf(0, 1)).toBe(1);
  clock.move(900);
  expect((await admittedOf(0, 200)) + (await admittedOf(1, 200))).toBe(100);
});

test('what a worker does not use goes back', async () => {
  const { clock, admittedOf } = setUp(100, 2);
  await admittedOf(0, 1);
  clock.move(2_000);
  expect(await admittedOf(1, 200)).toBe(100);
});

test('what a worker has used up of its store does not stay out of the bucket', async () => {
  const { clock, admittedOf } = setUp(100, 2);
  expect(await admittedOf(0, 6)).toBe(6);
  clock.move(2_000);
  expect(await admittedOf(1, 200)).toBe(100);
});

test('what a worker that has died had in store is earned anew', async () => {
  const { clock, bank, wires, admittedOf } = setUp(100, 2);
  await admittedOf(0, 1);
  bank.forget(wires[0]);
  clock.move(40);
  expect(await admittedOf(1, 200)).toBe(98);
});

test('whoever is refused is told how long, and does not ask again before', async () => {
  const { clock, asked, rates, admittedOf, send } = setUp(10, 2);
  expect(await admittedOf(0, 10)).toBe(10);
  expect(await send(0)).toBe(false);
  const before = asked();
  expect(await admittedOf(0, 50)).toBe(0);
  expect(asked()).toBe(before);
  expect(rates[0]?.of(ADDRESS).waitFor(clock.now())).toBe(100);
  clock.move(100);
  expect(await send(0)).toBe(true);
});

test('several commands at once are admitted when one would be, and owed by those that follow', async () => {
  const { clock, send } = setUp(10, 2);
  expect(await send(0, 25)).toBe(true);
  expect(await send(1)).toBe(false);
  clock.move(1_500);
  expect(await send(0)).toBe(false);
  clock.move(200);
  expect(await send(0)).toBe(true);
});

test('an address that nobody uses is forgotten once nothing of it is kept here', async () => {
  const { clock, rates, send } = setUp(100, 2);
  await send(0);
  const before = rates[0]?.of(ADDRESS);
  rates[0]?.tidy(clock.now(), new Set());
  expect(rates[0]?.of(ADDRESS)).toBe(before);
  clock.move(2_000);
  rates[0]?.tidy(clock.now(), new Set([ADDRESS]));
  expect(rates[0]?.of(ADDRESS)).toBe(before);
  rates[0]?.tidy(clock.now(), new Set());
  expect(rates[0]?.of(ADDRESS)).not.toBe(before);
});
