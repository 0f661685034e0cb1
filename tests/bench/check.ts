/** `make check SECONDS=600 SEED=n`: the consistency checker for as long as wanted, in calm and with faults in turn. */
import { parseArgs } from 'node:util';
import { FAULTS } from '../support/checker/faults';
import { MODES } from '../support/checker/modes';
import { Random } from '../support/checker/random';
import { check, type Report } from '../support/checker/run';
import endWhenDone from '../support/ending';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: '' },
    reads: { type: 'string', default: '20000' },
    writes: { type: 'string', default: '1000' },
  },
});

const seed = values.seed === '' ? Date.now() % 1_000_000 : Number(values.seed);
const seconds = Number(values.seconds);
const rates = { reads: Number(values.reads), writes: Number(values.writes) };
if (![seed, seconds, rates.reads, rates.writes].every((number) => number >= 0)) {
  console.error('seconds, seed, reads and writes are numbers');
  process.exit(2);
}

const MOST_FAILURES = 4;

function tell(title: string, report: Report): boolean {
  const ms = (value: number) => `${value.toFixed(1)} ms`;
  const { staleness } = report;
  const found = Object.values(report.violations).reduce((sum, count) => sum + count, 0);
  console.log(`\n${title}: ${report.seconds.toFixed(0)} s`);
  console.log(`  reads        ${report.reads}, ${(100 * report.hitShare).toFixed(1)}% from memory`);
  console.log(`  writes       ${report.writes}, ${report.writesBeside} keys of them beside the proxy`);
  console.log(`  failures     ${report.failures} commands answered by an error, or not at all`);
  const worst = [...report.failedBy].toSorted(([, a], [, b]) => b - a).slice(0, MOST_FAILURES);
  for (const [text, count] of worst) console.log(`    ${count} times ${text}`);
  console.log(
    `  staleness    p50 ${ms(staleness.p50)}, p99 ${ms(staleness.p99)}, p99.9 ${ms(staleness.p999)}, max ${ms(staleness.max)}`,
  );
  for (const [kind, count] of Object.entries(report.violations)) console.log(`  ${kind.padEnd(18)} ${count}`);
  for (const violation of report.told) console.log(`    ${violation.kind}: ${violation.told}`);
  const { epochs, fences, fills_cancelled, joined_fills, invalidations } = report.proxy;
  console.log(
    `  the proxy    ${invalidations} invalidations, ${fills_cancelled} fills cancelled, ${joined_fills} joined, ${fences} fences, ${epochs} epochs`,
  );
  return found === 0;
}

/** How the time is shared: in calm, then with faults. */
const CALM_SHARE = 0.4;

/** Each mode in calm; then all faults in another order each time, the modes in turn, until the time is up. */
async function main(): Promise<void> {
  const random = new Random(seed);
  console.log(`seed ${seed}, ${rates.reads} reads and ${rates.writes} writes a second at most`);
  const begun = performance.now();
  let good = true;
  for (const { name, ...mode } of MODES) {
    const length = (seconds * 1_000 * CALM_SHARE) / MODES.length;
    const report = await check({ seed: random.between(0, 2 ** 31), length, ...mode, ...rates });
    good = tell(`${name}, without faults`, report) && good;
  }
  for (let round = 0; performance.now() < begun + seconds * 1_000; round += 1) {
    const { name, ...mode } = MODES[round % MODES.length] ?? random.pick(MODES);
    const report = await check({
      seed: random.between(0, 2 ** 31),
      length: 1_000,
      faults: random.shuffle(FAULTS),
      ...mode,
      ...rates,
      onFault: (fault) => process.stdout.write(`  … ${fault}\n`),
    });
    good = tell(`${name}, with faults`, report) && good;
  }
  process.exitCode = good ? 0 : 1;
}

endWhenDone();
void main();
