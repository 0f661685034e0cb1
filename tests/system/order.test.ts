// The order of one client's commands and replies, whatever way each command takes.

import { command, type RawClient } from '../support/raw-client';
import { RedisServer } from '../support/redis-server';
import { bulk, NIL, Stage } from '../support/stage';

const ROUNDS = 1000;

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.start();
});
afterAll(() => stage.stop());
beforeEach(async () => {
  await stage.ask('FLUSHALL');
});

function text(replies: Buffer[]): string {
  return replies.map((reply) => reply.toString('latin1')).join('');
}

describe('in one write', () => {
  test('a GET between two SETs never answers with the later value', async () => {
    await using client = await stage.client();
    await client.ask('SET', 'k', 1);
    for (let round = 0; round < ROUNDS; round += 1) {
      // Cached, or not, when the write arrives.
      if (round % 2) await client.ask('GET', 'k');
      client.send('SET x 1\r\nGET k\r\nSET k 2\r\nGET k\r\nSET k 1\r\n');
      const replies = text(await client.replies(5));
      expect(replies).toBe(`+OK\r\n${bulk('1')}+OK\r\n${bulk('2')}+OK\r\n`);
    }
  });

  test('a list is counted inside a transaction that stands between its push and its end', async () => {
    await using client = await stage.client();
    const once = 'LPUSH list a b\r\nMULTI\r\nLLEN list\r\nEXEC\r\nDEL list\r\n';
    for (let round = 0; round < ROUNDS / 10; round += 1) {
      client.send(once.repeat(10));
      const replies = text(await client.replies(50));
      expect(replies).toBe(':2\r\n+OK\r\n+QUEUED\r\n*1\r\n:2\r\n:1\r\n'.repeat(10));
    }
  });

  test('hits, misses, local answers and writes come back as they were asked', async () => {
    await using client = await stage.client();
    await client.ask('SET', 'hot', 'h');
    await client.ask('CLIENT', 'SETNAME', 'me');
    for (let round = 0; round < ROUNDS / 5; round += 1) {
      await client.ask('GET', 'hot');
      client.send(`GET hot\r\nGET cold${round}\r\nGET hot\r\nCLIENT GETNAME\r\nMGET hot cold${round}\r\n`);
      client.send(
        `SET cold${round} ${round}\r\nGET cold${round}\r\nMGET cold${round} hot\r\nDEL cold${round}\r\n`,
      );
      const expected = [
        ...[bulk('h'), NIL, bulk('h'), bulk('me'), `*2\r\n${bulk('h')}${NIL}`],
        ...['+OK\r\n', bulk(`${round}`), `*2\r\n${bulk(`${round}`)}${bulk('h')}`, ':1\r\n'],
      ];
      expect(text(await client.replies(9))).toBe(expected.join(''));
    }
  });

  test('who the client is changes between two commands, not before and not after', async () => {
    await using client = await stage.client();
    await client.ask('SET', 'k', 'zero');
    await client.ask('GET', 'k');
    for (let round = 0; round < ROUNDS / 5; round += 1) {
      client.send('GET k\r\nSELECT 1\r\nGET k\r\nSET k one\r\nGET k\r\nDEL k\r\nSELECT 0\r\nGET k\r\n');
      const zero = bulk('zero');
      const expected = [zero, '+OK\r\n', NIL, '+OK\r\n', bulk('one'), ':1\r\n', '+OK\r\n', zero].join('');
      expect(text(await client.replies(8))).toBe(expected);
    }
    client.send('GET none\r\nHELLO 3\r\nGET none\r\nHELLO 2\r\nGET none\r\n');
    const [before, , between, , after] = (await client.replies(5)).map(String);
    expect([before, between, after]).toEqual([NIL, '_\r\n', NIL]);
  });

  test('a blocking command holds back what stands behind it, hits too', async () => {
    await using client = await stage.client();
    await using other = await stage.client();
    await client.ask('SET', 'k', 'v');
    await client.ask('GET', 'k');
    for (let round = 0; round < 20; round += 1) {
      client.send('GET k\r\nBLPOP list 0\r\nGET k\r\n');
      expect(String(await client.reply())).toBe(bulk('v'));
      await other.ask('SET', 'k', 'w');
      await other.ask('RPUSH', 'list', 'x');
      expect(text(await client.replies(2))).toBe(`*2\r\n${bulk('list')}${bulk('x')}${bulk('w')}`);
      await other.ask('SET', 'k', 'v');
    }
  });

  test('a subscriber’s commands and what it is sent stay in order, and RESET makes it plain again', async () => {
    await using client = await stage.client();
    for (let round = 0; round < 20; round += 1) {
      client.send(
        `SET k ${round}\r\nGET k\r\nSUBSCRIBE c\r\nPING\r\nUNSUBSCRIBE c\r\nGET k\r\nRESET\r\nGET k\r\n`,
      );
      const expected = [
        '+OK\r\n',
        bulk(`${round}`),
        `*3\r\n${bulk('subscribe')}${bulk('c')}:1\r\n`,
        `*2\r\n${bulk('pong')}${bulk('')}`,
        `*3\r\n${bulk('unsubscribe')}${bulk('c')}:0\r\n`,
        bulk(`${round}`),
        '+RESET\r\n',
        bulk(`${round}`),
      ];
      expect(text(await client.replies(8))).toBe(expected.join(''));
    }
  });

  test('muted replies leave no gap and fill none', async () => {
    await using client = await stage.client();
    await client.ask('SET', 'k', 'v');
    for (let round = 0; round < 50; round += 1) {
      if (round % 2) await client.ask('GET', 'k');
      client.send('GET k\r\nCLIENT REPLY SKIP\r\nGET k\r\nECHO a\r\nCLIENT REPLY OFF\r\nGET k\r\nINCR n\r\n');
      client.send('MULTI\r\nINCR n\r\nEXEC\r\nEVAL "return 1" 0\r\nCLIENT REPLY ON\r\nGET n\r\n');
      expect(text(await client.replies(4))).toBe(
        `${bulk('v')}${bulk('a')}+OK\r\n${bulk(`${2 * (round + 1)}`)}`,
      );
    }
  });
});

