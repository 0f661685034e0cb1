// What the cache keeps, for how long, how much of it, and how it can be looked into.

import type { RawClient } from '../support/raw-client';
import { bulk, eventually, NIL, Stage } from '../support/stage';

async function withStage(flags: string[], run: (stage: Stage, client: RawClient) => Promise<void>) {
  await using stage = await Stage.start({ flags });
  await using client = await stage.client();
  await run(stage, client);
}

/** Milliseconds that this entry has been, and will be, in the cache. */
async function inspect(client: RawClient, key: string): Promise<Map<string, string> | undefined> {
  const reply = await client.askText('RESPITE', 'INSPECT', key);
  if (reply === NIL) return undefined;
  const words = reply.split('\r\n').filter((word) => !/^[*$]/.test(word) && word !== '');
  const pairs = new Map<string, string>();
  for (let at = 0; at + 1 < words.length; at += 2)
    pairs.set(words[at] ?? '', (words[at + 1] ?? '').replace(/^:/, ''));
  return pairs;
}

describe('with limits', () => {
  test('--max-keys is met exactly, and the key that was not used for longest goes', () =>
    withStage(['--max-keys', '10'], async (stage, client) => {
      for (let at = 0; at < 25; at += 1) {
        await stage.redis.ask('SET', `k${at}`, at);
        expect(await client.askText('GET', `k${at}`)).toBe(bulk(`${at}`));
        expect(await stage.count('keys')).toBe(Math.min(at + 1, 10));
        // In use all the time.
        expect(await client.askText('GET', 'k0')).toBe(bulk('0'));
      }
      expect(await stage.count('evictions')).toBe(15);
      const kept: string[] = [];
      for (let at = 0; at < 25; at += 1) if (await inspect(client, `k${at}`)) kept.push(`k${at}`);
      expect(kept).toEqual(['k0', 'k16', 'k17', 'k18', 'k19', 'k20', 'k21', 'k22', 'k23', 'k24']);
    }));

  test('--max-memory counts key, value and node, and is never passed', () =>
    withStage(['--max-memory', '1mb'], async (stage, client) => {
      const value = 'v'.repeat(10_000);
      for (let at = 0; at < 300; at += 1) client.send(`SET k${at} ${value}\r\nGET k${at}\r\n`);
      await client.replies(600);
      for (let at = 0; at < 300; at += 1) await client.ask('GET', `k${at}`);
      expect(await stage.count('bytes')).toBeLessThanOrEqual(1024 * 1024);
      expect(await stage.count('keys')).toBeGreaterThan(40);
      expect(await stage.count('keys')).toBeLessThan(105);
      expect(await stage.count('evictions')).toBeGreaterThan(100);
      expect(Number((await inspect(client, 'k299'))?.get('bytes'))).toBeGreaterThan(10_000);
    }));

  test('a value above --max-value is passed on and not kept', () =>
    withStage(['--max-value', '1kb'], async (stage, client) => {
      for (const [key, size] of [
        ['small', 1024],
        ['large', 1025],
      ] as const) {
        await client.ask('SET', key, 'x'.repeat(size));
        for (let round = 0; round < 3; round += 1)
          expect(await client.askText('GET', key)).toBe(bulk('x'.repeat(size)));
      }
      expect(await client.askText('MGET', 'large', 'small')).toBe(
        `*2\r\n${bulk('x'.repeat(1025))}${bulk('x'.repeat(1024))}`,
      );
      expect(await inspect(client, 'small')).toBeDefined();
      expect(await inspect(client, 'large')).toBeUndefined();
      // Once it is small, it is kept again.
      await client.ask('SET', 'large', 'small now');
      await stage.redis.ask('SET', 'large', 'small as well');
      await eventually('kept', async () => {
        await client.ask('GET', 'large');
        return (await inspect(client, 'large')) !== undefined;
      });
    }));

  test('--ttl is the longest that an entry is kept', () =>
    withStage(['--ttl', '300ms'], async (stage, client) => {
      await stage.redis.ask('SET', 'k', 'v');
      await client.ask('GET', 'k');
      expect(Number((await inspect(client, 'k'))?.get('ttl_ms'))).toBeLessThanOrEqual(300);
      const gets = await stage.callsAtRedis('get');
      await eventually('expired', async () => (await inspect(client, 'k')) === undefined);
      expect(await client.askText('GET', 'k')).toBe(bulk('v'));
      expect(await stage.callsAtRedis('get')).toBe(gets + 1);
      expect(await stage.count('expirations')).toBeGreaterThanOrEqual(1);
    }));

  test('what Redis expires is not answered from memory any more, though no push has told', () =>
    withStage([], async (stage, client) => {
      // Redis would delete it only when somebody looks.
      await stage.redis.ask('CONFIG', 'SET', 'hz', '1');
      for (let round = 0; round < 5; round += 1) {
        const sent = performance.now();
        await client.ask('SET', 'k', 'v', 'PX', 60);
        await client.ask('GET', 'k');
        expect(Number((await inspect(client, 'k'))?.get('ttl_ms') ?? 0)).toBeLessThanOrEqual(60);
        await eventually('gone', async () => (await client.askText('GET', 'k')) === NIL);
        expect(performance.now() - sent).toBeGreaterThanOrEqual(59);
        expect(await stage.redis.askText('GET', 'k')).toBe(NIL);
      }
    }));

  test('--negative-ttl bounds how long a missing key is known to be missing', () =>
    withStage(['--negative-ttl', '300ms'], async (stage, client) => {
      await client.ask('GET', 'none');
      expect((await inspect(client, 'none'))?.get('kind')).toBe('missing');
      expect(Number((await inspect(client, 'none'))?.get('ttl_ms'))).toBeLessThanOrEqual(300);
      expect(await client.askText('GET', 'none')).toBe(NIL);
      expect(await stage.count('negative_hits')).toBeGreaterThanOrEqual(1);
      await eventually('forgotten', async () => (await inspect(client, 'none')) === undefined);
      await client.ask('GET', 'none');
      await stage.redis.ask('SET', 'none', 'there');
      await eventually('seen', async () => (await client.askText('GET', 'none')) === bulk('there'));
    }));

  test('--negative-ttl 0 turns that off', () =>
    withStage(['--negative-ttl', '0'], async (stage, client) => {
      for (let round = 0; round < 3; round += 1) expect(await client.askText('GET', 'none')).toBe(NIL);
      expect(await stage.callsAtRedis('get')).toBe(3);
      expect(await stage.count('keys')).toBe(0);
    }));
});

