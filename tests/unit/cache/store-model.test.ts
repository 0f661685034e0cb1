import fc from 'fast-check';
import type { Partition } from '../../../src/cache/partition';
import type { Store } from '../../../src/cache/store';
import { answer, framed, get, getStale, put, storeOf } from './support';

const PARTITIONS = 3;
const KEYS = 8;

interface Known {
  value: string;
  deadline: number;
  redisDeadline: number;
}

/** One partition as a person would write it down: two maps. */
interface Sheet {
  live: Map<string, Known>;
  stale: Map<string, Known>;
}

type Step =
  | { act: 'put'; at: number; key: string; payload: string | undefined; ttl: number; redisTtl: number }
  | { act: 'get' | 'peek' | 'getStale' | 'drop'; at: number; key: string }
  | { act: 'end'; at: number; keepStale: boolean }
  | { act: 'endStale'; at: number }
  | { act: 'dropEverywhere'; key: string }
  | { act: 'clear' }
  | { act: 'sweep'; budget: number }
  | { act: 'wait'; ms: number };

const at = fc.nat(PARTITIONS - 1);
const key = fc.nat(KEYS - 1).map((number) => `key ${number}`);
const payload = fc.option(
  fc.oneof(fc.nat(40), fc.nat(1200)).map((length) => 'v'.repeat(length)),
  { nil: undefined, freq: 5 },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      act: fc.constant('put' as const),
      at,
      key,
      payload,
      ttl: fc.integer({ min: 1, max: 40 }),
      redisTtl: fc.integer({ min: 0, max: 40 }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({ act: fc.constantFrom('get' as const, 'peek', 'getStale', 'drop'), at, key }),
  },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('end' as const), at, keepStale: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('endStale' as const), at }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('dropEverywhere' as const), key }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('clear' as const) }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('sweep' as const), budget: fc.nat(20) }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('wait' as const), ms: fc.nat(10) }) },
);

/** The store beside the sheets. With room for all, both must agree on every answer. */
class Both {
  readonly store: Store;
  readonly partitions: Partition[];
  readonly sheets: Sheet[];
  now = 0;

  constructor(store: Store) {
    this.store = store;
    this.partitions = Array.from({ length: PARTITIONS }, () => store.partition());
    this.sheets = this.partitions.map(() => ({ live: new Map(), stale: new Map() }));
  }

