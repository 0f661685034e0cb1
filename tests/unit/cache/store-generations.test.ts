import { get, getStale, put, storeOf } from './support';

test('the end of a generation ends every entry of its partition and no other', () => {
  const store = storeOf();
  const [one, two] = [store.partition(), store.partition()];
  put(one, 'key', 'one');
  put(two, 'key', 'two');
  one.endGeneration(false);
  expect([get(one, 'key'), get(two, 'key')]).toEqual([undefined, '$3\r\ntwo\r\n']);
  expect([one.keys, two.keys, store.keys]).toEqual([0, 1, 1]);
});

test('ended entries are swept, and their memory comes back', () => {
  const store = storeOf();
  const partition = store.partition();
  for (let i = 0; i < 100; i++) put(partition, `key ${i}`, 'value');
  partition.endGeneration(false);
  expect(store.bytes).toBeGreaterThan(0);
  store.sweep(0, 100);
  expect([store.bytes, store.evictions, store.expirations]).toEqual([0, 0, 0]);
});

test('ended entries make room for new ones before any live one has to', () => {
  const store = storeOf({ maxKeys: 100 });
  const [one, two] = [store.partition(), store.partition()];
  for (let i = 0; i < 50; i++) put(one, `live ${i}`, 'value');
  for (let i = 0; i < 50; i++) put(two, `dead ${i}`, 'value');
  two.endGeneration(false);
  store.sweep(0, 50);
  for (let i = 0; i < 50; i++) expect(put(two, `new ${i}`, 'value')).toBe(true);
  expect([one.keys, two.keys, store.evictions]).toEqual([50, 50, 0]);
});

test('ended entries never stop an insert, and inserts alone clear them away', () => {
  const store = storeOf({ maxKeys: 64 });
  const partition = store.partition();
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < 64; i++) put(partition, `key ${round} ${i}`, 'value');
    expect([partition.keys, store.evictions]).toEqual([64, 0]);
    partition.endGeneration(false);
  }
  const ended = store.bytes;
  for (let i = 0; i < 9; i++) put(partition, `key ${i}`, 'value');
  expect(store.bytes).toBeLessThan((ended * 3) / 4);
});

test('a key of an ended generation can be stored anew at once', () => {
  const store = storeOf();
  const partition = store.partition();
  put(partition, 'key', 'old');
  partition.endGeneration(false);
  put(partition, 'key', 'new');
  store.sweep(0, 100);
  expect(get(partition, 'key')).toBe('$3\r\nnew\r\n');
});

test('clear ends every partition, stale copies too', () => {
  const store = storeOf({ keepsStale: true });
  const [one, two] = [store.partition(), store.partition()];
  put(one, 'key', 'stale');
  one.endGeneration(true);
  put(one, 'other', 'live');
  put(two, 'key', 'live');
  store.clear();
  expect([get(one, 'other'), get(two, 'key'), getStale(one, 'key')]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(store.keys).toBe(0);
});

test('a released partition holds nothing and takes nothing', () => {
  const store = storeOf({ keepsStale: true });
  const partition = store.partition();
  put(partition, 'key', 'value');
  store.release(partition);
  store.release(partition);
  expect(get(partition, 'key')).toBeUndefined();
  expect(put(partition, 'key', 'value')).toBe(false);
  store.sweep(0, 100);
  expect([store.keys, store.bytes]).toEqual([0, 0]);
});

test('dropEverywhere drops a key in every partition and says in how many it was', () => {
  const store = storeOf({ keepsStale: true });
  const [one, two, three] = [store.partition(), store.partition(), store.partition()];
  put(one, 'key', 'live');
  put(two, 'key', 'stale');
  two.endGeneration(true);
  put(three, 'other', 'live');
  expect(store.dropEverywhere('key')).toBe(2);
  expect([get(one, 'key'), getStale(two, 'key'), store.keys]).toEqual([undefined, undefined, 1]);
});

describe('stale copies', () => {
  test('an ended generation can stay readable, apart from the live one', () => {
    const store = storeOf({ keepsStale: true });
    const partition = store.partition();
    put(partition, 'key', 'old');
    partition.endGeneration(true);
    expect([get(partition, 'key'), getStale(partition, 'key')]).toEqual([undefined, '$3\r\nold\r\n']);
    expect([partition.keys, store.keys]).toEqual([0, 0]);
  });

  test('a copy lives past the deadline of its entry, and not past that of Redis', () => {
    const partition = storeOf({ keepsStale: true }).partition();
    put(partition, 'key', 'old', { deadline: 10, redisDeadline: 20 });
    partition.endGeneration(true);
    expect(getStale(partition, 'key', 19)).toBe('$3\r\nold\r\n');
    expect(getStale(partition, 'key', 20)).toBeUndefined();
    expect(getStale(partition, 'key', 19)).toBeUndefined();
  });

  test('an answer for a key drops its old copy', () => {
    const partition = storeOf({ keepsStale: true }).partition();
    put(partition, 'key', 'old');
    partition.endGeneration(true);
    put(partition, 'key', 'new');
    expect([get(partition, 'key'), getStale(partition, 'key')]).toEqual(['$3\r\nnew\r\n', undefined]);
  });

  test('a drop reaches the copy', () => {
    const partition = storeOf({ keepsStale: true }).partition();
    put(partition, 'key', 'old');
    partition.endGeneration(true);
    expect(partition.drop('key', 'dropped')).toBe(true);
    expect(getStale(partition, 'key')).toBeUndefined();
  });

  test('all copies go with endStale, and with the next end', () => {
    const partition = storeOf({ keepsStale: true }).partition();
    put(partition, 'first', 'old');
    partition.endGeneration(true);
    partition.endStale();
    partition.endStale();
    expect(getStale(partition, 'first')).toBeUndefined();
    put(partition, 'second', 'old');
    partition.endGeneration(true);
    put(partition, 'third', 'old');
    partition.endGeneration(true);
    expect([getStale(partition, 'second'), getStale(partition, 'third')]).toEqual([
      undefined,
      '$3\r\nold\r\n',
    ]);
  });

  test('copies are evicted like others, without counting as evicted keys', () => {
    const store = storeOf({ keepsStale: true, maxKeys: 2 });
    const partition = store.partition();
    put(partition, 'a', 'old');
    put(partition, 'b', 'old');
    partition.endGeneration(true);
    put(partition, 'c', 'new');
    expect([getStale(partition, 'a'), getStale(partition, 'b')]).toEqual([undefined, '$3\r\nold\r\n']);
    expect(store.evictions).toBe(0);
  });

  test('a store that keeps none ends them at once', () => {
    const partition = storeOf({ keepsStale: false }).partition();
    put(partition, 'key', 'old');
    partition.endGeneration(true);
    expect(getStale(partition, 'key')).toBeUndefined();
  });

  test('sweeping removes copies that Redis would have expired', () => {
    const store = storeOf({ keepsStale: true });
    const partition = store.partition();
    put(partition, 'key', 'old', { deadline: 10, redisDeadline: 20 });
    partition.endGeneration(true);
    store.sweep(19, 10);
    expect(store.bytes).toBeGreaterThan(0);
    store.sweep(20, 10);
    expect([store.bytes, store.expirations]).toEqual([0, 0]);
  });
});
