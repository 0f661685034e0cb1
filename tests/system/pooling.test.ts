// Connections to Redis: how many there are, who has one, and what a client that leaves does not leave behind.

import { command, type RawClient } from '../support/raw-client';
import { bulk, eventually, NIL, Stage } from '../support/stage';

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.start({ flags: ['--upstream-connections', '3'] });
});
afterAll(() => stage.stop());
beforeEach(async () => {
  await stage.redis.ask('FLUSHALL');
});

const SHARED_WIRES = 3;

function closeAll(clients: RawClient[]): Promise<unknown> {
  return Promise.all(clients.map((client) => client.close()));
}

describe('connections to Redis', () => {
  test('a thousand idle clients hold none', async () => {
    const before = await stage.connectionsAtRedis();
    const clients = await stage.clients(1000);
    for (const client of clients) client.send(command('ECHO', 'x'));
    for (const client of clients) expect(String(await client.reply())).toBe(bulk('x'));
    expect(await stage.count('clients')).toBeGreaterThanOrEqual(1000);
    expect(await stage.connectionsAtRedis()).toBeLessThanOrEqual(before + SHARED_WIRES);
    await closeAll(clients);
  });

  test('plain commands of all clients share as many as --upstream-connections, for each protocol version', async () => {
    const clients = await stage.clients(60);
    for (const client of clients.slice(0, 30)) await client.ask('HELLO', 3);
    const counter = stage.connectionCounter();
    // Once all the wires are there, no command of anybody opens another.
    const talk = async () => {
      for (const [at, client] of clients.entries()) client.send(command('INCRBY', `n${at}`, at));
      await Promise.all(clients.map((client) => client.reply()));
    };
    await talk();
    const before = await counter();
    for (let round = 0; round < 20; round += 1) await talk();
    expect(await counter()).toBe(before);
    // One is the control connection, one the fill wire, and one the HELLO's own, back in the pool.
    const wires = await stage.connectionsAtRedis();
    expect(wires).toBeLessThanOrEqual(2 * SHARED_WIRES + 3);
    expect(await stage.count('upstream_connections')).toBe(wires - 1);
    await closeAll(clients);
  });

  test('three hundred transactions a second on short-lived clients do not open three hundred', async () => {
    const counter = stage.connectionCounter();
    const before = await counter();
    const transact = async () => {
      const client = await stage.client();
      client.send('MULTI\r\nINCR n\r\nINCR n\r\nEXEC\r\n');
      const replies = (await client.replies(4)).map(String);
      expect(replies.slice(0, 3)).toEqual(['+OK\r\n', '+QUEUED\r\n', '+QUEUED\r\n']);
      expect(replies[3]).toMatch(/^\*2\r\n:/);
      await client.close();
    };
    for (let round = 0; round < 60; round += 1) await Promise.all([1, 2, 3, 4, 5].map(transact));
    expect(await stage.redis.askText('GET', 'n')).toBe(bulk('600'));
    expect((await counter()) - before).toBeLessThan(10);
  });

  test('a wire that was borrowed for a transaction, a WATCH or a blocking command is lent again', async () => {
    await using client = await stage.client();
    const talk = async () => {
      client.send('WATCH k\r\nMULTI\r\nSET k 1\r\nEXEC\r\nWATCH k\r\nUNWATCH\r\nMULTI\r\nDISCARD\r\n');
      client.send('LPUSH list x\r\nBLPOP list 0\r\nXREAD COUNT 1 STREAMS s 0\r\nWAIT 0 0\r\n');
      return (await client.replies(12)).map(String);
    };
    const first = await talk();
    expect(first[3]).toBe('*1\r\n+OK\r\n');
    expect(first[9]).toBe(`*2\r\n${bulk('list')}${bulk('x')}`);
    const counter = stage.connectionCounter();
    const before = await counter();
    for (let round = 0; round < 50; round += 1) expect(await talk()).toEqual(first);
    expect(await counter()).toBe(before);
  });

  test('a subscriber keeps one of its own, and it ends with the subscriber', async () => {
    const before = await stage.connectionsAtRedis();
    const subscribers = await stage.clients(20);
    for (const client of subscribers) await client.ask('SUBSCRIBE', 'news');
    expect(await stage.redis.askText('PUBLISH', 'news', 'hello')).toBe(':20\r\n');
    for (const client of subscribers)
      expect(String(await client.reply())).toBe(`*3\r\n${bulk('message')}${bulk('news')}${bulk('hello')}`);
    await closeAll(subscribers);
    await eventually('nobody subscribes', async () => (await stage.connectionsAtRedis()) <= before);
  });

  test('the database of a client is its own, however many share the wires', async () => {
    const clients = await stage.clients(12);
    for (const [at, client] of clients.entries()) await client.ask('SELECT', at % 4);
    for (const [at, client] of clients.entries()) await client.ask('SET', 'where', `db${at % 4}`);
    for (let round = 0; round < 3; round += 1)
      for (const [at, client] of clients.entries())
        expect(await client.askText('GET', 'where')).toBe(bulk(`db${at % 4}`));
    await closeAll(clients);
  });
});

