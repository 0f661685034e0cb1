import * as fc from 'fast-check';
import { describeAddress, parseRedisUrl, withoutSecrets } from '../../../src/upstream/address';

const NOBODY = { username: undefined, password: undefined, db: 0 };

describe('the URL of a Redis', () => {
  test.each([
    ['redis://localhost', { kind: 'tcp', host: 'localhost', port: 6379, ...NOBODY }],
    ['redis://10.0.0.1:7000', { kind: 'tcp', host: '10.0.0.1', port: 7000, ...NOBODY }],
    ['redis://host/', { kind: 'tcp', host: 'host', port: 6379, ...NOBODY }],
    ['redis://host/15', { kind: 'tcp', host: 'host', port: 6379, ...NOBODY, db: 15 }],
    ['redis://host?db=3', { kind: 'tcp', host: 'host', port: 6379, ...NOBODY, db: 3 }],
    ['redis://[::1]:7000/2', { kind: 'tcp', host: '::1', port: 7000, ...NOBODY, db: 2 }],
    ['rediss://cache.example', { kind: 'tls', host: 'cache.example', port: 6379, ...NOBODY }],
    ['redis://:pw@host', { kind: 'tcp', host: 'host', port: 6379, ...NOBODY, password: 'pw' }],
    ['redis://me@host', { kind: 'tcp', host: 'host', port: 6379, ...NOBODY, username: 'me' }],
    [
      'redis://me:p%40ss%2Fw%3A%25@host',
      { kind: 'tcp', host: 'host', port: 6379, username: 'me', password: 'p@ss/w:%', db: 0 },
    ],
    ['unix:///run/redis.sock', { kind: 'unix', path: '/run/redis.sock', ...NOBODY }],
    ['unix:///run/my%20redis.sock?db=4', { kind: 'unix', path: '/run/my redis.sock', ...NOBODY, db: 4 }],
    [
      'unix:///r.sock?username=me&password=p%26w',
      { kind: 'unix', path: '/r.sock', username: 'me', password: 'p&w', db: 0 },
    ],
  ])('%s is understood', (url, address) => {
    expect(parseRedisUrl(url)).toEqual(address);
  });

  test.each([
    ['localhost:6379', 'is not the URL of a Redis'],
    ['', 'is not the URL of a Redis'],
    ['http://host', 'is not the URL of a Redis'],
    ['redis://host:port', 'is not the URL of a Redis'],
    ['redis://host:70000', 'is not the URL of a Redis'],
    ['redis://', 'names no host'],
    ['redis://host/db', 'has a path that is not the number of a database'],
    ['redis://host/1/2', 'has a path that is not the number of a database'],
    ['redis://host/99999999999', 'names a database that is not a number'],
    ['redis://host?db=x', 'names a database that is not a number'],
    ['redis://host?timeout=3', 'has the parameter "timeout", which is not known'],
    ['redis://a%zz@host', 'has a % that is not followed by two hexadecimal digits'],
    ['redis://host/#1', 'has a # in it'],
    ['unix://run/redis.sock', 'needs three slashes and the path of a socket'],
    ['unix:///', 'needs three slashes and the path of a socket'],
  ])('%s is refused: it %s', (url, why) => {
    expect(() => parseRedisUrl(url)).toThrow(why);
    expect(() => parseRedisUrl(url)).toThrow(expect.objectContaining({ code: 'ERR_RESPITE_OPTION' }));
  });

  test('any user and password survive being percent-encoded', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1 });
    const check = (username: string, password: string) => {
      const url = `redis://${encodeURIComponent(username)}:${encodeURIComponent(password)}@host:1`;
      expect(parseRedisUrl(url)).toMatchObject({ username, password });
    };
    fc.assert(fc.property(text, text, check));
  });

  test('a refusal never shows a password, even of something that is no URL', () => {
    const secret = fc.stringMatching(/^[A-Z!#$%/:?@]{6,20}$/);
    const broken = fc.constantFrom(
      'redis://u:SECRET@host:x',
      'u:SECRET@host',
      'http://u:SECRET@host',
      'redis://:SECRET@/',
    );
    const check = (password: string, url: string) => {
      try {
        parseRedisUrl(url.replace('SECRET', () => password));
      } catch (error) {
        expect(`${error}`.includes(password)).toBe(false);
      }
    };
    fc.assert(fc.property(secret, broken, check));
    expect(withoutSecrets('unix:///s?password=hidden&db=1')).toBe('unix:///s?password=***&db=1');
  });
});

test('an address is described without its secrets', () => {
  expect(describeAddress(parseRedisUrl('redis://u:secret@host:1/2'))).toBe('host:1');
  expect(describeAddress(parseRedisUrl('rediss://u:secret@[::1]'))).toBe('[::1]:6379 (TLS)');
  expect(describeAddress(parseRedisUrl('unix:///run/r.sock?password=secret'))).toBe('/run/r.sock');
});
