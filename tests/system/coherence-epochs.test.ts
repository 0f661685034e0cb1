// Rules about a link that is lost: what was cached before is worth nothing afterwards, and stale copies have their limits.

import { command, type RawClient } from '../support/raw-client';
import { RedisServer } from '../support/redis-server';
import { eventually, FILL_WIRE, Stage, testRule } from '../support/rule-stage';

let redis: RedisServer;
let other: RedisServer;

beforeAll(async () => {
  [redis, other] = await Promise.all([RedisServer.start(), RedisServer.start()]);
});

afterAll(async () => {
  await Promise.all([redis.stop(), other.stop()]);
});

const server = () => redis;
const OLD = '$3\r\nold\r\n';
const NEW = '$3\r\nnew\r\n';
const OK = '+OK\r\n';
const KEYS = ['a', 'b', 'c'];
const QUICK = ['--upstream-timeout', '300ms'];
const fill = (server: RedisServer, value: string) =>
  server.ask('MSET', ...KEYS.flatMap((key) => [key, value]));

/** The first answer that is no error. */
async function firstAnswer(client: RawClient, key: string): Promise<string> {
  let answer = '';
  await eventually(`GET ${key} is answered`, async () => {
    answer = await client.askText('GET', key);
    return !answer.startsWith('-');
  });
  return answer;
}

/** What goes wrong, and how it ends; in between, the keys get new values. Returns the server that is there then. */
const LOSSES: Record<string, (stage: Stage, client: RawClient) => Promise<RedisServer>> = {
  async 'is closed'(stage) {
    stage.relay.cut('fin');
    await stage.relay.refuse();
    await fill(redis, 'new');
    await stage.relay.accept();
    return redis;
  },
  async 'is reset'(stage) {
    await stage.relay.refuse();
    stage.relay.cut('rst');
    await fill(redis, 'new');
    await stage.relay.accept();
    return redis;
  },
  async 'is reset alone, while other connections live'(stage) {
    stage.relay.cut('rst', FILL_WIRE);
    await fill(redis, 'new');
    return redis;
  },
  async 'falls silent in one direction'(stage) {
    stage.relay.aim(FILL_WIRE);
    stage.relay.hang('down');
    await fill(redis, 'new');
    await epochEnds(stage);
    stage.relay.release();
    return redis;
  },
  async 'falls silent in the other direction'(stage) {
    stage.relay.hang('up');
    await epochEnds(stage);
    await fill(redis, 'new');
    stage.relay.release();
    return redis;
  },
  async 'is frozen with the server'(stage) {
    redis.freeze();
    try {
      await epochEnds(stage);
    } finally {
      redis.thaw();
    }
    await fill(redis, 'new');
    return redis;
  },
  async 'ends with the server, which comes back with other data'() {
    await redis.restart();
    await fill(redis, 'new');
    return redis;
  },
  async 'moves with its address to another server'(stage) {
    await fill(other, 'new');
    stage.relay.retarget(other);
    stage.relay.cut('rst');
    return other;
  },
};

/** The proxy says so itself: what it holds of `a` is not given out any more. */
async function epochEnds(stage: Stage): Promise<void> {
  const client = await stage.client();
  await eventually(
    'the epoch has ended',
    async () => (await client.askText('RESPITE', 'INSPECT', 'a')) === '$-1\r\n',
  );
}

test.each(Object.keys(LOSSES))(
  'when the link %s, the first read of every key afterwards is from Redis',
  async (how) => {
    await using stage = await Stage.set(redis, { flags: QUICK });
    await fill(redis, 'old');
    const client = await stage.client(...KEYS.map((key) => ['GET', key]));
    await redis.ask('CONFIG', 'RESETSTAT');
    await other.ask('CONFIG', 'RESETSTAT');
    expect(await client.askText('MGET', ...KEYS)).toBe(`*3\r\n${OLD.repeat(3)}`);
    expect(await stage.gets()).toBe(0);

    const now = await LOSSES[how]?.(stage, client);
    const reader = await stage.client();
    for (const key of KEYS) expect(await firstAnswer(reader, key)).toBe(NEW);
    const text = await now?.askText('INFO', 'commandstats');
    expect(Number(/cmdstat_get:calls=(\d+)/.exec(text ?? '')?.[1])).toBeGreaterThanOrEqual(KEYS.length);
    expect(Number(await stage.figure('epochs'))).toBeGreaterThanOrEqual(2);
  },
);

