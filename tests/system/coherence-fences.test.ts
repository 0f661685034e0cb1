// Rules about writes: what their replies drop, and which replies wait until every push has been handled.

import { command, type RawClient } from '../support/raw-client';
import { RedisServer } from '../support/redis-server';
import { eventually, FILL_WIRE, Stage, testRule } from '../support/rule-stage';

let redis: RedisServer;

beforeAll(async () => {
  redis = await RedisServer.start();
  await redis.ask('FUNCTION', 'LOAD', LIBRARY);
  await redis.ask('ACL', 'SETUSER', 'alice', 'on', '>secret', '~*', '&*', '+@all');
});

afterAll(() => redis.stop());

const server = () => redis;
const OLD = '$3\r\nold\r\n';
const NEW = '$3\r\nnew\r\n';
const OK = '+OK\r\n';
const LIBRARY = `#!lua name=lib
redis.register_function('write_undeclared', function() return redis.call('SET', 'k', 'new') end)`;
const WRITE = "return redis.call('SET', 'k', 'new')";
const ALICE = ['AUTH', 'alice', 'secret'];

/** Over which plain commands travel, and nothing that fills. */
const SHARED_WIRE = /^(?![\s\S]*TRACKING)[\s\S]*PING/;

/** Nothing that Redis says about changes arrives for a moment: only a fence waits for it. */
const LATE = 120;

testRule('a write drops its keys before its reply is delivered', server, {
  async scenario(stage) {
    await stage.redis.ask('SET', 'k', 'old');
    const [reader, writer] = [await stage.client(['GET', 'k']), await stage.client()];
    stage.relay.aim(FILL_WIRE);
    stage.relay.hang('down');
    const written = await writer.askText('SET', 'k', 'new');
    return [written, await stage.readThenRelease(reader, 'GET', 'k')];
  },
  seen: [OK, NEW],
  without: {
    file: 'commands/effects.js',
    find: 'stats.invalidationsByWrite += drops.dropKeys(keys);',
    replace: '',
  },
  seenWithout: [OK, OLD],
});

testRule('a write drops its keys in the partition of every user', server, {
  async scenario(stage) {
    await stage.redis.ask('SET', 'k', 'old');
    const [reader, writer] = [await stage.client(ALICE, ['GET', 'k']), await stage.client()];
    stage.relay.aim(FILL_WIRE);
    stage.relay.hang('down');
    const written = await writer.askText('SET', 'k', 'new');
    return [written, await stage.readThenRelease(reader, 'GET', 'k')];
  },
  seen: [OK, NEW],
  without: {
    file: 'coherence/drops.js',
    find: 'return this.#store.dropEverywhere(key);',
    replace: "return [...this.#trackers()][0].partition.drop(key, 'dropped') ? 1 : 0;",
  },
  seenWithout: [OK, OLD],
});

testRule('a write whose wire is lost before the reply drops its keys all the same', server, {
  async scenario(stage) {
    await stage.redis.ask('SET', 'k', 'old');
    const [reader, writer] = [await stage.client(['GET', 'k']), await stage.client(['PING'])];
    stage.relay.hang('down');
    writer.send(command('SET', 'k', 'new'));
    await eventually('Redis has written', async () => (await redis.askText('GET', 'k')) === NEW);
    stage.relay.aim(FILL_WIRE);
    stage.relay.cut('rst', /SET\r\n/);
    const lost = (await writer.reply()).toString('latin1', 0, 14);
    return [lost, await stage.readThenRelease(reader, 'GET', 'k')];
  },
  seen: ['-ERR respite: ', NEW],
  without: {
    file: 'commands/debts.js',
    find: '(0, effects_1.applyEffect)(owed.effect, owed.keys, house, effects_1.holdNothing);',
    replace: ';',
  },
  seenWithout: ['-ERR respite: ', OLD],
});

