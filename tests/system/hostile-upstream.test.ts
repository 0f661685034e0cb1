// A backing server that sends what no Redis sends: the proxy lives, its memory is bounded, other clients go on.

import { readFileSync } from 'node:fs';
import { type HostileAnswer, HostileRedis } from '../support/hostile-redis';
import { command, type RawClient } from '../support/raw-client';
import { RedisServer } from '../support/redis-server';
import { Respite } from '../support/respite';
import { eventually } from '../support/stage';

const MB = 1024 * 1024;
/** What the process may grow by, whatever it is sent: V8 lets some garbage pile up before it looks. */
const BOUND = 200 * MB;

let redis: RedisServer;
let hostile: HostileRedis;
let respite: Respite;
let before = 0;

beforeAll(async () => {
  redis = await RedisServer.start();
  hostile = await HostileRedis.start(redis.port);
  respite = await Respite.start(['--redis', hostile.url, '--http-port', 'off', '--upstream-timeout', '1s']);
  await works();
  before = residentMemory();
});

afterEach(async () => {
  hostile.rules = [];
  hostile.cutAll();
  await works();
  expect(respite.stderr).toBe('');
  expect(respite.log.filter(({ level }) => level === 'fatal' || level === 'error')).toEqual([]);
});

afterAll(async () => {
  await respite.kill();
  await hostile.stop();
  await redis.stop();
});