testRule('a lost fill wire ends the epoch before it is replaced', server, {
  async scenario(stage) {
    await fill(stage.redis, 'old');
    const client = await stage.client(['GET', 'a'], ['GET', 'b']);
    await stage.relay.refuse();
    const fillWires = await stage.redis.askText('CLIENT', 'LIST');
    expect(fillWires).toMatch(/flags=t/);
    stage.relay.cut('rst', FILL_WIRE);
    await eventually(
      'Redis knows it',
      async () => !/flags=t/.test(await stage.redis.askText('CLIENT', 'LIST')),
    );
    await fill(stage.redis, 'new');
    await stage.relay.accept();
    // A key that is not in memory brings the link back.
    await firstAnswer(client, 'c');
    return [await client.askText('GET', 'a'), await client.askText('GET', 'b')];
  },
  seen: [NEW, NEW],
  without: {
    file: 'coherence/tracker.js',
    find: `this.#endEpoch(true);
        // A server older`,
    replace: '// A server older',
  },
  seenWithout: [OLD, OLD],
});

testRule('when the link falls silent, the heartbeat bounds how long memory is believed', server, {
  flags: QUICK,
  async scenario(stage) {
    await fill(stage.redis, 'old');
    const client = await stage.client(['GET', 'a']);
    stage.relay.aim(FILL_WIRE);
    stage.relay.hang('down');
    await fill(stage.redis, 'new');
    const end = performance.now() + 2_000;
    let answer = OLD;
    while (answer === OLD && performance.now() < end) {
      const reply = client.send(command('GET', 'a')).reply();
      answer = await Promise.race([reply.then(String), silence(200)]);
    }
    return answer === OLD;
  },
  seen: false,
  without: [
    {
      file: 'coherence/tracker.js',
      find: 'return this.#live && now <= this.#freshUntil &&',
      replace: 'return this.#live &&',
    },
    { file: 'coherence/tracker.js', find: '            this.#fade();', replace: ';' },
  ],
  seenWithout: true,
});

function silence(ms: number): Promise<string> {
  return new Promise((resolve) => setTimeout(() => resolve('nothing, it asks Redis'), ms));
}

/** Redis cannot be reached any more, and the proxy has noticed. */
async function loseRedis(stage: Stage): Promise<void> {
  await stage.relay.refuse();
  stage.relay.cut('rst');
  await eventually('it is noticed', async () => (await stage.figure('upstream')) === 'down');
}

async function pass(ms: number): Promise<void> {
  const end = performance.now() + ms;
  while (performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 5));
}

const kind = (answer: string) => (answer.startsWith('-') ? 'error' : answer);

test('without --stale-if-error nothing is answered from memory once Redis is unreachable', async () => {
  await using stage = await Stage.set(redis, {});
  await fill(redis, 'old');
  const client = await stage.client(['GET', 'a']);
  await loseRedis(stage);
  expect(await client.askText('GET', 'a')).toMatch(/^-ERR respite: cannot reach the backing Redis/);
  await stage.relay.accept();
  expect(await firstAnswer(client, 'a')).toBe(OLD);
});

