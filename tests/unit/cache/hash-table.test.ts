import fc from 'fast-check';
import { HashTable } from '../../../src/cache/hash-table';
import { KeyAtHand } from '../../../src/cache/key-at-hand';
import { hashOfKey } from '../../../src/cache/key-hash';
import { NONE } from '../../../src/cache/linked-list';
import { Rows } from '../../../src/cache/rows';
import { viewOf } from '../../../src/resp/bytes';

function under(table: HashTable, hash: number): number[] {
  const slots = [];
  for (let slot = table.first(hash); slot !== NONE; slot = table.after(slot)) slots.push(slot);
  return slots.sort((a, b) => a - b);
}

test('an empty table finds nothing', () => {
  expect(new HashTable(new Rows()).first(1)).toBe(NONE);
});

test('whatever is linked and unlinked, each hash finds its slots and no others', () => {
  const steps = fc.array(fc.nat(199), { maxLength: 500 });
  const hashes = fc.array(fc.oneof(fc.integer(), fc.nat(7)), { minLength: 200, maxLength: 200 });
  fc.assert(
    fc.property(hashes, steps, (hashOf, slots) => {
      const rows = new Rows();
      const table = new HashTable(rows);
      rows.reserve(100);
      rows.reserve(200);
      const linked = new Set<number>();
      for (const slot of slots) {
        if (linked.delete(slot)) {
          table.unlink(slot);
        } else {
          table.link(slot, hashOf[slot] ?? 0);
          linked.add(slot);
        }
      }
      for (const hash of new Set(hashOf)) {
        const expected = [...linked].filter((slot) => hashOf[slot] === hash).sort((a, b) => a - b);
        expect(under(table, hash)).toEqual(expected);
      }
    }),
  );
});

test('a key hashes the same as a string and as bytes wherever they lie, and otherwise for another generation', () => {
  const atHand = new KeyAtHand();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(7), fc.nat(), (bytes, offset, salt) => {
      const source = viewOf(Buffer.concat([Buffer.alloc(offset, '.'), bytes, Buffer.from('..')]));
      atHand.take(Buffer.from(bytes).toString('latin1'));
      expect(atHand.hash(salt)).toBe(hashOfKey(source, offset, offset + bytes.length, salt));
      expect(atHand.hash(salt + 1)).not.toBe(atHand.hash(salt));
    }),
  );
});

test('the key at hand is the last one taken, short or long', () => {
  const atHand = new KeyAtHand();
  for (const key of ['', 'one', 'x'.repeat(200_000), 'one', 'x'.repeat(70_000), '\xff\x00\x80\x7f\xfe']) {
    atHand.take(key);
    const bytes = Buffer.from(atHand.view.buffer, 0, atHand.length);
    expect(bytes.toString('latin1')).toBe(key);
    expect(atHand.hash(3)).toBe(hashOfKey(viewOf(Buffer.from(key, 'latin1')), 0, key.length, 3));
  }
  expect(atHand.view.byteLength).toBe(1024);
});

test('keys that count upwards spread over the buckets, whatever their length', () => {
  for (const prefix of ['', 'key:', 'user:profile:']) {
    const buckets = new Uint32Array(1024);
    for (let i = 0; i < 10_240; i++) {
      const key = viewOf(Buffer.from(`${prefix}${i}`));
      const bucket = hashOfKey(key, 0, key.byteLength, 0) & 1023;
      buckets[bucket] = (buckets[bucket] ?? 0) + 1;
    }
    expect(Math.max(...buckets)).toBeLessThan(40);
  }
});

test('a bit that changes anywhere in a key changes each bit of the hash about every other time', () => {
  const changed = new Uint32Array(32);
  const rounds = 20 * 8 * 16;
  for (let turn = 0; turn < rounds; turn += 1) {
    const key = viewOf(Buffer.from(`key:${turn}`.padEnd(20, '.')));
    const before = hashOfKey(key, 0, 20, 0);
    const bit = turn % 160;
    key.setUint8(bit >> 3, key.getUint8(bit >> 3) ^ (1 << (bit & 7)));
    const difference = before ^ hashOfKey(key, 0, 20, 0);
    for (let at = 0; at < 32; at += 1) changed[at] = (changed[at] ?? 0) + ((difference >>> at) & 1);
  }
  for (const times of changed) expect(Math.abs(times / rounds - 0.5)).toBeLessThan(0.06);
});