test('a client that is cut off before Redis was asked to wait takes nothing', async () => {
  // A stage of its own: no wire is there that could be lent.
  await using own = await Stage.start();
  await own.redis.ask('RPUSH', 'list', 'x');
  const client = await own.client();
  await client.ask('PING');
  own.redis.freeze();
  client.send(command('BLPOP', 'list', 0));
  await eventually('it is taken', async () => (await own.ask('CLIENT', 'LIST')).includes(' cmd=blpop '));
  await client.reset();
  await eventually('it is gone', async () => !(await own.ask('CLIENT', 'LIST')).includes(' cmd=blpop '));
  own.redis.thaw();
  expect(await own.ask('BLPOP', 'none', '0.01')).toBe('*-1\r\n');
  expect(await own.redis.askText('LLEN', 'list')).toBe(':1\r\n');
});

/** How a client can go: it says goodbye, it just closes, or it is cut off. */
const GOODBYES: [string, (client: RawClient) => Promise<void>][] = [
  ['says that it will send nothing more', (client) => client.halfClosed()],
  ['closes', (client) => client.close()],
  ['is reset', (client) => client.reset()],
];

describe.each(GOODBYES)('a client that %s', (_how, leave) => {
  const blocked = () => stage.redis.info('blocked_clients');

  const BLOCKING: [string, string[], string[], string[]][] = [
    ['BLPOP', ['BLPOP', 'list', '0'], ['RPUSH', 'list', 'x'], ['LLEN', 'list']],
    ['BRPOP', ['BRPOP', 'none', 'list', '0'], ['RPUSH', 'list', 'x'], ['LLEN', 'list']],
    ['BLMOVE', ['BLMOVE', 'list', 'other', 'LEFT', 'LEFT', '0'], ['RPUSH', 'list', 'x'], ['LLEN', 'list']],
    ['BRPOPLPUSH', ['BRPOPLPUSH', 'list', 'other', '0'], ['RPUSH', 'list', 'x'], ['LLEN', 'list']],
    ['BZPOPMIN', ['BZPOPMIN', 'zset', '0'], ['ZADD', 'zset', '1', 'x'], ['ZCARD', 'zset']],
  ];

  test.each(BLOCKING)('while blocked in %s costs no element', async (_name, wait, push, size) => {
    for (let round = 0; round < 10; round += 1) {
      await stage.redis.ask('FLUSHALL');
      const client = await stage.client();
      client.send(command(...wait));
      await eventually('blocked', async () => (await blocked()) === 1);
      await leave(client);
      await eventually('not blocked', async () => (await blocked()) === 0);
      await stage.redis.ask(...push);
      expect(await stage.ask(...size)).toBe(':1\r\n');
      await client.close();
    }
  });

  test('while blocked costs no element that is pushed through the proxy right behind it', async () => {
    await using pusher = await stage.client();
    await pusher.ask('LLEN', 'list');
    for (let round = 0; round < 50; round += 1) {
      const client = await stage.client();
      client.send(command('BLPOP', 'list', 0));
      await eventually('blocked', async () => (await blocked()) === 1);
      await leave(client);
      await pusher.ask('RPUSH', 'list', `x${round}`);
      expect(await pusher.askText('LPOP', 'list')).toBe(bulk(`x${round}`));
      await client.close();
      await eventually('not blocked', async () => (await blocked()) === 0);
    }
  });

  test('while reading a stream costs the group no message that it did not get', async () => {
    await stage.redis.ask('XGROUP', 'CREATE', 's', 'g', '$', 'MKSTREAM');
    for (const wait of [
      ['XREAD', 'BLOCK', '0', 'STREAMS', 's', '$'],
      ['XREADGROUP', 'GROUP', 'g', 'me', 'BLOCK', '0', 'STREAMS', 's', '>'],
    ]) {
      const client = await stage.client();
      client.send(command(...wait));
      await eventually('blocked', async () => (await blocked()) === 1);
      await leave(client);
      await eventually('not blocked', async () => (await blocked()) === 0);
      await client.close();
    }
    await stage.redis.ask('XADD', 's', '1-1', 'field', 'value');
    expect(await stage.ask('XPENDING', 's', 'g')).toBe(`*4\r\n:0\r\n${NIL}${NIL}*-1\r\n`);
    const got = await stage.ask('XREADGROUP', 'GROUP', 'g', 'you', 'STREAMS', 's', '>');
    expect(got).toContain(bulk('1-1'));
  });

  test('while it waits for replicas holds up nobody', async () => {
    const client = await stage.client();
    client.send(command('WAIT', 3, 0));
    await eventually('blocked', async () => (await blocked()) === 1);
    await leave(client);
    await eventually('not blocked', async () => (await blocked()) === 0);
    await client.close();
  });

  test('in the middle of a transaction leaves nothing of it behind', async () => {
    for (let round = 0; round < 20; round += 1) {
      const client = await stage.client();
      await client.ask('MULTI');
      await client.ask('SET', 'k', `abandoned ${round}`);
      await leave(client);
      await client.close();
      await using next = await stage.client();
      next.send('MULTI\r\nGET k\r\nEXEC\r\n');
      expect((await next.replies(3)).map(String)).toEqual(['+OK\r\n', '+QUEUED\r\n', `*1\r\n${NIL}`]);
    }
  });

  test('with a WATCH makes nobody else’s transaction fail', async () => {
    for (let round = 0; round < 20; round += 1) {
      const client = await stage.client();
      await client.ask('WATCH', 'k');
      await stage.redis.ask('SET', 'k', `changed ${round}`);
      await leave(client);
      await client.close();
      await using next = await stage.client();
      next.send('MULTI\r\nINCR n\r\nEXEC\r\n');
      expect((await next.replies(3)).map(String)[2]).toBe(`*1\r\n:${round + 1}\r\n`);
    }
  });

  test('in the middle of a pipeline, again and again, leaves nobody else out of step', async () => {
    await using witness = await stage.client();
    for (let round = 0; round < 30; round += 1) {
      const client = await stage.client();
      client.send(
        'SET k 1\r\nGET k\r\nMULTI\r\nLPUSH l x\r\nEXEC\r\nGET k\r\nEVAL "return 1" 0\r\nGET other\r\n',
      );
      client.send(`LRANGE l 0 -1\r\nECHO ${'x'.repeat(round * 10)}\r\nBLPOP l 0\r\nBLPOP l 0\r\nWATCH k\r\n`);
      if (round % 2) await client.reply();
      await leave(client);
      expect(await witness.askText('ECHO', `witness ${round}`)).toBe(bulk(`witness ${round}`));
      witness.send(`MULTI\r\nECHO ${round}\r\nEXEC\r\n`);
      expect(String((await witness.replies(3))[2])).toBe(`*1\r\n${bulk(`${round}`)}`);
      await client.close();
    }
  });
});
