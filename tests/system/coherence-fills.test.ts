// Rules about the reads that fill the cache: where they travel, what cancels them, what may be kept of their answers.

import { command, type RawClient } from '../support/raw-client';
import { RedisServer } from '../support/redis-server';
import { eventually, FILL_WIRE, Stage, testRule } from '../support/rule-stage';

let redis: RedisServer;

beforeAll(async () => {
  redis = await RedisServer.start();
});

afterAll(() => redis.stop());

const server = () => redis;
const OLD = '$3\r\nold\r\n';
const NEW = '$3\r\nnew\r\n';
const NIL = '$-1\r\n';
const OK = '+OK\r\n';
const get = (key: string) => command('GET', key).toString('latin1');

testRule('reads that fill travel on the very connection that carries the pushes', server, {
  async scenario(stage) {
    await stage.redis.ask('SET', 'k', 'old');
    const client = await stage.client();
    const first = await client.askText('GET', 'k');
    await stage.redis.ask('SET', 'k', 'new');
    await stage.settle();
    return [first, await client.askText('GET', 'k')];
  },
  seen: [OLD, NEW],
  without: {
    file: 'coherence/tracker.js',
    find: `const wire = this.#openWire();
        this.asked += 1;
        this.#parts.stats.fills += 1;
        const fill =`,
    replace: `this.#openWire();
        const wire = (this.other ??= this.#parts.maker.open(this.#parts.identity, (0, handshake_1.handshake)(this.#parts.identity, 3, this.#parts.maker.home)));
        this.asked += 1;
        this.#parts.stats.fills += 1;
        const fill =`,
  },
  seenWithout: [OLD, OLD],
});

/** GET is at Redis and answered; its PTTL is still on its way when `change` happens. */
async function overtaken(stage: Stage, change: () => Promise<unknown>): Promise<string[]> {
  await stage.redis.ask('SET', 'k', 'old');
  const client = await stage.client();
  const asked = stage.relay.hangBehind('up', get('k'), FILL_WIRE);
  const answer = client.send(command('GET', 'k')).reply();
  await asked;
  // Redis has handled what went before on that connection, the GET too, once its answer has come.
  await stage.relay.sight('down', 'old');
  await change();
  stage.relay.release();
  const first = (await answer).toString('latin1');
  await stage.settle();
  return [first, await client.askText('GET', 'k')];
}

testRule('a push cancels the fills of its key: nothing is stored', server, {
  scenario: (stage) => overtaken(stage, () => stage.redis.ask('SET', 'k', 'new')),
  seen: [OLD, NEW],
  without: {
    file: 'coherence/tracker.js',
    find: 'this.register.cancel(name);',
    replace: '',
  },
  seenWithout: [OLD, OLD],
});

testRule('a null push cancels all fills', server, {
  scenario: (stage) =>
    overtaken(stage, async () => {
      await stage.redis.ask('FLUSHALL');
      // Redis has just forgotten who read what: nobody is told of this.
      await stage.redis.ask('SET', 'k', 'new');
    }),
  seen: [OLD, NEW],
  without: {
    file: 'coherence/tracker.js',
    find: `this.#bigKeys.clear();
        this.dropAll();`,
    replace: 'this.partition.endGeneration(false);',
  },
  seenWithout: [OLD, OLD],
});

/** The client sends GET, Redis answers, and the relay keeps that answer. */
async function askAndHold(stage: Stage, client: RawClient, key: string): Promise<void> {
  stage.relay.aim(FILL_WIRE);
  stage.relay.hang('down');
  const before = await stage.gets();
  client.send(command('GET', key));
  await eventually('Redis has been asked', async () => (await stage.gets()) > before);
}

testRule('a write through the proxy cancels the fills of its key: nobody joins them any more', server, {
  async scenario(stage) {
    await stage.redis.ask('SET', 'k', 'old');
    const [reader, writer] = [await stage.client(), await stage.client()];
    const first = reader.reply();
    await askAndHold(stage, reader, 'k');
    const written = await writer.askText('SET', 'k', 'new');
    const asked = stage.relay.sight('up', get('k'));
    const later = writer.send(command('GET', 'k')).reply();
    const joined = eventually('it has joined', async () => (await stage.figure('joined_fills')) === '1');
    await Promise.race([asked, joined]);
    stage.relay.release();
    return [written, (await later).toString('latin1'), (await first).toString('latin1')];
  },
  seen: [OK, NEW, OLD],
  without: { file: 'coherence/drops.js', find: 'tracker.register.cancel(key);', replace: ';' },
  seenWithout: [OK, OLD, OLD],
});

