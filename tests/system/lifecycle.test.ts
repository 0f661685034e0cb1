// A life from the first line of the log to the last answer: starting without Redis, losing it, draining.

import { existsSync } from 'node:fs';
import { command, RawClient } from '../support/raw-client';
import { freePort, RedisServer } from '../support/redis-server';
import { Respite, runRespite } from '../support/respite';
import { bulk, eventually, NIL, Stage } from '../support/stage';

const NOT_SENT = /^-ERR respite: cannot reach the backing Redis at .*; the command was not sent\r\n$/;
const UNKNOWN =
  /^-ERR respite: the connection to the backing Redis was lost .*outcome of this command is unknown\r\n$/;

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('the start', () => {
  test.each([
    [['--port', '99999'], /--port.*99999.*65535/],
    [['--max-keys', 'many'], /--max-keys.*many/],
    [['--ttl', '-5'], /--ttl.*-5/],
    [['--coherence', 'maybe'], /--coherence.*maybe.*tracking/],
    [['--redis', 'http://localhost'], /--redis.*http:\/\/localhost.*redis:\/\//],
    [['--nonsense'], /--nonsense/],
    [['--upstream-connections', '0'], /--upstream-connections.*0/],
  ])('of %p is refused in one line, and nothing is started', async (flags, expected) => {
    const { code, stdout, stderr } = await runRespite(flags);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(stderr).toMatch(expected);
  });

  test('on a port that is taken fails with a sentence, and takes the embedded Redis along', async () => {
    await using redis = await RedisServer.start();
    const { code, stdout, stderr } = await runRespite(['--port', `${redis.port}`, '--http-port', 'off']);
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`cannot listen on 127.0.0.1:${redis.port}`));
    const embedded = /"pid":(\d+)[^\n]*embedded|embedded[^\n]*"redisPid":(\d+)/.exec(stdout);
    for (const pid of embedded?.slice(1) ?? []) if (pid) expect(isRunning(Number(pid))).toBe(false);
  });

  test('is told in one line: both ports, the server and its version, the mode; commands are not told at all', async () => {
    await using stage = await Stage.start();
    const { redis, respite } = stage;
    expect(respite.log).toHaveLength(1);
    expect(respite.log[0]).toMatchObject({
      level: 'info',
      port: respite.port,
      redis: expect.stringContaining(`127.0.0.1:${redis.port}`),
      redisVersion: redis.version,
      coherence: 'tracking',
    });
    expect(respite.log[0]).toHaveProperty('http');
    await using client = await stage.client();
    for (let at = 0; at < 100; at += 1)
      client.send(`SET k ${at}\r\nGET k\r\nMULTI\r\nINCR n\r\nEXEC\r\nNONSENSE\r\n`);
    await client.replies(600);
    expect(respite.log).toHaveLength(1);
    expect(respite.stderr).toBe('');
  });

  test('needs no Redis: commands get a sentence until it is there, and then their answers', async () => {
    const port = await freePort();
    const flags = ['--redis', `redis://127.0.0.1:${port}`, '--http-port', 'off'];
    await using respite = await Respite.start(flags);
    await using client = await respite.client();
    for (const line of ['SET k v', 'GET k', 'MGET k l', 'WATCH k', 'BLPOP l 0', 'EVAL "return 1" 0', 'PING'])
      expect(await client.askText(...line.split(' '))).toMatch(NOT_SENT);
    expect(await client.askText('INFO', 'respite')).toContain('upstream:down\r\n');
    expect(await client.askText('CLIENT', 'GETNAME')).toBe(NIL);
    await using redis = await RedisServer.start({ port });
    await eventually('answered', async () => (await client.askText('SET', 'k', 'v')) === '+OK\r\n');
    expect(await client.askText('GET', 'k')).toBe(bulk('v'));
    await eventually('up', async () => (await client.askText('INFO', 'respite')).includes('upstream:up\r\n'));
    expect(await redis.askText('GET', 'k')).toBe(bulk('v'));
    expect(respite.log.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });

  test('does not wait for a Redis that takes the connection and says nothing', async () => {
    await using redis = await RedisServer.start();
    redis.freeze();
    const flags = ['--redis', redis.url, '--http-port', 'off', '--upstream-timeout', '300ms'];
    await using respite = await Respite.start(flags);
    await using client = await respite.client();
    expect(await client.askText('INFO', 'respite')).toContain('upstream:down\r\n');
    expect(await client.askText('SET', 'k', 'v')).toMatch(/^-ERR respite: .*the command was not sent\r\n$/);
    redis.thaw();
    await eventually('answered', async () => (await client.askText('SET', 'k', 'v')) === '+OK\r\n');
    await eventually('up', async () => (await client.askText('INFO', 'respite')).includes('upstream:up\r\n'));
  });
});