/** Small, fast and the same in every run. */
function randomizer(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Commands of every way through the proxy, over keys that belong to one client alone. */
const WORDS: string[] = [
  'GET a|GET b|GET c|GET list|MGET a b c|MGET a none|GET a|GET b',
  'SET a $|SET b $|INCR n|GET n|DEL a b|APPEND c $|GETSET a $|GETDEL b|GETEX a|EXPIRE a 1000|PERSIST a',
  'LPUSH list $|LLEN list|RPOP list|LRANGE list 0 -1|TYPE list|EXISTS a b c',
  'MULTI|MULTI|EXEC|EXEC|DISCARD|WATCH a b|UNWATCH',
  'BLPOP list 0.001|BLMOVE list list LEFT RIGHT 0.001|XREAD COUNT 1 STREAMS none 0',
  "EVAL redis.call('incr',KEYS[1])return{1,KEYS[1]} 1 n|EVAL_RO return{redis.call('get',KEYS[1])} 1 a",
  'SELECT 1|SELECT 0|SELECT 99|ECHO $|ECHO $|NONSENSE|GET|SET a',
  'SUBSCRIBE ch|PING|UNSUBSCRIBE ch|RESET|RESET',
].flatMap((line) => line.split('|'));

function generate(random: (below: number) => number, prefix: string, length: number): Buffer {
  const commands: Buffer[] = [];
  for (let at = 0; at < length; at += 1) {
    const words = (WORDS[random(WORDS.length)] ?? '').split(' ');
    const args = words.map((word, place) => {
      if (word === '$') return `${prefix}${at}`.padEnd(random(40), '.');
      return place > 0 && /^(a|b|c|n|list|none|ch|me)$/.test(word) ? `${prefix}:${word}` : word;
    });
    commands.push(command(...args));
  }
  return Buffer.concat([...commands, command('RESET'), command('ECHO', 'the end')]);
}

async function replay(client: RawClient, bytes: Buffer, random: (below: number) => number): Promise<string> {
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + random(random(4) === 0 ? 2000 : 60);
    client.send(bytes.subarray(at, at + size));
    at += size;
    if (random(3) === 0) await new Promise(setImmediate);
  }
  return (await client.until(bulk('the end'))).toString('latin1');
}

test.each([1, 2, 3, 4])(
  'generated mixes of all ways, in pieces of any size, from twelve clients at once: seed %i',
  async (seed) => {
    const oracle = await RedisServer.start();
    try {
      const run = async (number: number) => {
        const bytes = generate(randomizer(seed * 1000 + number), `c${number}`, 150);
        const [theirs, ours] = await Promise.all([oracle.client(), stage.client()]);
        const expected = await replay(theirs, bytes, randomizer(number));
        expect(await replay(ours, bytes, randomizer(seed + number))).toBe(expected);
        await Promise.all([theirs.close(), ours.close()]);
      };
      const runs = await Promise.allSettled(Array.from({ length: 12 }, (_, number) => run(number)));
      for (const each of runs) if (each.status === 'rejected') throw each.reason;
    } finally {
      await oracle.stop();
    }
  },
);
