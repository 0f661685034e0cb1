// What clients of one worker see of what clients of another one do.

import { result } from '../support/http';
import { command, type RawClient } from '../support/raw-client';
import { bulk, eventually, NIL, Stage, type StageOptions } from '../support/stage';
import { figure, idOf, oneAtEach, workersOf } from '../support/workers';

function twoWorkers({ flags = [], ...options }: StageOptions = {}): Promise<Stage> {
  return Stage.start({ ...options, flags: ['--workers', '2', ...flags] });
}

/** Each of them has it in its worker's memory. */
async function warm(clients: readonly RawClient[], key: string, value: string): Promise<void> {
  for (const client of clients) {
    expect(await client.askText('GET', key)).toBe(bulk(value));
    expect(await client.askText('GET', key)).toBe(bulk(value));
  }
}

describe('a write by a client of one worker', () => {
  test('is seen by that client at once, and by those of the other as soon as Redis has told it', async () => {
    await using stage = await twoWorkers();
    const [one, other] = await oneAtEach(stage.respite);
    const delays: number[] = [];
    await stage.redis.ask('SET', 'k', '0');
    await warm([one, other], 'k', '0');
    for (let round = 1; round <= 50; round += 1) {
      expect(await one.askText('SET', 'k', round)).toBe('+OK\r\n');
      const written = performance.now();
      expect(await one.askText('GET', 'k')).toBe(bulk(`${round}`));
      await eventually(
        'the other one sees it',
        async () => (await other.askText('GET', 'k')) === bulk(`${round}`),
      );
      delays.push(performance.now() - written);
      await warm([one, other], 'k', `${round}`);
    }
    delays.sort((a, b) => a - b);
    expect(delays[25]).toBeLessThan(50);
    expect(await figure(one, 'hits')).toBeGreaterThan(100);
    expect(await figure(one, 'keys')).toBe(2);
  });

  test.each([
    ['a script', (value: number) => [command('EVAL', "return redis.call('SET', 'k', ARGV[1])", 0, value)]],
    ['a transaction', (value: number) => [command('MULTI'), command('SET', 'k', value), command('EXEC')]],
    [
      'MOVE',
      (value: number) => [command('DEL', 'k'), command('SET', 'k', value), command('MOVE', 'nothing', 1)],
    ],
  ])('that tells no keys, by %s, is seen by all once it is answered', async (_way, commands) => {
    await using stage = await twoWorkers();
    const [one, other] = await oneAtEach(stage.respite);
    await stage.redis.ask('SET', 'k', '0');
    for (let round = 1; round <= 200; round += 1) {
      await other.ask('GET', 'k');
      const requests = commands(round);
      one.send(Buffer.concat(requests));
      await one.replies(requests.length);
      expect(await other.askText('GET', 'k')).toBe(bulk(`${round}`));
    }
    expect(await figure(one, 'keys')).toBeGreaterThan(0);
  });

  test.each([
    ['FLUSHALL', ['FLUSHALL']],
    ['SWAPDB', ['SWAPDB', '0', '1']],
  ])('that changes everything, by %s, is seen by all once it is answered', async (_way, request) => {
    await using stage = await twoWorkers();
    const [one, other] = await oneAtEach(stage.respite);
    for (let round = 0; round < 50; round += 1) {
      await stage.redis.ask('SET', 'k', 'v');
      await eventually('both have it', async () => (await other.askText('GET', 'k')) === bulk('v'));
      await warm([other], 'k', 'v');
      expect(await one.askText(...request)).toBe('+OK\r\n');
      expect(await other.askText('GET', 'k')).toBe(NIL);
      await stage.redis.ask('FLUSHALL');
    }
  });

  test('where time alone rules is told to the others', async () => {
    await using stage = await twoWorkers({ flags: ['--coherence', 'ttl', '--ttl', '1h'] });
    const [one, other] = await oneAtEach(stage.respite);
    await stage.redis.ask('SET', 'k', 'old');
    await warm([one, other], 'k', 'old');
    await one.ask('SET', 'k', 'new');
    expect(await one.askText('GET', 'k')).toBe(bulk('new'));
    await eventually(
      'the other one sees it',
      async () => (await other.askText('GET', 'k')) === bulk('new'),
      1_000,
    );
    // A write that tells no keys drops everything, and is answered when that is done.
    await one.ask('EVAL', "return redis.call('SET', 'k', 'newer')", 0);
    expect(await other.askText('GET', 'k')).toBe(bulk('newer'));
  });
});