describe('when Redis goes away', () => {
  test('the log says that it was there, and has closed the connection', async () => {
    await using redis = await RedisServer.start();
    await using respite = await Respite.start(['--redis', redis.url, '--http-port', 'off']);
    await redis.kill();
    const line = await respite.logged(({ msg }) => msg.startsWith('the backing Redis is gone'));
    // What it had not read yet makes the system say it in the other way.
    expect(line.problem).toMatch(/^(the server closed the connection|read ECONNRESET)$/);
  });

  test('clients stay, get errors meanwhile, and answers again once it is back', async () => {
    await using stage = await Stage.start();
    const clients = await stage.clients(5);
    for (const client of clients) await client.ask('SET', 'k', 'before');
    for (const client of clients) await client.ask('GET', 'k');
    await stage.redis.kill();
    await eventually('noticed', async () => (await stage.figure('upstream')) === 'down');
    for (const client of clients) {
      expect(await client.askText('GET', 'k')).toMatch(/^-ERR respite: /);
      expect(await client.askText('INCR', 'n')).toMatch(/^-ERR respite: /);
    }
    await stage.redis.restart();
    for (const client of clients)
      await eventually('answered', async () => (await client.askText('PING')) === '+PONG\r\n');
    // What was cached from the one that is gone is gone with it.
    for (const client of clients) expect(await client.askText('GET', 'k')).toBe(NIL);
    expect(await clients[0]?.askText('SET', 'k', 'after')).toBe('+OK\r\n');
    for (const client of clients) expect(await client.askText('GET', 'k')).toBe(bulk('after'));
    await Promise.all(clients.map((client) => client.close()));
  });

  test('it is looked for with growing pauses, however many clients ask for it', async () => {
    await using stage = await Stage.start({ relayed: true });
    const clients = await stage.clients(20);
    for (const client of clients) await client.ask('ECHO', 'x');
    stage.relay.retarget({ port: await freePort() });
    stage.relay.cut();
    const before = stage.relay.counters.connections;
    const until = performance.now() + 2_000;
    let asked = 0;
    while (performance.now() < until || asked < 1_000) {
      for (const client of clients) client.send('INCR n\r\nGET k\r\n');
      await Promise.all(clients.map((client) => client.replies(2)));
      asked += 40;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const attempts = stage.relay.counters.connections - before;
    // Commands and control connection: 50 ms, 100 ms, 200 ms … each.
    expect(attempts).toBeLessThan(60);
    expect(attempts).toBeGreaterThan(3);
    stage.relay.retarget({ port: stage.redis.port });
    for (const client of clients)
      await eventually('answered', async () => (await client.askText('PING')) === '+PONG\r\n');
    await Promise.all(clients.map((client) => client.close()));
  });

  test('a command in flight gets an error that says its outcome is unknown, and is never sent twice', async () => {
    await using stage = await Stage.start({ relayed: true });
    const lines = ['INCR n', 'EVAL return(redis.call("incr","n")) 0', 'XADD s * f v', 'LPUSH l x'];
    const clients = await stage.clients(lines.length);
    for (const client of clients) await client.ask('ECHO', 'warm');
    for (let round = 1; round <= 5; round += 1) {
      // Scripts have a wire of their own: it must be open before answers are held back.
      for (const client of clients) await client.ask('EVAL', 'return 1', 0);
      // The answers are held back: the commands have been carried out when the connection is cut.
      stage.relay.hang('down');
      for (const [at, client] of clients.entries()) client.send(command(...(lines[at] ?? '').split(' ')));
      await eventually(
        'carried out',
        async () => (await stage.redis.askText('LLEN', 'l')) === `:${round}\r\n`,
      );
      await eventually('both', async () => (await stage.redis.askText('GET', 'n')) === bulk(`${2 * round}`));
      stage.relay.cut();
      stage.relay.release();
      for (const [at, client] of clients.entries())
        expect([lines[at], String(await client.reply())]).toEqual([
          lines[at],
          expect.stringMatching(UNKNOWN),
        ]);
      for (const client of clients)
        await eventually('answered', async () => (await client.askText('PING')) === '+PONG\r\n');
      expect(await stage.redis.askText('GET', 'n')).toBe(bulk(`${2 * round}`));
      expect(await stage.redis.askText('LLEN', 'l')).toBe(`:${round}\r\n`);
      expect(await stage.redis.askText('XLEN', 's')).toBe(`:${round}\r\n`);
    }
    await Promise.all(clients.map((client) => client.close()));
  });

  test('a transaction that is cut off is not half of one: EXEC’s outcome is unknown, or nothing was done', async () => {
    await using stage = await Stage.start({ relayed: true });
    await using client = await stage.client();
    await client.ask('MULTI');
    await client.ask('INCR', 'n');
    stage.relay.cut();
    await eventually('reconnected', async () => (await stage.ask('PING')) === '+PONG\r\n');
    const end = await client.askText('EXEC');
    expect(end).toMatch(/^-/);
    expect(await stage.redis.askText('GET', 'n')).toBe(NIL);
    expect(await client.askText('INCR', 'n')).toBe(':1\r\n');
  });

  test('a subscriber is told by the end of its connection', async () => {
    await using stage = await Stage.start();
    await using subscriber = await stage.client();
    await subscriber.ask('SUBSCRIBE', 'news');
    await stage.redis.kill();
    await subscriber.rest();
    expect(subscriber.ended).toBe(true);
  });
});

describe('a client that half-closes', () => {
  test('gets all its replies', async () => {
    await using stage = await Stage.start();
    await stage.redis.ask('SET', 'k', 'v');
    for (let round = 1; round <= 20; round += 1) {
      const client = await stage.client();
      client.send(
        'GET k\r\nINCR n\r\nMULTI\r\nGET k\r\nEXEC\r\nEVAL "return 1" 0\r\nMGET k x\r\nCLIENT GETNAME\r\nSELECT 1',
      );
      client.send('\r\nGET k\r\n');
      client.halfClose();
      const expected = [
        ...[bulk('v'), `:${round}\r\n`, '+OK\r\n', '+QUEUED\r\n', `*1\r\n${bulk('v')}`, ':1\r\n'],
        ...[`*2\r\n${bulk('v')}${NIL}`, NIL, '+OK\r\n', NIL],
      ];
      expect(String(await client.rest())).toBe(expected.join(''));
      await client.closed;
    }
    await eventually('all gone', async () => (await stage.count('clients')) === 1);
  });

  test('in the middle of a command is let go', async () => {
    await using stage = await Stage.start();
    await using client = await stage.client();
    client.send('ECHO a\r\n*2\r\n$4\r\nECHO\r\n$100\r\nabc');
    client.halfClose();
    expect(String(await client.rest())).toBe(bulk('a'));
  });
});

describe('SIGTERM', () => {
  test('lets answers in flight be delivered, refuses new clients, and ends with 0', async () => {
    await using stage = await Stage.start();
    const clients = await stage.clients(10);
    for (const client of clients) await client.ask('ECHO', 'warm');
    stage.redis.freeze();
    const before = await stage.count('commands');
    for (const client of clients) client.send('INCR n\r\nGET k\r\nMULTI\r\nINCR m\r\nEXEC\r\n');
    await eventually('taken', async () => (await stage.count('commands')) >= before + 10);
    stage.respite.signal('SIGTERM');
    await stage.respite.logged(({ msg }) => msg.startsWith('stopping'));
    await eventually('nobody is let in', async () => {
      try {
        const late = await stage.client();
        await late.close();
        return false;
      } catch {
        return true;
      }
    });
    stage.redis.thaw();
    const replies = await Promise.all(clients.map(async (client) => String(await client.rest())));
    for (const reply of replies)
      expect(reply).toMatch(/^:\d+\r\n\$-1\r\n\+OK\r\n\+QUEUED\r\n\*1\r\n:\d+\r\n$/);
    expect(await stage.respite.ended).toEqual({ code: 0, signal: null });
    expect(await stage.redis.askText('GET', 'n')).toBe(bulk('10'));
  });

  test('ends quickly, whatever clients are doing', async () => {
    await using stage = await Stage.start();
    await stage.redis.ask('SET', 'big', 'x'.repeat(1024 * 1024));
    const clients = await stage.clients(10);
    const [, subscribed, blocked, unfinished, deaf, monitor, queuing, watching, large] = clients;
    await subscribed?.ask('SUBSCRIBE', 'news');
    blocked?.send('BLPOP list 0\r\n');
    unfinished?.send('*2\r\n$4\r\nECHO\r\n$100\r\nabc');
    deaf?.pause();
    for (let at = 0; at < 50; at += 1) deaf?.send('GET big\r\n');
    await monitor?.ask('MONITOR');
    await queuing?.ask('MULTI');
    await watching?.ask('WATCH', 'k');
    large?.send(`*3\r\n$3\r\nSET\r\n$1\r\nl\r\n$5000000\r\n${'y'.repeat(2_000_000)}`);
    await eventually('blocked', async () => (await stage.redis.info('blocked_clients')) === 1);
    const begin = performance.now();
    expect(await stage.respite.stop()).toEqual({ code: 0, signal: null });
    expect(performance.now() - begin).toBeLessThan(4_000);
    expect(await stage.redis.askText('EXISTS', 'l')).toBe(':0\r\n');
    await Promise.all(clients.map((client) => client.close()));
  });

  test('a second one does not wait', async () => {
    await using stage = await Stage.start();
    await using client = await stage.client();
    await client.ask('ECHO', 'warm');
    stage.redis.freeze();
    const before = await stage.count('commands');
    client.send('INCR n\r\n');
    await eventually('taken', async () => (await stage.count('commands')) > before);
    stage.respite.signal('SIGTERM');
    await stage.respite.logged(({ msg }) => msg.startsWith('stopping'));
    const { code } = await stage.respite.stop('SIGINT');
    expect(code).not.toBe(0);
    stage.redis.thaw();
  });

  test('takes the embedded Redis along, and so does a SIGKILL', async () => {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const respite = await Respite.start(['--http-port', 'off']);
      await using client = await respite.client();
      const info = await client.askText('INFO', 'server');
      const pid = Number(/process_id:(\d+)/.exec(info)?.[1]);
      expect(isRunning(pid)).toBe(true);
      const socket = /unixsocket\r\n\$\d+\r\n([^\r]+)/.exec(
        await client.askText('CONFIG', 'GET', 'unixsocket'),
      )?.[1];
      expect(existsSync(socket ?? '')).toBe(true);
      await respite.stop(signal);
      await eventually('gone', () => !isRunning(pid) && !existsSync(socket ?? ''));
    }
  });

  test('the embedded Redis ends by itself: the program says so and ends too', async () => {
    await using respite = await Respite.start(['--http-port', 'off']);
    await using client = await respite.client();
    const pid = Number(/process_id:(\d+)/.exec(await client.askText('INFO', 'server'))?.[1]);
    process.kill(pid, 'SIGKILL');
    expect((await respite.ended).code).toBe(1);
    expect(respite.log.at(-1)).toMatchObject({ level: 'fatal', msg: 'the embedded redis-server has ended' });
  });
});

