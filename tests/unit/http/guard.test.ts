import type { IncomingMessage } from 'node:http';
import { Guard, type GuardOptions } from '../../../src/http/guard';
import { HttpProblem } from '../../../src/http/problem';

interface Asked {
  readonly url?: string;
  readonly from?: string;
  readonly to?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

function statusOf(options: Partial<GuardOptions>, { url = '/get/k', from, to, headers = {} }: Asked): number {
  const guard = new Guard({ token: undefined, host: '127.0.0.1', allowedHosts: [], ...options });
  const socket = { remoteAddress: from ?? '127.0.0.1', localAddress: to ?? '127.0.0.1' };
  const request = { headers: { host: 'localhost:8380', ...headers }, socket } as unknown as IncomingMessage;
  try {
    guard.check(request, url);
    return 200;
  } catch (problem) {
    if (problem instanceof HttpProblem) return problem.status;
    throw problem;
  }
}

describe('without a token', () => {
  test.each([
    'localhost',
    'localhost:8380',
    'LOCALHOST.:80',
    'app.localhost',
    '127.0.0.1:8380',
    '127.9.9.9',
    '[::1]:8380',
  ])('the host %s is let in', (host) => {
    expect(statusOf({}, { headers: { host } })).toBe(200);
  });

  test.each([
    'evil.example',
    '',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '10.0.0.1',
    'evil.example:8380',
  ])('the host "%s" is not', (host) => {
    expect(statusOf({}, { headers: { host } })).toBe(403);
  });

  test('the address of the port and hosts that were allowed are let in', () => {
    expect(statusOf({ host: '10.0.0.1' }, { headers: { host: '10.0.0.1:8380' } })).toBe(200);
    expect(statusOf({ allowedHosts: ['cache.internal'] }, { headers: { host: 'Cache.Internal:80' } })).toBe(
      200,
    );
    const wildcard = { host: '0.0.0.0' };
    expect(statusOf(wildcard, { to: '10.0.0.2', headers: { host: '10.0.0.2' } })).toBe(200);
    expect(statusOf(wildcard, { to: '::ffff:10.0.0.2', headers: { host: '10.0.0.2' } })).toBe(200);
    expect(statusOf(wildcard, { to: '10.0.0.2', headers: { host: '10.0.0.3' } })).toBe(403);
    expect(statusOf(wildcard, { headers: { host: '0.0.0.0' } })).toBe(403);
  });

  test('a page of another origin or site may not ask, by whatever route', () => {
    for (const url of ['/flushall', '/metrics', '/healthz', '/openapi.json']) {
      expect(statusOf({}, { url, headers: { origin: 'https://evil.example' } })).toBe(403);
      expect(statusOf({}, { url, headers: { origin: 'null' } })).toBe(403);
      expect(statusOf({}, { url, headers: { origin: 'http://localhost:3000' } })).toBe(403);
      expect(statusOf({}, { url, headers: { 'sec-fetch-site': 'cross-site' } })).toBe(403);
      expect(statusOf({}, { url, headers: { origin: 'http://localhost:8380' } })).toBe(200);
      expect(statusOf({}, { url, headers: { 'sec-fetch-site': 'none' } })).toBe(200);
    }
  });
});

describe('with a token', () => {
  const token = 'se cret';

  test('it has to be the right one, in the header or in the query', () => {
    expect(statusOf({ token }, { headers: { authorization: 'Bearer se cret' } })).toBe(200);
    expect(statusOf({ token }, { headers: { authorization: 'bearer  se cret' } })).toBe(200);
    expect(statusOf({ token }, { url: '/get/k?_token=se%20cret' })).toBe(200);
    for (const authorization of ['Bearer other', 'Bearer ', 'Basic se cret', 'se cret', ''])
      expect(statusOf({ token }, { headers: { authorization } })).toBe(401);
    expect(statusOf({ token }, { url: '/get/k?_token=other' })).toBe(401);
    expect(statusOf({ token }, {})).toBe(401);
  });

  test('who knows it may ask under any host name', () => {
    const headers = { authorization: 'Bearer se cret', host: 'cache.example', origin: 'https://app.example' };
    expect(statusOf({ token }, { headers })).toBe(200);
  });

  test('from loopback it may be left out for what is watched, but not by a page on the web', () => {
    for (const url of ['/metrics', '/healthz', '/readyz', '/openapi.json', '/healthz?x=1']) {
      expect(statusOf({ token }, { url })).toBe(200);
      expect(statusOf({ token }, { url, from: '::ffff:127.0.0.1' })).toBe(200);
      expect(statusOf({ token }, { url, from: '10.0.0.9' })).toBe(401);
      expect(statusOf({ token }, { url, headers: { host: 'evil.example' } })).toBe(403);
      expect(statusOf({ token }, { url, headers: { authorization: 'Bearer wrong' } })).toBe(401);
    }
  });

  test('behind a proxy on the same machine nothing is open: all the world comes from there', () => {
    for (const name of ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'])
      expect(statusOf({ token }, { url: '/metrics', headers: { [name]: 'for=10.0.0.9' } })).toBe(401);
  });
});
