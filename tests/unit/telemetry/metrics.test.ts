import { createLatencies } from '../../../src/telemetry/latency';
import { createMetrics } from '../../../src/telemetry/metrics';
import { takeReading } from '../../../src/telemetry/reading';
import { createStats, type Figures } from '../../../src/telemetry/stats';

const figures: Figures = {
  ...createStats(),
  version: '1.2.3',
  processId: 1,
  port: 1,
  workers: 1,
  uptime: 2_500,
  coherence: 'tracking',
  upstream: 'up',
  redisVersion: '7.0.15',
  clients: 3,
  keys: 4,
  bytes: 500,
  maxKeys: 10,
  maxMemory: 1_000,
  evictions: 0,
  expirations: 0,
  fillsInFlight: 0,
  links: 1,
  upstreamConnections: 2,
  sinceLastPush: undefined,
  sinceLastHeartbeat: undefined,
};

function figureIn(text: string, series: string): number {
  const line = text.split('\n').find((one) => one.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1));
}

test('figures are told in base units, and those that grow as they are now, not once more at every look', async () => {
  const counted = { ...figures, hits: 6, misses: 2, invalidations: 7 };
  const metrics = createMetrics(() => takeReading(counted, createLatencies()));
  await metrics.read();
  counted.hits = 8;
  const text = await metrics.read();
  expect(figureIn(text, 'respite_hits_total')).toBe(8);
  expect(figureIn(text, 'respite_hit_ratio')).toBe(0.8);
  expect(figureIn(text, 'respite_uptime_seconds')).toBe(2.5);
  expect(figureIn(text, 'respite_upstream_up')).toBe(1);
  expect(figureIn(text, 'respite_invalidations_total{cause="push"}')).toBe(7);
  expect(figureIn(text, 'respite_info{version="1.2.3",redis_version="7.0.15"}')).toBe(1);
});

test('every series has its help and its type, and stands once', async () => {
  const text = await createMetrics(() => takeReading(figures, createLatencies())).read();
  const lines = text.split('\n').filter((line) => line !== '');
  const series = lines
    .filter((line) => !line.startsWith('#'))
    .map((line) => line.slice(0, line.lastIndexOf(' ')));
  expect(new Set(series).size).toBe(series.length);
  for (const one of series) {
    const name = one.replace(/\{.*/, '').replace(/_(bucket|sum|count)$/, '');
    expect(lines).toContainEqual(expect.stringMatching(`^# HELP ${name} .`));
    expect(lines).toContainEqual(expect.stringMatching(`^# TYPE ${name} (counter|gauge|histogram)$`));
  }
});

test('a histogram counts each bucket with all that are smaller', async () => {
  const latencies = createLatencies();
  for (const ms of [0.004, 0.3, 0.3, 3, 60_000]) latencies.http.miss.observe(ms);
  const text = await createMetrics(() => takeReading(figures, latencies)).read();
  const bucket = (le: string) =>
    figureIn(text, `respite_answer_seconds_bucket{port="http",outcome="miss",le="${le}"}`);
  expect([bucket('0.000005'), bucket('0.00025'), bucket('0.0005'), bucket('0.005')]).toEqual([1, 1, 3, 4]);
  expect(bucket('5')).toBe(4);
  expect(bucket('+Inf')).toBe(5);
  expect(figureIn(text, 'respite_answer_seconds_count{port="http",outcome="miss"}')).toBe(5);
  expect(figureIn(text, 'respite_answer_seconds_sum{port="http",outcome="miss"}')).toBeCloseTo(60.003604);
  expect(figureIn(text, 'respite_answer_seconds_count{port="resp",outcome="miss"}')).toBe(0);
});

test('one in so many is measured', () => {
  const { hit, miss } = createLatencies().resp;
  const due = Array.from({ length: 128 }, () => hit.isDue()).filter(Boolean);
  expect(due).toHaveLength(2);
  expect(miss.isDue()).toBe(true);
});