testRule('a fill is entered in the register before it is sent', server, {
  // No push comes: only the write itself can cancel the fill.
  flags: ['--coherence', 'ttl'],
  async scenario(stage) {
    await stage.redis.ask('SET', 'k', 'old');
    const [reader, writer] = [await stage.client(), await stage.client()];
    stage.relay.aim(/PTTL/);
    stage.relay.hang('down');
    const before = await stage.gets();
    reader.send(command('GET', 'k'));
    await eventually('Redis has been asked', async () => (await stage.gets()) > before);
    const written = await writer.askText('SET', 'k', 'new');
    stage.relay.release();
    return [written, String(await reader.reply()), await reader.askText('GET', 'k')];
  },
  seen: [OK, OLD, NEW],
  without: [
    { file: 'coherence/get-fill.js', find: 'home.register.add(this);', replace: '' },
    {
      file: 'coherence/get-fill.js',
      find: 'this.#chunk = chunk;',
      replace: 'this.#chunk = chunk; this.#home.register.add(this);',
    },
  ],
  seenWithout: [OK, OLD, OLD],
});

/** What is kept of a key that was purged while its answer was on its way. */
async function keptAfterPurge(stage: Stage, ...what: string[]): Promise<boolean> {
  await stage.redis.ask('SET', 'k', 'old');
  const [reader, other] = [await stage.client(), await stage.client()];
  const first = reader.reply();
  await askAndHold(stage, reader, 'k');
  await other.ask('RESPITE', 'PURGE', ...what);
  stage.relay.release();
  await first;
  return (await other.askText('RESPITE', 'INSPECT', 'k')) !== '$-1\r\n';
}

testRule('RESPITE PURGE cancels the fills of its keys', server, {
  scenario: (stage) => keptAfterPurge(stage, 'k'),
  seen: false,
  without: {
    file: 'commands/holdings.js',
    find: '(only?.tracker ?? house.drops).dropKeys(keys)',
    replace: 'keys.filter((key) => house.store.dropEverywhere(key)).length',
  },
  seenWithout: true,
});

testRule('RESPITE PURGE ALL cancels all fills', server, {
  scenario: (stage) => keptAfterPurge(stage, 'ALL'),
  seen: false,
  without: {
    file: 'commands/holdings.js',
    find: '(only?.tracker ?? drops).dropAll();',
    replace: 'store.clear();',
  },
  seenWithout: true,
});

testRule('an answer that is waited for is given to all who ask meanwhile', server, {
  async scenario(stage) {
    await stage.redis.ask('SET', 'k', 'old');
    await stage.redis.ask('CONFIG', 'RESETSTAT');
    const [one, other] = [await stage.client(), await stage.client()];
    const first = one.reply();
    await askAndHold(stage, one, 'k');
    const second = other.send(command('GET', 'k')).reply();
    await Promise.race([
      eventually('it has joined', async () => (await stage.figure('joined_fills')) === '1'),
      eventually('it has asked', async () => (await stage.gets()) === 2),
    ]);
    stage.relay.release();
    const answers = [(await first).toString('latin1'), (await second).toString('latin1')];
    return [...answers, await stage.gets()];
  },
  seen: [OLD, OLD, 1],
  without: {
    file: 'coherence/tracker.js',
    find: 'if (inFlight) {',
    replace: 'if (false) {',
  },
  seenWithout: [OLD, OLD, 2],
});

/** The key expires while the answer that it was still there is on its way: who asks now is told so all the same. */
async function askedAfterExpiry(
  stage: Stage,
  meanwhile: () => Promise<unknown> = async () => undefined,
  value = 'old',
): Promise<string[]> {
  await stage.redis.ask('SET', 'k', value, 'PX', '200');
  const [one, other] = [await stage.client(), await stage.client()];
  const first = one.reply();
  await askAndHold(stage, one, 'k');
  await eventually('it has expired', async () => (await stage.redis.askText('EXISTS', 'k')) === ':0\r\n');
  const second = other.send(command('GET', 'k')).reply();
  await eventually('it has joined', async () => (await stage.figure('joined_fills')) === '1');
  await meanwhile();
  stage.relay.release();
  return [(await first).toString('latin1'), (await second).toString('latin1')];
}

