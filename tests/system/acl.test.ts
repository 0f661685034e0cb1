// What a user may not read it does not get from memory either, whatever others have read and however rights change.

import { writeFile } from 'node:fs/promises';
import { ask as askHttp } from '../support/http';
import { type Bytes, command, type RawClient } from '../support/raw-client';
import { RedisServer } from '../support/redis-server';
import { Respite } from '../support/respite';
import { eventually } from '../support/stage';

let redis: RedisServer;
let respite: Respite;

const HIDDEN = '$6\r\nhidden\r\n';
const NOPERM = /^-NOPERM /;

beforeAll(async () => {
  redis = await RedisServer.start();
  respite = await Respite.start(['--redis', redis.url]);
});

afterAll(async () => {
  await respite.kill();
  await redis.stop();
});

beforeEach(async () => {
  await redis.ask('FLUSHALL');
  await setUser('alice', '>pw', '~*', '&*', '+@all');
  await setUser('bob', '>pw', '~open:*', '&open*', '+@all', '-@dangerous', '+info');
  await redis.ask('MSET', 'secret:k', 'hidden', 'open:k', 'seen');
});

async function setUser(name: string, ...rules: string[]): Promise<void> {
  await redis.ask('ACL', 'SETUSER', name, 'reset', 'on', ...rules);
}

async function login(name: string, password = 'pw'): Promise<RawClient> {
  const client = await respite.client();
  expect(await client.askText('AUTH', name, password)).toBe('+OK\r\n');
  return client;
}

/** Everybody who may has read it, by GET and by MGET, so that memory holds it for them. */
async function warm(...names: string[]): Promise<RawClient> {
  const clients = await Promise.all(names.map((name) => login(name)));
  const anybody = await respite.client();
  for (const client of [anybody, ...clients])
    for (const words of [
      ['GET', 'secret:k'],
      ['MGET', 'secret:k', 'open:k'],
      ['GET', 'nosuch'],
    ])
      await client.ask(...words);
  await Promise.all(clients.map((client) => client.close()));
  return anybody;
}

