import fc from 'fast-check';
import LRUMap from 'mnemonist/lru-map';
import { get, put, storeOf } from './support';

test('over the number of keys the least recently used entry goes', () => {
  const store = storeOf({ maxKeys: 3 });
  const partition = store.partition();
  for (const key of ['a', 'b', 'c']) put(partition, key, key);
  get(partition, 'a');
  put(partition, 'd', 'd');
  expect(['a', 'b', 'c', 'd'].filter((key) => partition.peek(key, 0) !== -1)).toEqual(['a', 'c', 'd']);
  expect([store.keys, store.evictions]).toEqual([3, 1]);
});

test('partitions share the limit and evict each other', () => {
  const store = storeOf({ maxKeys: 2 });
  const [one, two] = [store.partition(), store.partition()];
  put(one, 'key', 'one');
  put(two, 'key', 'two');
  put(two, 'more', 'two');
  expect([one.keys, two.keys]).toEqual([0, 2]);
});

test('peek does not save an entry from eviction', () => {
  const partition = storeOf({ maxKeys: 2 }).partition();
  put(partition, 'a', 'a');
  put(partition, 'b', 'b');
  partition.peek('a', 0);
  put(partition, 'c', 'c');
  expect(partition.peek('a', 0)).toBe(-1);
});

test('over the memory the least recently used entries go, as many as it takes', () => {
  const store = storeOf({ maxMemory: 16_000 });
  const partition = store.partition();
  for (let i = 0; i < 40; i++) put(partition, `small ${i}`, 'x'.repeat(100));
  put(partition, 'large', 'y'.repeat(9_000));
  expect(store.bytes).toBeLessThanOrEqual(16_000);
  expect(partition.peek('large', 0)).not.toBe(-1);
  expect(partition.peek('small 39', 0)).not.toBe(-1);
  expect(partition.peek('small 0', 0)).toBe(-1);
});

test('what can never fit is refused and evicts nothing', () => {
  const store = storeOf({ maxMemory: 5_000 });
  const partition = store.partition();
  put(partition, 'small', 'x');
  expect(put(partition, 'large', 'y'.repeat(5_000))).toBe(false);
  expect([store.keys, store.evictions]).toEqual([1, 0]);
});

test('a cache of one key holds the last', () => {
  const partition = storeOf({ maxKeys: 1 }).partition();
  for (const key of ['a', 'b', 'c']) put(partition, key, key);
  expect([get(partition, 'b'), get(partition, 'c')]).toEqual([undefined, '$1\r\nc\r\n']);
});

test('a cache of no keys holds nothing', () => {
  expect(put(storeOf({ maxKeys: 0 }).partition(), 'key', 'value')).toBe(false);
});

test('the order of eviction is that of mnemonist', () => {
  const step = fc.record({ key: fc.nat(30).map(String), write: fc.boolean() });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.array(step, { maxLength: 300 }), (maxKeys, steps) => {
      const partition = storeOf({ maxKeys }).partition();
      const oracle = new LRUMap<string, string>(maxKeys);
      for (const [at, { key, write }] of steps.entries()) {
        if (write) {
          put(partition, key, `${at}`);
          oracle.set(key, `${at}`);
        } else {
          const expected = oracle.get(key);
          expect(get(partition, key)?.slice(4, -2)).toBe(expected);
        }
      }
      for (let key = 0; key <= 30; key++) {
        expect(partition.peek(`${key}`, 0) !== -1).toBe(oracle.has(`${key}`));
      }
    }),
  );
});
