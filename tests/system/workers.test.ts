// Several processes that share the ports: their life, their clients, and what holds for all of them together.

import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { createProxy, OptionError } from 'respite';
import { ask, result } from '../support/http';
import { Mutant } from '../support/mutant';
import { command, RawClient } from '../support/raw-client';
import { RedisServer } from '../support/redis-server';
import { Respite, runRespite } from '../support/respite';
import { bulk, eventually, Stage } from '../support/stage';
import { areGone, figure, idOf, isRunning, oneAtEach, pidOf, workersOf } from '../support/workers';

const TWO = ['--workers', '2'];

async function isRefused(port: number): Promise<boolean> {
  try {
    await (await RawClient.connect(port)).close();
    return false;
  } catch {
    return true;
  }
}

/** The one of them whose worker is awake. */
async function answering(clients: readonly RawClient[]): Promise<RawClient> {
  const texts = clients.map(async (client) => {
    const text = await client.askText('INFO', 'respite');
    expect(text).toContain('workers:2\r\n');
    return client;
  });
  return Promise.any(texts);
}

/** A client that has got in: who has just left may still have the seat. */
async function seated(respite: Respite): Promise<RawClient> {
  for (;;) {
    const client = await respite.client();
    if ((await client.send(command('PING')).reply()).toString() === '+PONG\r\n') return client;
    await client.close();
  }
}

function tlsClient(port: number): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => resolve(socket));
    socket.once('error', reject);
  });
}

/** What comes back within a moment. */
function tlsAsk(socket: TLSSocket, request: Buffer | string): Promise<string> {
  socket.write(request);
  return new Promise((resolve) => socket.once('data', (chunk: Buffer) => resolve(chunk.toString())));
}

describe('the start', () => {
  test('is told once, by the process that owns the ports, when all workers are there', async () => {
    await using stage = await Stage.start({ flags: TWO });
    const { respite, redis } = stage;
    expect(respite.log).toHaveLength(1);
    expect(respite.log[0]).toMatchObject({
      pid: respite.pid,
      port: respite.port,
      workers: 2,
      redisVersion: redis.version,
      msg: 'respite is ready',
    });
    expect(workersOf(respite).map(({ number }) => number)).toEqual([1, 2]);
  });

  test('with one worker makes no process', async () => {
    await using stage = await Stage.start({ flags: ['--workers', '1'] });
    expect(workersOf(stage.respite)).toEqual([]);
    expect(await stage.figure('workers')).toBe('1');
  });

  test('brings one embedded Redis for all, which ends with them', async () => {
    await using respite = await Respite.start(TWO);
    const [one, other] = await oneAtEach(respite);
    expect(await one.askText('SET', 'k', 'v')).toBe('+OK\r\n');
    expect(await other.askText('GET', 'k')).toBe(bulk('v'));
    const { redisPid } = await respite.logged((line) => 'redisPid' in line);
    const pids = [...workersOf(respite).map(({ pid }) => pid), Number(redisPid)];
    expect(await respite.stop()).toEqual({ code: 0, signal: null });
    await areGone(pids);
  });

  test.each(['0', 'two', '-1', '100000'])('with --workers %s is refused', async (workers) => {
    const { code, stdout, stderr } = await runRespite(['--workers', workers]);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/--workers.*a whole number from 1/);
  });

  test('on a port that is taken fails as with one worker, and leaves nothing', async () => {
    await using redis = await RedisServer.start();
    const flags = ['--redis', redis.url, '--port', `${redis.port}`, '--http-port', 'off'];
    const alone = await runRespite(flags);
    const several = await runRespite([...flags, ...TWO]);
    expect(several).toEqual(alone);
    expect(several.code).toBe(1);
  });

  test('by a program is refused with a sentence', () => {
    expect(() => createProxy({ workers: 2 })).toThrow(OptionError);
    expect(() => createProxy({ workers: 2 })).toThrow(/workers 2 .*respite --workers|--workers 2/);
  });
});