/** Commands that write k, unseen, and what has to be done before. */
const WRITERS: Record<string, (writer: RawClient) => Promise<unknown>> = {
  'a script with an undeclared key': (writer) => writer.ask('EVAL', WRITE, '0'),
  'a script known by its hash': async (writer) =>
    writer.ask('EVALSHA', bulk(await writer.ask('SCRIPT', 'LOAD', WRITE)), '0'),
  'a function with an undeclared key': (writer) => writer.ask('FCALL', 'write_undeclared', '0'),
  'a script in another database': async (writer) => {
    await writer.ask('SELECT', '1');
    await writer.ask('EVAL', `redis.call('SELECT', '0') ${WRITE}`, '0');
  },
  'COPY into the database of the reader': async (writer) => {
    await writer.ask('SELECT', '1');
    await writer.ask('SET', 'source', 'new');
    await writer.ask('COPY', 'source', 'k', 'DB', '0', 'REPLACE');
  },
  'EXEC of a script with an undeclared key': async (writer) => {
    await writer.ask('MULTI');
    await writer.ask('SET', 'other', 'new');
    await writer.ask('EVAL', WRITE, '0');
    await writer.ask('EXEC');
  },
};

/** What a reader with k in memory gets once the writer has its reply, for each way of writing. */
async function readAfterEach(
  stage: Stage,
  writers: Record<string, (writer: RawClient) => Promise<unknown>>,
  begin: (writer: RawClient) => Promise<unknown> = async () => undefined,
): Promise<Record<string, string>> {
  const reads: Record<string, string> = {};
  for (const [name, write] of Object.entries(writers)) {
    await stage.redis.ask('SET', 'k', 'old');
    await stage.settle();
    const [reader, writer] = [await stage.client(['GET', 'k']), await stage.client()];
    await begin(writer);
    stage.relay.aim(FILL_WIRE);
    stage.relay.slow(0, LATE);
    await write(writer);
    reads[name] = await reader.askText('GET', 'k');
    stage.relay.slow(0, 0);
  }
  return reads;
}

function all(value: string, writers: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(Object.keys(writers).map((name) => [name, value]));
}

function bulk(frame: Buffer): Buffer {
  return frame.subarray(frame.indexOf('\r\n') + 2, -2);
}

testRule('the reply of a write that does not tell its keys waits for a fence', server, {
  scenario: (stage) => readAfterEach(stage, WRITERS),
  seen: all(NEW, WRITERS),
  without: { file: 'coherence/fence.js', find: 'this.#waiting.push(done);', replace: 'done(); return;' },
  seenWithout: all(OLD, WRITERS),
});

testRule('MOVE into the database of a reader who knows of no such key waits for a fence', server, {
  async scenario(stage) {
    await stage.redis.ask('DEL', 'k');
    const writer = await stage.client(['SELECT', '1'], ['SET', 'k', 'new']);
    const reader = await stage.client(['GET', 'k']);
    stage.relay.aim(FILL_WIRE);
    stage.relay.slow(0, LATE);
    const moved = await writer.askText('MOVE', 'k', '0');
    return [moved, await reader.askText('GET', 'k')];
  },
  seen: [':1\r\n', NEW],
  without: {
    file: 'commands/rules.js',
    find: "[{ route: 'shared', effect: 'fence' }, 'migrate move']",
    replace: "[{ route: 'shared', effect: 'none' }, 'migrate move']",
  },
  seenWithout: [':1\r\n', '$-1\r\n'],
});

const SET_ONLY = { SET: (writer: RawClient) => writer.ask('SET', 'k', 'new') };

testRule('what a RESP3 subscriber writes on its pinned connection is fenced', server, {
  scenario: (stage) =>
    readAfterEach(stage, SET_ONLY, async (writer) => {
      await writer.ask('HELLO', '3');
      await writer.ask('SUBSCRIBE', 'channel');
    }),
  seen: { SET: NEW },
  without: {
    file: 'commands/pinned-relay.js',
    find: 'const fenced = this.#seen < this.#fencedUpTo;',
    replace: 'const fenced = false;',
  },
  seenWithout: { SET: OLD },
});

