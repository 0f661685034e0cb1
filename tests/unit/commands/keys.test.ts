import fc from 'fast-check';
import { isComplete, keysOf, legacyKeySpec, readKeySpecs } from '../../../src/commands/keys';
import { CommandTable } from '../../../src/commands/table';

function words(line: string): Buffer[] {
  return line.split(' ').map((word) => Buffer.from(word, 'latin1'));
}

function spec(begin: unknown[], find: unknown[], flags: string[] = ['RW', 'update']): unknown[] {
  return ['flags', flags, 'begin_search', ['type', begin[0], 'spec', begin.slice(1)], 'find_keys', find];
}

const range = (lastkey: number, keystep: number, limit: number) => [
  'type',
  'range',
  'spec',
  ['lastkey', lastkey, 'keystep', keystep, 'limit', limit],
];
const keynum = (keynumidx: number, firstkey: number) => [
  'type',
  'keynum',
  'spec',
  ['keynumidx', keynumidx, 'firstkey', firstkey, 'keystep', 1],
];

function keys(line: string, ...specs: unknown[][]): string[] | undefined {
  return keysOf({ keySpecs: readKeySpecs(specs) }, words(line));
}

test('an index and a range: one key, all that follow, every second one', () => {
  expect(keys('SET k v', spec(['index', 'index', 1], range(0, 1, 0)))).toEqual(['k']);
  expect(keys('DEL a b c', spec(['index', 'index', 1], range(-1, 1, 0)))).toEqual(['a', 'b', 'c']);
  expect(keys('MSET a 1 b 2', spec(['index', 'index', 1], range(-1, 2, 0)))).toEqual(['a', 'b']);
  expect(keys('BLPOP a b 0', spec(['index', 'index', 1], range(-2, 1, 0)))).toEqual(['a', 'b']);
});

test('a limit takes a part of the rest', () => {
  const streams = spec(['keyword', 'keyword', 'STREAMS', 'startfrom', 1], range(-1, 1, 2));
  expect(keys('XREAD COUNT 2 STREAMS a b 0 0', streams)).toEqual(['a', 'b']);
  expect(keys('XREAD streams a 0', streams)).toEqual(['a']);
});

test('a number of keys is obeyed, and when it is wrong the keys cannot be told', () => {
  const counted = spec(['index', 'index', 1], keynum(0, 1));
  expect(keys('LMPOP 2 a b LEFT', counted)).toEqual(['a', 'b']);
  for (const count of ['0', '-1', '9', '02', '+2', 'x', '2.0', '99999999999999999999', '']) {
    expect(keys(`LMPOP ${count} a b LEFT`, counted)).toBeUndefined();
  }
  expect(keys('LMPOP', counted)).toBeUndefined();
});

test('a keyword that is missing finds nothing, and one that stands there twice cannot be told', () => {
  const store = spec(['keyword', 'keyword', 'STORE', 'startfrom', 2], range(0, 1, 0));
  expect(keys('GEO k a b', store)).toEqual([]);
  expect(keys('GEO k store d', store)).toEqual(['d']);
  expect(keys('GEO k store\0x d', store)).toEqual(['d']);
  expect(keys('GEO k storedist d', store)).toEqual([]);
  expect(keys('GEO k STORE a STORE b', store)).toBeUndefined();
  expect(keys('GEO k STORE', store)).toBeUndefined();
});

test('fake keys are left out, unknown and incomplete specifications are not trusted', () => {
  expect(keys('SPUBLISH ch m', spec(['index', 'index', 1], range(0, 1, 0), ['not_key']))).toEqual([]);
  expect(keys('X k', spec(['index', 'index', 1], range(0, 1, 0), ['RW', 'incomplete']))).toBeUndefined();
  expect(keys('X k', spec(['unknown'], range(0, 1, 0)))).toBeUndefined();
  expect(keys('X k', spec(['index', 'index', 1], ['type', 'unknown', 'spec', []]))).toBeUndefined();
  expect(isComplete(readKeySpecs([spec(['unknown'], range(0, 1, 0))]))).toBe(false);
  expect(isComplete([])).toBe(false);
});

test('Redis 6 tells first key, last key and step', () => {
  const keySpecs = legacyKeySpec(1, -1, 2, false);
  expect(keysOf({ keySpecs }, words('MSET a 1 b 2'))).toEqual(['a', 'b']);
  expect(keysOf({ keySpecs: legacyKeySpec(2, 2, 1, false) }, words('XGROUP DESTROY k g'))).toEqual(['k']);
  expect(legacyKeySpec(0, 0, 0, false)).toEqual([]);
  expect(legacyKeySpec(1, 1, 1, true)).toEqual([]);
});

test('keys are binary', () => {
  const args = [Buffer.from('DEL'), Buffer.from([0xff, 0, 13, 10]), Buffer.alloc(0)];
  expect(keysOf({ keySpecs: legacyKeySpec(1, -1, 1, false) }, args)).toEqual(['\xff\0\r\n', '']);
});

test('no arguments whatever make it throw or name what is not an argument', () => {
  const table = CommandTable.from([]);
  const names = ['copy', 'sort', 'pfcount', 'get', 'mget', 'watch'];
  const arg = fc.oneof(fc.constantFrom('store', 'DB', '2', '0', ''), fc.string({ maxLength: 5 }));
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.array(arg, { maxLength: 8 }), (name, rest) => {
      const args = [name, ...rest].map((word) => Buffer.from(word, 'latin1'));
      const found = keysOf(table.find(args), args) ?? [];
      const texts = args.map((one) => one.toString('latin1'));
      return found.every((key) => texts.includes(key));
    }),
  );
});