describe('the end', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    'by %s delivers what is owed by every worker, and nobody new comes in',
    async (signal) => {
      await using stage = await Stage.start({ flags: TWO });
      const { respite } = stage;
      const clients = await oneAtEach(respite);
      const pids = workersOf(respite).map(({ pid }) => pid);
      await stage.redis.ask('CLIENT', 'PAUSE', 600, 'ALL');
      for (const client of clients) client.send(command('INCR', 'n'));
      await new Promise((resolve) => setTimeout(resolve, 100));
      const stopped = respite.stop(signal);
      await eventually('the port is closed', () => isRefused(respite.port));
      const replies = await Promise.all(clients.map((client) => client.reply()));
      expect(replies.map(String).sort()).toEqual([':1\r\n', ':2\r\n']);
      expect(await stopped).toEqual({ code: 0, signal: null });
      await areGone(pids);
    },
  );

  test('delivers what was asked by HTTP, and does not wait for those who ask nothing', async () => {
    await using stage = await Stage.start({ flags: [...TWO, '--http-port', '0'] });
    const { respite } = stage;
    await using idle = await RawClient.connect(respite.httpPort);
    await stage.redis.ask('CLIENT', 'PAUSE', 800, 'ALL');
    const asked = Promise.all(Array.from({ length: 4 }, () => ask(respite, '/incr/n')));
    await new Promise((resolve) => setTimeout(resolve, 300));
    const stopped = respite.stop();
    expect((await asked).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(await stopped).toEqual({ code: 0, signal: null });
    await eventually('the idle one is closed', () => idle.ended);
  });

  test('by Ctrl-C, which a terminal sends to every process, is as gentle', async () => {
    await using stage = await Stage.start({ flags: TWO });
    const { respite } = stage;
    const clients = await oneAtEach(respite);
    const pids = workersOf(respite).map(({ pid }) => pid);
    await stage.redis.ask('CLIENT', 'PAUSE', 600, 'ALL');
    for (const client of clients) client.send(command('INCR', 'n'));
    await new Promise((resolve) => setTimeout(resolve, 100));
    for (const pid of pids) process.kill(pid, 'SIGINT');
    const stopped = respite.stop('SIGINT');
    await Promise.all(clients.map((client) => client.reply()));
    expect(await stopped).toEqual({ code: 0, signal: null });
  });

  test('comes at once with a second signal', async () => {
    await using stage = await Stage.start({ flags: TWO });
    const { respite } = stage;
    const pids = workersOf(respite).map(({ pid }) => pid);
    await using client = await respite.client();
    client.send(command('DEBUG', 'SLEEP', '3'));
    await new Promise((resolve) => setTimeout(resolve, 100));
    respite.signal('SIGTERM');
    await respite.logged((line) => line.msg.startsWith('stopping'));
    expect(await respite.stop('SIGTERM')).toEqual({ code: 1, signal: null });
    await areGone(pids);
  });

  test('by SIGKILL leaves no process behind', async () => {
    await using respite = await Respite.start(TWO);
    const { redisPid } = await respite.logged((line) => 'redisPid' in line);
    const pids = [...workersOf(respite).map(({ pid }) => pid), Number(redisPid)];
    expect(pids.every(isRunning)).toBe(true);
    await respite.kill();
    await areGone(pids);
  });
});