describe('a key that a user may not read, and others have read', () => {
  test('is told in no way at all', async () => {
    await using anybody = await warm('alice');
    await using bob = await login('bob');
    for (let round = 0; round < 2; round += 1) {
      expect(await bob.askText('GET', 'open:k')).toBe('$4\r\nseen\r\n');
      for (const words of [
        ...[
          ['GET', 'secret:k'],
          ['get', 'secret:k'],
          ['MGET', 'secret:k'],
          ['MGET', 'open:k', 'secret:k'],
        ],
        ...[
          ['STRLEN', 'secret:k'],
          ['EXISTS', 'secret:k'],
          ['GET', 'nosuch'],
          ['WATCH', 'secret:k'],
        ],
        ...[
          ['EVAL', 'return redis.call("GET", KEYS[1])', '1', 'secret:k'],
          ['GETDEL', 'secret:k'],
        ],
        ...[
          ['SET', 'secret:k', 'x'],
          ['SORT', 'open:l', 'BY', 'nosort', 'GET', 'secret:*'],
        ],
      ])
        expect([words, await bob.askText(...words)]).toEqual([words, expect.stringMatching(/^-/)]);
      expect(await bob.askText('RESPITE', 'INSPECT', 'secret:k')).toBe('$-1\r\n');
      expect(await bob.askText('RESPITE', 'INSPECT', 'nosuch')).toBe('$-1\r\n');
      expect(String(await bob.send('GET secret:k\r\n').reply())).toMatch(NOPERM);
      bob.send(Buffer.concat([command('WATCH', 'open:k'), command('GET', 'secret:k'), command('UNWATCH')]));
      expect((await bob.replies(3)).map(String)).toEqual([
        '+OK\r\n',
        expect.stringMatching(NOPERM),
        '+OK\r\n',
      ]);
      bob.send(Buffer.concat([command('MULTI'), command('GET', 'secret:k'), command('EXEC')]));
      expect((await bob.replies(3)).map(String)[2]).toMatch(/^-EXECABORT/);
      await bob.ask('SELECT', '1');
      await bob.ask('SELECT', '0');
      expect(await bob.askText('GET', 'secret:k')).toMatch(NOPERM);
      await bob.ask('HELLO', '3');
      expect(await bob.askText('GET', 'secret:k')).toMatch(NOPERM);
      expect(await bob.askText('MGET', 'secret:k')).toMatch(NOPERM);
      await bob.ask('RESET');
      expect(await bob.askText('GET', 'secret:k')).toBe(HIDDEN);
      await bob.ask('AUTH', 'bob', 'pw');
    }
    expect(await anybody.askText('RESPITE', 'INSPECT', 'secret:k')).toContain('value');
  });

  test('not by joining the fill of somebody else', async () => {
    await using alice = await login('alice');
    await using bob = await login('bob');
    await using writer = await respite.client();
    await bob.ask('GET', 'open:k');
    for (let round = 0; round < 20; round += 1) {
      await writer.ask('SET', 'secret:k', `${round}`);
      alice.send(command('GET', 'secret:k'));
      bob.send(Buffer.concat([command('GET', 'secret:k'), command('MGET', 'secret:k')]));
      expect(String(await alice.reply())).toContain(`\r\n${round}\r\n`);
      for (const reply of await bob.replies(2)) expect(String(reply)).toMatch(NOPERM);
    }
  });

  test('not over HTTP, where a pipeline may become another user', async () => {
    await using _anybody = await warm('alice');
    const pipeline = [
      ...[
        ['GET', 'secret:k'],
        ['AUTH', 'bob', 'pw'],
        ['GET', 'secret:k'],
        ['MGET', 'secret:k'],
      ],
      ...[
        ['RESPITE', 'INSPECT', 'secret:k'],
        ['GET', 'open:k'],
      ],
    ];
    for (let round = 0; round < 3; round += 1) {
      const answer = await askHttp(respite, '/pipeline', { body: JSON.stringify(pipeline) });
      const denied = { error: expect.stringMatching(/^NOPERM/) };
      expect(answer.json).toEqual([
        ...[{ result: 'hidden' }, { result: 'OK' }, denied, denied, { result: null }, { result: 'seen' }],
      ]);
      // The pipeline's user ended with it.
      expect((await askHttp(respite, '/get/secret:k')).json).toEqual({ result: 'hidden' });
    }
  });

  test('not over HTTP by those who never AUTH and are restricted themselves', async () => {
    await using _anybody = await warm('alice');
    await redis.ask('ACL', 'SETUSER', 'app', 'reset', 'on', '>pw', '~open:*', '+@all');
    const url = `redis://app:pw@127.0.0.1:${redis.port}`;
    await using other = await Respite.start(['--redis', url, '--http-token', 'token']);
    const headers = { authorization: 'Bearer token' };
    await using alice = await other.client();
    await alice.ask('AUTH', 'alice', 'pw');
    for (let round = 0; round < 2; round += 1) {
      expect(await alice.askText('GET', 'secret:k')).toBe(HIDDEN);
      const question = { headers };
      expect(await askHttp(other, '/get/secret:k', question)).toMatchObject({ status: 400 });
      expect((await askHttp(other, '/mget/secret:k/open:k', question)).text).toMatch(/NOPERM/);
      expect((await askHttp(other, '/pipeline', { headers, body: '[["GET","secret:k"]]' })).text).toMatch(
        /NOPERM/,
      );
      expect((await askHttp(other, '/get/open:k', question)).json).toEqual({ result: 'seen' });
    }
  });
});