test('what a client with CLIENT TRACKING of its own writes on its pinned connection is fenced', async () => {
  await using stage = await Stage.set(redis, {});
  const reads = await readAfterEach(stage, SET_ONLY, async (writer) => {
    await writer.ask('HELLO', '3');
    // In lower case, so that the relay does not take this connection for the one it delays.
    await writer.ask('client', 'tracking', 'on');
  });
  expect(reads).toEqual({ SET: NEW });
});

/** Transactions whose keys are all known: EXEC drops them, and asks nobody else. */
const TRANSACTIONS: Record<string, (writer: RawClient) => Promise<unknown>> = {
  'one write': async (writer) => {
    for (const words of [['MULTI'], ['SET', 'k', 'new'], ['EXEC']]) await writer.ask(...words);
  },
  'several, in one write to the socket': async (writer) => {
    const words = [['MULTI'], ['INCR', 'other'], ['MSET', 'x', '1', 'k', 'new'], ['GET', 'x'], ['EXEC']];
    writer.send(Buffer.concat(words.map((each) => command(...each))));
    await writer.replies(words.length);
  },
  'a large value behind a small one': async (writer) => {
    for (const words of [['MULTI'], ['SET', 'k', 'x'.repeat(2_000_000)], ['SET', 'k', 'new'], ['EXEC']])
      await writer.ask(...words);
  },
  'the second of two': async (writer) => {
    for (const words of [['MULTI'], ['SET', 'other', 'x'], ['EXEC']]) await writer.ask(...words);
    for (const words of [['MULTI'], ['SET', 'k', 'new'], ['EXEC']]) await writer.ask(...words);
  },
};

testRule('an EXEC whose keys are known drops them before it is answered', server, {
  scenario: (stage) => readAfterEach(stage, TRANSACTIONS),
  seen: all(NEW, TRANSACTIONS),
  without: {
    file: 'commands/conversation.js',
    find: 'return this.#transaction.keysOfExec;',
    replace: 'return [];',
  },
  seenWithout: all(OLD, TRANSACTIONS),
});

testRule('a transaction that is sent before the last one is answered keeps its own keys', server, {
  scenario: (stage) =>
    readAfterEach(stage, {
      'cut in two': async (writer) => {
        const words = [['MULTI'], ['SET', 'other', 'x'], ['EXEC'], ['MULTI'], ['SET', 'k', 'new']];
        writer.send(Buffer.concat(words.map((each) => command(...each))));
        await writer.replies(words.length);
        await writer.ask('EXEC');
      },
    }),
  seen: { 'cut in two': NEW },
  without: {
    file: 'commands/transaction.js',
    find: 'if (ends(step, head))\n                    this.#leave();',
    replace: 'if (ends(step, head)) this.reset();',
  },
  seenWithout: { 'cut in two': OLD },
});

test('behind a transaction that was answered, one that was sent with it is still one', async () => {
  await using stage = await Stage.set(redis, {});
  const client = await stage.client();
  const words = [['MULTI'], ['SET', 'k', 'v'], ['EXEC'], ['MULTI']];
  client.send(Buffer.concat(words.map((each) => command(...each))));
  await client.replies(words.length);
  expect(await client.askText('CLIENT', 'GETNAME')).toBe('+QUEUED\r\n');
  expect(await client.askText('EXEC')).toBe('*1\r\n$-1\r\n');
});

test('an EXEC whose keys are known waits for no fence', async () => {
  await using stage = await Stage.set(redis, {});
  const client = await stage.client(['GET', 'k']);
  for (const words of [
    ['MULTI'],
    ['SET', 'k', 'v'],
    ['INCRBY', 'n', '1'],
    ['LRANGE', 'l', '0', '-1'],
    ['EXEC'],
  ])
    await client.ask(...words);
  expect(await stage.figure('fences')).toBe('0');
  for (const words of [['MULTI'], ['EVAL', 'return 1', '0'], ['EXEC']]) await client.ask(...words);
  expect(await stage.figure('fences')).toBe('1');
  // So many keys are not kept until EXEC comes.
  const many = Array.from({ length: 20_002 }, (_, at) => `${at}`);
  for (const words of [['MULTI'], ['SET', 'k', 'v'], ['MSET', ...many], ['EXEC']]) await client.ask(...words);
  expect(await stage.figure('fences')).toBe('2');
});

