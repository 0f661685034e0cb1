// Bytes that nobody should send, to a running proxy and to Redis: the same end, and nobody else notices.
//
// FUZZ_SECONDS=600 FUZZ_SEED=7 npx jest --selectProjects system --testPathPatterns fuzz, or `make fuzz SECONDS=600 SEED=7`.

import { readFileSync } from 'node:fs';
import { type Dice, dice, hostileStream, pieces, readable, readCorpus } from '../support/fuzz';
import { command, type RawClient } from '../support/raw-client';
import type { RedisServer } from '../support/redis-server';
import { bulk, Stage } from '../support/stage';

const SECONDS = Number(process.env.FUZZ_SECONDS ?? 8);
const SEED = Number(process.env.FUZZ_SEED ?? 1);
const MB = 1024 * 1024;
/** Memory that the process may take more than it had when it was warm. */
const GROWTH = 64 * MB;
const AT_ONCE = 8;

let stage: Stage;
const corpus = readCorpus();

beforeAll(async () => {
  stage = await Stage.start();
  await stage.redis.ask('CONFIG', 'SET', 'latency-tracking', 'no');
});
afterAll(() => stage.stop());

function residentMemory(): number {
  const status = readFileSync(`/proc/${stage.respite.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

/** All that is said to the bytes of one client that then says that it is through. */
async function answerOf(client: RawClient, parts: readonly Buffer[]): Promise<string> {
  for (const part of parts) {
    if (client.ended) break;
    client.send(part);
    if (parts.length > 1) await new Promise(setImmediate);
  }
  client.halfClose();
  const answer = await client.rest();
  await client.close();
  return answer.toString('latin1');
}

/** What is another's business: ids, and how much of what it was about to say Redis says before it cuts somebody off. */
function isCutOff(sent: Buffer): boolean {
  return /post|host:/i.test(sent.toString('latin1'));
}

/** Ids are each server's own. */
function plain(answer: string): string {
  return answer.replace(/\$2\r\nid\r\n:\d+/g, '$2\r\nid\r\n:0');
}

/** Others write the same keys meanwhile: only what differs again and again is different. */
async function compare(roll: Dice, redis: RedisServer): Promise<void> {
  const sent = hostileStream(roll, corpus);
  const parts = pieces(roll, sent);
  let expected = '';
  let got = '';
  for (let attempt = 0; attempt < 4; attempt += 1) {
    expected = plain(await answerOf(await redis.client(), [sent]));
    got = plain(await answerOf(await stage.client(), parts));
    if (expected === got || isCutOff(sent)) return;
  }
  throw new Error(
    `seed ${SEED}: to ${readable(sent)}\nRedis says ${shortened(expected)}\nrespite says ${shortened(got)}`,
  );
}

function shortened(text: string): string {
  return JSON.stringify(text.slice(0, 500));
}

/** Somebody who does nothing wrong: each of its commands is answered, in order, while the others rage. */
async function behave(until: number): Promise<number> {
  await using client = await stage.client();
  let asked = 0;
  for (; performance.now() < until; asked += 1) {
    const value = `v${asked}`;
    client.send(
      Buffer.concat([command('SET', 'good', value), command('GET', 'good'), command('STRLEN', 'good')]),
    );
    const replies = (await client.replies(3)).join('');
    expect(replies).toBe(`+OK\r\n${bulk(value)}:${value.length}\r\n`);
    if (asked % 20 === 0) await client.ask('RESPITE', 'INSPECT', 'good');
  }
  return asked;
}

async function rage(roll: Dice, until: number): Promise<number> {
  let streams = 0;
  for (; performance.now() < until; streams += 1) await compare(roll, stage.redis);
  return streams;
}

test('each line of the corpus gets the answer of Redis, whole and byte by byte', async () => {
  for (const line of corpus) {
    if (isCutOff(line)) continue;
    const expected = await answerOf(await stage.redis.client(), [line]);
    const bytes = Array.from(line, (_, at) => line.subarray(at, at + 1));
    for (const parts of [[line], bytes]) {
      const got = await answerOf(await stage.client(), parts);
      expect([readable(line), got]).toEqual([readable(line), expected]);
    }
  }
}, 20_000);

test(
  `hostile clients for ${SECONDS} seconds: answered or closed as Redis does it, others undisturbed, no growth`,
  async () => {
    const roll = dice(SEED);
    const warmUntil = performance.now() + 1_500;
    await Promise.all(Array.from({ length: AT_ONCE }, () => rage(dice(roll(2 ** 31)), warmUntil)));
    const warm = residentMemory();
    const until = performance.now() + SECONDS * 1000;
    // Some are there all the time, in the middle of something.
    const sleepers = await stage.clients(corpus.length);
    sleepers.forEach((sleeper, index) => {
      const line = corpus[index] ?? Buffer.alloc(0);
      sleeper.send(line.subarray(0, roll(line.length)));
    });
    const [answered, ...streams] = await Promise.all([
      behave(until),
      ...Array.from({ length: AT_ONCE }, () => rage(dice(roll(2 ** 31)), until)),
    ]);
    expect(answered).toBeGreaterThan(10);
    expect(streams.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(50);
    expect(residentMemory() - warm).toBeLessThan(GROWTH);
    expect(stage.respite.stderr).toBe('');
    expect(stage.respite.log.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([]);
    for (const sleeper of sleepers) await sleeper.close();
  },
  SECONDS * 1000 + 30_000,
);