/** Rules, and reads whose answers tell them apart. */
const RIGHTS: [string, string[]][] = [
  ['one command only', ['~*', '+get']],
  ['the other command only', ['~*', '+mget']],
  ['GET without what tells the expiry', ['~*', '+@all', '-pttl']],
  ['without MGET', ['~*', '+@all', '-mget']],
  ['without GET', ['~*', '+@all', '-get']],
  ['by category', ['~*', '-@all', '+@string', '+pttl']],
  ['a selector for one of them', ['~b*', '+mget', '+pttl', '(~a* +get +pttl)']],
  ['a selector that reaches further', ['~a:1', '+@all', '(~b:* +mget)', '(%R~b:1 +get)']],
  ['keys to read', ['%R~a:*', '%W~b:*', '+@all']],
  ['keys to write', ['%W~*', '+@all']],
  ['no keys at all', ['resetkeys', '+@all']],
  ['no commands at all', ['~*', 'nocommands']],
  ['all, and then a little less', ['allkeys', 'allcommands', '-mget|x', '-getrange']],
  ['a pattern with a hole', ['~a:[13]', '~b:?', '+@all', '-mget']],
  ['without the handshake', ['~*', '+@all', '-client|tracking', '-hello', '-ping']],
];
const READS: string[][] = [
  ...[
    ['GET', 'a:1'],
    ['GET', 'a:2'],
    ['GET', 'b:1'],
    ['GET', 'gone'],
    ['MGET', 'a:1'],
    ['MGET', 'b:1'],
  ],
  ...[
    ['MGET', 'a:1', 'b:1'],
    ['MGET', 'a:1', 'a:3'],
    ['MGET', 'b:1', 'b:2'],
    ['GET', 'a:3'],
    ['GET', 'b:2'],
  ],
  ...[['MGET', 'gone', 'a:1'], ['GET', 'list'], ['GETRANGE', 'a:1', '0', '-1'], ['GET']],
];
/** Steps through the reads, none of which divides their number. */
const ORDERS = [1, 7, 4];

test.each(RIGHTS)(
  'rights of another kind: %s; each answer is what Redis itself says',
  async (_name, rules) => {
    await setUser('carol', '>pw', ...rules);
    await redis.ask('MSET', 'a:1', '1', 'a:2', '2', 'a:3', '3', 'b:1', '4', 'b:2', '5');
    await redis.ask('RPUSH', 'list', 'x');
    await using carol = await login('carol');
    await using second = await login('carol');
    await using anybody = await respite.client();
    await using direct = await redis.client();
    await direct.ask('AUTH', 'carol', 'pw');
    for (let round = 0; round < 3; round += 1) {
      // Another order each time, so that each read meets what each other one has left in memory.
      for (let at = 0; at < READS.length; at += 1) {
        const words = READS[(at * (ORDERS[round] ?? 1)) % READS.length] ?? [];
        const expected = await direct.askText(...words);
        for (const client of [carol, second, carol])
          expect([words, await client.askText(...words)]).toEqual([words, expected]);
        await anybody.ask(...words);
      }
    }
  },
);

describe('rights that change through the proxy', () => {
  const TAKING_AWAY: [string, Bytes[]][] = [
    ['keys', ['ACL', 'SETUSER', 'alice', 'resetkeys', '~open:*']],
    ['commands', ['ACL', 'SETUSER', 'alice', '-get', '-mget']],
    ['keys to read', ['ACL', 'SETUSER', 'alice', 'resetkeys', '%W~*']],
  ];
  const WAYS: [string, (client: RawClient, words: Bytes[]) => Promise<void>][] = [
    ['at once', async (client, words) => void (await client.ask(...words))],
    [
      'by EXEC',
      async (client, words) => {
        client.send(
          Buffer.concat([command('MULTI'), command(...words), command('ECHO', 'x'), command('EXEC')]),
        );
        await client.replies(4);
      },
    ],
    [
      'by a client that keeps its connection',
      async (client, words) => {
        await client.ask('HELLO', '3');
        await client.ask('CLIENT', 'TRACKING', 'ON', 'BCAST', 'PREFIX', 'nothing');
        await client.ask(...words);
      },
    ],
    [
      'by EXEC of a client that keeps its connection',
      async (client, words) => {
        await client.ask('HELLO', '3');
        await client.ask('CLIENT', 'TRACKING', 'ON', 'BCAST', 'PREFIX', 'nothing');
        for (const step of [['MULTI'], words, ['GET', 'x'], ['EXEC']]) await client.ask(...step);
      },
    ],
  ];

  test.each(
    WAYS.flatMap(([way, send]) => TAKING_AWAY.map(([what, words]) => [way, what, send, words] as const)),
  )('%s, %s: with the reply, memory gives nothing more', async (_way, _what, send, words) => {
    await using _anybody = await warm('alice');
    await using alice = await login('alice');
    for (let round = 0; round < 5; round += 1) {
      await setUser('alice', '>pw', '~*', '&*', '+@all');
      await eventually('alice may', async () => (await alice.askText('GET', 'secret:k')) === HIDDEN);
      expect(await alice.askText('MGET', 'secret:k')).toBe(`*1\r\n${HIDDEN}`);
      await using admin = await respite.client();
      await send(admin, words);
      expect(await alice.askText('GET', 'secret:k')).toMatch(NOPERM);
      expect(await alice.askText('MGET', 'secret:k')).toMatch(NOPERM);
      expect(await alice.askText('RESPITE', 'INSPECT', 'secret:k')).toBe('$-1\r\n');
    }
  });

  test('of the default user, whom nobody has named', async () => {
    await using anybody = await warm();
    await using admin = await login('alice');
    await admin.ask('ACL', 'SETUSER', 'default', '-get');
    try {
      expect(await anybody.askText('GET', 'secret:k')).toMatch(NOPERM);
      expect(await anybody.askText('MGET', 'secret:k')).toBe(`*1\r\n${HIDDEN}`);
      expect((await askHttp(respite, '/get/secret:k')).text).toMatch(/NOPERM/);
    } finally {
      await redis.ask('ACL', 'SETUSER', 'default', '+@all');
    }
  });

  test('ACL LOAD', async () => {
    const file = `${redis.folder}/users.acl`;
    await writeFile(file, 'user alice on nopass ~* &* +@all\nuser dora on nopass ~* &* +@all\n');
    await using own = await RedisServer.start({ args: ['--aclfile', file] });
    await own.ask('SET', 'secret:k', 'hidden');
    await using front = await Respite.start(['--redis', own.url, '--http-port', 'off']);
    await using alice = await front.client();
    await using dora = await front.client();
    for (const [client, name] of [
      [alice, 'alice'],
      [dora, 'dora'],
    ] as const) {
      await client.ask('AUTH', name, 'x');
      expect(await client.askText('GET', 'secret:k')).toBe(HIDDEN);
    }
    await writeFile(file, 'user alice on nopass ~open:* &* +@all\n');
    await using admin = await front.client();
    expect(await admin.askText('ACL', 'LOAD')).toBe('+OK\r\n');
    expect(String(await dora.rest())).toBe('');
    expect(await alice.askText('GET', 'secret:k')).toMatch(NOPERM);
  });
});

