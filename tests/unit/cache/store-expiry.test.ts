import { get, put, storeOf } from './support';

test('an entry is answered until its deadline and not at it', () => {
  const store = storeOf();
  const partition = store.partition();
  put(partition, 'key', 'value', { deadline: 10.5 });
  expect(get(partition, 'key', 10.4)).toBe('$5\r\nvalue\r\n');
  expect(get(partition, 'key', 10.5)).toBeUndefined();
  expect([store.keys, store.bytes, store.expirations]).toEqual([0, 0, 1]);
});

test('an entry found expired stays gone, even for an earlier moment', () => {
  const partition = storeOf().partition();
  put(partition, 'key', 'value', { deadline: 10 });
  get(partition, 'key', 10);
  expect(get(partition, 'key', 9)).toBeUndefined();
});

test('sweeping removes what nobody asks for, a budget of slots at a time', () => {
  const store = storeOf();
  const partition = store.partition();
  for (let i = 0; i < 100; i++) put(partition, `key ${i}`, 'value', { deadline: i < 60 ? 10 : 20 });
  store.sweep(10, 30);
  expect(store.keys).toBe(70);
  store.sweep(10, 1_000_000);
  expect([store.keys, store.expirations]).toEqual([40, 60]);
});

test('sweeping goes round and finds what expired behind it', () => {
  const store = storeOf();
  const partition = store.partition();
  put(partition, 'first', 'value', { deadline: 20 });
  put(partition, 'second', 'value', { deadline: 10 });
  for (let i = 0; i < 2; i++) store.sweep(10, 1);
  expect(store.keys).toBe(1);
  for (let i = 0; i < 2; i++) store.sweep(20, 1);
  expect(store.keys).toBe(0);
});

test('sweeping an empty cache does nothing', () => {
  const store = storeOf();
  store.sweep(1, 100);
  expect(store.keys).toBe(0);
});

test('an expired entry that is in the way counts as expired, not as evicted', () => {
  const store = storeOf({ maxKeys: 1 });
  const partition = store.partition();
  put(partition, 'old', 'value', { deadline: 10 });
  put(partition, 'new', 'value', { now: 10 });
  expect([store.expirations, store.evictions]).toEqual([1, 0]);
});