describe('a worker that dies', () => {
  test('takes its own clients along and nobody else, and is replaced', async () => {
    await using stage = await Stage.start({ flags: TWO });
    const { respite } = stage;
    const clients = await Promise.all(Array.from({ length: 6 }, () => respite.client()));
    for (const client of clients) await client.ask('PING');
    const killed = pidOf(respite, 1);
    process.kill(killed, 'SIGKILL');
    await respite.logged((line) => line.msg.startsWith('a worker has ended'));
    await eventually('its clients are closed', () => clients.filter(({ ended }) => ended).length === 3);
    expect(respite.log.at(-1)).toMatchObject({
      worker: 1,
      workerPid: killed,
      how: 'SIGKILL',
      clientsClosed: 3,
    });
    for (const client of clients) if (!client.ended) expect(await client.askText('PING')).toBe('+PONG\r\n');
    expect(clients.filter(({ ended }) => ended)).toHaveLength(3);
    await respite.logged((line) => line.msg === 'a worker has taken its place');
    expect(workersOf(respite).map(({ number }) => number)).toEqual([1, 2]);
    expect(pidOf(respite, 1)).not.toBe(killed);
    // Its clients are gone, so it gets the next ones.
    const later = await Promise.all(Array.from({ length: 3 }, () => respite.client()));
    for (const client of later) expect(await client.askText('SET', 'k', 'v')).toBe('+OK\r\n');
    process.kill(pidOf(respite, 1), 'SIGKILL');
    await eventually('they were at the new one', () => later.every(({ ended }) => ended));
    for (const client of [...clients, ...later]) await client.close();
  });

  test('leaves the sum of the figures as it was, and no id comes twice', async () => {
    await using stage = await Stage.start({ flags: TWO });
    const { respite } = stage;
    const ids: number[] = [];
    for (let round = 0; round < 4; round += 1) {
      for (const client of await oneAtEach(respite)) {
        await client.ask('SET', 'k', 'v');
        await client.ask('GET', 'k');
        await client.ask('GET', 'k');
        ids.push(await idOf(client));
      }
    }
    expect(new Set(ids).size).toBe(8);
    const survivor = async () => {
      const client = await respite.client();
      await client.ask('PING');
      return client;
    };
    await using client = await survivor();
    const hits = await figure(client, 'hits');
    const accepted = await figure(client, 'clients_accepted');
    expect(hits).toBeGreaterThanOrEqual(8);
    // Whichever worker the looking client is at, one of the two is the other one.
    process.kill(pidOf(respite, 1), 'SIGKILL');
    await respite.logged((line) => line.msg === 'a worker has taken its place');
    await using looking = await respite.client();
    expect(await figure(looking, 'hits')).toBe(hits);
    expect(await figure(looking, 'clients_accepted')).toBeGreaterThanOrEqual(accepted);
    expect(await figure(looking, 'max_keys')).toBe(100_000);
    const [one, other] = await oneAtEach(respite);
    for (const fresh of [await idOf(one), await idOf(other), await idOf(looking)]) {
      expect(ids).not.toContain(fresh);
      ids.push(fresh);
    }
  });

  test('by a mistake of its own tells it in the log first', async () => {
    await using redis = await RedisServer.start();
    const find = "case 'roll':";
    const replace = `${find} if (process.argv[2] === '2') throw new Error('on purpose');`;
    await using mutant = await Mutant.make([{ file: 'workers/worker.js', find, replace }]);
    await using respite = await Respite.start([...TWO, '--redis', redis.url], {}, mutant.program);
    const line = await respite.logged(({ level }) => level === 'fatal');
    expect(line).toMatchObject({ worker: 2, err: { message: 'on purpose' } });
    const end = await respite.logged(({ msg }) => msg.startsWith('a worker has ended'));
    expect(end).toMatchObject({ worker: 2, how: 'exit code 1' });
    expect(await (await respite.client()).askText('PING')).toBe('+PONG\r\n');
  });

  test('again and again is replaced ever later, and clients wait for it when there is no other', async () => {
    await using stage = await Stage.start({ flags: TWO });
    const { respite } = stage;
    for (const { pid } of workersOf(respite)) process.kill(pid, 'SIGKILL');
    const ended = () => respite.log.filter(({ msg }) => msg.startsWith('a worker has ended'));
    await eventually('both ended', () => ended().length === 2);
    await using waiting = await respite.client();
    expect(await waiting.askText('PING')).toBe('+PONG\r\n');
    await eventually('both are back', () => workersOf(respite).length === 2);
    const waits = respite.log.map((line) => line.replacedIn).filter((wait) => wait !== undefined);
    expect(waits).toEqual([100, 200]);
  });
});

