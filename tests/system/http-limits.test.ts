// What the HTTP port refuses, and that it goes on serving: bad input, strangers, limits; and how it ends.

import { ask, result } from '../support/http';
import { RawClient } from '../support/raw-client';
import { RedisServer } from '../support/redis-server';
import { Respite } from '../support/respite';

const HOST = 'Host: localhost\r\n';

describe('bad input gets its 4xx in JSON, and the port goes on serving', () => {
  let respite: Respite;

  beforeAll(async () => {
    respite = await Respite.start();
  });

  afterEach(async () => {
    expect(await result(respite, '/ping')).toBe('PONG');
  });

  afterAll(() => respite.stop());

  test.each([
    ['/', 'not json'],
    ['/', '{"a":1}'],
    ['/', '[]'],
    ['/', '"GET"'],
    ['/', '["GET",null]'],
    ['/', '["GET",["k"]]'],
    ['/', '["GET",{"k":1}]'],
    ['/', '["GET","k"'],
    ['/', Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d])],
    ['/', ''],
    ['/pipeline', '["GET","k"]'],
    ['/pipeline', '[[]]'],
    ['/pipeline', 'null'],
    ['/multi-exec', '[["MULTI"]]'],
    ['/multi-exec', '[["SUBSCRIBE","c"]]'],
    ['/multi-exec', '[["SELECT","1"]]'],
    ['/multi-exec', '[["GET"]]'],
    ['/', '["SUBSCRIBE","c"]'],
    ['/', '["MULTI"]'],
    ['/', '["CLIENT","REPLY","OFF"]'],
    ['/', '["SYNC"]'],
  ])('POST %s with %j', async (path, body) => {
    const answer = await ask(respite, path, { body });
    expect(answer.status).toBe(400);
    expect(answer.json).toEqual({ error: expect.stringMatching(/\w+ \w+/) });
  });

  test('a percent sign that escapes nothing, another method, another route', async () => {
    expect(await ask(respite, '/get/%zz')).toMatchObject({ status: 400 });
    expect(await ask(respite, '/get/%')).toMatchObject({ status: 400 });
    expect(await ask(respite, '/get/k', { method: 'DELETE' })).toMatchObject({ status: 405 });
    for (const path of ['/', '/no-such-thing', '/shelf/a/b', '/favicon.ico', '/pipeline'])
      expect([path, (await ask(respite, path)).status]).toEqual([path, 404]);
  });

  test('numbers are the digits that were written', async () => {
    expect(await result(respite, '/', { body: '["SET","n",12345678901234567890]' })).toBe('OK');
    expect(await result(respite, '/get/n')).toBe('12345678901234567890');
    expect(await result(respite, '/', { body: '["SET","say \\"1\\" 2",1.50]' })).toBe('OK');
    expect(await result(respite, '/get/say%20%221%22%202')).toBe('1.50');
    expect(await result(respite, '/', { body: '["ECHO",true]' })).toBe('true');
  });

  test.each([
    ['a path of 64 KB', `GET /get/${'k'.repeat(65_536)} HTTP/1.1\r\n${HOST}\r\n`, 431],
    ['a flood of headers', `GET /ping HTTP/1.1\r\n${'X-Flood: 0123456789\r\n'.repeat(10_000)}\r\n`, 431],
    ['a body of 1 GB announced', `POST /set/k HTTP/1.1\r\n${HOST}Content-Length: 1073741824\r\n\r\n`, 413],
    ['a negative length', `POST /set/k HTTP/1.1\r\n${HOST}Content-Length: -1\r\n\r\n`, 400],
    ['two lengths', `POST /set/k HTTP/1.1\r\n${HOST}Content-Length: 1\r\nContent-Length: 2\r\n\r\n`, 400],
    ['no host', 'GET /ping HTTP/1.0\r\n\r\n', 403],
    ['Redis commands', '*1\r\n$4\r\nPING\r\n', 400],
    ['garbage', '\x00\xff\xfe\x01garbage\r\n\r\n', 400],
  ])('%s', async (_name, bytes, status) => {
    const client = await RawClient.connect(respite.httpPort);
    client.send(bytes);
    const head = (await client.until('\r\n\r\n')).toString('latin1');
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect((await client.until('}')).toString()).toMatch(/^\{"error":".+"\}$/);
    await client.close();
  });

  test('a body that does not say how long it is, and is too long', async () => {
    const client = await RawClient.connect(respite.httpPort);
    client.send(`POST /set/k HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`);
    const chunk = `${(2 ** 20).toString(16)}\r\n${'x'.repeat(2 ** 20)}\r\n`;
    client.send(`${chunk.repeat(32)}1\r\nx\r\n`);
    expect((await client.rest()).toString()).toMatch(
      /^HTTP\/1.1 413 [\s\S]*connection: close[\s\S]*\{"error":"the body is larger than 33554432 bytes"\}$/,
    );
    await client.close();
    expect(await result(respite, '/exists/k')).toBe(0);
  });

  test('requests sent together are answered in their order, a slow one in front included', async () => {
    const client = await RawClient.connect(respite.httpPort);
    const get = (path: string, more = '') => `GET ${path} HTTP/1.1\r\n${HOST}${more}\r\n`;
    client.send(
      get('/blpop/queue/5') + get('/echo/second') + get('/rpush/queue/first', 'Connection: close\r\n'),
    );
    const bodies = (await client.rest()).toString().match(/\{.*\}/g);
    expect(bodies).toEqual(['{"result":["queue","first"]}', '{"result":"second"}', '{"result":1}']);
  });

  test('requests sent together behind one that memory answers are answered, too', async () => {
    const client = await RawClient.connect(respite.httpPort);
    const get = (path: string, more = '') => `GET ${path} HTTP/1.1\r\n${HOST}${more}\r\n`;
    await result(respite, '/set/known/1');
    await result(respite, '/mget/known');
    client.send(get('/mget/known') + get('/mget/unknown') + get('/mget/known', 'Connection: close\r\n'));
    const bodies = (await client.rest()).toString().match(/\{.*\}/g);
    expect(bodies).toEqual(['{"result":["1"]}', '{"result":[null]}', '{"result":["1"]}']);
  });
});