const IN_TIME = '(each.since > goodUntil ? late : inTime).push(each);';

testRule('who joins when the key has expired already is not given its value', server, {
  scenario: (stage) => askedAfterExpiry(stage),
  seen: [OLD, NIL],
  without: { file: 'coherence/get-fill.js', find: IN_TIME, replace: 'inTime.push(each);' },
  seenWithout: [OLD, OLD],
});

testRule('an expiry that Redis told behind a change is not that of the value', server, {
  async scenario(stage) {
    void stage.relay.hangBehind('up', get('k'), FILL_WIRE);
    return askedAfterExpiry(stage, () => stage.redis.ask('SET', 'k', 'new'));
  },
  seen: [OLD, NEW],
  without: {
    file: 'coherence/get-fill.js',
    find: 'if (this.cancelled || isGone || expiresIn === undefined)',
    replace: 'if (isGone || expiresIn === undefined)',
  },
  seenWithout: [OLD, OLD],
});

testRule('who has to ask anew is not put off by a read that may be overtaken itself', server, {
  async scenario(stage) {
    await stage.redis.ask('SET', 'k', 'old');
    await stage.redis.ask('CONFIG', 'RESETSTAT');
    const [one, other, third] = [await stage.client(), await stage.client(), await stage.client()];
    const asked = stage.relay.hangBehind('up', get('k'), FILL_WIRE);
    const answered = stage.relay.sight('down', 'old');
    const answers = [one.send(command('GET', 'k')).reply()];
    await Promise.all([asked, answered]);
    answers.push(other.send(command('GET', 'k')).reply());
    await eventually('it has joined', async () => (await stage.figure('joined_fills')) === '1');
    await stage.redis.ask('SET', 'k', 'new');
    await eventually('that was told', async () => (await stage.figure('fills_cancelled')) === '1');
    answers.push(third.send(command('GET', 'k')).reply());
    await eventually('it asks for itself', async () => (await stage.figure('fills')) === '2');
    stage.relay.release();
    return [...(await Promise.all(answers)).map(String), await stage.gets()];
  },
  seen: [OLD, NEW, NEW, 3],
  without: {
    file: 'coherence/get-fill.js',
    find: 'const after = this.#home.asked;',
    replace: 'const after = 0;',
  },
  seenWithout: [OLD, NEW, NEW, 2],
});

testRule('those who ask anew in one pipeline wait for one answer, however often the key is changed', server, {
  async scenario(stage) {
    await stage.redis.ask('SET', 'k', 'old');
    await stage.redis.ask('CONFIG', 'RESETSTAT');
    const [one, other] = [await stage.client(), await stage.client()];
    const joined = (count: string) =>
      eventually('they have joined', async () => (await stage.figure('joined_fills')) === count);
    const change = async (times: string) => {
      await stage.redis.ask('SET', 'k', 'new');
      await eventually('that was told', async () => (await stage.figure('fills_cancelled')) === times);
    };
    const first = stage.relay.hangBehind('up', get('k'), FILL_WIRE);
    const old = stage.relay.sight('down', 'old');
    one.send(command('GET', 'k'));
    await Promise.all([first, old]);
    other.send(Buffer.concat([command('GET', 'k'), command('GET', 'k'), command('GET', 'k')]));
    await joined('3');
    await change('1');
    const second = stage.relay.hangBehind('up', get('k'), FILL_WIRE);
    stage.relay.release();
    await second;
    await joined('5');
    await change('2');
    stage.relay.release();
    const answers = [await one.reply(), ...(await other.replies(3))];
    return [...answers.map(String), await stage.gets()];
  },
  seen: [OLD, NEW, NEW, NEW, 2],
  without: {
    file: 'commands/read-slot.js',
    find: 'rethink(now = this.#desk.now(), after = 0) {',
    replace: 'rethink(_now, after = 0) { const now = this.#desk.now();',
  },
  seenWithout: [OLD, NEW, NEW, NEW, 3],
});

