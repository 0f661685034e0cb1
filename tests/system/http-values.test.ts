// GET /get/KEY: the forms of a value, where it came from, and when the client has it already.

import { ask, result } from '../support/http';
import { RawClient } from '../support/raw-client';
import { RedisServer } from '../support/redis-server';
import { Respite } from '../support/respite';

describe('GET /get/KEY', () => {
  let redis: RedisServer;
  let respite: Respite;

  beforeAll(async () => {
    redis = await RedisServer.start();
    respite = await Respite.start(['--redis', redis.url]);
  });

  afterAll(async () => {
    await respite.stop();
    await redis.stop();
  });

  beforeEach(() => result(respite, '/flushall'));

  test('gives the value as JSON, and says whether memory had it', async () => {
    await redis.ask('SET', 'greeting', 'hello');
    const first = await ask(respite, '/get/greeting');
    expect(first).toMatchObject({ status: 200, json: { result: 'hello' }, headers: { 'x-cache': 'MISS' } });
    expect(first.headers.age).toBeUndefined();
    const second = await ask(respite, '/get/greeting');
    expect(second).toMatchObject({ json: { result: 'hello' }, headers: { 'x-cache': 'HIT', age: '0' } });
  });

  test('sees a write made by any way as soon as it is done', async () => {
    await result(respite, '/set/counter/1');
    expect(await result(respite, '/get/counter')).toBe('1');
    await result(respite, '/incr/counter');
    expect(await result(respite, '/get/counter')).toBe('2');
    const client = await respite.client();
    await client.ask('SET', 'counter', 'three');
    expect(await result(respite, '/get/counter')).toBe('three');
    await client.close();
  });

  test('gives null for what does not exist, and 404 to who asked for bytes', async () => {
    expect(await ask(respite, '/get/nothing')).toMatchObject({ status: 200, json: { result: null } });
    const raw = await ask(respite, '/get/nothing', { headers: { accept: 'application/octet-stream' } });
    expect(raw).toMatchObject({ status: 404, json: { error: 'there is no such key' } });
  });

  test('gives the bytes themselves, whatever they are', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    await redis.ask('SET', 'binary', bytes);
    for (const from of ['MISS', 'HIT']) {
      const raw = await ask(respite, '/get/binary', { headers: { accept: 'application/octet-stream' } });
      expect(raw.headers).toMatchObject({ 'x-cache': from, 'content-type': 'application/octet-stream' });
      expect(raw.bytes).toEqual(bytes);
    }
  });

  test('takes keys with slashes, UTF-8, NUL and bytes that are no text', async () => {
    const keys: [path: string, key: string][] = [
      ['a%2Fb', 'a/b'],
      ['caf%C3%A9', 'caf\xc3\xa9'],
      ['%00%01', '\0\x01'],
      ['%FF%FE', '\xff\xfe'],
      ['a+b%20c', 'a+b c'],
      ['%2525', '%25'],
      ['', ''],
    ];
    for (const [path, key] of keys) {
      await redis.ask('SET', key, `value of ${path}`);
      const answer = await ask(respite, `/get/${path}`, { headers: { accept: 'application/octet-stream' } });
      expect(answer.bytes.toString('latin1')).toBe(`value of ${path}`);
    }
  });

  test('answers 304 to a client that has this very value in this very form', async () => {
    await redis.ask('SET', 'page', 'one');
    const first = await ask(respite, '/get/page');
    const etag = String(first.headers.etag);
    const again = await ask(respite, '/get/page', { headers: { 'if-none-match': `W/"other", ${etag}` } });
    expect(again).toMatchObject({ status: 304, text: '', headers: { etag } });
    const raw = await ask(respite, '/get/page', {
      headers: { 'if-none-match': etag, accept: 'application/octet-stream' },
    });
    expect(raw).toMatchObject({ status: 200, text: 'one' });
    await result(respite, '/set/page/two');
    const changed = await ask(respite, '/get/page', { headers: { 'if-none-match': etag } });
    expect(changed).toMatchObject({ status: 200, json: { result: 'two' } });
  });

  test('answers HEAD with the headers alone', async () => {
    await redis.ask('SET', 'page', 'one');
    const head = await ask(respite, '/get/page', { method: 'HEAD' });
    expect(head).toMatchObject({
      status: 200,
      text: '',
      headers: { 'content-length': '16', 'x-cache': 'MISS' },
    });
  });

  test('passes on what Redis has to say about a value of another type', async () => {
    await redis.ask('LPUSH', 'list', 'x');
    const answer = await ask(respite, '/get/list');
    expect(answer.status).toBe(400);
    expect(answer.json).toEqual({
      error: 'WRONGTYPE Operation against a key holding the wrong kind of value',
    });
  });

  test('in the Redis protocol when that is asked for, and 400 for a form that there is not', async () => {
    await redis.ask('SET', 'k', 'value');
    const resp2 = { 'upstash-response-format': 'resp2' };
    for (const from of ['MISS', 'HIT']) {
      const answer = await ask(respite, '/get/k', { headers: resp2 });
      expect(answer).toMatchObject({ status: 200, text: '$5\r\nvalue\r\n' });
      expect(answer.headers).toMatchObject({ 'content-type': 'application/octet-stream', 'x-cache': from });
    }
    expect(await ask(respite, '/get/none', { headers: resp2 })).toMatchObject({ text: '$-1\r\n' });
    await redis.ask('LPUSH', 'list', 'x');
    const refused = [
      await ask(respite, '/get/k', { headers: { 'upstash-response-format': 'resp3' } }),
      await ask(respite, '/get/k', { headers: { ...resp2, 'upstash-encoding': 'base64' } }),
      await ask(respite, '/del/k', { headers: { 'upstash-response-format': 'xml' } }),
    ];
    for (const { status, json } of refused)
      expect([status, json]).toEqual([400, { error: expect.any(String) }]);
    expect(await result(respite, '/exists/k')).toBe(1);
  });
});

