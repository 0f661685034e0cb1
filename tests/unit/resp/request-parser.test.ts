import fc from 'fast-check';
import { encodeCommand } from '../../../src/resp/encoder';
import { parseRequest, splitInline } from '../../../src/resp/request-parser';
import { bytes } from './pieces';

function words(line: string): string[] | undefined {
  return splitInline(bytes(line))?.map((word) => word.toString('latin1'));
}

describe('an array frame', () => {
  test('gives its arguments, whatever bytes they are of', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 50 }), { minLength: 1, maxLength: 20 }), (raw) => {
        const args = raw.map((each) => Buffer.from(each));
        expect(parseRequest(encodeCommand(args))).toEqual(args);
      }),
    );
  });

  test('gives the same arguments when its line ends are other bytes', () => {
    expect(parseRequest(bytes('*2\rX$3\rYGETab$1\rZkcd')).map(String)).toEqual(['GET', 'k']);
  });

  test('that is not whole throws, and leaves nothing behind for the next', () => {
    for (const part of [
      '*2\r\n$3\r\nGET\r\n',
      '*2\r\n$3\r\nGE',
      '*2',
      '*1\r\n!3\r\nabc\r\n',
      'PING\r\n',
      '',
    ]) {
      expect(() => parseRequest(bytes(part))).toThrow();
      expect(parseRequest(bytes('*1\r\n$4\r\nPING\r\n')).map(String)).toEqual(['PING']);
    }
  });
});

describe('an inline request', () => {
  test.each([
    ['PING', ['PING']],
    ['SET k v', ['SET', 'k', 'v']],
    ['  SET \t k  v  ', ['SET', 'k', 'v']],
    ['SET k v\r\n', ['SET', 'k', 'v']],
    ['', []],
    [' \t\r\n', []],
    ['\v\f a', ['a']],
    ['a\vb', ['a\vb']],
    ['"" \'\'', ['', '']],
    ['"a b" \'c d\'', ['a b', 'c d']],
    ['a"b c"', ['ab c']],
    ['"a"\v"b"', ['a', 'b']],
    ['"\\x41\\xfF\\x00"', ['A\xff\0']],
    ['"\\x4" "\\xg1"', ['x4', 'xg1']],
    ['"\\n\\r\\t\\b\\a\\q\\\\\\""', ['\n\r\t\b\x07q\\"']],
    ["'\\n\\' \\\\ '", ["\\n' \\\\ "]],
    ['a\\nb', ['a\\nb']],
    ['caf\xc3\xa9 \xa0', ['caf\xc3\xa9', '\xa0']],
  ])('%j is split as Redis does', (line, expected) => {
    expect(words(line)).toEqual(expected);
  });

  test.each(['"', "'", 'a "b', "a 'b", '"a"b', "'a'b", '"a""b"', '"\\"', "'\\'", '"a\\', '"a\r\n'])(
    '%j has quotes that do not balance',
    (line) => {
      expect(words(line)).toBeUndefined();
    },
  );

  test('gives copies, which may be kept', () => {
    const line = bytes('SET k');
    const split = splitInline(line);
    line.fill(0);
    expect(split?.map(String)).toEqual(['SET', 'k']);
  });

  test('gives back any bytes that were quoted', () => {
    const quote = (raw: Uint8Array) =>
      `"${Array.from(raw, (byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}"`;
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 10 }), { maxLength: 10 }), (raw) => {
        expect(splitInline(bytes(raw.map(quote).join(' ')))).toEqual(raw.map((each) => Buffer.from(each)));
      }),
    );
  });
});
