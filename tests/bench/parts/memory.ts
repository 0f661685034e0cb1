/** What an entry takes: the growth of the process from an empty cache to a full one, against redis-server's own. */
import { Client, Failure } from '../../support/checker/client';
import { Contestants } from '../contestants';
import type { Results } from '../report';
import { memoryOf } from '../usage';

const KEYS = 200_000;
const BATCH = 1_000;
const VALUE = 'x'.repeat(100);
const GOAL = 1.5;
/** Twenty bytes each. */
const keyOf = (prefix: string, index: number) => `${prefix}:${String(index).padStart(16, '0')}`;

export async function memory(): Promise<Results> {
  await using servers = new Contestants(() => Promise.resolve());
  const { port, pid, redis } = await servers.respite({
    flags: ['--max-keys', '1000000', '--max-memory', '1gb'],
  });
  const [through, beside] = [await Client.connect(port), await Client.connect(redis.port)];

  // What a program needs once, for whatever it does: buffers, compiled code.
  await inBatches(KEYS / 10, (index) => beside.ask('SET', keyOf('tmp', index), VALUE));
  await beside.ask('FLUSHALL');
  const redisBefore = memoryOf(redis.pid);
  await inBatches(KEYS, (index) => beside.ask('SET', keyOf('key', index), VALUE));
  const redisEach = (memoryOf(redis.pid) - redisBefore) / KEYS;

  for (let i = 0; i < 3; i++) {
    await inBatches(KEYS / 10, (index) => through.ask('GET', keyOf('key', index)));
    await through.ask('RESPITE', 'PURGE', 'ALL');
  }
  const [before, trackedBefore] = [memoryOf(pid), memoryOf(redis.pid)];
  await inBatches(KEYS, (index) => through.ask('GET', keyOf('key', index)));
  const each = (memoryOf(pid) - before) / KEYS;
  const tracked = (memoryOf(redis.pid) - trackedBefore) / KEYS;
  const accounted = await accountedBytes(through);
  through.close();
  beside.close();

  const figure = (what: string, value: number) => ({
    part: 'memory',
    what: `${KEYS} keys of 20 B, values of 100 B: ${what}`,
    told: `${value.toFixed(0)} B each`,
    value,
  });
  const ratio = each / redisEach;
  return {
    rows: [],
    figures: [
      figure('respite (resident memory)', each),
      figure('respite (as it accounts for it)', accounted / KEYS),
      figure('redis-server (resident memory)', redisEach),
      figure('redis-server, for tracking them', tracked),
      {
        part: 'memory',
        what: 'respite against redis-server',
        told: ratio.toFixed(2),
        value: ratio,
        goal: `≤ ${GOAL}`,
        reached: ratio <= GOAL,
      },
    ],
  };
}

async function inBatches(count: number, ask: (index: number) => Promise<unknown>): Promise<void> {
  for (let i = 0; i < count; i += BATCH) {
    const answers = await Promise.all(Array.from({ length: BATCH }, (_, j) => ask(i + j)));
    const failure = answers.find((answer) => answer instanceof Failure || answer === null);
    if (failure !== undefined) throw new Error(`answered by ${JSON.stringify(failure)}`);
  }
}

async function accountedBytes(client: Client): Promise<number> {
  const text = String(await client.ask('INFO', 'respite'));
  const [keys, bytes] = ['keys', 'bytes'].map((name) =>
    Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(text)?.[1]),
  );
  if (keys !== KEYS || bytes === undefined) throw new Error(`${keys} of ${KEYS} keys are kept`);
  return bytes;
}
