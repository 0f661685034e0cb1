/** How `make bench` makes its figures out of what it saw. */
import { ratioOf, spreadOf, type Trial } from '../../bench/compare';
import { readCsv } from '../../bench/load';
import { cpuOf, memoryOf } from '../../bench/usage';

function trialAt(rate: number): Trial {
  return { rate, p50: 0, p99: 0, cpu: 0, cpuBehind: 0, getsBehind: 0 };
}

test('the median of an even number of figures is the middle of the two in the middle', () => {
  expect(spreadOf([4, 1, 3, 10])).toEqual({ median: 3.5, least: 1, most: 10 });
  expect(spreadOf([2, 9, 1])).toEqual({ median: 2, least: 1, most: 9 });
});

test('a ratio is taken within each round, so that what slows down a whole round does not show', () => {
  const [own, other] = [[10, 1, 20].map(trialAt), [20, 2, 40].map(trialAt)];
  expect(ratioOf(own, other, (trial) => trial.rate)).toEqual({
    own: 10,
    other: 20,
    ratio: { median: 0.5, least: 0.5, most: 0.5 },
  });
});

test('what redis-benchmark says is read from the end, whatever the command has in it', () => {
  const heads =
    '"test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max"';
  const line = `"EVAL return redis.call('SET', ""1"", "2") 1","1000.50","1.5","0.1","1.25","2","3.75","4"`;
  expect(readCsv(`${heads}\n${line}\n`)).toEqual({ rate: 1000.5, p50: 1.25, p99: 3.75 });
  expect(() => readCsv('Could not connect to Redis\n')).toThrow(/Could not connect/);
});

test('the CPU time and the memory of a process are what the kernel counts', () => {
  if (process.platform !== 'linux') return;
  const before = cpuOf(process.pid);
  const until = performance.now() + 30;
  while (performance.now() < until);
  expect(cpuOf(process.pid)).toBeGreaterThan(before);
  expect(memoryOf(process.pid)).toBeGreaterThan(1_000_000);
});

test('a process that is gone has no figures', () => {
  expect(cpuOf(2 ** 30)).toBeNaN();
  expect(memoryOf(2 ** 30)).toBeNaN();
});