describe('limits', () => {
  test('--max-clients: one more is told so and closed, and there is room again when one leaves', async () => {
    await using stage = await Stage.start({ flags: ['--max-clients', '3'] });
    const clients = await stage.clients(3);
    for (const client of clients) await client.ask('PING');
    const refused = await stage.client();
    expect(String(await refused.rest())).toBe('-ERR max number of clients reached\r\n');
    await clients.pop()?.close();
    await eventually('let in', async () => (await stage.ask('PING').catch(() => '')) === '+PONG\r\n');
    await Promise.all(clients.map((client) => client.close()));
  });

  test('--client-timeout closes who is idle, and nobody who waits for something', async () => {
    await using stage = await Stage.start({ flags: ['--client-timeout', '300ms'] });
    const [idle, blocked, subscribed, busy] = await stage.clients(4);
    await idle?.ask('PING');
    blocked?.send('BLPOP list 0\r\n');
    await subscribed?.ask('SUBSCRIBE', 'news');
    const talking = (async () => {
      while (!idle?.ended) {
        expect(await busy?.askText('PING')).toBe('+PONG\r\n');
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    })();
    expect(String(await idle?.rest())).toBe('');
    await talking;
    await stage.respite.logged(({ reason }) => reason === 'idle for too long');
    await stage.redis.ask('RPUSH', 'list', 'x');
    await stage.redis.ask('PUBLISH', 'news', 'hello');
    expect(String(await blocked?.reply())).toBe(`*2\r\n${bulk('list')}${bulk('x')}`);
    expect(String(await subscribed?.reply())).toContain(bulk('hello'));
    await Promise.all([blocked, subscribed, busy].map((client) => client?.close()));
  });

  test('--rate-limit: each command above it gets an error, and the client stays', async () => {
    await using stage = await Stage.start({ flags: ['--rate-limit', '20'] });
    await using client = await stage.client();
    client.send('PING\r\n'.repeat(30));
    const replies = (await client.replies(30)).map(String);
    const refused = replies.filter((reply) =>
      /^-ERR rate limit exceeded, try again in \d+ ms\r\n$/.test(reply),
    );
    expect(replies.slice(0, 20)).toEqual(Array(20).fill('+PONG\r\n'));
    expect(refused.length).toBeGreaterThanOrEqual(8);
    const wait = Number(/in (\d+) ms/.exec(refused[0] ?? '')?.[1]);
    expect(wait).toBeLessThanOrEqual(50);
    // The address counts, not the connection.
    expect(await stage.ask('PING')).toMatch(/^-ERR rate limit/);
    await eventually('admitted', async () => (await client.askText('PING')) === '+PONG\r\n');
  });

  test('--client-output-limit: who does not read is closed with a line in the log, and nobody else waits', async () => {
    await using stage = await Stage.start({ flags: ['--client-output-limit', '2mb'] });
    await stage.redis.ask('SET', 'big', 'x'.repeat(512 * 1024));
    const deaf = await RawClient.connect(stage.respite.port);
    deaf.pause();
    let gone = false;
    void deaf.closed.then(() => {
      gone = true;
    });
    await using other = await stage.client();
    let slowest = 0;
    for (let at = 0; at < 400 && !gone; at += 1) {
      deaf.send('GET big\r\n');
      const begin = performance.now();
      expect(await other.askText('ECHO', 'x')).toBe(bulk('x'));
      slowest = Math.max(slowest, performance.now() - begin);
    }
    const line = await stage.respite.logged(({ reason }) => reason === 'over its output limit');
    expect(line.client).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(slowest).toBeLessThan(2_000);
    deaf.resume();
    await deaf.close();
  });

  test('a slow reader on a wire that is shared holds up nobody', async () => {
    await using stage = await Stage.start({ flags: ['--upstream-connections', '1'] });
    await stage.redis.ask('SET', 'big', 'x'.repeat(4 * 1024 * 1024));
    const deaf = await stage.clients(5);
    for (const client of deaf) {
      client.pause();
      client.send('GETRANGE big 0 -1\r\n'.repeat(10));
    }
    await using other = await stage.client();
    for (let at = 0; at < 50; at += 1) expect(await other.askText('INCR', 'n')).toBe(`:${at + 1}\r\n`);
    for (const client of deaf) {
      client.resume();
      for (const reply of await client.replies(10)) expect(reply.length).toBe(4 * 1024 * 1024 + 12);
      await client.close();
    }
  });
});
