import { FAULTS, faultNamed } from '../support/checker/faults';
import { History, Session } from '../support/checker/history';
import { MODES } from '../support/checker/modes';
import { reader } from '../support/checker/readers';
import { check, type Plan, type Report } from '../support/checker/run';
import { NOTHING, writer } from '../support/checker/writers';
import { Mutant, type Mutation } from '../support/mutant';

const SEED = 1;
const NONE = {
  'read your writes': 0,
  'never backwards': 0,
  'exact expiry': 0,
  'told in time': 0,
  snapshot: 0,
  'no such value': 0,
};

/** Those that last a second and more are left to `make check`. */
const SHORT_FAULTS = FAULTS.filter(
  ({ name }) => !name.endsWith('until noticed') && !name.startsWith('half-open: '),
);

function verdict({ told, violations }: Report) {
  return { told, violations };
}

describe('what readers see, held against the history of writes', () => {
  test('keeps every promise', async () => {
    const report = await check({ seed: SEED, length: 4_000 });
    expect(verdict(report)).toEqual({ told: [], violations: NONE });
    expect(report.failures).toBe(0);
    expect(report.reads).toBeGreaterThan(1_000);
    expect(report.hitShare).toBeGreaterThan(0.1);
  }, 60_000);

  test('keeps every promise while connections and Redis fail', async () => {
    const report = await check({ seed: SEED, length: 500, faults: SHORT_FAULTS });
    expect(verdict(report)).toEqual({ told: [], violations: NONE });
    expect(report.proxy.epochs).toBeGreaterThan(20);
  }, 90_000);

  test.each(MODES.slice(1))(
    'keeps every promise $name',
    async ({ name: _, ...mode }) => {
      const [cut] = SHORT_FAULTS;
      const report = await check({ seed: SEED, length: 2_000, faults: cut ? [cut] : [], ...mode });
      expect(verdict(report)).toEqual({ told: [], violations: NONE });
      expect(report.reads).toBeGreaterThan(500);
    },
    60_000,
  );

  test('keeps every promise while Redis is silent until the proxy notices', async () => {
    const silent = faultNamed('half-open: Redis is not heard');
    const report = await check({ seed: SEED, length: 500, faults: [silent] });
    expect(verdict(report)).toEqual({ told: [], violations: NONE });
  }, 60_000);
});

describe('the checker', () => {
  /** Runs the workload until something is found; and shortly with the program as it is, where nothing may be found. */
  async function findsBugIn(mutations: readonly Mutation[], workload: Omit<Plan, 'seed'>): Promise<void> {
    const sound = await check({
      ...workload,
      seed: SEED,
      length: 1_000,
      faults: workload.faults?.slice(0, 1) ?? [],
    });
    expect(verdict(sound)).toEqual({ told: [], violations: NONE });
    await using mutant = await Mutant.make(mutations);
    const report = await check({ ...workload, seed: SEED, untilFound: true, program: mutant.program });
    // Whichever promise is seen broken first ends the run.
    expect(report.violations).not.toEqual(NONE);
  }

  const crowd = <T>(count: number, make: (number: number) => T) =>
    Array.from({ length: count }, (_, i) => make(i));

  const getters = crowd(8, (i) => reader({ name: `reader ${i}`, via: 'proxy', protocol: 3 }, 'gets'));

  test('finds a fill that a null push does not cancel', async () => {
    const find = 'this.#bigKeys.clear();\n        this.dropAll();';
    const replace = 'this.#bigKeys.clear();\n        this.partition.endGeneration(false);';
    const flushes = { ...NOTHING, hiddenFlushes: 1 };
    await findsBugIn([{ file: 'coherence/tracker.js', find, replace }], {
      length: 1_000,
      faults: crowd(20, () => faultNamed('a pause between the value and its expiry')),
      readers: getters,
      writers: crowd(4, (i) => writer({ name: `writer ${i}`, via: 'proxy', protocol: 3 }, flushes)),
      writes: 150,
      keys: 1,
    });
  }, 60_000);

  test('finds an epoch that ends only when the next one begins', async () => {
    const file = 'coherence/tracker.js';
    const lost = 'nobody says what has changed.\n        this.#endEpoch(true);';
    const begun = "this.#fading?.close('silent, while others were answered');";
    const mutations = [
      { file, find: lost, replace: 'nobody cares.' },
      { file, find: begun, replace: `this.#endEpoch(true); ${begun}` },
    ];
    await findsBugIn(mutations, {
      length: 1_000,
      faults: crowd(20, () => faultNamed('fill wires cut, and long to come back')),
      readers: getters,
      mix: { ...NOTHING, indirect: 1 },
      writes: 100,
      keys: 6,
    });
  }, 60_000);

  test("finds a script's reply that is delivered without a fence", async () => {
    const find = 'hold((done) => fence.wait(done));';
    await findsBugIn([{ file: 'commands/effects.js', find, replace: '' }], {
      length: 20_000,
      weather: (relay) => {
        relay.jitter = 10;
      },
    });
  }, 60_000);

  test('knows what is older, and what is not sure', () => {
    const history = new History(1_000);
    const key = history.add('k', 0);
    const session = new Session('reader');
    const see = (value: string | null) => history.read(key, session).saw(value);
    see(null);
    const first = history.write([{ key, value: 'first' }], 'proxy');
    see('first');
    first.done();
    see('first');
    expect(history.told).toEqual([]);
    see(null);
    expect(history.told.map(({ kind }) => kind)).toEqual(['read your writes', 'never backwards']);
    history.write([{ key, value: 'lost' }], 'proxy').lost();
    see('first');
    see('lost');
    expect(history.told).toHaveLength(2);
    history.write([{ key }], 'beside').done();
    see('lost');
    see(null);
    expect(history.told).toHaveLength(2);
    see('nobody’s');
    expect(history.told.at(-1)?.kind).toBe('no such value');
  });

  test('puts nil down to nothing that is still to come', () => {
    const history = new History(1_000);
    const key = history.add('k', 0);
    const session = new Session('reader');
    const see = (value: string | null) => history.read(key, session).saw(value);
    history.write([{ key, value: 'long', px: 60_000 }], 'beside').done();
    see('long');
    see(null);
    expect(history.told.map(({ kind }) => kind)).toEqual(['never backwards']);
    see('long');
    expect(history.told).toHaveLength(1);
  });

  test('knows the end of a value, and measures how late news is', async () => {
    const history = new History(0);
    const key = history.add('k', 0);
    const see = (value: string | null) => history.read(key, new Session('reader')).saw(value);
    history.write([{ key, value: 'brief', px: 1 }], 'beside').done();
    see('brief');
    expect(history.told).toEqual([]);
    await until(performance.now() + 10);
    see(null);
    expect(history.told).toEqual([]);
    see('brief');
    expect(history.told.map(({ kind }) => kind)).toEqual(['exact expiry']);
    history.write([{ key, value: 'news' }], 'beside').done();
    await until(performance.now() + 1);
    see('brief');
    expect(history.told.map(({ kind }) => kind)).toContain('told in time');
    history.finish();
    expect(history.lateAt(0.5)).toBe(0);
    expect(history.lateAt(1)).toBeGreaterThan(0);
  });
});

async function until(moment: number): Promise<void> {
  while (performance.now() < moment) await new Promise((resolve) => setTimeout(resolve, 1));
}