testRule(
  'behind an MGET that is asked anew, so is all the rest: it could be older than what that tells',
  server,
  {
    async scenario(stage) {
      await stage.redis.ask('MSET', 'k', 'old', 'j', 'old');
      await stage.redis.ask('CONFIG', 'RESETSTAT');
      const [one, other] = [await stage.client(), await stage.client()];
      const first = stage.relay.hangBehind('up', get('k'), FILL_WIRE);
      const old = stage.relay.sight('down', 'old');
      one.send(command('GET', 'k'));
      await Promise.all([first, old]);
      void stage.relay.hangBehind('up', get('j'), FILL_WIRE);
      other.send(Buffer.concat([command('GET', 'k'), command('MGET', 'k', 'j'), command('GET', 'j')]));
      await eventually('all are asked', async () => (await stage.figure('fills')) === '3');
      await stage.redis.ask('SET', 'k', 'new');
      await eventually('that was told', async () => (await stage.figure('fills_cancelled')) !== '0');
      stage.relay.release();
      await eventually('the first is asked anew', async () => Number(await stage.figure('fills')) >= 5);
      await eventually('Redis has told j', async () => (await stage.gets()) === 2);
      await stage.redis.ask('SET', 'j', 'new');
      stage.relay.release();
      return (await other.replies(3)).map(String);
    },
    seen: [NEW, `*2\r\n${NEW}${NEW}`, NEW],
    without: { file: 'commands/conversation.js', find: 'all ||= behind.many;', replace: '' },
    seenWithout: [NEW, `*2\r\n${NEW}${NEW}`, OLD],
  },
);

testRule('a value that is passed on in pieces is not given to who joins when it has expired', server, {
  flags: ['--max-value', '1kb'],
  async scenario(stage) {
    const answers = await askedAfterExpiry(stage, undefined, 'x'.repeat(1_000_000));
    return answers.map((answer) => answer.slice(0, 5));
  },
  seen: ['$1000', NIL],
  without: {
    file: 'coherence/get-fill.js',
    find: 'if (this.#joined)\n            this.#joined = this.#onlyThoseInTime',
    replace: 'if (false) this.#joined = this.#onlyThoseInTime',
  },
  seenWithout: ['$1000', '$1000'],
});

testRule('MGET answers nil for what is no string: that is never taken for a missing key', server, {
  async scenario(stage) {
    await stage.redis.ask('RPUSH', 'list', 'x');
    const client = await stage.client();
    return [await client.askText('MGET', 'list'), (await client.askText('GET', 'list')).slice(0, 10)];
  },
  seen: ['*1\r\n$-1\r\n', '-WRONGTYPE'],
  without: {
    file: 'coherence/mget-fill.js',
    find: "if (item?.type === 'bulk')",
    replace: `if (item?.type !== 'bulk')
                (0, fills_1.keep)(this.#home, claim.key, Buffer.from('_\\r\\n'), 0, 3, true, -2, this.#sentAt, this.#home.now(), 3);
            else if (item?.type === 'bulk')`,
  },
  seenWithout: ['*1\r\n$-1\r\n', '$-1\r\n'],
});

testRule('MGET is answered from memory only when every key is there at that instant', server, {
  async scenario(stage) {
    await stage.redis.ask('MSET', 'a', 'old', 'b', 'old');
    const client = await stage.client(['GET', 'a']);
    stage.relay.aim(FILL_WIRE);
    stage.relay.hang('down');
    await stage.redis.ask('MSET', 'a', 'new', 'b', 'new');
    return stage.readThenRelease(client, 'MGET', 'a', 'b');
  },
  seen: `*2\r\n${NEW}${NEW}`,
  // The keys that are there, from memory; only the others from Redis.
  without: [
    {
      file: 'commands/read-slot.js',
      find: "this.#state = 'asked';",
      replace: `this.#state = 'asked';
        const { partition } = this.#desk.link.tracker;
        this.kept = this.#names.map((name) => {
            const slot = partition.peek(name, this.#desk.now());
            return slot < 0 ? undefined : partition.readValue(slot);
        });`,
    },
    {
      file: 'commands/read-slot.js',
      find: '(0, answers_1.translateMget)(chunk.subarray(start, end), protocol)',
      replace: `Buffer.concat([chunk.subarray(start, start + 4), ...this.kept.map((kept, at) =>
                kept ?? chunk.subarray(start + 4 + 9 * at, start + 13 + 9 * at))])`,
    },
  ],
  seenWithout: `*2\r\n${OLD}${NEW}`,
});