testRule('after an EXEC that held reads no older value comes from memory', server, {
  async scenario(stage) {
    await stage.redis.ask('SET', 'k', 'old');
    const client = await stage.client(['GET', 'k']);
    stage.relay.aim(FILL_WIRE);
    stage.relay.slow(0, LATE);
    await redis.ask('SET', 'k', 'new');
    await client.ask('MULTI');
    await client.ask('GET', 'k');
    return [await client.askText('EXEC'), await client.askText('GET', 'k')];
  },
  seen: [`*1\r\n${NEW}`, NEW],
  without: {
    file: 'commands/transaction.js',
    find: 'return this.#strongest;',
    replace: "return 'none';",
  },
  seenWithout: [`*1\r\n${NEW}`, OLD],
});

testRule('after an MGET too large to be held no older value comes from memory', server, {
  async scenario(stage) {
    await stage.redis.ask('SET', 'k', 'old');
    const client = await stage.client(['GET', 'k']);
    stage.relay.aim(FILL_WIRE);
    // Longer than two megabytes take.
    stage.relay.slow(0, 10 * LATE);
    await redis.ask('SET', 'k', 'new');
    const many = await client.askText('MGET', 'k', 'x'.repeat(2 * 1024 * 1024));
    return [many, await client.askText('GET', 'k')];
  },
  seen: [`*2\r\n${NEW}$-1\r\n`, NEW],
  without: {
    file: 'commands/conversation.js',
    find: " || row.route === 'get' || row.route === 'mget'",
    replace: '',
  },
  seenWithout: [`*2\r\n${NEW}$-1\r\n`, OLD],
});

test('one round of PINGs serves all the fences that are waited for', async () => {
  await using stage = await Stage.set(redis, {});
  const client = await stage.client();
  const scripts = Array.from({ length: 200 }, () => command('EVAL', 'return 1', '0'));
  client.send(Buffer.concat(scripts));
  await client.replies(scripts.length);
  expect(Number(await stage.figure('fences'))).toBeLessThan(100);
});

test('what only reads waits for no fence', async () => {
  await using stage = await Stage.set(redis, {});
  await redis.ask('RPUSH', 'list', 'x');
  const client = await stage.client();
  stage.relay.aim(FILL_WIRE);
  stage.relay.hang('down');
  expect(await client.askText('EVAL_RO', "return redis.call('LLEN', 'list')", '0')).toBe(':1\r\n');
  expect(await client.askText('LRANGE', 'list', '0', '-1')).toBe('*1\r\n$1\r\nx\r\n');
  expect(await client.askText('PUBLISH', 'channel', 'hello')).toBe(':0\r\n');
  // Answered is not enough: a fence gives up on a link that has fallen silent.
  expect(await stage.figure('fences')).toBe('0');
});

testRule('SWAPDB, of which no push tells, drops everything', server, {
  async scenario(stage) {
    await stage.redis.ask('SET', 'k', 'old');
    await stage.redis.ask('EVAL', `redis.call('SELECT', '1') ${WRITE}`, '0');
    const client = await stage.client(['GET', 'k']);
    return [await client.askText('SWAPDB', '0', '1'), await client.askText('GET', 'k')];
  },
  seen: [OK, NEW],
  without: {
    file: 'commands/effects.js',
    find: `stats.flushes += 1;
            drops.dropAll();`,
    replace: 'stats.flushes += 1;',
  },
  seenWithout: [OK, OLD],
});

testRule('SWAPDB in a transaction drops everything at EXEC', server, {
  async scenario(stage) {
    await stage.redis.ask('SET', 'k', 'old');
    await stage.redis.ask('EVAL', `redis.call('SELECT', '1') ${WRITE}`, '0');
    const client = await stage.client(['GET', 'k'], ['MULTI'], ['SWAPDB', '0', '1'], ['EXEC']);
    return client.askText('GET', 'k');
  },
  seen: NEW,
  without: {
    file: 'commands/conversation.js',
    find: 'this.#transaction.onQueued(effect, keys);',
    replace: ';',
  },
  seenWithout: OLD,
});

