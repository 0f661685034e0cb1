// Rules about who reads: partitions of users, and sessions that become somebody else.

import { command, type RawClient } from '../support/raw-client';
import { RedisServer } from '../support/redis-server';
import { type Stage, testRule } from '../support/rule-stage';

let redis: RedisServer;

beforeAll(async () => {
  redis = await RedisServer.start();
  await redis.ask('ACL', 'SETUSER', 'alice', 'on', '>secret', '~*', '&*', '+@all');
  await redis.ask('ACL', 'SETUSER', 'bob', 'on', '>secret', '~*', '&*', '+@all', '-mget');
});

afterAll(() => redis.stop());

const server = () => redis;
const OLD = '$3\r\nold\r\n';
const NEW = '$3\r\nnew\r\n';
const ALICE = ['AUTH', 'alice', 'secret'];
const ALICES_FILL_WIRE = /^(?=[\s\S]*alice)[\s\S]*TRACKING/;
const BOB = ['AUTH', 'bob', 'secret'];
const BOBS_OR_ALICES = /^(?=[\s\S]*(bob|alice))[\s\S]*TRACKING/;
const DEFAULTS_FILL_WIRE = /^(?![\s\S]*alice)[\s\S]*TRACKING/;

/** `client` reads the new value, changes, and reads again while nothing arrives on the fill wire it reads from now. */
async function readChangeRead(
  stage: Stage,
  client: RawClient,
  fillWire: RegExp,
  change: string[],
): Promise<string[]> {
  stage.relay.aim(fillWire);
  stage.relay.hang('down');
  await stage.redis.ask('SET', 'k', 'new');
  const first = await client.askText('GET', 'k');
  const asked = stage.relay.sight('up', 'PING', fillWire);
  await client.ask(...change);
  const answer = client.send(command('GET', 'k')).reply();
  await Promise.race([asked, answer]);
  stage.relay.release();
  return [first, (await answer).toString('latin1')];
}

const WITHOUT_CATCHING_UP = {
  file: 'commands/standing.js',
  find: 'this.#link !== before && this.hasRead',
  replace: 'false',
};

testRule('a session that changes its user by AUTH never reads backwards', server, {
  async scenario(stage) {
    await stage.redis.ask('SET', 'k', 'old');
    await stage.client(ALICE, ['GET', 'k']);
    return readChangeRead(stage, await stage.client(), ALICES_FILL_WIRE, ALICE);
  },
  seen: [NEW, NEW],
  without: WITHOUT_CATCHING_UP,
  seenWithout: [NEW, OLD],
});

testRule('a session that changes its user by HELLO never reads backwards', server, {
  async scenario(stage) {
    await stage.redis.ask('SET', 'k', 'old');
    await stage.client(ALICE, ['GET', 'k']);
    return readChangeRead(stage, await stage.client(), ALICES_FILL_WIRE, ['HELLO', '3', ...ALICE]);
  },
  seen: [NEW, NEW],
  without: WITHOUT_CATCHING_UP,
  seenWithout: [NEW, OLD],
});

testRule('a session that goes back to its first user by RESET never reads backwards', server, {
  async scenario(stage) {
    await stage.redis.ask('SET', 'k', 'old');
    await stage.client(['GET', 'k']);
    return readChangeRead(stage, await stage.client(ALICE, ['GET', 'other']), DEFAULTS_FILL_WIRE, ['RESET']);
  },
  seen: [NEW, NEW],
  without: WITHOUT_CATCHING_UP,
  seenWithout: [NEW, OLD],
});

testRule(
  'a session that changes its user twice waits for the fill wire that it reads from in the end',
  server,
  {
    async scenario(stage) {
      const { relay } = stage;
      await stage.redis.ask('SET', 'k', 'old');
      await stage.client(ALICE, ['GET', 'k']);
      const bob = await stage.client(BOB, ['GET', 'other']);
      const client = await stage.client();
      relay.aim(BOBS_OR_ALICES);
      relay.hang('down');
      await stage.redis.ask('SET', 'k', 'new');
      const first = await client.askText('GET', 'k');
      await client.ask(...BOB);
      client.send(Buffer.concat([command(...ALICE), command('GET', 'k')]));
      await client.reply();
      relay.aim(ALICES_FILL_WIRE);
      // What came before this answer on bob's wire has been handled.
      await bob.ask('GET', 'another');
      relay.release();
      return [first, (await client.reply()).toString('latin1')];
    },
    seen: [NEW, NEW],
    without: {
      file: 'commands/standing.js',
      find: 'if (mine !== this.#catchUps)',
      replace: 'if (false)',
    },
    seenWithout: [NEW, OLD],
  },
);

testRule('a session that was pinned and is set free by RESET never reads backwards', server, {
  async scenario(stage) {
    await stage.redis.ask('SET', 'k', 'old');
    await stage.client(['GET', 'k']);
    const client = await stage.client(['HELLO', '3'], ['SUBSCRIBE', 'channel']);
    return readChangeRead(stage, client, DEFAULTS_FILL_WIRE, ['RESET']);
  },
  seen: [NEW, NEW],
  without: {
    file: 'commands/standing.js',
    find: 'if (wasPinned && this.#link === before)',
    replace: 'if (false)',
  },
  seenWithout: [NEW, OLD],
});

testRule('what GET filled is not given to MGET for a user who may not use every command', server, {
  async scenario(stage) {
    await stage.redis.ask('SET', 'k', 'old');
    const client = await stage.client(['AUTH', 'bob', 'secret'], ['GET', 'k']);
    return [await client.askText('GET', 'k'), (await client.askText('MGET', 'k')).slice(0, 7)];
  },
  seen: [OLD, '-NOPERM'],
  without: {
    file: 'commands/read-slot.js',
    find: 'return this.#desk.link.unrestricted ||',
    replace: 'return true ||',
  },
  seenWithout: [OLD, '*1\r\n$3\r'],
});