testRule('a hit is looked up when its turn comes, not when the command was read', server, {
  async scenario(stage) {
    await stage.redis.ask('MSET', 'slow', 'old', 'k', 'old');
    const [reader, writer] = [await stage.client(['GET', 'k']), await stage.client()];
    stage.relay.aim(FILL_WIRE);
    stage.relay.hang('down');
    const asked = stage.relay.sight('up', get('slow'));
    reader.send(Buffer.concat([command('GET', 'slow'), command('GET', 'k')]));
    await asked;
    await writer.ask('SET', 'k', 'new');
    stage.relay.release();
    return (await reader.replies(2)).map(String);
  },
  seen: [OLD, NEW],
  without: {
    file: 'commands/read-slot.js',
    find: "if (this.#inMemory(now))\n            this.#state = 'lookup';",
    replace: `if (this.#inMemory(now)) {
            const { partition } = this.#desk.link.tracker;
            this.#state = 'asked';
            this.#answerWith(partition.readValue(partition.peek(this.#names[0], now)));
        }`,
  },
  seenWithout: [OLD, OLD],
});

testRule("a GET behind the session's own unanswered commands goes the same way as they", server, {
  async scenario(stage) {
    await stage.redis.ask('SET', 'k', 'old');
    const client = await stage.client(['GET', 'k']);
    client.send(Buffer.concat([command('SET', 'k', 'new'), command('GET', 'k')]));
    return (await client.replies(2)).map(String);
  },
  seen: [OK, NEW],
  without: {
    file: 'commands/conversation.js',
    find: "if (this.#lane === 'shared' || this.#lane === 'exclusive')",
    replace: 'if (false)',
  },
  seenWithout: [OLD, OK],
});

test('a GET of what is in memory is not sent behind commands of its own client: it is looked up when they are answered', async () => {
  await using stage = await Stage.set(redis, {});
  await stage.redis.ask('MSET', 'a', 'old', 'b', 'old');
  const client = await stage.client(['MGET', 'a', 'b']);
  await redis.ask('CONFIG', 'RESETSTAT');
  client.send(
    Buffer.concat([
      command('SET', 'c', 'x'),
      command('GET', 'a'),
      command('MGET', 'b', 'a'),
      command('GET', 'b'),
    ]),
  );
  expect((await client.replies(4)).map(String)).toEqual([OK, OLD, `*2\r\n${OLD}${OLD}`, OLD]);
  expect(await redis.askText('INFO', 'commandstats')).not.toMatch(/cmdstat_m?get:/);
  expect(await stage.figure('bypasses')).toBe('0');
});

testRule('a GET that waits behind commands of its own client sees what has changed until then', server, {
  async scenario(stage) {
    await stage.redis.ask('SET', 'k', 'old');
    const [client, other] = [await stage.client(['GET', 'k'], ['PING']), await stage.client()];
    stage.relay.aim(/^(?![\s\S]*TRACKING)[\s\S]*PING/);
    stage.relay.hang('down');
    client.send(Buffer.concat([command('SET', 'a', 'x'), command('GET', 'k')]));
    await eventually('Redis has written', async () => (await redis.askText('GET', 'a')).includes('x'));
    await redis.ask('SET', 'k', 'new');
    await other.ask('EVAL', 'return 1', '0');
    stage.relay.release();
    return (await client.replies(2)).map(String);
  },
  seen: [OK, NEW],
  without: {
    file: 'commands/conversation.js',
    find: 'this.#waiting.add({ row, raw: command.raw, names, slot });',
    replace: 'slot.settle();',
  },
  seenWithout: [OLD, OK],
});

