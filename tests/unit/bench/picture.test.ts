/** What `make bench` draws. */
import type { Ratio } from '../../bench/compare';
import { pictureOf, placeOf } from '../../bench/picture';
import type { Row } from '../../bench/report';

function ratio(median: number, least = median, most = median): Ratio {
  return { own: median, other: 1, ratio: { median, least, most } };
}

function row(rate: Ratio, cpu: Ratio, goals: Row['goals'] = {}): Row {
  const none = ratio(1);
  return {
    part: 'hits',
    what: 'GET <16 B>',
    against: 'a & b',
    rate,
    cpu,
    cpuBehind: none,
    p50: none,
    p99: none,
    getsBehind: 0,
    goals,
  };
}

test('half and double stand as far from one, and what is off the scale stands at its end', () => {
  expect(placeOf(2) - placeOf(1)).toBeCloseTo(placeOf(1) - placeOf(0.5));
  expect(placeOf(1_000)).toBe(placeOf(50));
  expect(placeOf(0)).toBe(0);
});

test('a dot tells by its colour whether the median reaches what is asked', () => {
  const colours = (rows: Row[]) =>
    [...pictureOf('title', rows, []).matchAll(/cy="118" r="4.5" fill="(#\w+)"/g)].map(([, colour]) => colour);
  const [good, bad] = colours([row(ratio(1.2), ratio(1.4), { rate: 1, cpu: 1.3 })]);
  expect(good).toBeDefined();
  expect(bad).toBeDefined();
  expect(good).not.toBe(bad);
  expect(colours([row(ratio(0.9), ratio(1.2), { rate: 1, cpu: 1.3 })])).toEqual([bad, good]);
  const [plain] = colours([row(ratio(0.9), ratio(1.2))]);
  expect([good, bad]).not.toContain(plain);
});

test('what is not known is left out, and no text becomes a tag', () => {
  const drawn = pictureOf('<title>', [row(ratio(1), ratio(Number.NaN))], []);
  expect(drawn).not.toContain('NaN');
  expect(drawn).toContain('GET &lt;16 B&gt;');
  expect(drawn).toContain('a &amp; b');
});