describe('rights that change beside the proxy', () => {
  test.each([
    ['a user', 'alice'],
    ['the default user', 'default'],
  ])('are seen at the heartbeat: of %s', async (_title, name) => {
    await using anybody = await warm('alice');
    await using client = name === 'default' ? anybody : await login(name);
    expect(await client.askText('GET', 'secret:k')).toBe(HIDDEN);
    await redis.ask('ACL', 'SETUSER', name, '-get');
    try {
      await eventually('denied', async () => NOPERM.test(await client.askText('GET', 'secret:k')), 3_000);
    } finally {
      await redis.ask('ACL', 'SETUSER', name, '+get');
    }
  });

  test('are bounded by --ttl where respite may not run ACL LIST', async () => {
    await setUser('app', '>pw', '~*', '&*', '+@all', '-acl');
    const url = `redis://app:pw@127.0.0.1:${redis.port}`;
    await using own = await Respite.start(['--redis', url, '--http-port', 'off', '--ttl', '2s']);
    await using client = await own.client();
    await client.ask('AUTH', 'alice', 'pw');
    expect(await client.askText('GET', 'secret:k')).toBe(HIDDEN);
    await redis.ask('ACL', 'SETUSER', 'alice', '-get');
    await eventually('denied', async () => NOPERM.test(await client.askText('GET', 'secret:k')), 4_000);
  });
});

