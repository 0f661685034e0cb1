import fc from 'fast-check';
import { HashTable } from '../../../src/cache/hash-table';
import { hashOfBytes, hashOfKey } from '../../../src/cache/key-hash';
import { NONE } from '../../../src/cache/linked-list';

function under(table: HashTable, hash: number): number[] {
  const slots = [];
  for (let slot = table.first(hash); slot !== NONE; slot = table.after(slot)) slots.push(slot);
  return slots.sort((a, b) => a - b);
}

test('an empty table finds nothing', () => {
  expect(new HashTable().first(1)).toBe(NONE);
});

test('whatever is linked and unlinked, each hash finds its slots and no others', () => {
  const steps = fc.array(fc.nat(199), { maxLength: 500 });
  const hashes = fc.array(fc.oneof(fc.integer(), fc.nat(7)), { minLength: 200, maxLength: 200 });
  fc.assert(
    fc.property(hashes, steps, (hashOf, slots) => {
      const table = new HashTable();
      table.reserve(100);
      table.reserve(200);
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

test('a key hashes the same as a string and as bytes, and otherwise for another generation', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(), (bytes, salt) => {
      const source = Buffer.concat([Buffer.from('..'), bytes, Buffer.from('..')]);
      const key = Buffer.from(bytes).toString('latin1');
      expect(hashOfBytes(source, 2, 2 + bytes.length, salt)).toBe(hashOfKey(key, salt));
      expect(hashOfKey(key, salt + 1)).not.toBe(hashOfKey(key, salt));
    }),
  );
});

test('keys that count upwards spread over the buckets', () => {
  const buckets = new Uint32Array(1024);
  for (let i = 0; i < 10_240; i++) {
    const bucket = hashOfKey(`key:${i}`, 0) & 1023;
    buckets[bucket] = (buckets[bucket] ?? 0) + 1;
  }
  expect(Math.max(...buckets)).toBeLessThan(40);
});