describe('what a request leaves behind', () => {
  test('is nothing: not a transaction, a database or a subscription', async () => {
    await using redis = await RedisServer.start();
    await using respite = await Respite.start(['--redis', redis.url]);
    await redis.ask('SET', 'k', 'in 0');
    const client = await RawClient.connect(respite.httpPort);
    const body = JSON.stringify([['SELECT', '1'], ['SET', 'k', 'in 1'], ['MULTI'], ['GET', 'k']]);
    client.send(`POST /pipeline HTTP/1.1\r\n${HOST}Content-Length: ${body.length}\r\n\r\n${body}`);
    expect((await client.until(']')).toString()).toContain('{"result":"QUEUED"}]');
    client.send(`GET /get/k HTTP/1.1\r\n${HOST}\r\n`);
    expect((await client.until('}')).toString()).toContain('{"result":"in 0"}');
    await client.close();
  });

  test('a client that leaves while it is blocked takes no element with it', async () => {
    await using redis = await RedisServer.start();
    await using respite = await Respite.start(['--redis', redis.url]);
    const client = await RawClient.connect(respite.httpPort);
    client.send(`GET /blpop/queue/0 HTTP/1.1\r\n${HOST}\r\n`);
    while ((await redis.info('blocked_clients')) === 0) await new Promise(setImmediate);
    await client.close();
    while ((await redis.info('blocked_clients')) > 0) await new Promise(setImmediate);
    await redis.ask('RPUSH', 'queue', 'kept');
    expect(await redis.askText('LLEN', 'queue')).toBe(':1\r\n');
  });
});