describe('a user who is deleted', () => {
  test.each(['through the proxy', 'beside it'])(
    '%s: its clients are closed and get nothing more',
    async (way) => {
      await using anybody = await warm('alice');
      const idle = await login('alice');
      const reading = await login('alice');
      const blocked = await login('alice');
      const subscribed = await login('alice');
      const queuing = await login('alice');
      await using bob = await login('bob');
      await reading.ask('GET', 'secret:k');
      blocked.send(command('BLPOP', 'list', '0'));
      await subscribed.ask('SUBSCRIBE', 'news');
      await queuing.ask('MULTI');
      await eventually('blocked', async () => (await redis.info('blocked_clients')) === 1);
      if (way === 'through the proxy') {
        expect(await anybody.askText('ACL', 'DELUSER', 'alice')).toBe(':1\r\n');
      } else {
        await redis.ask('ACL', 'DELUSER', 'alice');
        // Redis closes connections a moment after it has answered.
        await idle.rest();
      }
      for (const client of [reading, queuing, idle]) client.send(command('GET', 'secret:k'));
      for (const client of [idle, reading, blocked, subscribed, queuing]) {
        expect(String(await client.rest())).not.toContain('hidden');
        await client.close();
      }
      expect(await bob.askText('GET', 'open:k')).toBe('$4\r\nseen\r\n');
      expect(await anybody.askText('GET', 'secret:k')).toBe(HIDDEN);
      await using late = await respite.client();
      expect(await late.askText('AUTH', 'alice', 'pw')).toMatch(/^-WRONGPASS/);
    },
  );

  test('by itself: it gets the answer to that, and is closed', async () => {
    await using alice = await login('alice');
    await using idle = await login('alice');
    alice.send(Buffer.concat([command('ACL', 'DELUSER', 'alice'), command('GET', 'secret:k')]));
    expect(String(await alice.rest())).toMatch(/^:1\r\n(-ERR respite[^\r]+\r\n)?$/);
    expect(String(await idle.rest())).toBe('');
  });

  test('is not answered from stale copies either', async () => {
    await using own = await Respite.start([
      '--redis',
      redis.url,
      '--http-port',
      'off',
      '--stale-if-error',
      '1m',
    ]);
    await using alice = await own.client();
    await alice.ask('AUTH', 'alice', 'pw');
    expect(await alice.askText('GET', 'secret:k')).toBe(HIDDEN);
    await redis.ask('ACL', 'DELUSER', 'alice');
    await eventually('closed', async () => {
      if (!alice.ended) alice.send(command('GET', 'secret:k'));
      await new Promise((resolve) => setTimeout(resolve, 20));
      return alice.ended;
    });
  });
});

test('names that are no ASCII are names like others', async () => {
  const name = Buffer.from('zoë');
  await redis.ask('ACL', 'SETUSER', name, 'reset', 'on', '>pässwörd', '~open:*', '+@all');
  await using zoe = await respite.client();
  expect(await zoe.askText('AUTH', name, 'pässwörd')).toBe('+OK\r\n');
  expect(await zoe.askText('GET', 'open:k')).toBe('$4\r\nseen\r\n');
  await using other = await respite.client();
  // The rights are read anew before this is answered, and zoë is still there.
  await other.ask('ACL', 'SETUSER', 'somebody');
  expect(await zoe.askText('GET', 'open:k')).toBe('$4\r\nseen\r\n');
  expect(await zoe.askText('GET', 'secret:k')).toMatch(NOPERM);
  await other.ask('ACL', 'DELUSER', name);
  expect(String(await zoe.rest())).toBe('');
});

describe('a user whom Redis refuses when respite connects anew', () => {
  test.each([
    ['that is switched off', ['off']],
    ['with another password', ['resetpass', '>other']],
  ])('%s: goes on while its connections last, and is closed after that', async (_title, rules) => {
    await using alice = await login('alice');
    await using idle = await login('alice');
    await using bob = await login('bob');
    await alice.ask('STRLEN', 'secret:k');
    await redis.ask('ACL', 'SETUSER', 'alice', ...rules);
    expect(await alice.askText('STRLEN', 'secret:k')).toBe(':6\r\n');
    await redis.ask('CLIENT', 'KILL', 'USER', 'alice');
    // It may notice only by this that its connection is gone; the next one is refused.
    let last = '';
    await eventually('closed', async () => {
      if (!alice.ended) alice.send(command('STRLEN', 'secret:k'));
      last = (await alice.reply().catch(() => undefined))?.toString() ?? last;
      return alice.ended;
    });
    expect(last).toMatch(/^-WRONGPASS/);
    expect(String(await idle.rest())).toBe('');
    expect(await bob.askText('STRLEN', 'open:k')).toBe(':4\r\n');
  });

  test('who has shown the new password stays', async () => {
    await using before = await login('alice');
    await before.ask('GET', 'secret:k');
    await redis.ask('ACL', 'SETUSER', 'alice', 'resetpass', '>new');
    await using after = await login('alice', 'new');
    await before.ask('SELECT', '1');
    await redis.ask('CLIENT', 'KILL', 'USER', 'alice');
    expect(await after.askText('GET', 'secret:k')).toBe(HIDDEN);
    await after.ask('SELECT', '1');
    expect(await after.askText('GET', 'secret:k')).toBe('$-1\r\n');
  });
});

