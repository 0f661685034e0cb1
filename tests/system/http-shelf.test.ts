// The shelf: bounded, written once, ranked by what was read from Redis, shared by processes.

import { ask, result } from '../support/http';
import { RawClient } from '../support/raw-client';
import { RedisServer } from '../support/redis-server';
import { Respite } from '../support/respite';
import { eventually } from '../support/stage';

const SIZE = 3;

describe('/shelf/KEY', () => {
  let redis: RedisServer;
  let one: Respite;
  let other: Respite;

  beforeAll(async () => {
    redis = await RedisServer.start();
    const flags = ['--redis', redis.url, '--shelf-size', String(SIZE)];
    [one, other] = await Promise.all([Respite.start(flags), Respite.start(flags)]);
  });

  afterAll(async () => {
    await Promise.all([one.stop(), other.stop()]);
    await redis.stop();
  });

  beforeEach(async () => {
    await result(one, '/flushall');
    await result(other, '/flushall');
  });

  const put = (key: string, to = one) => ask(to, `/shelf/${key}`, { body: `value of ${key}` });
  const kept = async () =>
    ((await result(one, '/keys/*')) as string[]).filter((key) => !key.startsWith('respite:')).sort();

  test('stores once, and answers 409 from then on', async () => {
    expect(await put('a')).toMatchObject({ status: 201, json: { result: 'OK' } });
    const again = await ask(one, '/shelf/a', { body: 'something else' });
    expect(again.status).toBe(409);
    expect(await ask(one, '/shelf/a')).toMatchObject({ status: 200, json: { result: 'value of a' } });
    expect(await ask(one, '/shelf/none')).toMatchObject({ status: 404 });
  });

  test('an item is a plain string that any client reads', async () => {
    const bytes = Buffer.from([0, 255, 13, 10, 128]);
    await ask(one, '/shelf/a%2Fb', { body: bytes });
    const client = await one.client();
    expect(await client.ask('GET', 'a/b')).toEqual(
      Buffer.concat([Buffer.from('$5\r\n'), bytes, Buffer.from('\r\n')]),
    );
    await client.close();
    const raw = await ask(one, '/shelf/a%2Fb', { headers: { accept: 'application/octet-stream' } });
    expect(raw.bytes).toEqual(bytes);
  });

  test('when it is full the item least often read from Redis goes, the oldest of equals first', async () => {
    for (const key of ['a', 'b', 'c']) await put(key);
    await ask(one, '/shelf/a');
    await put('d');
    expect(await kept()).toEqual(['a', 'c', 'd']);
    await put('e');
    expect(await kept()).toEqual(['a', 'd', 'e']);
  });

  test('readings that memory answers do not raise the rank', async () => {
    for (const key of ['a', 'b', 'c']) await put(key);
    for (let i = 0; i < 5; i++) await ask(one, '/shelf/a');
    await ask(one, '/shelf/b');
    await ask(other, '/shelf/b');
    await ask(one, '/shelf/c');
    await ask(other, '/shelf/c');
    await put('d');
    expect(await kept()).toEqual(['b', 'c', 'd']);
  });

  test('an item that was deleted by any way makes room, and nobody has to go for it', async () => {
    for (const key of ['a', 'b', 'c']) await put(key);
    for (const process of [one, other]) await ask(process, '/shelf/c');
    await redis.ask('DEL', 'c');
    await put('d');
    expect(await kept()).toEqual(['a', 'b', 'd']);
    expect(await redis.askText('ZCARD', 'respite:shelf:ranks')).toBe(':3\r\n');
    expect(await redis.askText('HLEN', 'respite:shelf:order')).toBe(':3\r\n');
    await redis.ask('DEL', 'a');
    expect(await put('a')).toMatchObject({ status: 201 });
    expect(await kept()).toEqual(['a', 'b', 'd']);
  });

  test('processes share it: what was posted to both at once is stored once, and the bound holds', async () => {
    const answers = await Promise.all(
      ['x', 'y', 'z', 'v', 'w'].flatMap((key) => [put(key), put(key, other)]),
    );
    expect(answers.filter(({ status }) => status !== 201 && status !== 409)).toEqual([]);
    expect(await kept()).toHaveLength(SIZE);
    expect(await redis.askText('ZCARD', 'respite:shelf:ranks')).toBe(`:${SIZE}\r\n`);
  });

  test('what is posted on one connection is applied in the order of its arrival', async () => {
    const client = await RawClient.connect(one.httpPort);
    const posts = Array.from({ length: 20 }, (_, i) => {
      return `POST /shelf/k${i} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx`;
    });
    client.send(posts.join(''));
    client.send('GET /dbsize HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    const text = (await client.rest()).toString();
    expect(text.match(/HTTP\/1.1 201/g)).toHaveLength(20);
    expect(await kept()).toEqual(['k17', 'k18', 'k19']);
  });
});

test('on a large shelf what was deleted beside it is found a part at a time, within a few posts', async () => {
  const size = 2_500;
  await using redis = await RedisServer.start();
  await using respite = await Respite.start(['--redis', redis.url, '--shelf-size', String(size)]);
  const client = await RawClient.connect(respite.httpPort);
  const post = (key: string) =>
    `POST /shelf/${key} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx`;
  for (let i = 0; i < size; i += 500)
    client.send(Array.from({ length: 500 }, (_, at) => post(`k${i + at}`)).join(''));
  await eventually('all are there', async () => (await redis.askText('DBSIZE')) === `:${size + 3}\r\n`);
  await client.close();
  const deleted = ['k0', 'k999', 'k1000', 'k1500', 'k2000', 'k2499'];
  await redis.ask('DEL', ...deleted);
  for (let i = 0; i < 20; i++)
    expect(await ask(respite, `/shelf/new${i}`, { body: 'x' })).toMatchObject({ status: 201 });
  const ranked = (await result(respite, '/zrange/respite:shelf:ranks/0/-1')) as string[];
  const keys = ranked.map((member) => member.slice(16));
  expect(keys.filter((key) => deleted.includes(key))).toEqual([]);
  expect(await redis.askText('EXISTS', ...keys)).toBe(`:${keys.length}\r\n`);
  expect(keys).toHaveLength(size);
});

test('there is no shelf unless it has a size', async () => {
  const respite = await Respite.start();
  expect(await ask(respite, '/shelf/a')).toMatchObject({ status: 404 });
  expect((await ask(respite, '/shelf/a', { body: 'x' })).text).toContain('--shelf-size');
  await respite.stop();
});