testRule('--stale-if-error serves what was in memory, and for no longer than it says', server, {
  flags: ['--stale-if-error', '600ms'],
  async scenario(stage) {
    await fill(stage.redis, 'old');
    const client = await stage.client(['GET', 'a'], ['GET', 'b']);
    await loseRedis(stage);
    const during = [await client.askText('GET', 'a'), await client.askText('MGET', 'a', 'b')];
    const unknown = kind(await client.askText('GET', 'c'));
    await pass(605);
    return [...during, unknown, kind(await client.askText('GET', 'a'))];
  },
  seen: [OLD, `*2\r\n${OLD}${OLD}`, 'error', 'error'],
  without: {
    file: 'coherence/tracker.js',
    find: 'this.#staleUntil = this.now() + window;',
    replace: 'this.#staleUntil = Infinity;',
  },
  seenWithout: [OLD, `*2\r\n${OLD}${OLD}`, 'error', OLD],
});

testRule("a stale copy is never served past Redis's own deadline", server, {
  flags: ['--stale-if-error', '1h'],
  async scenario(stage) {
    const client = await stage.client(['PING']);
    await stage.redis.ask('SET', 'k', 'old', 'PX', '500');
    await client.ask('GET', 'k');
    await loseRedis(stage);
    await pass(505);
    return kind(await client.askText('GET', 'k'));
  },
  seen: 'error',
  without: {
    file: 'cache/entries.js',
    find: "const column = generation.fate === 'stale' ? rows_1.REDIS_DEADLINE : rows_1.DEADLINE;",
    replace: "if (generation.fate === 'stale') return false; const column = rows_1.DEADLINE;",
  },
  seenWithout: OLD,
});

test('stale copies outlive --ttl, which bounds coherence and not Redis', async () => {
  await using stage = await Stage.set(redis, { flags: ['--stale-if-error', '1h', '--ttl', '400ms'] });
  const client = await stage.client(['PING']);
  await fill(redis, 'old');
  await client.ask('GET', 'a');
  await loseRedis(stage);
  await pass(405);
  expect(await client.askText('GET', 'a')).toBe(OLD);
  expect(Number(await stage.figure('stale_hits'))).toBe(1);
});

test('stale copies die when the next epoch begins, and Redis is tried again while they are served', async () => {
  await using stage = await Stage.set(redis, { flags: ['--stale-if-error', '1h'] });
  await fill(redis, 'old');
  const client = await stage.client(['GET', 'a']);
  await loseRedis(stage);
  expect(await client.askText('GET', 'a')).toBe(OLD);
  await fill(redis, 'new');
  await stage.relay.accept();
  // Nothing but this key is ever asked for, and it has a stale copy.
  await eventually('it is read from Redis', async () => (await client.askText('GET', 'a')) === NEW, 6_000);
});

test('when the fill wire alone is lost, stale copies are served for no longer than it takes to replace it', async () => {
  await using stage = await Stage.set(redis, { flags: ['--stale-if-error', '1h'] });
  await fill(redis, 'old');
  const client = await stage.client(['GET', 'a']);
  stage.relay.cut('rst', FILL_WIRE);
  await fill(redis, 'new');
  await eventually('it is read from Redis', async () => (await client.askText('GET', 'a')) === NEW, 6_000);
});

/** The fill wire is lost and cannot be replaced for a while; the others live. */
async function loseFillWire(stage: Stage): Promise<void> {
  stage.relay.aim(FILL_WIRE);
  stage.relay.hang('down');
  stage.relay.cut('rst', FILL_WIRE);
}

const STALE = ['--stale-if-error', '1h', '--upstream-timeout', '500ms'];

testRule('a write drops the stale copy of its key', server, {
  flags: STALE,
  async scenario(stage) {
    await fill(stage.redis, 'old');
    const client = await stage.client(['GET', 'a'], ['GET', 'b']);
    await loseFillWire(stage);
    const stale = await client.askText('GET', 'b');
    const written = await client.askText('SET', 'a', 'new');
    return [stale, written, await client.askText('GET', 'a')];
  },
  seen: [OLD, OK, NEW],
  without: {
    file: 'cache/partition.js',
    find: 'const stale = this.#stale !== undefined && this.#dropFrom(this.#stale, key, reason);',
    replace: 'const stale = false;',
  },
  seenWithout: [OLD, OK, OLD],
});