describe('a worker that cannot start', () => {
  const failing = (statement: string) =>
    Mutant.make([
      {
        file: 'workers/worker.js',
        find: 'worker = new Worker(order);',
        replace: `${statement} worker = new Worker(order);`,
      },
    ]);

  test('at the first start ends the whole with a sentence, and nothing stays', async () => {
    await using mutant = await failing("if (order.number === 2) process.kill(process.pid, 'SIGKILL');");
    const program = new Respite([...TWO, '--port', '0', '--http-port', '0'], {}, mutant.program);
    expect(await program.ended).toEqual({ code: 1, signal: null });
    expect(program.stderr).toBe('respite: worker 2 has ended while starting (SIGKILL)\n');
    await areGone([Number(program.log[0]?.redisPid)]);
  });

  test('for what an option says ends it as with one worker: one line, exit code 2', async () => {
    await using mutant = await failing(
      "const { OptionError } = require('../errors'); if (order.number === 2) order = { ...order, get redis() { throw new OptionError('--redis is wrong'); } };",
    );
    const program = new Respite([...TWO, '--port', '0', '--http-port', '0'], {}, mutant.program);
    expect(await program.ended).toEqual({ code: 2, signal: null });
    expect(program.stderr).toBe('respite: --redis is wrong\n');
  });

  test('later is tried again, ever more patiently, while the others serve', async () => {
    await using redis = await RedisServer.start();
    await using mutant = await failing('if (order.serial > 2) process.exit(9);');
    const flags = [...TWO, '--redis', redis.url];
    await using respite = await Respite.start(flags, {}, mutant.program);
    process.kill(pidOf(respite, 2), 'SIGKILL');
    const ended = () => respite.log.filter(({ msg }) => msg.startsWith('a worker has ended'));
    await eventually('it has been tried again', () => ended().length === 4);
    expect(ended().map(({ how, replacedIn }) => [how, replacedIn])).toEqual([
      ['SIGKILL', 100],
      ['exit code 9', 200],
      ['exit code 9', 400],
      ['exit code 9', 800],
    ]);
    for (let at = 0; at < 4; at += 1) {
      await using client = await respite.client();
      expect(await client.askText('PING')).toBe('+PONG\r\n');
    }
  });
});

describe('a worker that hangs', () => {
  test('and is killed takes along those too who were on their way to it', async () => {
    await using stage = await Stage.start({ flags: TWO });
    const { respite } = stage;
    const asleep = pidOf(respite, 1);
    process.kill(asleep, 'SIGSTOP');
    const clients = await Promise.all(Array.from({ length: 10 }, () => respite.client()));
    const answered: RawClient[] = [];
    for (const client of clients) {
      client.send(command('PING'));
      void client.reply().then(
        () => answered.push(client),
        () => undefined,
      );
    }
    await eventually('those of the other one are answered', () => answered.length === 5);
    process.kill(asleep, 'SIGKILL');
    await eventually('the others are closed', () => clients.filter(({ ended }) => ended).length === 5);
    for (const client of answered) expect(await client.askText('PING')).toBe('+PONG\r\n');
  });

  test('keeps nobody waiting for ever, and gets no new clients', async () => {
    await using stage = await Stage.start({ flags: TWO });
    const { respite } = stage;
    const [one, other] = await oneAtEach(respite);
    await Promise.all([one.ask('PING'), other.ask('PING')]);
    const asleep = pidOf(respite, 1);
    process.kill(asleep, 'SIGSTOP');
    try {
      const writer = await answering([one, other]);
      writer.send(command('EVAL', 'return 1', 0));
      expect((await writer.reply()).toString()).toBe(':1\r\n');
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      const from = performance.now();
      expect(await writer.askText('EVAL', 'return 2', 0)).toBe(':2\r\n');
      expect(performance.now() - from).toBeLessThan(1_500);
      for (let at = 0; at < 6; at += 1) {
        await using fresh = await respite.client();
        expect(await fresh.askText('MULTI')).toBe('+OK\r\n');
      }
    } finally {
      process.kill(asleep, 'SIGCONT');
    }
  }, 40_000);
});