describe('what concerns others', () => {
  test('a user who may not ask Redis about it may not ask respite', async () => {
    await using _anybody = await warm('alice');
    await setUser('eve', '>pw', '~*', '+@all', '-client|list', '-client|kill', '-info');
    await using eve = await login('eve');
    await using victim = await login('alice');
    const id = (await victim.askText('CLIENT', 'ID')).slice(1).trim();
    for (const words of [
      ...[
        ['CLIENT', 'LIST'],
        ['CLIENT', 'LIST', 'TYPE', 'normal'],
        ['CLIENT', 'KILL', 'ID', id],
      ],
      ...[
        ['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'],
        ['INFO', 'respite'],
        ['RESPITE', 'STATS'],
      ],
    ])
      expect([words, await eve.askText(...words)]).toEqual([words, expect.stringMatching(NOPERM)]);
    expect(await victim.askText('PING')).toBe('+PONG\r\n');
    expect(await eve.askText('CLIENT', 'ID')).toMatch(/^:/);
    // bob may ask for INFO, and not for a list of clients.
    await using bob = await login('bob');
    bob.send(Buffer.concat([command('INFO', 'respite'), command('CLIENT', 'LIST'), command('ECHO', 'x')]));
    const [info, list, echo] = (await bob.replies(3)).map(String);
    expect([info?.includes('hits:'), list?.startsWith('-NOPERM'), echo]).toEqual([true, true, '$1\r\nx\r\n']);
    expect(await victim.askText('CLIENT', 'KILL', 'TYPE', 'normal')).toMatch(/^:[1-9]/);
  });

  test('RESPITE PURGE of such a user drops, and counts, what it has read itself', async () => {
    await using anybody = await warm('alice');
    await using bob = await login('bob');
    await bob.ask('GET', 'open:k');
    expect(await bob.askText('RESPITE', 'PURGE', 'secret:k', 'nosuch')).toBe(':0\r\n');
    expect(await bob.askText('RESPITE', 'PURGE', 'ALL')).toBe(':1\r\n');
    expect(await bob.askText('RESPITE', 'INSPECT', 'open:k')).toBe('$-1\r\n');
    expect(await anybody.askText('RESPITE', 'INSPECT', 'secret:k')).toContain('value');
    expect(await anybody.askText('RESPITE', 'PURGE', 'ALL')).toMatch(/^:[1-9]/);
  });

  test('a command that Redis denies drops nothing', async () => {
    await using anybody = await warm('alice');
    await setUser('eve', '>pw', '~open:*', '+@all', '-@dangerous', '-acl', '-client|pause');
    await using eve = await login('eve');
    const hits = async () => Number(/^hits:(\d+)/m.exec(await anybody.askText('INFO', 'respite'))?.[1]);
    const denied = [
      ...[['FLUSHALL'], ['SET', 'secret:k', 'x'], ['SWAPDB', '0', '1'], ['CLIENT', 'PAUSE', '100000']],
      ...[
        ['ACL', 'SETUSER', 'eve', '+@all'],
        ['ACL', 'DELUSER', 'alice'],
        ['DEL', 'secret:k'],
      ],
      ...[
        ['CONFIG', 'SET', 'maxclients', '1'],
        ['CLIENT', 'PAUSE', 'x'],
      ],
    ];
    const before = await hits();
    for (const words of denied) {
      expect([words, await eve.askText(...words)]).toEqual([words, expect.stringMatching(/^-/)]);
      expect(await anybody.askText('GET', 'secret:k')).toBe(HIDDEN);
    }
    for (const words of [['MULTI'], ['FLUSHALL'], ['EXEC']]) await eve.ask(...words);
    expect(await anybody.askText('GET', 'secret:k')).toBe(HIDDEN);
    expect((await hits()) - before).toBe(denied.length + 1);
    // Plain commands go on over connections that are shared.
    const connections = await redis.info('connected_clients');
    for (let at = 0; at < 20; at += 1) await eve.ask('STRLEN', 'open:k');
    expect(await redis.info('connected_clients')).toBeLessThanOrEqual(connections);
  });
});