/** k is "old" in database 0 and "new" in database 1. */
async function readyToSwap(stage: Stage): Promise<void> {
  await stage.redis.ask('SET', 'k', 'old');
  await stage.redis.ask('EVAL', `redis.call('SELECT', '1') ${WRITE}`, '0');
}

testRule('SWAPDB on a pinned connection drops everything', server, {
  async scenario(stage) {
    await readyToSwap(stage);
    const reader = await stage.client(['GET', 'k']);
    const pinned = await stage.client(['HELLO', '3'], ['SUBSCRIBE', 'channel'], ['SWAPDB', '0', '1']);
    const swapped = await reader.askText('GET', 'k');
    for (const words of [['MULTI'], ['SWAPDB', '0', '1'], ['EXEC']]) await pinned.ask(...words);
    return [swapped, await reader.askText('GET', 'k')];
  },
  seen: [NEW, OLD],
  without: {
    file: 'commands/pinned-relay.js',
    find: 'this.#effect = (0, transaction_1.strongerOf)(this.#effect, effect);',
    replace: ';',
  },
  seenWithout: [OLD, OLD],
});

test('ACL SETUSER on a pinned connection drops what the user was read', async () => {
  await using stage = await Stage.set(redis, {});
  await redis.ask('ACL', 'SETUSER', 'carol', 'on', '>secret', '~*', '&*', '+@all');
  await redis.ask('SET', 'k', 'old');
  const carol = await stage.client(['AUTH', 'carol', 'secret'], ['GET', 'k']);
  await stage.client(['HELLO', '3'], ['SUBSCRIBE', 'channel'], ['ACL', 'SETUSER', 'carol', '-get']);
  expect(await carol.askText('GET', 'k')).toMatch(/^-NOPERM/);
});

testRule('while SWAPDB is at Redis memory answers nothing', server, {
  async scenario(stage) {
    await readyToSwap(stage);
    const [reader, swapper] = [await stage.client(['GET', 'k']), await stage.client(['PING'])];
    stage.relay.aim(SHARED_WIRE);
    const done = stage.relay.hangBehind('up', command('SWAPDB', '0', '1').toString());
    stage.relay.hang('down');
    swapper.send(command('SWAPDB', '0', '1'));
    await done;
    await eventually('Redis has swapped', async () => (await redis.askText('GET', 'k')) === NEW);
    // One key is not in memory, so both are asked for: what is seen now must not be older at the next look.
    const both = await reader.askText('MGET', 'k', 'other');
    const one = await reader.askText('GET', 'k');
    stage.relay.release();
    return [both, one, String(await swapper.reply())];
  },
  seen: [`*2\r\n${NEW}$-1\r\n`, NEW, OK],
  without: { file: 'coherence/untold.js', find: 'return this.#count > 0;', replace: 'return false;' },
  seenWithout: [`*2\r\n${NEW}$-1\r\n`, OLD, OK],
});

/** GETEX sends no push of its own for the value, and each of them may leave another one behind. */
const READING_WRITES: Record<string, { ask: string[]; left: string }> = {
  GETSET: { ask: ['GETSET', 'k', 'new'], left: NEW },
  GETDEL: { ask: ['GETDEL', 'k'], left: '$-1\r\n' },
  GETEX: { ask: ['GETEX', 'k', 'PXAT', '1'], left: '$-1\r\n' },
};

testRule('GETSET, GETDEL and GETEX are writes', server, {
  async scenario(stage) {
    const seen: Record<string, string> = {};
    for (const [name, { ask }] of Object.entries(READING_WRITES)) {
      await stage.redis.ask('SET', 'k', 'old');
      await stage.settle();
      const client = await stage.client(['GET', 'k']);
      stage.relay.aim(FILL_WIRE);
      stage.relay.hang('down');
      await client.ask(...ask);
      seen[name] = await stage.readThenRelease(client, 'GET', 'k');
    }
    return seen;
  },
  seen: { GETSET: NEW, GETDEL: '$-1\r\n', GETEX: '$-1\r\n' },
  without: {
    file: 'commands/conversation.js',
    find: 'this.#debts.owe(row, effect, keys, this.#isSilent());',
    replace: "this.#debts.owe(row, row.name.startsWith('get') ? 'none' : effect, keys, this.#isSilent());",
  },
  seenWithout: { GETSET: OLD, GETDEL: OLD, GETEX: OLD },
});