describe('the limits', () => {
  test('of clients holds exactly for all together, in a burst too', async () => {
    await using stage = await Stage.start({ flags: [...TWO, '--max-clients', '100'] });
    const { respite } = stage;
    const clients = await Promise.all(Array.from({ length: 300 }, () => respite.client()));
    const answers = await Promise.all(
      clients.map(async (client) => (await client.send(command('PING')).reply()).toString()),
    );
    expect(answers.filter((answer) => answer === '+PONG\r\n')).toHaveLength(100);
    expect(answers.filter((answer) => answer === '-ERR max number of clients reached\r\n')).toHaveLength(200);
    const inside = clients.filter((_client, at) => answers[at] === '+PONG\r\n');
    for (const client of inside.slice(0, 10)) await client.close();
    let admitted = 0;
    await eventually('the seats that are free are taken again', async () => {
      const client = await respite.client();
      if ((await client.send(command('PING')).reply()).toString() === '+PONG\r\n') admitted += 1;
      return admitted === 10;
    });
    const late = await respite.client();
    expect((await late.reply()).toString()).toBe('-ERR max number of clients reached\r\n');
    const [seated] = inside.slice(10);
    expect(seated && (await figure(seated, 'clients'))).toBe(100);
    for (const client of [...clients, late]) await client.close();
  });

  test('of clients is one for both ports', async () => {
    await using stage = await Stage.start({ flags: [...TWO, '--max-clients', '2', '--http-port', '0'] });
    const { respite } = stage;
    await using one = await respite.client();
    await one.ask('PING');
    expect((await ask(respite, '/ping')).status).toBe(200);
    await using other = await seated(respite);
    expect((await ask(respite, '/ping')).status).toBe(429);
    // Those who watch are let in.
    expect((await ask(respite, '/metrics')).status).toBe(200);
    expect(await other.askText('PING')).toBe('+PONG\r\n');
  });

  test('of keys and memory are shared out, and told as they were given', async () => {
    const flags = [...TWO, '--max-keys', '11', '--max-memory', '1mb'];
    await using stage = await Stage.start({ flags });
    const [one, other] = await oneAtEach(stage.respite);
    for (const client of [one, other]) for (let at = 0; at < 30; at += 1) await client.ask('GET', `k${at}`);
    expect(await figure(one, 'max_keys')).toBe(11);
    expect(await figure(one, 'max_memory')).toBe(1024 ** 2);
    expect(await figure(other, 'keys')).toBe(11);
  });

  test('of the rate holds for all together', async () => {
    await using stage = await Stage.start({ flags: [...TWO, '--rate-limit', '100'] });
    const clients = await oneAtEach(stage.respite);
    const from = performance.now();
    const flood = async (client: RawClient) => {
      let admitted = 0;
      while (performance.now() - from < 2_000) {
        client.send(command('PING').toString().repeat(20));
        for (const reply of await client.replies(20)) if (reply.toString() === '+PONG\r\n') admitted += 1;
      }
      return admitted;
    };
    const admitted = await Promise.all(clients.map(flood));
    const seconds = (performance.now() - from) / 1000;
    const total = (admitted[0] ?? 0) + (admitted[1] ?? 0);
    expect(total).toBeLessThanOrEqual(100 + 100 * seconds);
    expect(total).toBeGreaterThan(0.8 * (100 + 100 * seconds));
    for (const client of clients)
      expect((await client.ask('PING')).toString()).toMatch(/^\+PONG|^-ERR rate limit/);
  });

  test('of the rate can be used up by one client', async () => {
    await using stage = await Stage.start({ flags: [...TWO, '--rate-limit', '50', '--http-port', '0'] });
    await using client = await stage.client();
    client.send(command('PING').toString().repeat(60));
    const replies = (await client.replies(60)).map(String);
    expect(replies.slice(0, 50)).toEqual(Array(50).fill('+PONG\r\n'));
    expect(replies.at(-1)).toMatch(/^-ERR rate limit exceeded, try again in \d+ ms\r\n$/);
    // What is left over at one worker goes back.
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    await using other = await stage.client();
    other.send(command('PING').toString().repeat(50));
    expect((await other.replies(50)).map(String)).toEqual(Array(50).fill('+PONG\r\n'));
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    const many = await ask(stage.respite, '/pipeline', { body: JSON.stringify(Array(100).fill(['PING'])) });
    expect(many.status).toBe(200);
    // Each worker may have a few left from before.
    const later = await Promise.all(Array.from({ length: 8 }, () => ask(stage.respite, '/ping')));
    const refused = later.find(({ status }) => status === 429);
    expect(Number(refused?.headers['retry-after'])).toBeGreaterThanOrEqual(1);
  });
});

