import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { FILLED_BY_GET } from '../../../src/cache/entries';
import type { Partition } from '../../../src/cache/partition';
import type { Store } from '../../../src/cache/store';
import { FOREVER, framed, put, storeOf } from './support';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

const ENTRIES = 200_000;
const ROOMY = { maxKeys: 1_000_000, maxMemory: 1_000_000_000 };

/** The garbage of earlier tests goes first: buffers are given back a moment after the collection that found them. */
async function memory(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    collectGarbage();
    await setImmediate();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function fill(partition: Partition, entries: number, value: Buffer): void {
  for (let i = 0; i < entries; i++) {
    const key = `key:${String(i).padStart(16, '0')}`;
    partition.insert(key, value, 0, value.length, FOREVER, FOREVER, 0, FILLED_BY_GET);
  }
}

/** What the process really spends on what the store counts. */
async function measured(entries: number, value: Buffer): Promise<{ spent: number; store: Store }> {
  const before = await memory();
  const store = storeOf({ ...ROOMY, maxValue: 1_000_000 });
  fill(store.partition(), entries, value);
  return { spent: (await memory()) - before, store };
}

test('the bytes it counts are what the process spends, within 15 %', async () => {
  const { spent, store } = await measured(ENTRIES, framed('x'.repeat(100)));
  expect(store.keys).toBe(ENTRIES);
  expect(store.bytes / spent).toBeGreaterThan(0.85);
  expect(store.bytes / spent).toBeLessThan(1.15);
});

test('an entry costs less than the 208 bytes it costs redis-server', async () => {
  const { store } = await measured(ENTRIES, framed('x'.repeat(100)));
  expect(store.bytes / ENTRIES).toBeLessThan(208);
});

test('large values are counted as honestly', async () => {
  const { spent, store } = await measured(500, framed('x'.repeat(50_000)));
  expect(store.bytes / spent).toBeGreaterThan(0.85);
  expect(store.bytes / spent).toBeLessThan(1.15);
});

test('the sizes of all entries add up to the bytes of the store', () => {
  const store = storeOf({ keepsStale: true, maxValue: 100_000 });
  const partition = store.partition();
  const lengths = [undefined, 0, 1, 100, 5_000, 60_000];
  for (const [i, length] of lengths.entries()) {
    put(partition, `key ${i}`, length === undefined ? undefined : 'x'.repeat(length));
  }
  const sizes = lengths.map((_, i) => partition.size(partition.peek(`key ${i}`, 0)));
  expect(sizes.reduce((sum, size) => sum + size)).toBe(store.bytes);
});

test('memory stays flat however many entries come and go', async () => {
  const store = storeOf({ maxKeys: 1_000, maxMemory: 100_000_000 });
  const partition = store.partition();
  const value = framed('x'.repeat(100));
  fill(partition, 50_000, value);
  const before = await memory();
  const counted = store.bytes;
  fill(partition, 300_000, value);
  expect((await memory()) - before).toBeLessThan(1_000_000);
  expect(store.bytes).toBeLessThan(counted * 1.5);
});
