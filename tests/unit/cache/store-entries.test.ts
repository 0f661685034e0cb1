import { FILLED_BY_GET, FILLED_BY_MGET } from '../../../src/cache/entries';
import { roomOf, viewOf } from '../../../src/resp/bytes';
import { framed, get, put, storeOf } from './support';

test('an entry is answered with the bytes it was stored as', () => {
  const partition = storeOf().partition();
  expect(put(partition, 'key', 'value')).toBe(true);
  expect(get(partition, 'key')).toBe('$5\r\nvalue\r\n');
  expect(get(partition, 'other')).toBeUndefined();
});

test('the stored value is a copy of the part it was cut from', () => {
  const partition = storeOf().partition();
  const chunk = Buffer.from('+OK\r\n$3\r\nabc\r\n:1\r\n');
  partition.insert('key', chunk, 5, 14, 10, 10, 0, FILLED_BY_GET);
  chunk.fill(0);
  expect(get(partition, 'key')).toBe('$3\r\nabc\r\n');
});

test('copyValue writes where it is told and says how much', () => {
  const partition = storeOf().partition();
  put(partition, 'short', 'abc');
  put(partition, 'long', 'x'.repeat(200));
  const target = Buffer.alloc(300, '.');
  const room = roomOf(target);
  const first = partition.copyValue(partition.lookup('short', 0), room, 2);
  const second = partition.copyValue(partition.lookup('long', 0), room, 2 + first);
  expect([first, second]).toEqual([9, 208]);
  expect(target.toString()).toBe(`..$3\r\nabc\r\n$200\r\n${'x'.repeat(200)}\r\n${'.'.repeat(81)}`);
});

test('keys and values are binary-exact', () => {
  const partition = storeOf().partition();
  const bytes = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i));
  put(partition, bytes, bytes);
  put(partition, bytes.replace('\xff', '\xfe'), 'other');
  expect(get(partition, bytes)).toBe(framed(bytes).toString('latin1'));
});

test('a key can be looked up where it stands in a request', () => {
  const partition = storeOf().partition();
  put(partition, 'k\xe9y', 'value');
  const request = viewOf(Buffer.from('*2\r\n$3\r\nGET\r\n$3\r\nk\xe9y\r\n', 'latin1'));
  const slot = partition.lookupBytes(request, 17, 20, 0);
  expect([slot, partition.hits(slot)]).toEqual([partition.peek('k\xe9y', 0), 1]);
  expect(partition.lookupBytes(request, 17, 19, 0)).toBe(-1);
});

test('the empty key and the empty value are as good as any', () => {
  const partition = storeOf().partition();
  put(partition, '', '');
  expect(get(partition, '')).toBe('$0\r\n\r\n');
});

test('a negative entry says that the key does not exist', () => {
  const partition = storeOf().partition();
  put(partition, 'missing', undefined);
  const slot = partition.lookup('missing', 0);
  expect([partition.isNegative(slot), partition.valueLength(slot)]).toEqual([true, 0]);
  expect(partition.readValue(slot)).toHaveLength(0);
  put(partition, 'missing', 'here now');
  expect(get(partition, 'missing')).toBe('$8\r\nhere now\r\n');
});

test('an entry tells when it was stored, until when, by what and how often it was asked for', () => {
  const partition = storeOf().partition();
  put(partition, 'key', 'value', { now: 1.5, deadline: 9.25, filledBy: FILLED_BY_MGET });
  partition.lookup('key', 2);
  const slot = partition.lookup('key', 3);
  expect(partition.storedAt(slot)).toBe(1.5);
  expect(partition.deadline(slot)).toBe(9.25);
  expect(partition.filledBy(slot)).toBe(FILLED_BY_MGET);
  expect(partition.hits(slot)).toBe(2);
  expect(partition.valueLength(slot)).toBe(11);
});

test('a negative entry remembers what filled it too', () => {
  const partition = storeOf().partition();
  put(partition, 'key', undefined, { filledBy: FILLED_BY_GET });
  expect(partition.filledBy(partition.lookup('key', 0))).toBe(FILLED_BY_GET);
});

test('peek finds without counting a hit', () => {
  const partition = storeOf().partition();
  put(partition, 'key', 'value', { deadline: 5 });
  const slot = partition.peek('key', 4);
  expect(partition.hits(slot)).toBe(0);
  expect(partition.peek('key', 5)).toBe(-1);
  expect(partition.peek('other', 0)).toBe(-1);
});

test('a new value replaces the old one', () => {
  const store = storeOf();
  const partition = store.partition();
  put(partition, 'key', 'old');
  put(partition, 'key', 'new');
  expect(get(partition, 'key')).toBe('$3\r\nnew\r\n');
  expect([store.keys, partition.keys, store.evictions]).toEqual([1, 1, 0]);
});

test('drop removes an entry and says whether there was one', () => {
  const store = storeOf();
  const partition = store.partition();
  put(partition, 'key', 'value');
  expect(partition.drop('key', 'dropped')).toBe(true);
  expect(partition.drop('key', 'dropped')).toBe(false);
  expect(get(partition, 'key')).toBeUndefined();
  expect([store.keys, store.bytes]).toEqual([0, 0]);
});

test('a value over the limit is not kept, and the old one is gone all the same', () => {
  const partition = storeOf({ maxValue: 10 }).partition();
  expect(put(partition, 'key', 'x'.repeat(10))).toBe(true);
  expect(put(partition, 'key', 'x'.repeat(11))).toBe(false);
  expect(get(partition, 'key')).toBeUndefined();
});

test.each([0, 9, 10, 11, 99, 100, 101, 999, 1000, 1001])(
  'the limit of %i bytes means the payload, not its frame',
  (maxValue) => {
    const partition = storeOf({ maxValue }).partition();
    expect(put(partition, 'key', 'x'.repeat(maxValue))).toBe(true);
    expect(put(partition, 'key', 'x'.repeat(maxValue + 1))).toBe(false);
  },
);
