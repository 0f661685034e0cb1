// Rules about a server that does not say what changes: time alone bounds what is kept, and the proxy says so.

import { RedisServer } from '../support/redis-server';
import { eventually, Stage, testRule } from '../support/rule-stage';

let redis: RedisServer;

beforeAll(async () => {
  redis = await RedisServer.start();
});

afterAll(() => redis.stop());

const server = () => redis;
const OLD = '$3\r\nold\r\n';
const NEW = '$3\r\nnew\r\n';
const OK = '+OK\r\n';
const WARNING = 'Redis does not say what changes: entries live by --ttl alone';
const BACK = 'Redis says again what changes: back to --coherence tracking';
const times = (stage: Stage, text: string) => stage.respite.log.filter(({ msg }) => msg === text).length;

/** In `ttl` mode as far as INFO tells, with one warning, the cache at work and writes through the proxy seen. */
async function expectTtlMode(stage: Stage): Promise<void> {
  await stage.redis.ask('SET', 'k', 'old');
  await stage.redis.ask('CONFIG', 'RESETSTAT');
  const client = await stage.client(['GET', 'k'], ['GET', 'k']);
  expect(await client.askText('MGET', 'k')).toBe(`*1\r\n${OLD}`);
  expect(await stage.gets()).toBe(1);
  expect(await stage.figure('coherence')).toBe('ttl');
  await client.ask('SET', 'k', 'new');
  expect(await client.askText('GET', 'k')).toBe(NEW);
  await stage.relay.refuse();
  stage.relay.cut('rst');
  await stage.relay.accept();
  await eventually('it is there again', async () => (await client.askText('GET', 'k')) === NEW);
  expect(times(stage, WARNING)).toBe(1);
}

// HELLO itself cannot be forbidden: Redis lets everybody say it, and AUTH.
test.each([
  ['CLIENT TRACKING', '-client|tracking'],
  ['CLIENT', '-client'],
])(
  'an ACL that forbids %s means one warning and ttl mode, and tracking when it is allowed again',
  async (_, forbid) => {
    await redis.ask('ACL', 'SETUSER', 'proxy', 'reset', 'on', '>secret', '~*', '&*', '+@all', forbid);
    await using stage = await Stage.set(redis, { credentials: 'proxy:secret' });
    await expectTtlMode(stage);

    await redis.ask('ACL', 'SETUSER', 'proxy', '+@all');
    stage.relay.cut('rst');
    const client = await stage.client();
    await eventually('it is back to tracking', async () => {
      await client.ask('GET', `${performance.now()}`);
      return (await stage.figure('coherence')) === 'tracking';
    });
    expect(times(stage, BACK)).toBe(1);
    expect(await client.askText('GET', 'k')).toBe(NEW);
    await redis.ask('SET', 'k', 'old');
    await stage.settle();
    expect(await client.askText('GET', 'k')).toBe(OLD);
  },
);

test('a server without HELLO and CLIENT is served in ttl mode', async () => {
  await using old = await RedisServer.start({
    args: ['--rename-command', 'HELLO', '', '--rename-command', 'CLIENT', ''],
  });
  await using stage = await Stage.set(old, {});
  await expectTtlMode(stage);
});

const TTL = ['--coherence', 'ttl'];

test('--coherence ttl sends no CLIENT TRACKING, warns of nothing, and says so in INFO', async () => {
  await using stage = await Stage.set(redis, { flags: [...TTL, '--ttl', '200ms'] });
  await redis.ask('SET', 'k', 'old');
  const client = await stage.client(['GET', 'k']);
  expect(await stage.figure('coherence')).toBe('ttl');
  expect(times(stage, WARNING)).toBe(0);
  expect(await redis.askText('CLIENT', 'LIST')).not.toMatch(/flags=\S*t\S* /);
  await redis.ask('SET', 'k', 'new');
  await eventually('--ttl has passed', async () => (await client.askText('GET', 'k')) === NEW, 2_000);
});

testRule('in ttl mode a write that does not tell its keys drops everything', server, {
  flags: TTL,
  async scenario(stage) {
    await stage.redis.ask('SET', 'k', 'old');
    const [reader, writer] = [await stage.client(['GET', 'k']), await stage.client()];
    const written = await writer.askText('EVAL', "return redis.call('SET', 'k', 'new')", '0');
    return [written, await reader.askText('GET', 'k')];
  },
  seen: [OK, NEW],
  without: { file: 'coherence/fence.js', find: 'tracker.dropAll();', replace: ';' },
  seenWithout: [OK, OLD],
});

testRule('in ttl mode a session that changes its user reads nothing that was kept before', server, {
  flags: TTL,
  async scenario(stage) {
    const alice = ['AUTH', 'alice', 'secret'];
    await stage.redis.ask('ACL', 'SETUSER', 'alice', 'on', '>secret', '~*', '&*', '+@all');
    await stage.redis.ask('SET', 'k', 'old');
    await stage.client(alice, ['GET', 'k']);
    await stage.redis.ask('SET', 'k', 'new');
    const client = await stage.client();
    const first = await client.askText('GET', 'k');
    await client.ask(...alice);
    return [first, await client.askText('GET', 'k')];
  },
  seen: [NEW, NEW],
  without: {
    file: 'commands/standing.js',
    find: 'this.#link !== before && this.hasRead',
    replace: 'false',
  },
  seenWithout: [NEW, OLD],
});

testRule('in ttl mode what MGET has read is not followed by an older value from memory', server, {
  flags: TTL,
  async scenario(stage) {
    await stage.redis.ask('SET', 'k', 'old');
    const client = await stage.client(['GET', 'k']);
    await stage.redis.ask('SET', 'k', 'new');
    return [await client.askText('MGET', 'k', 'missing'), await client.askText('GET', 'k')];
  },
  seen: [`*2\r\n${NEW}$-1\r\n`, NEW],
  without: { file: 'coherence/tracker.js', find: "this.#mode === 'tracking' && ", replace: '' },
  seenWithout: [`*2\r\n${NEW}$-1\r\n`, OLD],
});

testRule('in ttl mode a key that MGET has not found is not read from memory afterwards', server, {
  flags: TTL,
  async scenario(stage) {
    await stage.redis.ask('SET', 'k', 'old');
    const client = await stage.client(['GET', 'k']);
    await stage.redis.ask('DEL', 'k');
    return [await client.askText('MGET', 'k', 'missing'), await client.askText('GET', 'k')];
  },
  seen: ['*2\r\n$-1\r\n$-1\r\n', '$-1\r\n'],
  without: { file: 'coherence/fills.js', find: "home.partition.drop(key, 'replaced');", replace: ';' },
  seenWithout: ['*2\r\n$-1\r\n$-1\r\n', OLD],
});
