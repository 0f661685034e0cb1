import fc from 'fast-check';
import { PlainGets } from '../../../src/resp/plain-gets';
import { RequestFramer } from '../../../src/resp/request-framer';
import { parseRequest } from '../../../src/resp/request-parser';

/** The keys of the GETs that stand in front, and where the next thing begins. */
function readAll(bytes: Buffer, start = 0, end = bytes.length): { keys: string[]; at: number } {
  const gets = new PlainGets(bytes, start, end);
  const keys: string[] = [];
  while (gets.find()) {
    keys.push(bytes.latin1Slice(gets.keyStart, gets.keyEnd));
    gets.skip();
  }
  return { keys, at: gets.at };
}

function get(key: string, name = 'GET'): string {
  return `*2\r\n$3\r\n${name}\r\n$${key.length}\r\n${key}\r\n`;
}

test('one after the other, in upper and lower case, with any key', () => {
  const keys = ['a', '', 'two\r\nlines', '\x00\xff', 'k'.repeat(10), 'k'.repeat(100), 'k'.repeat(99_999)];
  const bytes = Buffer.from(
    keys.map((key, at) => get(key, ['GET', 'get', 'gEt'][at % 3])).join(''),
    'latin1',
  );
  expect(readAll(bytes)).toEqual({ keys, at: bytes.length });
});

test('only what lies between the bounds', () => {
  const bytes = Buffer.from(`${get('before')}${get('one')}${get('two')}behind`);
  const start = get('before').length;
  const end = bytes.length - 'behind'.length;
  expect(readAll(bytes, start, end)).toEqual({ keys: ['one', 'two'], at: end });
  expect(readAll(bytes, start, end - 1)).toEqual({ keys: ['one'], at: start + get('one').length });
});

test.each([
  ['another command', '*2\r\n$3\r\nDEL\r\n$1\r\na\r\n'],
  ['a longer name', '*2\r\n$4\r\nGETS\r\n$1\r\na\r\n'],
  ['another number of arguments', '*3\r\n$3\r\nGET\r\n$1\r\na\r\n$1\r\nb\r\n'],
  ['an inline request', 'GET a\r\n'],
  ['a length with a zero in front', '*2\r\n$3\r\nGET\r\n$01\r\na\r\n'],
  ['a length below zero', '*2\r\n$3\r\nGET\r\n$-1\r\na\r\n'],
  ['no length', '*2\r\n$3\r\nGET\r\n$\r\na\r\n'],
  ['a length that is too short', '*2\r\n$3\r\nGET\r\n$1\r\nab\r\n'],
  ['a line that ends otherwise', '*2\r\n$3\r\nGET\r\n$1\r\na\r-'],
  ['a name line that ends otherwise', '*2\r\n$3\r\nGET\n\n$1\r\na\r\n'],
  ['a key of 100,000 bytes', get('k'.repeat(100_000))],
])('goes the long way: %s', (_what, text) => {
  const bytes = Buffer.from(`${get('k')}${text}${get('k')}`);
  expect(readAll(bytes)).toEqual({ keys: ['k'], at: get('k').length });
});

test('mayBegin says yes to every GET that is whole', () => {
  for (const name of ['GET', 'get', 'Get']) {
    const bytes = Buffer.from(`..${get('', name)}`);
    expect(PlainGets.mayBegin(bytes, 2, bytes.length)).toBe(true);
    expect(PlainGets.mayBegin(bytes, 2, bytes.length - 1)).toBe(false);
  }
  const others = Buffer.from('*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n');
  expect(PlainGets.mayBegin(others, 0, others.length)).toBe(false);
});

/** What is nearly a GET: whole ones, with some bytes changed, cut off somewhere. */
const nearlyGets = fc
  .tuple(
    fc.array(fc.oneof(fc.string({ maxLength: 12 }), fc.constantFrom('', 'x'.repeat(300))), { maxLength: 4 }),
    fc.array(fc.tuple(fc.nat(), fc.constantFrom(...'\r\n$*0123456789-+gGeEtT\x00')), { maxLength: 2 }),
    fc.nat(20),
  )
  .map(([keys, changes, cut]) => {
    const bytes = Buffer.from(keys.map((key) => get(key)).join(''), 'latin1');
    for (const [at, by] of changes) if (bytes.length > 0) bytes.write(by, at % bytes.length, 'latin1');
    return bytes.subarray(0, Math.max(0, bytes.length - cut));
  });

test('whatever it takes for a GET, the framer and redis-parser take for the same', () => {
  fc.assert(
    fc.property(nearlyGets, (bytes) => {
      const { keys, at } = readAll(bytes);
      const framer = new RequestFramer();
      framer.push(bytes);
      for (const key of keys) {
        expect(framer.next()).toBe('frame');
        const [name, argument, ...more] = parseRequest(framer.buffer.subarray(framer.start, framer.end));
        expect([name?.toString().toLowerCase(), argument?.latin1Slice(), more]).toEqual(['get', key, []]);
        framer.skip();
      }
      expect(framer.buffered).toBe(bytes.length - at);
    }),
    { numRuns: 2_000 },
  );
});
