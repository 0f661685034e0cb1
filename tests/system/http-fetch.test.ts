// GET /fetch: the cache, then Redis, then the origin, which is a real server here.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ask, result } from '../support/http';
import { RedisServer } from '../support/redis-server';
import { Respite } from '../support/respite';

describe('GET /fetch', () => {
  let redis: RedisServer;
  let respite: Respite;
  let origin: Server;
  let base: string;
  let asked: string[] = [];
  let held: ServerResponse[] = [];
  let onHeld: () => void = () => {};

  function serve(request: IncomingMessage, response: ServerResponse): void {
    const { pathname } = new URL(request.url ?? '', 'http://origin');
    asked.push(request.url ?? '');
    if (pathname === '/slow') {
      held.push(response);
      onHeld();
    } else if (pathname === '/broken') response.writeHead(500).end('no');
    else if (pathname === '/cut')
      response.writeHead(200, { 'content-length': '10' }).write('12', () => response.destroy());
    else if (pathname === '/huge') response.writeHead(200, { 'content-length': String(2 ** 30) }).end('x');
    else if (pathname === '/away') response.writeHead(302, { location: 'http://192.0.2.1/' }).end();
    else if (pathname === '/moved') response.writeHead(301, { location: '/page' }).end();
    else response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(`<p>${request.url}`);
  }

  beforeAll(async () => {
    redis = await RedisServer.start();
    respite = await Respite.start([
      '--redis',
      redis.url,
      '--origin-allow',
      '127.0.0.1',
      '--origin-allow',
      'localhost',
    ]);
    origin = createServer(serve);
    await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`;
  });

  afterAll(async () => {
    await respite.stop();
    await redis.stop();
    origin.closeAllConnections();
    await new Promise((resolve) => origin.close(resolve));
  });

  beforeEach(async () => {
    asked = [];
    held = [];
    await result(respite, '/flushall');
  });

  const path = (url: string, key: string, more = '') =>
    `/fetch?url=${encodeURIComponent(url)}&key=${encodeURIComponent(key)}${more}`;

  test('asks the origin once, then Redis, then memory, and keeps the content type', async () => {
    const first = await ask(respite, path(`${base}/page`, 'k', '&ttl=1h'));
    expect(first).toMatchObject({ status: 200, text: '<p>/page' });
    expect(first.headers).toMatchObject({
      'x-respite-from': 'origin',
      'content-type': 'text/html; charset=utf-8',
    });
    const second = await ask(respite, path(`${base}/page`, 'k'));
    expect(second.headers).toMatchObject({ 'x-respite-from': 'redis', 'x-cache': 'MISS' });
    const third = await ask(respite, path(`${base}/page`, 'k'));
    expect(third).toMatchObject({ status: 200, text: '<p>/page' });
    expect(third.headers).toMatchObject({
      'x-respite-from': 'cache',
      'x-cache': 'HIT',
      'content-type': 'text/html; charset=utf-8',
    });
    expect(asked).toEqual(['/page']);
    expect(await redis.askText('GET', 'k')).toBe('$8\r\n<p>/page\r\n');
    for (const key of ['k', 'respite:type:k']) {
      const left = Number((await redis.askText('PTTL', key)).slice(1));
      expect(left).toBeGreaterThan(3_590_000);
      expect(left).toBeLessThanOrEqual(3_600_000);
    }
  });

  test('params become the query of the url', async () => {
    const params = encodeURIComponent(JSON.stringify({ page: 2, tag: ['a b', '&'] }));
    const answer = await ask(respite, path(`${base}/page?x=1`, 'k', `&params=${params}`));
    expect(answer.text).toBe('<p>/page?x=1&page=2&tag=a+b&tag=%26');
  });

  test('many who ask at once share one fetch', async () => {
    const begun = new Promise<void>((resolve) => {
      onHeld = resolve;
    });
    const first = ask(respite, path(`${base}/slow`, 'k'));
    await begun;
    const others = Array.from({ length: 10 }, () => ask(respite, path(`${base}/slow`, 'k')));
    await result(respite, '/ping');
    held[0]?.end('done');
    for (const answer of await Promise.all([first, ...others])) expect(answer.text).toBe('done');
    expect(asked).toEqual(['/slow']);
  });

  test('an origin that fails gets 502, and nothing is stored', async () => {
    for (const page of ['/broken', '/cut', '/huge', '/away']) {
      const answer = await ask(respite, path(`${base}${page}`, 'k'));
      expect([page, answer.status, typeof answer.json]).toEqual([page, 502, 'object']);
    }
    expect(await ask(respite, path('http://127.0.0.1:1/', 'k'))).toMatchObject({ status: 502 });
    expect(await redis.askText('DBSIZE')).toBe(':0\r\n');
  });

  test('follows a redirect to a host that is allowed', async () => {
    expect((await ask(respite, path(`${base}/moved`, 'k'))).text).toBe('<p>/page');
    expect((await ask(respite, path(base.replace('127.0.0.1', 'localhost'), 'l'))).status).toBe(200);
  });

  test('refuses hosts that are not allowed, and what is no question', async () => {
    expect((await ask(respite, path('http://example.com/', 'k'))).status).toBe(403);
    expect((await ask(respite, path('http://169.254.169.254/', 'k'))).status).toBe(403);
    expect((await ask(respite, path('file:///etc/passwd', 'k'))).status).toBe(400);
    expect((await ask(respite, path('http://user:secret@127.0.0.1/', 'k'))).status).toBe(400);
    expect((await ask(respite, '/fetch?key=k')).status).toBe(400);
    expect((await ask(respite, path(`${base}/page`, 'k', '&ttl=soon'))).status).toBe(400);
    expect((await ask(respite, path(`${base}/page`, 'k', '&params=[1]'))).status).toBe(400);
    expect(asked).toEqual([]);
  });

  test('an answer is not lost when Redis is out of memory', async () => {
    const client = await redis.client();
    await client.ask('CONFIG', 'SET', 'maxmemory', '1');
    try {
      const answer = await ask(respite, path(`${base}/page`, 'k'));
      expect(answer).toMatchObject({ status: 200, text: '<p>/page', headers: { 'x-respite-stored': 'no' } });
      const line = await respite.logged(
        ({ level, problem }) => level === 'warn' && String(problem).includes('OOM'),
      );
      expect(line.msg).toBe('what was fetched could not be stored');
    } finally {
      await client.ask('CONFIG', 'SET', 'maxmemory', '0');
      await client.close();
    }
  });
});