  /** What the sheet says, and what the store answers. */
  take(step: Step): { expected: unknown; actual: unknown } {
    switch (step.act) {
      case 'put':
        return this.#put(step);
      case 'get':
        return this.#read(
          this.#sheet(step.at).live,
          step.key,
          'deadline',
          (of) => get(of, step.key, this.now),
          step.at,
        );
      case 'peek':
        return this.#read(
          this.#sheet(step.at).live,
          step.key,
          'deadline',
          (of) => answer(of, of.peek(step.key, this.now)),
          step.at,
        );
      case 'getStale':
        return this.#read(
          this.#sheet(step.at).stale,
          step.key,
          'redisDeadline',
          (of) => getStale(of, step.key, this.now),
          step.at,
        );
      case 'drop':
        forget(this.#sheet(step.at), step.key);
        this.#partition(step.at).drop(step.key, 'dropped');
        return NOTHING;
      case 'end':
        return this.#end(step.at, step.keepStale);
      case 'endStale':
        this.#sheet(step.at).stale.clear();
        this.#partition(step.at).endStale();
        return NOTHING;
      case 'dropEverywhere':
        for (const sheet of this.sheets) forget(sheet, step.key);
        this.store.dropEverywhere(step.key);
        return NOTHING;
      case 'clear':
        for (const sheet of this.sheets) for (const side of [sheet.live, sheet.stale]) side.clear();
        this.store.clear();
        return NOTHING;
      case 'sweep':
        this.store.sweep(this.now, step.budget);
        return NOTHING;
      case 'wait':
        this.now += step.ms;
        return NOTHING;
    }
  }

  #put(step: Step & { act: 'put' }): { expected: unknown; actual: unknown } {
    const deadline = this.now + step.ttl;
    const redisDeadline = deadline + step.redisTtl;
    const value = step.payload === undefined ? 'nil' : framed(step.payload).toString('latin1');
    const sheet = this.#sheet(step.at);
    forget(sheet, step.key);
    const times = { deadline, redisDeadline, now: this.now };
    const actual = put(this.#partition(step.at), step.key, step.payload, times);
    if (actual) sheet.live.set(step.key, { value, deadline, redisDeadline });
    return { expected: (step.payload?.length ?? 0) <= 1000, actual };
  }

  #read(
    side: Map<string, Known>,
    key: string,
    limit: 'deadline' | 'redisDeadline',
    read: (partition: Partition) => string | undefined,
    at: number,
  ): { expected: unknown; actual: unknown } {
    const known = side.get(key);
    const expected = known !== undefined && this.now < known[limit] ? known.value : undefined;
    return { expected, actual: read(this.#partition(at)) };
  }

  #end(at: number, keepStale: boolean): { expected: unknown; actual: unknown } {
    const sheet = this.#sheet(at);
    // What a sweep or a look has found expired has left no copy; the sheet does as if all had been found.
    for (const [key, { deadline }] of sheet.live) if (deadline <= this.now) sheet.live.delete(key);
    this.store.sweep(this.now, 1_000_000);
    sheet.stale = keepStale ? sheet.live : new Map();
    sheet.live = new Map();
    this.#partition(at).endGeneration(keepStale);
    return NOTHING;
  }

  #sheet(at: number): Sheet {
    const sheet = this.sheets[at];
    if (sheet === undefined) throw new RangeError(`no sheet ${at}`);
    return sheet;
  }

  #partition(at: number): Partition {
    const partition = this.partitions[at];
    if (partition === undefined) throw new RangeError(`no partition ${at}`);
    return partition;
  }
}

const NOTHING = { expected: undefined, actual: undefined };

function forget(sheet: Sheet, key: string): void {
  sheet.live.delete(key);
  sheet.stale.delete(key);
}

function emptied(store: Store): number {
  store.clear();
  store.sweep(0, 1_000_000);
  return store.bytes;
}

test('with room for everything, the store answers as two maps for each partition would', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const both = new Both(storeOf({ keepsStale: true, maxValue: 1000 }));
      for (const each of steps) {
        const { expected, actual } = both.take(each);
        expect(actual).toEqual(expected);
      }
      both.store.sweep(both.now, 1_000_000);
      const live = both.sheets.map(({ live }) =>
        [...live.values()].filter(({ deadline }) => deadline > both.now),
      );
      expect(both.partitions.map((partition) => partition.keys)).toEqual(
        live.map((entries) => entries.length),
      );
      expect(both.store.keys).toBe(live.flat().length);
      expect(emptied(both.store)).toBe(0);
    }),
    { numRuns: 200 },
  );
});

test('with little room, an answer is still never wrong, and the limits hold at every step', () => {
  const limits = fc.record({
    maxKeys: fc.integer({ min: 1, max: 12 }),
    maxMemory: fc.integer({ min: 300, max: 6000 }),
    keepsStale: fc.boolean(),
  });
  fc.assert(
    fc.property(limits, fc.array(step, { maxLength: 200 }), (tight, steps) => {
      const both = new Both(storeOf({ ...tight, maxValue: 1000 }));
      for (const each of steps) {
        const { expected, actual } = both.take(each);
        if (each.act !== 'put') expect([expected, undefined]).toContainEqual(actual);
        expect(both.store.bytes).toBeLessThanOrEqual(tight.maxMemory);
        expect(both.store.keys).toBeLessThanOrEqual(tight.maxKeys);
        const counted = both.partitions.reduce((sum, partition) => sum + partition.keys, 0);
        expect(both.store.keys).toBe(counted);
      }
      expect(emptied(both.store)).toBe(0);
    }),
    { numRuns: 200 },
  );
});
