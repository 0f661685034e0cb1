import { resolveOptions } from '../../../src/config/options';
import { optionsOf, shareOf } from '../../../src/workers/shares';

test('shares add up to the total, and the first has the remainder', () => {
  const shares = [1, 2, 3].map((number) => shareOf(11, number, 3));
  expect(shares).toEqual([5, 3, 3]);
});

test('no share is nothing', () => {
  expect([1, 2, 3].map((number) => shareOf(2, number, 3))).toEqual([2, 1, 1]);
});

test('the caches are divided, clients and rates are not', () => {
  const options = resolveOptions({ workers: 2, maxKeys: 5, maxMemory: 101, maxClients: 7, rateLimit: 9 });
  expect(optionsOf(options, 1)).toMatchObject({ maxKeys: 3, maxMemory: 51, maxClients: 7, rateLimit: 9 });
  expect(optionsOf(options, 2)).toMatchObject({ maxKeys: 2, maxMemory: 50, maxClients: 7, rateLimit: 9 });
});
