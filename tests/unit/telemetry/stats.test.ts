import { createStats, hitRatio } from '../../../src/telemetry/stats';

test('counters begin at zero, and there is no ratio of nothing', () => {
  const stats = createStats();
  expect(new Set(Object.values(stats))).toEqual(new Set([0]));
  expect(hitRatio(stats)).toBe(0);
});

test('an answer that a key does not exist, and a stale one, are answers from memory too', () => {
  expect(hitRatio({ ...createStats(), hits: 5, negativeHits: 2, staleHits: 1, misses: 2 })).toBe(0.8);
});