describe('both ports', () => {
  test('speak TLS, also to those for whom there is no room', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'respite-workers-'));
    try {
      const [cert, key] = [path.join(folder, 'cert.pem'), path.join(folder, 'key.pem')];
      const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
      execFileSync('openssl', [...request, '-subj', '/CN=test', '-out', cert, '-keyout', key], {
        stdio: 'ignore',
      });
      const flags = [...TWO, '--tls-cert', cert, '--tls-key', key, '--max-clients', '2', '--http-port', '0'];
      await using stage = await Stage.start({ flags });
      const { port, httpPort } = stage.respite;
      const one = await tlsClient(port);
      expect(await tlsAsk(one, command('SET', 'k', 'v'))).toBe('+OK\r\n');
      const other = await tlsClient(httpPort);
      const page = 'GET /get/k HTTP/1.1\r\nHost: localhost\r\n\r\n';
      expect(await tlsAsk(other, page)).toMatch(/^HTTP\/1.1 200 .*\{"result":"v"\}$/s);
      const third = await tlsClient(port);
      expect(await tlsAsk(third, command('PING'))).toBe('-ERR max number of clients reached\r\n');
      const fourth = await tlsClient(httpPort);
      expect(await tlsAsk(fourth, page)).toMatch(/^HTTP\/1.1 429 /);
      expect(await tlsAsk(one, command('CLIENT', 'LIST'))).toMatch(/\nid=1 .*\nid=2 /s);
      expect(await tlsAsk(one, command('INFO', 'respite'))).toContain('\r\nclients:2\r\n');
      for (const client of [one, other, third, fourth]) client.destroy();
      const again = await tlsClient(port);
      expect(await tlsAsk(again, command('PING'))).toMatch(/^\+PONG|^-ERR max/);
      again.destroy();
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  test('lead to every worker', async () => {
    await using stage = await Stage.start({ flags: [...TWO, '--http-port', '0'] });
    const { respite } = stage;
    const paths = ['/set/k/v', '/get/k', '/get/k', '/incr/n', '/incr/n', '/incr/n'];
    const answers = await Promise.all(paths.map((path) => result(respite, path)));
    expect(answers.slice(3).sort()).toEqual([1, 2, 3]);
    expect((await ask(respite, '/readyz')).status).toBe(200);
    const text = (await ask(respite, '/metrics')).text;
    expect(text).toMatch(/^respite_workers 2$/m);
    expect(Number(/^respite_commands_total (\d+)$/m.exec(text)?.[1])).toBeGreaterThanOrEqual(6);
    const misses = [...text.matchAll(/^respite_answer_seconds_count\{.*outcome="miss".*\} (\d+)$/gm)];
    expect(misses.reduce((total, [, count]) => total + Number(count), 0)).toBeGreaterThan(0);
  });

  test('take a client that says it sends no more, and deliver what it is owed', async () => {
    await using stage = await Stage.start({ flags: TWO });
    for (const client of await Promise.all([stage.client(), stage.client()])) {
      client.send(command('INCR', 'n')).halfClose();
      expect((await client.rest()).toString()).toMatch(/^:\d\r\n$/);
    }
  });

  test('do not stumble over clients that leave at once', async () => {
    await using stage = await Stage.start({ flags: [...TWO, '--max-clients', '50'] });
    for (let round = 0; round < 20; round += 1) {
      const clients = await Promise.all(Array.from({ length: 20 }, () => stage.client()));
      await Promise.all(clients.map((client, at) => (at % 2 ? client.reset() : client.close())));
    }
    await using client = await seated(stage.respite);
    await eventually('nobody else is there', async () => (await figure(client, 'clients')) === 1);
    const many = await Promise.all(Array.from({ length: 49 }, () => stage.client()));
    for (const each of many) expect(await each.askText('PING')).toBe('+PONG\r\n');
  });

  test('serve a large value, either way', async () => {
    await using stage = await Stage.start({ flags: TWO });
    const value = Buffer.alloc(3 * 1024 * 1024, 'x');
    const [one, other] = await oneAtEach(stage.respite);
    expect(await one.askText('SET', 'k', value)).toBe('+OK\r\n');
    expect((await other.ask('GET', 'k')).length).toBe(value.length + 12);
  });
});