/** Reads that go past the cache: what they say is Redis's own word, and k is in memory under another one. */
const BYPASSES: Record<string, (client: RawClient) => Promise<string>> = {
  'between WATCH and EXEC': async (client) => {
    await client.ask('WATCH', 'other');
    return client.askText('GET', 'k');
  },
  'inside MULTI': async (client) => {
    await client.ask('MULTI');
    return client.askText('GET', 'k');
  },
  'with CLIENT TRACKING on': async (client) => {
    await client.ask('HELLO', '3');
    await client.ask('CLIENT', 'TRACKING', 'ON');
    return client.askText('GET', 'k');
  },
  'while subscribed': async (client) => {
    await client.ask('HELLO', '3');
    await client.ask('SUBSCRIBE', 'channel');
    return client.askText('GET', 'k');
  },
  'with CLIENT REPLY OFF': async (client) => {
    client.send(
      Buffer.concat([
        command('CLIENT', 'REPLY', 'OFF'),
        command('GET', 'k'),
        command('CLIENT', 'REPLY', 'ON'),
      ]),
    );
    return (await client.reply()).toString();
  },
};

test.each(Object.keys(BYPASSES))('reads %s bypass the cache', async (when) => {
  await using stage = await Stage.set(redis, {});
  await redis.ask('SET', 'k', 'old');
  const client = await stage.client(['GET', 'k']);
  await redis.ask('CONFIG', 'RESETSTAT');
  const answer = await BYPASSES[when]?.(client);
  expect([OLD, OK, '+QUEUED\r\n']).toContain(answer);
  if (when === 'inside MULTI') expect(await client.askText('EXEC')).toBe(`*1\r\n${OLD}`);
  expect(await stage.gets()).toBe(1);
});

test('a transaction fails when a watched key was read from the cache before and has changed since', async () => {
  await using stage = await Stage.set(redis, {});
  await redis.ask('SET', 'k', 'old');
  const client = await stage.client(['GET', 'k'], ['WATCH', 'k']);
  expect(await client.askText('GET', 'k')).toBe(OLD);
  await redis.ask('SET', 'k', 'new');
  await client.ask('MULTI');
  await client.ask('SET', 'k', 'mine');
  expect(await client.askText('EXEC')).toBe('*-1\r\n');
  expect(await client.askText('GET', 'k')).toBe(NEW);
});

testRule("WAIT waits for the session's own writes, which went over another connection", server, {
  async scenario(stage) {
    await using replica = await RedisServer.start({
      args: ['--replicaof', redis.host, `${redis.port}`, '--repl-diskless-load', 'swapdb'],
    });
    await redis.ask('CONFIG', 'SET', 'repl-diskless-sync-delay', '0');
    await eventually('the replica is there', async () => (await redis.info('connected_slaves')) === 1);
    const client = await stage.client(['SET', 'k', 'old']);
    await eventually('it follows', async () => (await client.askText('WAIT', '1', '100')) === ':1\r\n');
    await eventually('it has said so of everything', async () => {
      const text = await redis.askText('INFO', 'replication');
      const [told, sent] = [/,offset=(\d+),/.exec(text)?.[1], /master_repl_offset:(\d+)/.exec(text)?.[1]];
      return told !== undefined && told === sent;
    });
    replica.freeze();
    try {
      await client.ask('SET', 'k', 'new');
      return await client.askText('WAIT', '1', '50');
    } finally {
      replica.thaw();
    }
  },
  seen: ':0\r\n',
  without: {
    file: 'commands/conversation.js',
    find: 'wire.send(PING, ignore_reply_1.ignoreReply);',
    replace: ';',
  },
  seenWithout: ':1\r\n',
});
