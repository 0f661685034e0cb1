import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type ProxyOptions, resolveOptions } from '../../../src/config/options';
import { OptionError } from '../../../src/errors';

const MINUTE = 60_000;
const MB = 1024 ** 2;

describe('options', () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'respite-options-'));
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  function written(name: string, text: string): string {
    const file = path.join(folder, name);
    writeFileSync(file, text);
    return file;
  }

  test('the defaults are those of the contract', () => {
    expect(resolveOptions()).toEqual({
      redis: undefined,
      redisCa: undefined,
      upstreamConnections: 2,
      upstreamTimeout: 5_000,
      host: '127.0.0.1',
      port: 6380,
      httpHost: '127.0.0.1',
      httpPort: 8380,
      workers: 1,
      ttl: 5 * MINUTE,
      negativeTtl: 5_000,
      maxKeys: 100_000,
      maxMemory: 256 * MB,
      maxValue: MB,
      coherence: 'tracking',
      staleIfError: 0,
      maxClients: 10_000,
      clientTimeout: 0,
      clientOutputLimit: 256 * MB,
      rateLimit: undefined,
      requirepass: undefined,
      httpToken: undefined,
      httpAllowHost: [],
      tlsCert: undefined,
      tlsKey: undefined,
      tlsCa: undefined,
      originAllow: [],
      shelfSize: undefined,
      logLevel: 'info',
      logPretty: false,
    });
  });

  test.each([
    [1500, 1500],
    ['30', 30_000],
    ['0.5', 500],
    ['500ms', 500],
    ['30s', 30_000],
    ['5m', 5 * MINUTE],
    ['1.5h', 90 * MINUTE],
    ['1D', 24 * 60 * MINUTE],
  ])('a duration of %p is %d ms', (ttl, ms) => {
    expect(resolveOptions({ ttl }).ttl).toBe(ms);
  });

  test.each([
    [4096, 4096],
    ['4096', 4096],
    ['512b', 512],
    ['64kb', 65_536],
    ['64MB', 64 * MB],
    ['1.5gb', 1536 * MB],
    ['1tb', 1024 ** 4],
  ])('a size of %p is %d bytes', (maxMemory, bytes) => {
    expect(resolveOptions({ maxMemory }).maxMemory).toBe(bytes);
  });

  test('off is no port, no limit, no shelf', () => {
    const { httpPort, rateLimit, shelfSize } = resolveOptions({
      httpPort: 'off',
      rateLimit: 'off',
      shelfSize: 'off',
    });
    expect([httpPort, rateLimit, shelfSize]).toEqual([undefined, undefined, undefined]);
  });

  test('what is undefined is as if it were left out', () => {
    expect(resolveOptions({ ttl: undefined, port: undefined })).toMatchObject({
      ttl: 5 * MINUTE,
      port: 6380,
    });
  });

  test('an IPv6 address may stand in brackets', () => {
    expect(resolveOptions({ host: '[::1]' }).host).toBe('::1');
  });

  test.each<[ProxyOptions, string]>([
    [{ ttl: '5x' }, 'ttl "5x" is not a duration'],
    [{ ttl: 0 }, 'from 1ms to 365d'],
    [{ ttl: Number.NaN }, 'is not a duration'],
    [{ ttl: '' }, 'is not a duration'],
    [{ ttl: '-1s' }, 'is not a duration'],
    [{ ttl: '366d' }, 'is not a duration'],
    [{ negativeTtl: -1 }, 'negativeTtl -1 is not a duration'],
    [{ upstreamTimeout: '1ms' }, 'from 10ms'],
    [{ maxMemory: '0' }, 'maxMemory "0" is not a size'],
    [{ maxMemory: '64m' }, 'such as 512kb, 64mb or 1gb'],
    [{ maxValue: '513mb' }, 'from 1b to 512mb'],
    [{ maxKeys: 0 }, 'maxKeys 0 is not accepted: give a whole number from 1 to 16000000'],
    [{ maxKeys: 16_000_001 }, 'from 1 to 16000000'],
    [{ maxKeys: '1e3' }, 'is not accepted'],
    [{ maxKeys: 1.5 }, 'is not accepted'],
    [{ port: 65_536 }, 'from 0 to 65535'],
    [{ port: '0x10' }, 'from 0 to 65535'],
    [{ httpPort: 'none' }, 'from 0 to 65535, or off'],
    [{ rateLimit: 0 }, 'from 1 to 1000000, or off'],
    [{ host: 'a host' }, 'is not a host'],
    [{ host: '' }, 'is not a host'],
    [{ redis: 'localhost' }, 'redis "localhost" is not the URL of a Redis'],
    [{ originAllow: ['https://example.com'] }, 'without scheme, port or path'],
    [{ originAllow: ['example.com', ''] }, 'originAllow "" is not a host'],
    [{ requirepass: '' }, 'requirepass is empty'],
    [{ requirepassFile: '/no/such/file' }, 'cannot be read (ENOENT)'],
    [{ tlsCert: '/no/such/file' }, 'tlsCert "/no/such/file" cannot be read (ENOENT)'],
    [{ redisCa: __filename }, 'holds no certificate in PEM form'],
    [{ tlsKey: __filename }, 'tlsCert and tlsKey need each other'],
    [{ port: 7000, httpPort: '7000' }, 'port and httpPort are both 7000'],
  ])('%p is refused', (options, why) => {
    expect(() => resolveOptions(options)).toThrow(why);
    expect(() => resolveOptions(options)).toThrow(OptionError);
  });

  test.each([
    [{ coherence: 'none' }, 'coherence "none" is not accepted: give tracking or ttl'],
    [{ logLevel: 'loud' }, 'give trace, debug, info, warn, error, fatal or silent'],
    [{ logPretty: 'maybe' }, 'give true or false'],
    [{ maxkeys: 5 }, 'there is no option "maxkeys"'],
    [{ host: 5 }, 'is not a host'],
    [{ originAllow: 5 }, 'is not a list of hosts'],
    [{ redis: 5 }, 'is not text'],
  ])('%p, which only JavaScript can pass, is refused', (options, why) => {
    expect(() => resolveOptions(options as ProxyOptions)).toThrow(why);
  });

  test('the same port is fine on two addresses, and 0 on one', () => {
    expect(resolveOptions({ port: 7000, httpPort: 7000, httpHost: '127.0.0.2' }).httpPort).toBe(7000);
    expect(resolveOptions({ port: 0, httpPort: 0 }).httpPort).toBe(0);
  });

  test('a secret may come from a file, whose last line end is no part of it', () => {
    expect(resolveOptions({ requirepassFile: written('pass', 'se cret \r\n') }).requirepass).toBe('se cret ');
    expect(resolveOptions({ httpTokenFile: written('token', 'a\n\n') }).httpToken).toBe('a\n');
    expect(() => resolveOptions({ requirepassFile: written('empty', '\n') })).toThrow('is an empty file');
    const both = { requirepass: 'hush', requirepassFile: written('pass', 'hush') };
    expect(() => resolveOptions(both)).toThrow('requirepass and requirepassFile are both given');
  });

  test('a certificate and its key are read, and must fit each other', () => {
    const [cert, key] = selfSigned('one');
    const [, otherKey] = selfSigned('other');
    const options = resolveOptions({ tlsCert: cert, tlsKey: key, tlsCa: readFileSync(cert), redisCa: cert });
    expect(options.tlsCert).toEqual(readFileSync(cert));
    expect(options.tlsKey).toEqual(readFileSync(key));
    expect(options.tlsCa).toEqual(options.redisCa);
    expect(() => resolveOptions({ tlsCert: cert, tlsKey: otherKey })).toThrow('do not make a pair');
    expect(() => resolveOptions({ tlsCa: cert })).toThrow('tlsCa needs tlsCert and tlsKey beside it');
  });

  function selfSigned(name: string): [cert: string, key: string] {
    const files: [string, string] = [path.join(folder, `${name}.pem`), path.join(folder, `${name}.key`)];
    const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    execFileSync('openssl', [...request, '-subj', '/CN=test', '-out', files[0], '-keyout', files[1]], {
      stdio: 'ignore',
    });
    return files;
  }
});
