import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Origin, type Resolve } from '../../../src/http/origin';

const limits = { mostBytes: 100, timeout: 5_000 };

function resolvingTo(...answers: string[]): { resolve: Resolve; asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    resolve: (host, done) => {
      asked.push(host);
      done(null, [{ address: answers[Math.min(asked.length, answers.length) - 1] ?? '', family: 4 }]);
    },
  };
}

describe('an origin', () => {
  test.each([
    '127.0.0.1',
    '10.1.2.3',
    '172.16.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
    '255.255.255.255',
    '224.0.0.1',
    '::1',
    '::',
    'fe80::1',
    'fd00::1',
    '::ffff:127.0.0.1',
    '64:ff9b::7f00:1',
  ])('under an allowed name is not asked when the name leads to %s', async (address) => {
    const { resolve } = resolvingTo(address);
    const origin = new Origin({ ...limits, allowed: ['example.com'] }, resolve);
    await expect(origin.fetch(origin.check('http://example.com/'))).rejects.toMatchObject({ status: 403 });
  });

  test('is connected to at the very address that was looked at: the name is not resolved twice', async () => {
    const server = createServer((_request, response) => response.end('here'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const { resolve, asked } = resolvingTo('127.0.0.1', '127.0.0.2');
    const origin = new Origin({ ...limits, allowed: ['rebound.example', '127.0.0.1'] }, resolve);
    const document = await origin.fetch(origin.check(`http://rebound.example:${port}/`));
    expect(document.body.toString()).toBe('here');
    expect(asked).toEqual(['rebound.example']);
    await new Promise((done) => server.close(done));
  });

  test('is refused when only one of its addresses is a public one', async () => {
    const origin = new Origin({ ...limits, allowed: ['example.com'] }, (_host, done) =>
      done(null, [
        { address: '203.0.114.1', family: 4 },
        { address: '10.0.0.1', family: 4 },
      ]),
    );
    await expect(origin.fetch(origin.check('http://example.com/'))).rejects.toMatchObject({ status: 403 });
  });

  const endless: RequestListener = (_request, response) => {
    const more = () => response.write('x'.repeat(1_000), () => response.destroyed || setImmediate(more));
    more();
  };
  const failures: [what: string, listener: RequestListener, status: number][] = [
    ['does not answer', () => {}, 504],
    ['begins, and does not go on', (_request, response) => response.write('half'), 504],
    ['never ends', endless, 502],
    [
      'announces too much',
      (_request, response) => response.writeHead(200, { 'content-length': 101 }).end(),
      502,
    ],
    [
      'sends what was not asked for',
      (_request, response) => response.writeHead(200, { 'content-encoding': 'br' }).end('x'),
      502,
    ],
    ['redirects for ever', (_request, response) => response.writeHead(302, { location: '/' }).end(), 502],
    [
      'redirects to what may not be asked',
      (_request, response) => response.writeHead(307, { location: '//[::1]/' }).end(),
      502,
    ],
    [
      'redirects to a file',
      (_request, response) => response.writeHead(307, { location: 'file:///etc/passwd' }).end(),
      502,
    ],
    ['has nothing new', (_request, response) => response.writeHead(304).end(), 502],
    ['speaks something else', (_request, response) => response.socket?.end('+PONG\r\n'), 502],
  ];

  test.each(failures)('that %s is given up', async (_what, listener, status) => {
    const server = createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const origin = new Origin({
      allowed: ['127.0.0.1'],
      mostBytes: 100,
      timeout: status === 504 ? 50 : 10_000,
    });
    const fetched = origin.fetch(origin.check(`http://127.0.0.1:${port}/`));
    await expect(fetched).rejects.toMatchObject({ status, message: expect.stringMatching(/^the origin /) });
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });

  test('may not be named by a number, a user or another scheme', () => {
    const origin = new Origin({ ...limits, allowed: ['example.com'] });
    for (const url of [
      'http://2130706433/',
      'http://0x7f.1/',
      'http://[::1]/',
      'http://example.com.evil.test/',
    ])
      expect(() => origin.check(url)).toThrow(/may not be asked/);
    for (const url of ['gopher://example.com/', 'http://a@example.com/', 'example.com', ''])
      expect(() => origin.check(url)).toThrow(/url/);
    expect(origin.check('https://EXAMPLE.com./x').pathname).toBe('/x');
  });
});