testRule('a write that does not tell its keys drops every stale copy', server, {
  flags: STALE,
  async scenario(stage) {
    await fill(stage.redis, 'old');
    const client = await stage.client(['GET', 'a'], ['GET', 'b']);
    await loseFillWire(stage);
    const stale = await client.askText('GET', 'b');
    await client.ask('EVAL', "redis.call('SET', 'a', 'new')", '0');
    // An error will do: the link cannot be had just now.
    return [stale, (await client.askText('GET', 'a')) === OLD];
  },
  seen: [OLD, false],
  without: { file: 'coherence/tracker.js', find: 'dropStale() {', replace: 'dropStale() { return;' },
  seenWithout: [OLD, true],
});

testRule('a large value that is cut short ends the connection, without an error inside it', server, {
  flags: ['--max-value', '1000'],
  async scenario(stage) {
    await stage.redis.ask('SET', 'big', `${'x'.repeat(3_000)}middle${'x'.repeat(3_000)}`);
    const client = await stage.client();
    const half = stage.relay.hangBehind('down', 'middle', FILL_WIRE);
    client.send(command('GET', 'big'));
    await half;
    await client.until('middle');
    stage.relay.cut('rst');
    const misread = client.until('-ERR').then(() => 'an error inside the value');
    return misread.catch(() => 'the end');
  },
  seen: 'the end',
  without: {
    file: 'commands/read-slot.js',
    find: `if (this.#delivering)
            this.#desk.breakOff(answers_1.CUT_SHORT);
        return this.#delivering;`,
    replace: 'return false;',
  },
  seenWithout: 'an error inside the value',
});

testRule('a read goes past the cache only when its turn comes', server, {
  flags: QUICK,
  async scenario(stage) {
    await fill(stage.redis, 'old');
    const client = await stage.client(['PING'], ['GET', 'a']);
    stage.relay.aim(FILL_WIRE);
    stage.relay.hang('down');
    // The first waits for its answer; the second is in memory, and waits for the first.
    client.send(Buffer.concat([command('GET', 'b'), command('GET', 'a')]));
    await stage.relay.refuse();
    await epochEnds(stage);
    // The next heartbeat gives the fill wire up, and no other can be had: the third goes past the cache.
    await pass(1_200);
    const past = stage.relay.sight('up', command('GET', 'a').toString('latin1'));
    client.send(command('GET', 'a'));
    await Promise.race([past, pass(300)]);
    await pass(20);
    await stage.redis.ask('SET', 'a', 'new');
    await stage.relay.accept();
    stage.relay.release();
    return (await client.replies(3)).map(String);
  },
  seen: [OLD, NEW, NEW],
  without: {
    file: 'commands/read-slot.js',
    find: `else
            this.#state = 'around';`,
    replace: `else {
            this.#state = 'around';
            this.#sendAround();
        }`,
  },
  seenWithout: [OLD, NEW, OLD],
});

testRule('a fence waits for no fill wire that has fallen silent and cannot be replaced', server, {
  flags: QUICK,
  async scenario(stage) {
    const client = await stage.client(['EVAL', 'return 1', '0']);
    await stage.relay.refuse();
    stage.relay.aim(FILL_WIRE);
    stage.relay.hang('down');
    const answer = client.send(command('EVAL', 'return 2', '0')).reply();
    return Promise.race([answer.then(String), pass(4_000).then(() => 'nothing')]);
  },
  seen: ':2\r\n',
  without: { file: 'coherence/tracker.js', find: 'pong.giveUp();', replace: ';' },
  seenWithout: 'nothing',
});