describe('rights', () => {
  test('that are taken away are gone for the clients of all workers', async () => {
    await using stage = await twoWorkers();
    const [one, other] = await oneAtEach(stage.respite);
    await stage.redis.ask('ACL', 'SETUSER', 'alice', 'on', '>pw', '~*', '+@all');
    await stage.redis.ask('SET', 'k', 'v');
    expect(await other.askText('AUTH', 'alice', 'pw')).toBe('+OK\r\n');
    await warm([other], 'k', 'v');
    expect(await one.askText('ACL', 'SETUSER', 'alice', 'resetkeys', '~mine:*')).toBe('+OK\r\n');
    expect(await other.askText('GET', 'k')).toMatch(/^-NOPERM/);
  });
});

describe('what is asked of one worker', () => {
  test('CLIENT LIST, INFO and KILL are about the clients of all', async () => {
    await using stage = await twoWorkers();
    const [one, other] = await oneAtEach(stage.respite);
    await one.ask('CLIENT', 'SETNAME', 'one');
    await other.ask('CLIENT', 'SETNAME', 'other');
    const [first, second] = [await idOf(one), await idOf(other)];
    for (const client of [one, other]) {
      const text = await client.askText('CLIENT', 'LIST');
      expect(text.match(/^id=\d+|\nid=\d+/g)).toEqual([`\nid=${first}`, `\nid=${second}`]);
      expect(text).toMatch(/ name=one .*\n.* name=other /s);
    }
    expect((await one.askText('CLIENT', 'LIST', 'ID', second, first, 99)).match(/ name=\w+/g)).toEqual([
      ' name=other',
      ' name=one',
    ]);
    expect(await one.askText('CLIENT', 'LIST', 'TYPE', 'pubsub')).toBe(bulk(''));
    expect(await one.askText('CLIENT', 'KILL', 'ID', 99)).toBe(':0\r\n');
    expect(await one.askText('CLIENT', 'KILL', '127.0.0.1:1')).toBe('-ERR No such client\r\n');
    expect(await one.askText('CLIENT', 'KILL', 'ID', second)).toBe(':1\r\n');
    await eventually('the second is closed', () => other.ended);
    const [address] = /127\.0\.0\.1:\d+/.exec(await one.askText('CLIENT', 'INFO')) ?? [''];
    await using again = await stage.client();
    expect(await again.askText('CLIENT', 'KILL', address)).toBe('+OK\r\n');
    await eventually('the first is closed', () => one.ended);
    await using last = await stage.client();
    expect(await last.askText('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'no')).toBe(':2\r\n');
    await eventually('everybody is closed', () => again.ended && last.ended);
  });

  test('CLIENT UNBLOCK reaches a client of the other, and nobody else', async () => {
    await using stage = await twoWorkers();
    const [one, other] = await oneAtEach(stage.respite);
    const third = await stage.client();
    const blocked = await idOf(other);
    other.send(command('BLPOP', 'list', 0));
    third.send(command('BLPOP', 'list', 0));
    await eventually('both are blocked', async () => (await stage.redis.info('blocked_clients')) === 2);
    expect(await one.askText('CLIENT', 'UNBLOCK', 12_345)).toBe(':0\r\n');
    expect(await one.askText('CLIENT', 'UNBLOCK', blocked, 'ERROR')).toBe(':1\r\n');
    expect((await other.reply()).toString()).toMatch(/^-UNBLOCKED/);
    expect(await stage.redis.info('blocked_clients')).toBe(1);
    await third.close();
  });

  test('CLIENT TRACKING … REDIRECT sends what changes to a client of the other', async () => {
    await using stage = await twoWorkers();
    const [one, other] = await oneAtEach(stage.respite);
    const target = await idOf(other);
    await other.ask('SUBSCRIBE', '__redis__:invalidate');
    expect(await one.askText('CLIENT', 'TRACKING', 'on', 'REDIRECT', target)).toBe('+OK\r\n');
    await one.ask('GET', 'k');
    await stage.redis.ask('SET', 'k', 'v');
    expect((await other.reply()).toString()).toBe(
      '*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n*1\r\n$1\r\nk\r\n',
    );
    expect(await one.askText('CLIENT', 'TRACKING', 'on', 'REDIRECT', 99_999)).toMatch(/^-ERR/);
  });

  test('RESPITE PURGE drops at all, and tells how many entries went', async () => {
    await using stage = await twoWorkers({ flags: ['--http-port', '0'] });
    const [one, other] = await oneAtEach(stage.respite);
    for (const key of ['a', 'b', 'c']) {
      await stage.redis.ask('SET', key, 'v');
      await warm([one, other], key, 'v');
    }
    expect(await figure(one, 'keys')).toBe(6);
    expect(await one.askText('RESPITE', 'PURGE', 'a', 'nothing')).toBe(':2\r\n');
    expect(await figure(other, 'keys')).toBe(4);
    expect(await result(stage.respite, '/respite/purge/b')).toBe(2);
    expect(await other.askText('RESPITE', 'PURGE', 'ALL')).toBe(':2\r\n');
    expect(await figure(one, 'keys')).toBe(0);
    expect(await figure(one, 'invalidations_by_purge')).toBe(6);
  });

  test('RESPITE INSPECT finds what only the other holds, for the same user and database', async () => {
    await using stage = await twoWorkers();
    const [one, other] = await oneAtEach(stage.respite);
    await stage.redis.ask('SET', 'k', 'v');
    await warm([other], 'k', 'v');
    expect(await one.askText('RESPITE', 'INSPECT', 'k')).toMatch(/kind\r\n\$5\r\nvalue\r\n/);
    expect(await one.askText('RESPITE', 'INSPECT', 'nothing')).toBe(NIL);
    await one.ask('SELECT', 1);
    expect(await one.askText('RESPITE', 'INSPECT', 'k')).toBe(NIL);
  });

  test('INFO and STATS tell of all, and CLIENT REPLY OFF holds for what is asked of all', async () => {
    await using stage = await twoWorkers();
    const [one, other] = await oneAtEach(stage.respite);
    await stage.redis.ask('SET', 'k', 'v');
    await warm([one, other], 'k', 'v');
    for (const client of [one, other]) {
      expect(await figure(client, 'hits')).toBe(2);
      expect(await figure(client, 'misses')).toBe(2);
      expect(await figure(client, 'hit_ratio')).toBe(0.5);
      expect(await figure(client, 'clients')).toBe(2);
      expect(await figure(client, 'workers')).toBe(workersOf(stage.respite).length);
      expect(await figure(client, 'process_id')).toBe(stage.respite.pid);
      expect(await figure(client, 'tcp_port')).toBe(stage.respite.port);
    }
    expect(await one.askText('RESPITE', 'STATS')).toContain(`${bulk('workers')}:2\r\n`);
    one
      .send(command('CLIENT', 'REPLY', 'SKIP'))
      .send(command('INFO', 'respite'))
      .send(command('ECHO', 'next'));
    expect((await one.reply()).toString()).toBe(bulk('next'));
  });

  test('in a pipeline is answered in its place', async () => {
    await using stage = await twoWorkers();
    const [one] = await oneAtEach(stage.respite);
    const requests = [
      'INCR n',
      'CLIENT LIST',
      'INCR n',
      'GET n',
      'RESPITE PURGE n',
      'GET n',
      'INFO respite',
      'INCR n',
    ];
    one.send(requests.map((line) => command(...line.split(' ')).toString()).join(''));
    const replies = (await one.replies(requests.length)).map(String);
    expect(replies[0]).toBe(':1\r\n');
    expect(replies[1]).toMatch(/\nid=1 .*\nid=2 /s);
    expect(replies[2]).toBe(':2\r\n');
    expect(replies[3]).toBe(bulk('2'));
    expect(replies[4]).toBe(':0\r\n');
    expect(replies[5]).toBe(bulk('2'));
    expect(replies[6]).toContain('# Respite');
    expect(replies[7]).toBe(':3\r\n');
  });
});
