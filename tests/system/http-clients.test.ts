// Clients of the HTTP port as the others see them: MONITOR as a stream, CLIENT KILL, those that are slow, and who leaves.

import { ask, result } from '../support/http';
import { Mutant } from '../support/mutant';
import { RawClient } from '../support/raw-client';
import { RedisServer } from '../support/redis-server';
import { Respite } from '../support/respite';
import { eventually } from '../support/stage';

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;

describe('with one redis', () => {
  let redis: RedisServer;
  let respite: Respite;
  let client: RawClient;

  beforeAll(async () => {
    redis = await RedisServer.start();
    respite = await Respite.start(['--redis', redis.url]);
  });
  afterAll(async () => {
    await respite.stop();
    await redis.stop();
  });
  beforeEach(async () => {
    client = await RawClient.connect(respite.httpPort);
  });
  afterEach(() => client.close());

  /** The line of CLIENT LIST for the client that has sent this command last. */
  async function listed(command: string): Promise<string | undefined> {
    const list = (await result(respite, '/client/list')) as string;
    return list.split('\n').find((line) => line.includes(` cmd=${command} `));
  }

  const idOf = (line: string | undefined) => /^id=(\d+)/.exec(line ?? '')?.[1] ?? '';

  async function killed(command: string): Promise<unknown> {
    await eventually(`${command} is there`, async () => (await listed(command)) !== undefined);
    return result(respite, `/client/kill/id/${idOf(await listed(command))}`);
  }

  test.each(['GET', 'POST'])('MONITOR by %s is a stream of all that Redis carries out', async (method) => {
    client.send(`${method} /monitor HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n`);
    const head = (await client.until('data: "OK"\n\n')).toString();
    expect(head).toMatch(/^HTTP\/1.1 200 OK\r\n/);
    expect(head).toContain('content-type: text/event-stream; charset=utf-8');
    await redis.ask('SET', 'k', 'a\nb');
    const event = (await client.until('"a\\nb"\n\n')).toString();
    expect(event).toMatch(/data: \d+\.\d+ \[0 127\.0\.0\.1:\d+\] "SET" "k" "a\\nb"\n\n$/);
    await client.close();
    await eventually(
      'nobody listens',
      async () => (await redis.askText('CLIENT', 'LIST', 'TYPE', 'NORMAL')).includes('cmd=monitor') === false,
    );
  });

  test('a message of many lines is one event', async () => {
    client.send(get('/subscribe/news'));
    await client.until('data: subscribe,news,1\n\n');
    await redis.ask('PUBLISH', 'news', 'one\ntwo\r\n\nthree');
    expect((await client.until('three\n\n')).toString()).toContain(
      'data: message,news,one\ndata: two\ndata: \ndata: three\n\n',
    );
  });

  test('a stream that Redis refuses has a status and a sentence', async () => {
    await redis.ask('ACL', 'SETUSER', 'deaf', 'on', '>p', '~*', '+@all', '-subscribe');
    await using other = await Respite.start(['--redis', redis.url.replace('//', '//deaf:p@')]);
    const answer = await ask(other, '/subscribe/news');
    expect([answer.status, answer.json]).toEqual([400, { error: expect.stringContaining('NOPERM') }]);
  });

  test('CLIENT KILL ends a connection that asks for nothing', async () => {
    client.send(get('/object/help'));
    await client.until(']}');
    expect(await killed('object|help')).toBe(1);
    await client.rest();
  });

  test('CLIENT KILL gives up what a client waits for, and says so', async () => {
    client.send(get('/blpop/queue/0'));
    expect(await killed('blpop')).toBe(1);
    expect((await client.until('}')).toString()).toMatch(
      /^HTTP\/1.1 503 [\s\S]*\{"error":"[^"]*killed by CLIENT KILL[^"]*"\}$/,
    );
    await eventually('Redis knows', async () => (await redis.info('blocked_clients')) === 0);
    await redis.ask('RPUSH', 'queue', 'kept');
    expect(await redis.askText('LPOP', 'queue')).toBe('$4\r\nkept\r\n');
  });

  test('CLIENT KILL ends a stream', async () => {
    client.send(get('/subscribe/news'));
    await client.until('data: subscribe,news,1\n\n');
    expect(await killed('subscribe')).toBe(1);
    // The last piece of a chunked answer: it has ended as it should.
    await client.until('\r\n0\r\n\r\n');
  });

  test('who leaves in the middle of a pipeline that blocks takes no element with it', async () => {
    const body = JSON.stringify([
      ['SET', 'k', '1'],
      ['BLPOP', 'queue', '0'],
      ['SET', 'k', '2'],
    ]);
    client.send(
      `POST /pipeline HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    await eventually('it is blocked', async () => (await redis.info('blocked_clients')) === 1);
    await client.close();
    await eventually('it is no longer', async () => (await redis.info('blocked_clients')) === 0);
    await redis.ask('RPUSH', 'queue', 'kept');
    expect(await redis.askText('LPOP', 'queue')).toBe('$4\r\nkept\r\n');
    expect(await redis.askText('GET', 'k')).toBe('$1\r\n1\r\n');
  });
});

describe('who is slow', () => {
  let impatient: Mutant;
  let respite: Respite;

  // The same program with less patience: a minute is too long for a test.
  beforeAll(async () => {
    impatient = await Mutant.make([
      { file: 'http/server.js', find: 'headersTimeout: 15_000', replace: 'headersTimeout: 300' },
      { file: 'http/server.js', find: 'requestTimeout: 60_000', replace: 'requestTimeout: 600' },
    ]);
    respite = await Respite.start([], {}, impatient.program);
  });
  afterAll(async () => {
    await respite.stop();
    await impatient.remove();
  });

  test.each([
    ['with the headers', 'POST /set/k HTTP/1.1\r\nHost: local'],
    ['with the body', 'POST /set/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf'],
  ])('%s gets 408, and the connection is closed', async (_name, bytes) => {
    await using client = await RawClient.connect(respite.httpPort);
    client.send(bytes);
    const answer = (await client.rest()).toString();
    expect(answer).toMatch(
      /^HTTP\/1.1 408 Request Timeout\r\n[\s\S]*\{"error":"the request took too long to arrive"\}$/,
    );
    expect(await result(respite, '/exists/k')).toBe(0);
  });

  test('nobody waits for him: a request that blocks may take as long as it likes', async () => {
    await using client = await RawClient.connect(respite.httpPort);
    client.send(get('/blpop/queue/2'));
    expect((await client.until('}')).toString()).toContain('{"result":null}');
  });
});
