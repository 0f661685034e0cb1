import { FAULTS, faultNamed } from '../support/checker/faults';
import { check, type Plan, type Report } from '../support/checker/run';
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
  test('keeps every promise while connections and Redis fail', async () => {
    const report = await check({ seed: SEED, length: 500, faults: SHORT_FAULTS });
    expect(verdict(report)).toEqual({ told: [], violations: NONE });
    expect(report.proxy.epochs).toBeGreaterThan(20);
  }, 90_000);

  test('keeps every promise while Redis is silent until the proxy notices', async () => {
    const silent = faultNamed('half-open: Redis is not heard');
    const report = await check({ seed: SEED, length: 500, faults: [silent] });
    expect(verdict(report)).toEqual({ told: [], violations: NONE });
  }, 60_000);
});

describe('the checker', () => {
  async function findsBugIn(
    mutations: readonly Mutation[],
    plan: Omit<Plan, 'seed' | 'length'>,
  ): Promise<Report> {
    await using mutant = await Mutant.make(mutations);
    return await check({ seed: SEED, length: 20_000, untilFound: true, program: mutant.program, ...plan });
  }

  test("finds a script's reply that is delivered without a fence", async () => {
    const find = 'hold((done) => fence.wait(done));';
    const report = await findsBugIn([{ file: 'commands/effects.js', find, replace: '' }], {
      weather: (relay) => {
        relay.jitter = 10;
      },
    });
    // Whichever of the two a reader meets first.
    const { 'read your writes': missed, 'never backwards': turned } = report.violations;
    expect((missed ?? 0) + (turned ?? 0)).toBeGreaterThan(0);
  }, 60_000);
});
