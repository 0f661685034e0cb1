import fc from 'fast-check';
import { Rows } from '../../../src/cache/rows';
import { SEGMENT_BYTES, ValueLog } from '../../../src/cache/value-log';
import { viewOf } from '../../../src/resp/bytes';

function logOf(slots: number, segmentBytes = SEGMENT_BYTES): ValueLog {
  const rows = new Rows();
  rows.reserve(slots);
  return new ValueLog(rows, segmentBytes);
}

function bytes(slot: number, length: number): Buffer {
  return Buffer.alloc(length, slot % 251);
}

function keyed(log: ValueLog, slot: number, key: string, value: Buffer, start = 0, end = value.length): void {
  log.put(slot, viewOf(Buffer.from(key, 'latin1')), key.length, value, start, end);
}

function put(log: ValueLog, slot: number, length: number): void {
  keyed(log, slot, `${slot}`, bytes(slot, length));
}

test('a value comes back as it was put', () => {
  const log = logOf(2);
  keyed(log, 1, 'key', Buffer.from('..value..'), 2, 7);
  expect(log.read(1).toString()).toBe('value');
  expect([log.length(1), log.length(0)]).toEqual([5, 0]);
  expect(log.read(0)).toHaveLength(0);
});

test('a record knows its key', () => {
  const log = logOf(2);
  const long = 'k'.repeat(300);
  keyed(log, 0, 'k\xffy 17', Buffer.from('value'));
  keyed(log, 1, long, Buffer.from('value'));
  expect([log.keyLength(0), log.keyLength(1)]).toEqual([6, 300]);
  const holds = (slot: number, key: string) =>
    log.holdsKey(slot, viewOf(Buffer.from(`..${key}..`, 'latin1')), 2, 2 + key.length);
  expect([holds(0, 'k\xffy 17'), holds(1, long)]).toEqual([true, true]);
  for (const other of ['k\xfey 17', 'k\xffy 18', 'k\xffy 1', 'k\xffy 17 ', ''])
    expect(holds(0, other)).toBe(false);
});

test('a long value has a buffer of its own, which goes with it', () => {
  const log = logOf(2);
  put(log, 0, 100_000);
  expect(log.bytesAllocated).toBe(log.cost(1, 100_000) - 256);
  expect(log.read(0)).toEqual(bytes(0, 100_000));
  log.remove(0);
  expect([log.bytesAllocated, log.bytesUsed]).toEqual([0, 0]);
});

test('a segment in which nothing lives is free at once', () => {
  const log = logOf(1000);
  for (let slot = 0; slot < 1000; slot++) put(log, slot, 1000);
  const full = log.bytesAllocated;
  for (let slot = 0; slot < 900; slot++) log.remove(slot);
  expect(log.bytesAllocated).toBeLessThanOrEqual(full / 2);
  for (let slot = 900; slot < 1000; slot++) log.remove(slot);
  expect([log.bytesUsed, log.bytesDead]).toEqual([0, 0]);
});

test('removing at random leaves at most about a quarter of the bytes dead', () => {
  const log = logOf(5000);
  for (let slot = 0; slot < 5000; slot++) put(log, slot, 200 + (slot % 100));
  for (let slot = 0; slot < 5000; slot++) {
    if (slot % 3 === 0) continue;
    log.remove(slot);
    if (slot % 20 === 1)
      expect(log.bytesDead).toBeLessThanOrEqual(Math.max(2 * SEGMENT_BYTES, log.bytesUsed / 3));
  }
  for (let slot = 0; slot < 5000; slot += 3) expect(log.read(slot)).toEqual(bytes(slot, 200 + (slot % 100)));
});

test('a slot can be used again and again without the log growing', () => {
  const log = logOf(10);
  let most = 0;
  for (let i = 0; i < 20_000; i++) {
    log.remove(i % 10);
    put(log, i % 10, 500);
    most = Math.max(most, log.bytesAllocated);
  }
  expect(most).toBeLessThanOrEqual(6 * SEGMENT_BYTES);
});

test('cleaning says when there is nothing worth it', () => {
  const log = logOf(1000);
  for (let slot = 0; slot < 1000; slot++) put(log, slot, 1000);
  expect(log.clean()).toBe(false);
});

test('whatever is put, removed and cleaned, every value stays what it was', () => {
  const step = fc.record({
    slot: fc.nat(60),
    length: fc.oneof(fc.nat(20), fc.nat(300), fc.nat(1500)),
    clean: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const log = logOf(61, 4096);
      const model = new Map<number, Buffer>();
      for (const [at, { slot, length, clean }] of steps.entries()) {
        log.remove(slot);
        model.delete(slot);
        if (clean) log.clean();
        if (length % 5 === 0) continue;
        const value = Buffer.alloc(length, at);
        keyed(log, slot, `${slot}`, value);
        model.set(slot, value);
        expect(log.bytesUsed - log.bytesDead).toBe(live(log, model));
      }
      for (const [slot, value] of model) expect(log.read(slot)).toEqual(value);
      for (const slot of model.keys()) log.remove(slot);
      expect([log.bytesUsed, log.bytesDead]).toEqual([0, 0]);
    }),
    { numRuns: 200 },
  );
});

function live(log: ValueLog, model: Map<number, Buffer>): number {
  let sum = 0;
  for (const [slot, value] of model) sum += log.cost(`${slot}`.length, value.length);
  return sum;
}
