/** Reads that never reach Redis while keys are being written, through the proxy and beside it. */
import { type Answer, Client, Failure } from '../../support/checker/client';
import { Random } from '../../support/checker/random';
import { getsOf } from '../compare';
import { Contestants, fillStrings } from '../contestants';
import type { Figure, Results } from '../report';

const KEYS = 10_000;
const COMMANDS = 100_000;
const CLIENTS = 50;
const ONE_WRITE_IN = 100;
const GOAL = 95;

export async function coherence(): Promise<Results> {
  await using servers = new Contestants((redis) => fillStrings(redis, KEYS, 100));
  const { port, redis } = await servers.respite();
  const random = new Random(1);
  const pick = zipf(KEYS, random);
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => Client.connect(port)));
  const beside = await Client.connect(redis.port);

  /** The share of the reads that Redis was not asked. */
  const load = async (depth: number): Promise<number> => {
    const before = await getsOf(redis);
    let [left, reads] = [COMMANDS, 0];
    const ask = (client: Client): Promise<Answer> => {
      const key = `key:${String(pick()).padStart(12, '0')}`;
      if (random.oneIn(ONE_WRITE_IN)) return (random.oneIn(2) ? client : beside).ask('SET', key, left);
      reads += 1;
      return client.ask('GET', key);
    };
    const converse = async (client: Client) => {
      while (left > 0) {
        left -= depth;
        const answers = await Promise.all(Array.from({ length: depth }, () => ask(client)));
        const failure = answers.find((answer) => answer instanceof Failure);
        if (failure) throw new Error(`answered by ${JSON.stringify(failure)}`);
      }
    };
    await Promise.all(clients.map(converse));
    return 100 * (1 - ((await getsOf(redis)) - before) / reads);
  };

  const figures = [
    // Each key has to be read once: the share depends on nothing but how long this goes on.
    figure(`the first ${COMMANDS} commands on an empty cache`, await load(1), false),
    figure('the next as many', await load(1), true),
    // A GET behind a write of its own client's in one pipeline goes to Redis with it: for that no figure is asked.
    figure('the next as many, in pipelines of 16', await load(16), false),
  ];
  for (const client of [...clients, beside]) client.close();
  return { rows: [], figures };
}

function figure(what: string, value: number, asked: boolean): Figure {
  return {
    part: 'coherence',
    what: `reads kept off Redis, ${what}: ${KEYS} keys, Zipf, 1% writes, ${CLIENTS} clients`,
    told: `${value.toFixed(2)}%`,
    value,
    ...(asked ? { goal: `≥ ${GOAL}%`, reached: value >= GOAL } : {}),
  };
}

/** Key 0 is the commonest; key k is asked for 1 / (k + 1) ^ 0.99 times as often. */
function zipf(keys: number, random: Random): () => number {
  const upTo = new Float64Array(keys);
  let sum = 0;
  for (let key = 0; key < keys; key++) {
    sum += (key + 1) ** -0.99;
    upTo[key] = sum;
  }
  return () => {
    const at = random.next() * sum;
    let [low, high] = [0, keys - 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((upTo[middle] ?? 0) <= at) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}