testRule('a GET that waits is sent ahead of what its client sends behind it', server, {
  async scenario(stage) {
    await stage.redis.ask('SET', 'k', 'old');
    const client = await stage.client(['GET', 'k']);
    client.send(
      Buffer.concat([
        command('SET', 'a', 'x'),
        command('GET', 'k'),
        command('SET', 'k', 'new'),
        command('GET', 'k'),
        command('MULTI'),
        command('GET', 'k'),
        command('EXEC'),
      ]),
    );
    return (await client.replies(7)).map(String);
  },
  seen: [OK, OLD, OK, NEW, OK, '+QUEUED\r\n', `*1\r\n${NEW}`],
  without: {
    file: 'commands/conversation.js',
    find: 'this.#sendWaiting(wire);',
    replace: ';',
  },
  seenWithout: [OK, OK, NEW, NEW, OK, '+QUEUED\r\n', `*1\r\n${NEW}`],
});

testRule('the reply of a GET that went past the cache drops its key', server, {
  async scenario(stage) {
    await stage.redis.ask('SET', 'k', 'old');
    const client = await stage.client(['GET', 'k']);
    stage.relay.aim(FILL_WIRE);
    stage.relay.hang('down');
    await stage.redis.ask('SET', 'k', 'new');
    // The read in between has to be sent: something stands behind it.
    client.send(Buffer.concat([command('PING'), command('GET', 'k'), command('PING')]));
    const [, past] = await client.replies(3);
    return [String(past), await stage.readThenRelease(client, 'GET', 'k')];
  },
  seen: [NEW, NEW],
  without: {
    file: 'commands/conversation.js',
    find: "this.#owe(row, 'keys', names)",
    replace: "this.#owe(row, 'none', names)",
  },
  seenWithout: [NEW, OLD],
});

testRule('an error is never cached', server, {
  async scenario(stage) {
    await stage.redis.ask('RPUSH', 'k', 'x');
    const client = await stage.client();
    const refused = await client.askText('GET', 'k');
    return [refused.slice(0, 10), await stage.figure('keys')];
  },
  seen: ['-WRONGTYPE', '0'],
  without: {
    file: 'coherence/get-fill.js',
    find: 'if (expiresIn === undefined || !isBulkOrNil(chunk, start))',
    replace: 'if (expiresIn === undefined)',
  },
  seenWithout: ['-WRONGTYPE', '1'],
});

testRule('without an answer to PTTL nothing is stored', server, {
  credentials: 'reader:secret',
  async scenario(stage) {
    await stage.redis.ask('ACL', 'SETUSER', 'reader', 'on', '>secret', '~*', '&*', '+@all', '-pttl');
    await stage.redis.ask('SET', 'k', 'old');
    await stage.redis.ask('CONFIG', 'RESETSTAT');
    const client = await stage.client(['GET', 'k'], ['GET', 'k']);
    return [await client.askText('GET', 'k'), await stage.gets()];
  },
  seen: [OLD, 3],
  without: {
    file: 'coherence/get-fill.js',
    find: 'if (expiresIn === undefined || !isBulkOrNil(chunk, start))',
    replace: 'expiresIn ??= -1; if (!isBulkOrNil(chunk, start))',
  },
  seenWithout: [OLD, 1],
});

const BIG = 'x'.repeat(2_000);

test('a value over --max-value is not kept', async () => {
  await using stage = await Stage.set(redis, { flags: ['--max-value', '1000'] });
  await redis.ask('MSET', 'big', BIG, 'limit', 'x'.repeat(1000), 'over', 'x'.repeat(1001));
  await stage.client(['MGET', 'big', 'over'], ['GET', 'big'], ['GET', 'over'], ['GET', 'limit']);
  expect(await stage.figure('keys')).toBe('1');
});

testRule('a key that was seen above --max-value goes over the shared wire the next time', server, {
  flags: ['--max-value', '1000'],
  async scenario(stage) {
    await stage.redis.ask('SET', 'big', BIG);
    const client = await stage.client(['GET', 'big']);
    let onFillWire = false;
    void stage.relay.sight('up', get('big'), FILL_WIRE).then(() => {
      onFillWire = true;
    });
    return [(await client.askText('GET', 'big')).length, onFillWire];
  },
  seen: [2_009, false],
  without: { file: 'coherence/tracker.js', find: 'this.#bigKeys.add(key);', replace: '' },
  seenWithout: [2_009, true],
});