describe('limits', () => {
  test('--max-clients counts both ports, and those who watch are answered all the same', async () => {
    await using respite = await Respite.start(['--max-clients', '2']);
    const clients = [await respite.client(), await respite.client()];
    for (const client of clients) await client.ask('PING');
    const refused = await ask(respite, '/ping');
    expect(refused).toMatchObject({ status: 429, headers: { 'retry-after': '1' } });
    expect(await ask(respite, '/healthz')).toMatchObject({ status: 200 });
    for (const client of clients) await client.close();
  });

  test('--rate-limit is one allowance for an address on both ports', async () => {
    await using respite = await Respite.start(['--rate-limit', '5']);
    const client = await respite.client();
    for (let i = 0; i < 5; i++) await client.ask('PING');
    const refused = await ask(respite, '/get/k');
    expect(refused).toMatchObject({ status: 429, headers: { 'retry-after': '1' } });
    expect(refused.text).toMatch(/rate limit exceeded, try again in \d+ ms/);
    await client.close();
  });

  test('--requirepass is the token too, unless --http-token gives another', async () => {
    await using one = await Respite.start(['--requirepass', 'password']);
    await using both = await Respite.start(['--requirepass', 'password', '--http-token', 'token']);
    const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
    expect((await ask(one, '/get/k')).status).toBe(401);
    expect((await ask(one, '/get/k', bearer('password'))).json).toEqual({ result: null });
    expect((await ask(both, '/get/k', bearer('password'))).status).toBe(401);
    expect((await ask(both, '/get/k', bearer('token'))).json).toEqual({ result: null });
    expect((await ask(both, '/healthz')).status).toBe(200);
    expect((await ask(both, '/metrics')).text).toContain('respite_hits_total 0');
    const forwarded = { headers: { 'x-forwarded-for': '10.0.0.9' } };
    expect((await ask(both, '/metrics', forwarded)).status).toBe(401);
    expect((await ask(both, '/metrics', bearer('token'))).text).toContain('respite_hits_total 0');
  });
});

describe('when Redis is gone', () => {
  test('reads get 503, or the stale value where that is allowed; /healthz says alive, /readyz not ready', async () => {
    await using redis = await RedisServer.start();
    await using strict = await Respite.start(['--redis', redis.url]);
    await using lenient = await Respite.start(['--redis', redis.url, '--stale-if-error', '1h']);
    await redis.ask('SET', 'k', 'kept');
    for (const respite of [strict, lenient]) {
      expect(await ask(respite, '/readyz')).toMatchObject({ status: 200 });
      expect(await result(respite, '/get/k')).toBe('kept');
    }
    await redis.kill();
    for (const respite of [strict, lenient]) await respite.logged(({ msg }) => msg.includes('is gone'));
    expect(await ask(strict, '/get/k')).toMatchObject({ status: 503, json: { error: expect.any(String) } });
    expect(await ask(strict, '/set/k/v')).toMatchObject({ status: 503 });
    const stale = await ask(lenient, '/get/k');
    expect(stale).toMatchObject({ status: 200, json: { result: 'kept' }, headers: { 'x-cache': 'STALE' } });
    expect(await ask(strict, '/healthz')).toMatchObject({ status: 200 });
    expect(await ask(strict, '/readyz')).toMatchObject({ status: 503, json: { error: expect.any(String) } });
  });
});

describe('the end', () => {
  test('answers in flight are delivered, what waits is given up, streams end, and the process exits with 0', async () => {
    await using redis = await RedisServer.start();
    await using respite = await Respite.start(['--redis', redis.url]);
    const blocked = ask(respite, '/blpop/queue/0');
    const stream = ask(respite, '/subscribe/news');
    const idle = await RawClient.connect(respite.httpPort);
    idle.send(`GET /ping HTTP/1.1\r\n${HOST}\r\n`);
    await idle.until('}');
    while ((await redis.info('blocked_clients')) === 0) await new Promise(setImmediate);
    while (!(await redis.askText('PUBSUB', 'CHANNELS')).includes('news')) await new Promise(setImmediate);
    const commands = async () =>
      Number(/^respite_commands_total (\d+)/m.exec((await ask(respite, '/metrics')).text)?.[1]);
    const before = await commands();
    redis.freeze();
    const busy = ask(respite, '/set/k/v');
    while ((await commands()) === before) await new Promise(setImmediate);
    const ending = respite.stop();
    await respite.logged(({ msg }) => msg.startsWith('stopping'));
    redis.thaw();
    expect((await ending).code).toBe(0);
    expect((await blocked).status).toBe(503);
    expect((await stream).text).toBe('data: subscribe,news,1\n\n');
    expect(await busy).toMatchObject({ status: 200, json: { result: 'OK' } });
    await idle.close();
  });

  test('nobody holds it up who has asked nothing yet, or only half', async () => {
    await using respite = await Respite.start();
    const silent = await RawClient.connect(respite.httpPort);
    const half = await RawClient.connect(respite.httpPort);
    half.send(`POST /set/k HTTP/1.1\r\n${HOST}Content-Length: 10\r\n\r\nhalf`);
    const commands = await ask(respite, '/metrics');
    expect(commands.text).toContain('respite_clients 3');
    expect((await respite.stop()).code).toBe(0);
    for (const client of [silent, half]) {
      await client.rest();
      await client.close();
    }
  });
});