function residentMemory(): number {
  const status = readFileSync(`/proc/${respite.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

function watchMemory(): () => number {
  let most = 0;
  const timer = setInterval(() => {
    most = Math.max(most, residentMemory());
  }, 20);
  return () => {
    clearInterval(timer);
    return most;
  };
}

async function ask(...args: string[]): Promise<string> {
  await using client = await respite.client();
  return await client.askText(...args);
}

/** Every way that a command may go works, at the latest when the pause after a failed attempt is over. */
async function works(): Promise<void> {
  await eventually('all ways are open', async () => {
    await using client = await respite.client();
    await client.ask('DEL', 'list');
    const commands = [
      'SET sane yes\r\n',
      'GET sane\r\n',
      'MGET sane none\r\n',
      'LPUSH list x\r\n',
      'BLPOP list 1\r\n',
      'EVAL "return 1" 0\r\n',
      'SELECT 1\r\n',
    ];
    const answers = (await client.send(commands.join('')).replies(commands.length)).join('');
    const list = '*2\r\n$4\r\nlist\r\n$1\r\nx\r\n';
    return answers === `+OK\r\n$3\r\nyes\r\n*2\r\n$3\r\nyes\r\n$-1\r\n:1\r\n${list}:1\r\n+OK\r\n`;
  });
}

function bytes(text: string): HostileAnswer {
  return { kind: 'bytes', bytes: text };
}

/** Commands that go different ways. The key is another one each time: of one that was large respite knows it. */
const ways: readonly (readonly [way: string, args: (key: string) => string[]])[] = [
  ['fill wire', (key) => ['GET', key]],
  ['fill wire, many keys', (key) => ['MGET', key, 'trap']],
  ['shared wire', (key) => ['STRLEN', key]],
  ['script wire', (key) => ['EVAL', 'return 1', '1', key]],
  ['exclusive wire', (key) => ['BLPOP', key, '0.01']],
  ['pooled wire that asks who a client is', () => ['SELECT', '7']],
];

let traps = 0;

function nextTrap(args: (key: string) => string[]): string[] {
  traps += 1;
  return args(`trap${traps}`);
}

function exactly(args: readonly string[]): RegExp {
  return new RegExp(`^${args.join(' ')}$`);
}

const nonsense: readonly (readonly [what: string, text: string])[] = [
  ['garbage', 'hello world\r\n'],
  ['HTTP', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
  ['zeros', '\0\0\0\0\0\0\0\0'],
  ['a negative length', '$-5\r\n'],
  ['a length that is none', '$abc\r\n'],
  ['a bulk that is longer than it says', '$2\r\nabc\r\n'],
];

test.each(nonsense)('%s in place of a reply is told to the client', async (_, text) => {
  for (const [, args] of ways) {
    const asked = nextTrap(args);
    hostile.rules = [{ when: exactly(asked), answer: bytes(text) }];
    await using client = await respite.client();
    expect(String(await client.send(command(...asked)).reply())).toMatch(
      /^-ERR respite: .*\(the backing server sent what is no Redis protocol: /,
    );
    expect(await ask('ECHO', 'neighbour')).toBe('$9\r\nneighbour\r\n');
  }
});

test('an array that nests a million deep has begun when that shows: its client is closed, or told', async () => {
  for (const [, args] of ways) {
    const asked = nextTrap(args);
    hostile.rules = [{ when: exactly(asked), answer: bytes('*1\r\n'.repeat(1_000_001)) }];
    await using client = await respite.client();
    client.send(command(...asked));
    await eventually('told or closed', () => client.ended || client.unread[0] === '-'.charCodeAt(0));
    expect(await ask('ECHO', 'neighbour')).toBe('$9\r\nneighbour\r\n');
  }
});

const odd: readonly (readonly [what: string, text: string])[] = [
  ['an integer that is none', ':abc\r\n'],
  ['an array of such integers', '*2\r\n:1\r\n:x\r\n'],
  ['a map, which RESP2 does not have', '%1\r\n+a\r\n+b\r\n'],
  ['a double that is none', ',x\r\n'],
  ['an array where none belongs', '*1\r\n*1\r\n$1\r\na\r\n'],
  ['an error without a word', '-\r\n'],
];

test.each(odd)('%s in place of a reply is passed on as it is, and nothing of it is kept', async (_, text) => {
  for (const [, args] of ways) {
    const asked = nextTrap(args);
    hostile.rules = [{ when: exactly(asked), answer: bytes(text) }];
    await using client = await respite.client();
    for (let round = 0; round < 2; round += 1) {
      client.send(command(...asked));
      expect(String(await client.until(text))).toBe(text);
    }
    hostile.rules = [];
    expect(await ask(...asked)).not.toBe(text);
  }
});

describe('answers of other numbers than were asked for', () => {
  test('a reply too many costs its wire, and other wires go on', async () => {
    hostile.rules = [{ when: /^STRLEN trap/, answer: bytes(':1\r\n:2\r\n') }];
    expect(await ask('STRLEN', 'trap')).toBe(':1\r\n');
    await eventually('a new wire', async () => (await ask('ECHO', 'x')) === '$1\r\nx\r\n');
  });

  test('replies that nobody asked for at all cost every wire, and all are opened again', async () => {
    hostile.shout('+surprise\r\n');
    await eventually('new wires', async () => (await ask('ECHO', 'x')) === '$1\r\nx\r\n');
  });

  test('a reply that never comes keeps nobody waiting on other wires, nor the cache silent for long', async () => {
    hostile.rules = [{ when: /^(GET|PTTL|BLPOP) lost/, answer: bytes('') }];
    await using reader = await respite.client();
    await using waiter = await respite.client();
    reader.send(command('GET', 'lost'));
    waiter.send(command('BLPOP', 'lost', '0'));
    expect(await ask('ECHO', 'x')).toBe('$1\r\nx\r\n');
    // The answers to heartbeats come in place of the missing ones, or the link is late: either way a new one is made.
    expect(String(await reader.reply())).toMatch(
      /^-ERR respite: the connection to the backing Redis was lost/,
    );
  });

  test.each([['GET'], ['MGET']])('the answer to a heartbeat is never taken for that to %s', async (name) => {
    hostile.rules = [{ when: /^(M?GET|PTTL) lost/, answer: bytes('') }];
    const flags = ['--redis', hostile.url, '--http-port', 'off', '--upstream-timeout', '10s'];
    await using patient = await Respite.start(flags);
    await using reader = await patient.client();
    expect(await reader.askText(name, 'lost')).toMatch(
      /^-ERR respite: .*\(the backing server left out an answer/,
    );
    hostile.rules = [];
    await eventually('a new link', async () => !(await reader.askText(name, 'lost')).startsWith('-'));
  });
});

describe('pushes', () => {
  const push = (items: string) => `>2\r\n$10\r\ninvalidate\r\n${items}`;

  test.each([
    ['where nobody asked', push('*1\r\n$4\r\nsane\r\n')],
    ['of no known kind', '>2\r\n+x\r\n:abc\r\n'],
    ['of a key that is none', push('*2\r\n:abc\r\n_\r\n')],
    ['of nothing', '>0\r\n'],
    ['of all keys', push('_\r\n')],
    ['that nests a hundred thousand deep', `>1\r\n${'*1\r\n'.repeat(100_000)}:1\r\n`],
  ])('%s are survived on every connection', async (_, text) => {
    hostile.shout(text);
    expect(await ask('ECHO', 'x')).toBe('$1\r\nx\r\n');
    await works();
  });

  test('in the middle of a reply do not disturb it', async () => {
    const reply = `*2\r\n${push('*1\r\n$4\r\nsane\r\n')}$1\r\na\r\n$1\r\nb\r\n`;
    hostile.rules = [{ when: /^MGET trap/, answer: bytes(reply) }];
    expect(await ask('MGET', 'trap', 'trap2')).toBe('*2\r\n$1\r\na\r\n$1\r\nb\r\n');
  });
});

test('a connection that ends in the middle of a reply ends that of the client, or it is told', async () => {
  for (const [, args] of ways) {
    const asked = nextTrap(args);
    hostile.rules = [{ when: exactly(asked), answer: { kind: 'cut', bytes: '$100\r\nhalf' } }];
    await using client = await respite.client();
    client.send(command(...asked));
    await eventually('told or closed', () => client.ended || client.unread[0] === '-'.charCodeAt(0));
    expect(await ask('ECHO', 'x')).toBe('$1\r\nx\r\n');
  }
});

test('a large value that breaks off when a part of it was delivered ends there', async () => {
  const bytes = `$3000000\r\n${'x'.repeat(2_000_000)}`;
  for (const [, args] of ways) {
    const asked = nextTrap(args);
    hostile.rules = [{ when: exactly(asked), answer: { kind: 'cut', bytes } }];
    await using client = await respite.client();
    client.send(command(...asked));
    await eventually('told or closed', () => client.ended || client.unread[0] === '-'.charCodeAt(0));
    // Anything behind it would be taken for the rest of the value.
    if (client.ended) expect(bytes.startsWith(String(client.unread))).toBe(true);
  }
});

describe('a handshake', () => {
  const steps = [
    ['HELLO', /^HELLO/],
    ['CLIENT TRACKING', /^CLIENT TRACKING/],
    ['CLIENT ID', /^CLIENT ID/],
    ['PING', /^PING$/],
    ['COMMAND', /^COMMAND/],
    ['INFO', /^INFO server/],
    ['ACL LIST', /^ACL LIST/],
  ] as const;

  const answers = [
    ...nonsense,
    ...odd,
    ['a push alone', '>1\r\n_\r\n'],
    ['two at once', '+a\r\n+b\r\n'],
  ] as const;

  test.each(steps)(
    'in which %s is answered wrongly in every way',
    async (_, when) => {
      for (const [, text] of answers) {
        hostile.rules = [{ when, answer: bytes(text) }];
        hostile.cutAll();
        await using client = await respite.client();
        // Whatever it is told, or not told while something is waited for: the proxy itself answers.
        client.send(command('GET', 'sane'));
        expect(await ask('INFO', 'respite')).toMatch(/^\$\d+\r\n# Respite/);
      }
    },
    30_000,
  );
});

describe('an answer without end', () => {
  const endless: readonly (readonly [what: string, answer: HostileAnswer])[] = [
    ['bulk', { kind: 'endless', head: '$10737418240\r\n', piece: Buffer.alloc(256 * 1024, 'x') }],
    ['line', { kind: 'endless', head: '+', piece: Buffer.alloc(256 * 1024, 'x') }],
    ['array', { kind: 'endless', head: '*1000000000\r\n', piece: Buffer.from(':1\r\n'.repeat(65_536)) }],
    ['nesting', { kind: 'endless', head: '', piece: Buffer.from('*1\r\n'.repeat(65_536)) }],
    ['push', { kind: 'endless', head: '>1000000000\r\n', piece: Buffer.from('$1\r\na\r\n'.repeat(32_768)) }],
    ['row of replies', { kind: 'endless', head: '', piece: Buffer.from('+OK\r\n'.repeat(52_428)) }],
  ];
  const everyWay = [...ways, ['HELLO', () => ['HELLO', '3']] as const];

  async function asking([, args]: (typeof ways)[number]): Promise<RawClient> {
    const client = await respite.client();
    return client.send(command(...nextTrap(args)));
  }

  /** Lets this be answered so until the connection is given up, or so much has come. */
  async function suffer(when: RegExp, answer: HostileAnswer, upTo: number): Promise<void> {
    hostile.rules = [{ when, answer }];
    hostile.cutAll();
    await eventually('the last one is over', () => hostile.pouring === 0);
    const before = hostile.poured;
    let clients: RawClient[] = [];
    await eventually('enough has come, or it is refused', async () => {
      const poured = hostile.poured - before;
      if (poured > 0) return poured > upTo || hostile.pouring === 0;
      // After a failed attempt there is a pause, in which nobody is asked.
      for (const client of clients) await client.close();
      clients = await Promise.all(everyWay.map(asking));
      // What a client is sent goes on to it: here it is not kept.
      for (const { socket } of clients) socket.removeAllListeners('data').resume();
      await new Promise((resolve) => setTimeout(resolve, 50));
      return false;
    });
    expect(await ask('INFO', 'respite')).toMatch(/^\$\d+\r\n# Respite/);
    for (const client of clients) await client.close();
  }

  test.each(endless)('a %s costs what has to gather it its connection', async (_, answer) => {
    hostile.mostPoured = 0;
    for (const when of [/^SELECT 7/, /^HELLO/, /^CLIENT/, /^(COMMAND|INFO)/])
      await suffer(when, answer, 120 * MB);
    expect(hostile.mostPoured).toBeLessThan(120 * MB);
  });

  test.each(endless)(
    'a %s is passed on or let go, and fills no memory',
    async (_, answer) => {
      const stopWatching = watchMemory();
      for (const when of [/^GET trap/, /^PTTL trap/, /^MGET trap/]) await suffer(when, answer, 1.1 * BOUND);
      expect(stopWatching() - before).toBeLessThan(BOUND);
    },
    60_000,
  );
});
