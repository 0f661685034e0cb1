// Answers larger than what is held for one client: they are refused with a sentence, and nobody else notices.

import { ask, result } from '../support/http';
import { RawClient } from '../support/raw-client';
import { RedisServer } from '../support/redis-server';
import { Respite } from '../support/respite';
import { eventually } from '../support/stage';

const MB = 1024 * 1024;
const get = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`;

describe('answers larger than what is held for one client', () => {
  let redis: RedisServer;
  let respite: Respite;

  beforeAll(async () => {
    redis = await RedisServer.start();
    respite = await Respite.start(['--redis', redis.url]);
    await redis.ask('SETRANGE', 'large', String(65 * MB), 'x');
  });

  afterAll(async () => {
    await respite.stop();
    await redis.stop();
  });

  test('as JSON they are refused, alone and in a pipeline, and the sentence says what to ask for', async () => {
    const twice = JSON.stringify([['GETRANGE', 'large', '0', String(33 * MB)]].flatMap((one) => [one, one]));
    const answers = [
      await ask(respite, '/get/large'),
      await ask(respite, '/getrange/large/0/-1'),
      await ask(respite, '/pipeline', { body: twice }),
      await ask(respite, '/multi-exec', { body: twice }),
    ];
    for (const { status, json } of answers)
      expect([status, json]).toEqual([502, { error: expect.stringMatching(/67108864 bytes.*octet-stream/) }]);
    expect(await result(respite, '/ping')).toBe('PONG');
  });

  test('as bytes they are delivered', async () => {
    const raw = await ask(respite, '/get/large', { headers: { accept: 'application/octet-stream' } });
    expect([raw.status, raw.bytes.length, raw.bytes.at(-1)]).toEqual([200, 65 * MB + 1, 'x'.charCodeAt(0)]);
    const resp = await ask(respite, '/get/large', { headers: { 'upstash-response-format': 'resp2' } });
    expect([resp.status, resp.bytes.length]).toEqual([200, `$${65 * MB + 1}\r\n\r\n`.length + 65 * MB + 1]);
  });

  test('a list of a million is written as JSON without a tree of it', async () => {
    const script =
      "for i = 1, 200 do local t = {} for j = 1, 5000 do t[j] = j end redis.call('RPUSH', 'l', unpack(t)) end";
    await redis.ask('EVAL', script, '0');
    const list = (await result(respite, '/lrange/l/0/-1')) as string[];
    expect([list.length, list[0], list.at(-1)]).toEqual([1_000_000, '1', '5000']);
  });
});

test('--client-output-limit holds for bytes, and the connection goes on behind the refusal', async () => {
  await using respite = await Respite.start(['--client-output-limit', '2mb']);
  await result(respite, `/setrange/large/${3 * MB}/x`);
  const client = await RawClient.connect(respite.httpPort);
  // The first one tells that the key is large; the second one is read on a connection of its own.
  for (let i = 0; i < 2; i++) {
    client.send(get('/get/large', 'Accept: application/octet-stream\r\n'));
    const answer = (await client.until('}')).toString();
    expect(answer).toMatch(
      /^HTTP\/1.1 502 [\s\S]*the answer is larger than the 2097152 bytes of --client-output-limit/,
    );
  }
  client.send(get('/ping'));
  expect((await client.until('}')).toString()).toContain('{"result":"PONG"}');
  await client.close();
});

test.each([
  ['hits', '/get/k'],
  ['answers of Redis', '/getrange/k/0/-1'],
])('who asks on and on and reads no %s is sent away', async (_name, path) => {
  await using respite = await Respite.start(['--client-output-limit', '4mb']);
  await result(respite, `/setrange/k/${MB / 2}/x`);
  await result(respite, '/get/k');
  const client = await RawClient.connect(respite.httpPort);
  client.pause();
  client.send(get(path).repeat(500));
  await eventually('the client is gone', async () =>
    (await ask(respite, '/metrics')).text.includes('respite_clients 1\n'),
  );
  client.resume();
  await client.rest();
  await client.close();
});
