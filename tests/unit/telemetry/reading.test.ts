import { createLatencies } from '../../../src/telemetry/latency';
import { countersOf, type Reading, sumReadings, takeReading } from '../../../src/telemetry/reading';
import { createStats, type Figures, hitRatio } from '../../../src/telemetry/stats';

const FIGURES: Figures = {
  ...createStats(),
  version: '1.2.3',
  processId: 1,
  port: 6380,
  workers: 2,
  uptime: 5_000,
  coherence: 'tracking',
  upstream: 'up',
  redisVersion: '7.0.15',
  clients: 3,
  keys: 4,
  bytes: 500,
  maxKeys: 10,
  maxMemory: 1_000,
  evictions: 1,
  expirations: 2,
  fillsInFlight: 1,
  links: 1,
  upstreamConnections: 2,
  sinceLastPush: undefined,
  sinceLastHeartbeat: 100,
};

function readingWith(figures: Partial<Figures>, misses: readonly number[] = []): Reading {
  const latencies = createLatencies();
  for (const ms of misses) latencies.resp.miss.observe(ms);
  return takeReading({ ...FIGURES, ...figures }, latencies);
}

test('what is counted, and what is there, adds up; the ratio is that of the sums', () => {
  const one = readingWith({ hits: 90, misses: 10, evictions: 3 });
  const other = readingWith({ hits: 0, misses: 100, clients: 1, keys: 6, maxKeys: 11 });
  const { figures, memory, processorTime } = sumReadings([one, other]);
  expect(figures).toMatchObject({ hits: 90, misses: 110, evictions: 4, expirations: 4 });
  expect(figures).toMatchObject({ clients: 4, keys: 10, bytes: 1_000, maxKeys: 21, workers: 2, port: 6380 });
  expect(hitRatio(figures)).toBe(0.45);
  expect(memory).toBe(one.memory + other.memory);
  expect(processorTime).toBe(one.processorTime + other.processorTime);
});

test('together they are as well off as the worst of them', () => {
  const well = readingWith({ uptime: 9_000, sinceLastPush: 20 });
  const badly = readingWith({
    upstream: 'down',
    coherence: 'ttl',
    sinceLastHeartbeat: 700,
    sinceLastPush: 10,
  });
  expect(sumReadings([well, well]).figures).toMatchObject({ upstream: 'up', coherence: 'tracking' });
  expect(sumReadings([well, badly]).figures).toMatchObject({
    upstream: 'down',
    coherence: 'ttl',
    uptime: 9_000,
    sinceLastPush: 10,
    sinceLastHeartbeat: 700,
  });
});

test('histograms add up bucket by bucket', () => {
  const { latencies } = sumReadings([readingWith({}, [0.3, 3]), readingWith({}, [0.3])]);
  expect(latencies.resp.miss.counts.reduce((total, count) => total + count, 0)).toBe(3);
  expect(Math.max(...latencies.resp.miss.counts)).toBe(2);
  expect(latencies.resp.miss.sum).toBeCloseTo(3.6);
  expect(latencies.http.miss.sum).toBe(0);
});

test('of a process that is gone only what it has counted stays', () => {
  const gone = countersOf(readingWith({ hits: 7, upstream: 'down', coherence: 'ttl' }, [1]));
  const { figures, latencies } = sumReadings([readingWith({ hits: 1 }, [1]), gone]);
  expect(figures).toMatchObject({ hits: 8, evictions: 2, clients: 3, keys: 4, maxKeys: 10, upstream: 'up' });
  expect(latencies.resp.miss.sum).toBe(2);
});
