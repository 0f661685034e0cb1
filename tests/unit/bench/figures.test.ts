/** How `make bench` makes its figures out of what it saw. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { ratioOf, spreadOf, type Trial } from '../../bench/compare';
import { readWrk } from '../../bench/http-load';
import { readCsv } from '../../bench/load';
import { figureOf } from '../../bench/report';
import { cpuOf, mainThreadOf, memoryOf } from '../../bench/usage';

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

const WRK = `Running 1s test @ http://127.0.0.1:7379/get/key
  1 threads and 50 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   761.50us    1.26ms  20.71ms   95.05%
    Req/Sec    83.30k     4.15k   91.03k    72.73%
  Latency Distribution
     50%  535.00us
     75%  712.00us
     90%    1.04ms
     99%    1.20s
  91123 requests in 1.10s, 11.90MB read
Requests/sec:  82839.21
Transfer/sec:     10.82MB
`;

test('what wrk says is read in milliseconds, whatever the unit', () => {
  expect(readWrk(WRK)).toEqual({ rate: 82_839.21, p50: 0.535, p99: 1_200, commands: 91_123 });
  expect(() => readWrk(`${WRK}  Non-2xx or 3xx responses: 7\n`)).toThrow(/Non-2xx/);
  expect(() => readWrk('unable to connect')).toThrow(/unable/);
});

test('a figure reaches what is asked when it is equal to it, from either side', () => {
  const figure = (sign: '≥' | '≤', value: number) =>
    figureOf('part', 'what', value, { told: `${value}`, goal: [sign, 95, '%'] });
  expect(figure('≥', 95)).toMatchObject({ goal: '≥ 95%', reached: true });
  expect(figure('≥', 94.9).reached).toBe(false);
  expect(figure('≤', 95.1).reached).toBe(false);
});

test('the CPU time of the processes that a process has started is counted with its own', async () => {
  if (process.platform !== 'linux') return;
  const busy = `"${process.execPath}" -e 'for (const at = Date.now(); Date.now() < at + 1e4;);'`;
  const shell = spawn('/bin/sh', ['-c', `${busy} & echo $!; wait`], { stdio: ['ignore', 'pipe', 'inherit'] });
  const told = await new Promise<Buffer>((resolve) => shell.stdout.once('data', resolve));
  try {
    let counted = 0;
    for (let look = 0; look < 400 && counted < 100_000; look++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      counted = cpuOf(shell.pid ?? 0);
    }
    expect(counted).toBeGreaterThan(100_000);
    expect(mainThreadOf(shell.pid ?? 0).cpu).toBeLessThan(100_000);
  } finally {
    process.kill(Number(told.toString()));
    await once(shell, 'close');
  }
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
