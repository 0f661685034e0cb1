/** What an entry takes: the growth of the process from an empty cache to a full one, against redis-server's own. */
import { Client } from '../../support/checker/client';
import { Contestants } from '../contestants';
import { inBatches } from '../pipelines';
import { figureOf, type Results } from '../report';
import { memoryOf } from '../usage';

const KEYS = 1_000_000;
const VALUE = 'x'.repeat(100);
const GOAL = 1.5;
const LOAD = `${KEYS} keys of 20 B, values of 100 B`;
/** Twenty bytes each. */
const keyOf = (prefix: string, index: number) => `${prefix}:${String(index).padStart(16, '0')}`;

export async function memory(): Promise<Results> {
  await using servers = new Contestants(() => Promise.resolve());
  const limits = ['--max-keys', '1100000', '--max-memory', '1gb'];
  const { port, pid, redis } = await servers.respite({ flags: limits });
  const set = (prefix: string) => (index: number) => ['SET', keyOf(prefix, index), VALUE];
  const get = (index: number) => ['GET', keyOf('key', index)];

  // What a program needs once, for whatever it does: buffers, compiled code.
  await inBatches(redis.port, KEYS / 10, set('tmp'));
  await redis.ask('FLUSHALL');
  const redisBefore = memoryOf(redis.pid);
  await inBatches(redis.port, KEYS, set('key'));
  const redisEach = (memoryOf(redis.pid) - redisBefore) / KEYS;

  const client = await Client.connect(port);
  for (let i = 0; i < 3; i++) {
    await inBatches(port, KEYS / 10, get);
    await client.ask('RESPITE', 'PURGE', 'ALL');
  }
  const [before, trackedBefore] = [memoryOf(pid), memoryOf(redis.pid)];
  await inBatches(port, KEYS, get);
  const each = (memoryOf(pid) - before) / KEYS;
  const tracked = (memoryOf(redis.pid) - trackedBefore) / KEYS;
  const accounted = (await accountedBytes(client)) / KEYS;
  client.close();

  const bytes = (what: string, value: number) =>
    figureOf('memory', `${LOAD}: ${what}`, value, { told: `${value.toFixed(0)} B each` });
  const ratio = each / redisEach;
  return {
    rows: [],
    figures: [
      bytes('respite (resident memory)', each),
      bytes('respite (as it accounts for it)', accounted),
      bytes('redis-server (resident memory)', redisEach),
      bytes('redis-server, for tracking them', tracked),
      figureOf('memory', `${LOAD}: respite against redis-server`, ratio, {
        told: ratio.toFixed(2),
        goal: ['≤', GOAL],
      }),
    ],
  };
}

async function accountedBytes(client: Client): Promise<number> {
  const text = String(await client.ask('INFO', 'respite'));
  const [keys, bytes] = ['keys', 'bytes'].map((name) =>
    Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(text)?.[1]),
  );
  if (keys !== KEYS || bytes === undefined) throw new Error(`${keys} of ${KEYS} keys are kept`);
  return bytes;
}
