import {
  decodePercent,
  parseCommand,
  parseCommands,
  pathArguments,
  queryArguments,
  queryBytes,
  splitUrl,
} from '../../../src/http/arguments';

const texts = (args: readonly Buffer[]) => args.map((arg) => arg.toString('latin1'));
const parsed = (json: string) => texts(parseCommand(Buffer.from(json)));

describe('the path', () => {
  test('is one argument for each segment, byte by byte', () => {
    expect(texts(pathArguments('/set/a%2Fb/%ff%00/'))).toEqual(['set', 'a/b', '\xff\0', '']);
    expect(texts(pathArguments('/echo/a+b'))).toEqual(['echo', 'a+b']);
    expect(texts(pathArguments('/echo/\xc3\xa9'))).toEqual(['echo', '\xc3\xa9']);
  });

  test.each(['%', '%z', '%4', '%4g', 'a%2', '%%41'])('%s escapes nothing', (text) => {
    expect(() => decodePercent(text)).toThrow(/is no percent escape/);
  });

  test('ends where the query begins', () => {
    expect(splitUrl('/a?b?c')).toEqual({ path: '/a', query: 'b?c' });
    expect(splitUrl('/a')).toEqual({ path: '/a', query: '' });
  });
});

describe('the query', () => {
  test('gives names and values that are not empty, and never the token', () => {
    expect(texts(queryArguments('EX=100&NX&_token=secret&a+b=%2B&empty=&'))).toEqual([
      'EX',
      '100',
      'NX',
      'a b',
      '+',
      'empty',
    ]);
  });

  test('gives the first value of a name', () => {
    expect(queryBytes('key=a%20b&key=c', 'key')?.toString()).toBe('a b');
    expect(queryBytes('monkey=a', 'key')).toBeUndefined();
  });
});

describe('JSON', () => {
  test('numbers are the digits that were written, wherever they stand', () => {
    expect(parsed('["SET", "a 1, 2]", 12345678901234567890, -1.50e+3, true]')).toEqual([
      'SET',
      'a 1, 2]',
      '12345678901234567890',
      '-1.50e+3',
      'true',
    ]);
    expect(parsed('["ECHO", "\\"1\\\\", 2]')).toEqual(['ECHO', '"1\\', '2']);
    const both = parseCommands(Buffer.from('[["GET","1"],["SET","k",0.10]]')).map(texts);
    expect(both).toEqual([
      ['GET', '1'],
      ['SET', 'k', '0.10'],
    ]);
  });

  test('text is UTF-8', () => {
    expect(parseCommand(Buffer.from('["ECHO","é\\u00e9\\u0000"]'))[1]).toEqual(Buffer.from('éé\0'));
  });

  test.each([
    ['null', /the body is null: give a JSON array/],
    ['"GET"', /the body is a string/],
    ['{"a":1}', /the body is an object/],
    ['7', /the body is a number/],
    ['[]', /the body is an empty array/],
    ['["GET",null]', /argument 1 of the body is null/],
    ['["GET",["k"]]', /argument 1 of the body is an array/],
    ['["GET",{"k":1}]', /argument 1 of the body is an object/],
    ['["GET",[1]]', /argument 1 of the body is an array/],
    ['["GET"', /the body is not JSON/],
    ['', /the body is empty/],
  ])('%s is no command', (json, words) => {
    expect(() => parseCommand(Buffer.from(json))).toThrow(words);
  });

  test.each([
    ['{}', /the body is an object: give a JSON array of commands/],
    ['["GET","k"]', /command 0 is a string/],
    ['[["GET","k"],[]]', /command 1 is an empty array/],
    ['[["GET","k"],["SET","k",null]]', /argument 2 of command 1 is null/],
  ])('%s are no commands', (json, words) => {
    expect(() => parseCommands(Buffer.from(json))).toThrow(words);
  });

  test('bytes that are no UTF-8, and no body at all', () => {
    expect(() => parseCommand(Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d]))).toThrow(/not valid UTF-8/);
    expect(() => parseCommand(undefined)).toThrow(/the body is empty/);
  });
});