describe('in one proxy', () => {
  let stage: Stage;
  let client: RawClient;
  beforeAll(async () => {
    stage = await Stage.start();
    client = await stage.client();
  });
  afterAll(async () => {
    await client.close();
    await stage.stop();
  });
  beforeEach(async () => {
    await client.ask('FLUSHALL');
  });

  test('MGET is answered from the entries that GET filled, and fills those that GET is answered from', async () => {
    await stage.redis.ask('MSET', 'a', 1, 'b', 2);
    await client.ask('GET', 'a');
    await client.ask('GET', 'b');
    const [gets, mgets] = [await stage.callsAtRedis('get'), await stage.callsAtRedis('mget')];
    expect(await client.askText('MGET', 'a', 'b', 'a')).toBe(`*3\r\n${bulk('1')}${bulk('2')}${bulk('1')}`);
    expect(await stage.callsAtRedis('mget')).toBe(mgets);
    await stage.redis.ask('MSET', 'c', 3, 'd', 4);
    expect(await client.askText('MGET', 'a', 'c', 'd')).toBe(`*3\r\n${bulk('1')}${bulk('3')}${bulk('4')}`);
    expect(await client.askText('GET', 'c')).toBe(bulk('3'));
    expect(await client.askText('MGET', 'd', 'c')).toBe(`*2\r\n${bulk('4')}${bulk('3')}`);
    expect(await stage.callsAtRedis('mget')).toBe(mgets + 1);
    expect(await stage.callsAtRedis('get')).toBe(gets);
  });

  test('a nil in MGET is no proof that a key is missing: it may be a list', async () => {
    await stage.redis.ask('RPUSH', 'list', 'x');
    expect(await client.askText('MGET', 'list', 'none')).toBe(`*2\r\n${NIL}${NIL}`);
    expect(await client.askText('GET', 'list')).toMatch(/^-WRONGTYPE /);
    expect(await inspect(client, 'list')).toBeUndefined();
  });

  test('keys and values are any bytes at all', async () => {
    const bytes = Buffer.from(Array.from({ length: 512 }, (_, at) => at % 256));
    const other = Buffer.from(bytes).reverse();
    await client.ask('SET', bytes, other);
    await client.ask('SET', other, bytes);
    for (let round = 0; round < 3; round += 1) {
      expect(await client.ask('GET', bytes)).toEqual(
        Buffer.concat([Buffer.from('$512\r\n'), other, Buffer.from('\r\n')]),
      );
      expect(await client.ask('GET', other)).toEqual(
        Buffer.concat([Buffer.from('$512\r\n'), bytes, Buffer.from('\r\n')]),
      );
    }
    await client.ask('SET', '', 'the empty key');
    expect(await client.askText('GET', '')).toBe(bulk('the empty key'));
    expect(await client.askText('GET', '')).toBe(bulk('the empty key'));
    // The same letters, in two encodings, are two keys.
    await client.ask('SET', Buffer.from('é', 'utf8'), 'utf8');
    await client.ask('SET', Buffer.from('é', 'latin1'), 'latin1');
    expect(await client.askText('GET', Buffer.from('é', 'utf8'))).toBe(bulk('utf8'));
    expect(await client.askText('GET', Buffer.from('é', 'latin1'))).toBe(bulk('latin1'));
  });

  test('a value from memory is nil in the words of the client’s own protocol', async () => {
    await using modern = await stage.client();
    await modern.ask('HELLO', 3);
    for (let round = 0; round < 3; round += 1) {
      expect(await client.askText('GET', 'none')).toBe(NIL);
      expect(await modern.askText('GET', 'none')).toBe('_\r\n');
      expect(await modern.askText('MGET', 'none')).toBe('*1\r\n_\r\n');
    }
  });

  test('RESPITE INSPECT tells what is held, and asks Redis nothing', async () => {
    expect(await client.askText('RESPITE', 'INSPECT', 'k')).toBe(NIL);
    await client.ask('SET', 'k', 'value');
    await client.ask('GET', 'k');
    await client.ask('GET', 'k');
    await client.ask('GET', 'k');
    const gets = await stage.callsAtRedis('get');
    const seen = await inspect(client, 'k');
    expect([...(seen?.keys() ?? [])]).toEqual(['kind', 'age_ms', 'ttl_ms', 'bytes', 'hits']);
    expect(seen?.get('kind')).toBe('value');
    expect(seen?.get('hits')).toBe('2');
    expect(Number(seen?.get('ttl_ms'))).toBeGreaterThan(290_000);
    expect((await inspect(client, 'k'))?.get('hits')).toBe('2');
    expect(await stage.callsAtRedis('get')).toBe(gets);
  });

  test('RESPITE PURGE forgets keys, or all, and touches nothing in Redis', async () => {
    for (const key of ['a', 'b', 'c', 'd']) {
      await client.ask('SET', key, key);
      await client.ask('GET', key);
    }
    expect(await client.askText('RESPITE', 'PURGE', 'a', 'b', 'none')).toBe(':2\r\n');
    expect(await inspect(client, 'a')).toBeUndefined();
    expect(await inspect(client, 'c')).toBeDefined();
    expect(await client.askText('respite', 'purge', 'all')).toBe(':2\r\n');
    expect(await stage.count('keys')).toBe(0);
    expect(await stage.redis.askText('DBSIZE')).toBe(':4\r\n');
    expect(await client.askText('RESPITE', 'PURGE')).toMatch(
      /^-ERR wrong number of arguments for 'respite\|purge'/,
    );
  });

  test('RESPITE STATS is the map of what INFO respite lists, in either protocol', async () => {
    const info = await client.askText('INFO', 'respite');
    expect(info).toMatch(/^\$\d+\r\n# Respite\r\n/);
    const names = [...info.matchAll(/^([a-z_]+):/gm)].map(([, name]) => name);
    for (const name of ['coherence', 'upstream', 'clients', 'hits', 'misses', 'negative_hits', 'stale_hits'])
      expect(names).toContain(name);
    for (const name of ['hit_ratio', 'keys', 'bytes', 'evictions', 'expirations', 'invalidations'])
      expect(names).toContain(name);
    for (const name of ['fills_in_flight', 'joined_fills', 'upstream_connections', 'uptime_in_seconds'])
      expect(names).toContain(name);
    const stats = await client.askText('RESPITE', 'STATS');
    expect(stats).toMatch(new RegExp(`^\\*${2 * names.length}\r\n`));
    for (const name of names) expect(stats).toContain(bulk(name ?? ''));
    await using modern = await stage.client();
    await modern.ask('HELLO', 3);
    expect(await modern.askText('RESPITE', 'STATS')).toMatch(new RegExp(`^%${names.length}\r\n`));
    expect(await modern.askText('INFO', 'respite')).toMatch(/^=\d+\r\ntxt:# Respite\r\n/);
  });

  test('RESPITE HELP helps, and what it does not know it refuses as Redis does', async () => {
    const help = await client.askText('RESPITE', 'HELP');
    for (const word of ['STATS', 'PURGE', 'INSPECT', 'HELP']) expect(help).toContain(`+${word}`);
    expect(await client.askText('RESPITE', 'FOO')).toBe(
      "-ERR unknown subcommand 'FOO'. Try RESPITE HELP.\r\n",
    );
    expect(await client.askText('RESPITE')).toBe("-ERR wrong number of arguments for 'respite' command\r\n");
  });

  test('plain INFO is Redis’s own', async () => {
    const sections = (text: string) => text.match(/^# \w+/gm);
    expect(sections(await client.askText('INFO'))).toEqual(sections(await stage.redis.askText('INFO')));
    expect(await client.askText('INFO', 'server')).toContain(`tcp_port:${stage.redis.port}\r\n`);
  });

  test('hits, misses, their ratio and fills are counted', async () => {
    const before = await stage.count('hits');
    const missed = await stage.count('misses');
    const filled = await stage.count('fills');
    await client.ask('SET', 'k', 'v');
    for (let round = 0; round < 5; round += 1) await client.ask('GET', 'k');
    await client.ask('MGET', 'k', 'k');
    expect(await stage.count('hits')).toBe(before + 6);
    expect(await stage.count('misses')).toBe(missed + 1);
    expect(await stage.count('fills')).toBe(filled + 1);
    expect(Number(await stage.figure('hit_ratio'))).toBeGreaterThan(0);
  });
});

describe('with --coherence ttl', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await Stage.start({ flags: ['--coherence', 'ttl'] });
  });
  afterAll(() => stage.stop());
  beforeEach(async () => {
    await stage.ask('FLUSHALL');
  });

  test('time alone ends what Redis changes beside the proxy', async () => {
    expect(await stage.figure('coherence')).toBe('ttl');
    await stage.redis.ask('SET', 'k', 'old');
    expect(await stage.ask('GET', 'k')).toBe(bulk('old'));
    await stage.redis.ask('SET', 'k', 'new');
    expect(await stage.ask('GET', 'k')).toBe(bulk('old'));
    await stage.ask('RESPITE', 'PURGE', 'k');
    expect(await stage.ask('GET', 'k')).toBe(bulk('new'));
  });

  const WRITES: [string, string[][], string][] = [
    ['SET', [['SET', 'k', 'new']], 'new'],
    [
      'SET in another database',
      [
        ['SELECT', '1'],
        ['SET', 'k', 'other'],
        ['SELECT', '0'],
        ['SET', 'k', 'new'],
      ],
      'new',
    ],
    ['MSET', [['MSET', 'a', '1', 'k', 'new']], 'new'],
    ['APPEND', [['APPEND', 'k', '+']], 'old+'],
    ['GETSET', [['GETSET', 'k', 'new']], 'new'],
    [
      'RENAME',
      [
        ['SET', 'a', 'new'],
        ['RENAME', 'a', 'k'],
      ],
      'new',
    ],
    [
      'COPY',
      [
        ['SET', 'a', 'new'],
        ['COPY', 'a', 'k', 'REPLACE'],
      ],
      'new',
    ],
    ['a transaction', [['MULTI'], ['SET', 'k', 'new'], ['EXEC']], 'new'],
    ['a script that declares its key', [['EVAL', "redis.call('set',KEYS[1],'new')", '1', 'k']], 'new'],
    ['a script that declares nothing', [['EVAL', "redis.call('set','k','new')", '0']], 'new'],
    [
      'a script in another database',
      [
        ['SELECT', '1'],
        ['EVAL', "redis.call('select',0) redis.call('set','k','new')", '0'],
      ],
      'new',
    ],
    [
      'MOVE',
      [
        ['DEL', 'k'],
        ['SELECT', '1'],
        ['SET', 'k', 'new'],
        ['MOVE', 'k', '0'],
      ],
      'new',
    ],
    [
      'COPY from another database',
      [
        ['SELECT', '1'],
        ['SET', 'k', 'new'],
        ['COPY', 'k', 'k', 'DB', '0', 'REPLACE'],
      ],
      'new',
    ],
    [
      'SWAPDB',
      [
        ['SELECT', '1'],
        ['SET', 'k', 'new'],
        ['SWAPDB', '0', '1'],
      ],
      'new',
    ],
    [
      'a write of a client that is pinned',
      [
        ['SUBSCRIBE', 'x'],
        ['UNSUBSCRIBE', 'x'],
        ['SET', 'k', 'new'],
      ],
      'new',
    ],
  ];

  test.each(WRITES)('once %s is answered, every GET sees it', async (_what, commands, value) => {
    await using writer = await stage.client();
    await using reader = await stage.client();
    for (let round = 0; round < 10; round += 1) {
      await stage.ask('FLUSHALL');
      await stage.ask('SET', 'k', 'old');
      expect(await reader.askText('GET', 'k')).toBe(bulk('old'));
      for (const args of commands) await writer.ask(...args);
      expect(await reader.askText('GET', 'k')).toBe(bulk(value));
      expect(await stage.ask('MGET', 'k')).toBe(`*1\r\n${bulk(value)}`);
      await writer.ask('SELECT', 0);
    }
  });

  test('a script drops the whole cache: nobody says what it wrote', async () => {
    for (const key of ['a', 'b', 'c']) await stage.ask('GET', key);
    expect(await stage.count('keys')).toBe(3);
    await stage.ask('EVAL_RO', 'return 1', '0');
    expect(await stage.count('keys')).toBe(3);
    await stage.ask('EVAL', 'return 1', '0');
    expect(await stage.count('keys')).toBe(0);
  });

  test('no client reads an older value than it has read before', async () => {
    await using writer = await stage.client();
    const readers = await stage.clients(8);
    const newest = readers.map(() => 0);
    let running = true;
    const read = async (client: RawClient, at: number) => {
      while (running) {
        const many = Math.random() < 0.3;
        const reply = await client.askText(...(many ? ['MGET', 'n'] : ['GET', 'n']));
        const value = Number(/(\d+)\r\n$/.exec(reply)?.[1] ?? 0);
        expect(value).toBeGreaterThanOrEqual(newest[at] ?? 0);
        newest[at] = value;
      }
    };
    const reading = Promise.all(readers.map(read));
    for (let value = 1; value <= 400; value += 1) {
      await writer.ask('SET', 'n', value);
      expect(await writer.askText('GET', 'n')).toBe(bulk(`${value}`));
    }
    running = false;
    await reading;
    await Promise.all(readers.map((client) => client.close()));
  });
});