testRule('a sign of life that comes late ends the epoch, and the next one begins empty', server, {
  flags: QUICK,
  async scenario(stage) {
    await fill(stage.redis, 'old');
    await stage.client(['GET', 'a']);
    stage.relay.aim(FILL_WIRE);
    stage.relay.slow(0, 500);
    const begun = stage.relay.sight('up', 'PING', FILL_WIRE);
    await begun;
    await pass(700);
    const client = await stage.client();
    const held = await client.askText('RESPITE', 'INSPECT', 'a');
    return [await stage.figure('epochs'), held === '$-1\r\n'];
  },
  seen: ['2', true],
  without: { file: 'coherence/tracker.js', find: '            this.#renewEpoch();', replace: ';' },
  seenWithout: ['1', false],
});

testRule('nobody joins a fill of an epoch that has ended', server, {
  flags: QUICK,
  async scenario(stage) {
    await fill(stage.redis, 'old');
    const [first, second] = [await stage.client(), await stage.client()];
    stage.relay.aim(FILL_WIRE);
    const answered = stage.relay.sight('down', 'old', FILL_WIRE);
    stage.relay.hang('down');
    first.send(command('GET', 'a'));
    await Promise.race([answered, pass(100)]);
    // The heartbeat gives the wire up; its reader goes on waiting.
    await pass(2_600);
    await fill(stage.redis, 'new');
    second.send(command('GET', 'a'));
    await pass(50);
    stage.relay.release();
    return String(await second.reply());
  },
  seen: NEW,
  without: {
    file: 'coherence/tracker.js',
    find: 'this.register.cancelAll();\n        // Memory',
    replace: '// Memory',
  },
  seenWithout: OLD,
});

testRule('-BUSY is a sign of life like any other reply', server, {
  flags: QUICK,
  async scenario(stage) {
    await fill(stage.redis, 'old');
    const client = await stage.client(['GET', 'a']);
    await stage.redis.ask('CONFIG', 'SET', 'busy-reply-threshold', '50');
    await using runner = await stage.redis.client();
    runner.send(command('EVAL', 'while true do end', '0'));
    await pass(2_500);
    const during = client.send(command('GET', 'a')).reply();
    const answer = await Promise.race([during.then(String), silence(200)]);
    await stage.redis.ask('SCRIPT', 'KILL');
    return answer === OLD;
  },
  seen: true,
  without: {
    file: 'coherence/tracker.js',
    find: 'onReply(_chunk, _start, _end, last) {\n        if (!last)',
    replace: 'onReply(chunk, start, _end, last) {\n        if (!last || chunk[start] === 45)',
  },
  seenWithout: false,
});

testRule('what Redis answers past the cache drops the stale copy of its key', server, {
  flags: STALE,
  async scenario(stage) {
    await fill(stage.redis, 'old');
    const client = await stage.client(['GET', 'a'], ['GET', 'b']);
    await loseFillWire(stage);
    await stage.redis.ask('SET', 'a', 'new');
    client.send(Buffer.concat([command('PING'), command('GET', 'a')]));
    const [, past] = await client.replies(2);
    return [await client.askText('GET', 'b'), String(past), await client.askText('GET', 'a')];
  },
  seen: [OLD, NEW, NEW],
  without: {
    file: 'cache/partition.js',
    find: 'const stale = this.#stale !== undefined && this.#dropFrom(this.#stale, key, reason);',
    replace: 'const stale = false;',
  },
  seenWithout: [OLD, NEW, OLD],
});

test('while Redis is frozen stale copies are served, for no longer than --stale-if-error says', async () => {
  await using stage = await Stage.set(redis, { flags: [...QUICK, '--stale-if-error', '600ms'] });
  await fill(redis, 'old');
  const client = await stage.client(['GET', 'a'], ['GET', 'b']);
  redis.freeze();
  try {
    await eventually('copies are served', async () => {
      await client.askText('GET', 'b');
      return (await stage.figure('stale_hits')) !== '0';
    });
    await pass(605);
    const before = await stage.figure('stale_hits');
    const answer = client.send(command('GET', 'a')).reply();
    expect(await Promise.race([answer.then(String), silence(100)])).not.toBe(OLD);
    expect(await stage.figure('stale_hits')).toBe(before);
  } finally {
    redis.thaw();
  }
});
