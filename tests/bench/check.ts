/** `make check SECONDS=600 SEED=n`: the consistency checker for as long as wanted, in calm and with faults in turn. */
import { parseArgs } from 'node:util';
import { FAULTS } from '../support/checker/faults';
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

function tell(title: string, report: Report): boolean {
  const ms = (value: number) => `${value.toFixed(1)} ms`;
  const { staleness } = report;
  const found = Object.values(report.violations).reduce((sum, count) => sum + count, 0);
  console.log(`\n${title}: ${report.seconds.toFixed(0)} s`);
  console.log(`  reads        ${report.reads}, ${(100 * report.hitShare).toFixed(1)}% from memory`);
  console.log(`  writes       ${report.writes}, ${report.writesBeside} keys of them beside the proxy`);
  console.log(`  failures     ${report.failures} commands answered by an error, or not at all`);
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

async function main(): Promise<void> {
  const random = new Random(seed);
  console.log(`seed ${seed}, ${rates.reads} reads and ${rates.writes} writes a second at most`);
  const calm = await check({ seed, length: seconds * 500, ...rates });
  let good = tell('without faults', calm);
  const until = performance.now() + seconds * 500;
  while (performance.now() < until) {
    const faults = random.shuffle(FAULTS);
    const report = await check({
      seed: random.between(0, 2 ** 31),
      length: 1_000,
      faults,
      ...rates,
      onFault: (name) => process.stdout.write(`  … ${name}\n`),
    });
    good = tell('with faults', report) && good;
  }
  process.exitCode = good ? 0 : 1;
}

endWhenDone();
void main();