test('what memory has is answered ahead of the router as the route answers it', async () => {
  await using redis = await RedisServer.start();
  await using ahead = await Respite.start(['--redis', redis.url]);
  // Where rates are limited, the route answers every request.
  await using routed = await Respite.start(['--redis', redis.url, '--rate-limit', '100000']);
  await redis.ask('SET', 'k', 'grüße');
  const { headers: first } = await ask(ahead, '/get/k');
  await ask(routed, '/get/k');
  const octets = { accept: 'text/html, application/octet-stream' };
  const questions: [path: string, headers: Record<string, string>][] = [
    ['/get/k', {}],
    ['/GET/k?x=1', {}],
    ['/get/%6b', { 'upstash-encoding': 'base64' }],
    ['/get/k', { 'upstash-response-format': 'resp2' }],
    ['/get/k', { 'if-none-match': String(first.etag) }],
    ['/get/k', octets],
    ['/get/none', {}],
    ['/get/none', octets],
    ['/get/k', { host: 'evil.example' }],
    ['/get/k', { origin: 'https://evil.example' }],
    ['/get/k', { 'upstash-response-format': 'xml' }],
    ['/get/%zz', {}],
  ];
  for (const respite of [ahead, routed])
    for (const [path] of questions) await ask(respite, path, { headers: octets });
  for (const [path, headers] of questions) {
    const [one, other] = [await ask(ahead, path, { headers }), await ask(routed, path, { headers })];
    const { date: _, ...sent } = one.headers;
    expect([path, one.status, one.text]).toEqual([path, other.status, other.text]);
    expect(other.headers).toMatchObject({ ...sent, date: expect.any(String) });
    expect(Object.keys(other.headers)).toHaveLength(Object.keys(one.headers).length);
  }
  const figures = await Promise.all([ahead, routed].map((respite) => ask(respite, '/metrics')));
  const [hits, hitsRouted] = figures.map(({ text }) => /^respite_hits_total .*/m.exec(text)?.[0]);
  expect(hits).toBe(hitsRouted);
});

describe('hits of one connection', () => {
  const get = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`;

  test('come in the order of the requests, behind an answer that is still to come as well', async () => {
    await using respite = await Respite.start();
    await ask(respite, '/mset/a/1/b/2');
    for (const key of ['a', 'b']) await ask(respite, `/get/${key}`);
    const client = await RawClient.connect(respite.httpPort);
    client.send(get('/get/a') + get('/get/b') + get('/blpop/queue/0') + get('/get/a') + get('/get/b'));
    expect((await client.until('"2"}')).toString().match(/\{.*?\}/g)).toEqual([
      '{"result":"1"}',
      '{"result":"2"}',
    ]);
    await ask(respite, '/rpush/queue/x');
    client.send(get('/get/a', 'Connection: close\r\n'));
    const rest = (await client.rest()).toString();
    expect(rest.match(/\{.*?\}/g)).toEqual([
      '{"result":["queue","x"]}',
      '{"result":"1"}',
      '{"result":"2"}',
      '{"result":"1"}',
    ]);
    expect(rest.match(/x-cache: HIT/g)).toHaveLength(3);
    await client.close();
  });

  test('are ended as the client asks: by HTTP/1.0 with the connection, unless it is to be kept', async () => {
    await using respite = await Respite.start();
    await ask(respite, '/set/k/v');
    await ask(respite, '/get/k');
    const client = await RawClient.connect(respite.httpPort);
    const old = 'GET /get/k HTTP/1.0\r\nHost: localhost\r\n';
    client.send(`${old}Connection: keep-alive\r\n\r\n`);
    expect((await client.until('}')).toString()).toContain('Connection: keep-alive');
    client.send(`${old}\r\n`);
    expect((await client.rest()).toString()).toMatch(/Connection: close\r\n[\s\S]*\{"result":"v"\}$/);
    await client.close();
  });
});
