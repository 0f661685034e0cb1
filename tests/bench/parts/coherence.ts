/** Reads that never reach Redis while keys are being written, through the proxy and beside it. */
import { Client, Failure } from '../../support/checker/client';
import { Random } from '../../support/checker/random';
import { getsOf } from '../compare';
import { Contestants, fillStrings } from '../contestants';
import type { Results } from '../report';

const KEYS = 10_000;
const READS = 200_000;
const BATCH = 200;
const ONE_WRITE_IN = 100;
const GOAL = 95;

export async function coherence(): Promise<Results> {
  await using servers = new Contestants((redis) => fillStrings(redis, KEYS, 100));
  const { port, redis } = await servers.respite();
  const random = new Random(1);
  const pick = zipf(KEYS, random);
  const [through, beside] = [await Client.connect(port), await Client.connect(redis.port)];

  /** The share of the reads that Redis was not asked. */
  const load = async (): Promise<number> => {
    const before = await getsOf(redis);
    let [reads, done] = [0, 0];
    for (let i = 0; i < READS; i += BATCH) {
      const answers = [];
      for (let j = 0; j < BATCH; j++) {
        const key = `key:${String(pick()).padStart(12, '0')}`;
        if (random.oneIn(ONE_WRITE_IN))
          answers.push((random.oneIn(2) ? through : beside).ask('SET', key, i + j));
        else {
          answers.push(through.ask('GET', key));
          reads += 1;
        }
      }
      done += (await Promise.all(answers)).filter((answer) => !(answer instanceof Failure)).length;
    }
    if (done !== READS) throw new Error(`${READS - done} of ${READS} commands were answered by an error`);
    return 100 * (1 - ((await getsOf(redis)) - before) / reads);
  };

  const shares = [await load(), await load()] as const;
  through.close();
  beside.close();
  const what = (cache: string) => `${KEYS} keys, Zipf (0.99), 1% writes, ${cache}: reads kept off Redis`;
  const figure = (cache: string, value: number) => ({
    part: 'coherence',
    what: what(cache),
    told: `${value.toFixed(2)}%`,
    value,
    goal: `≥ ${GOAL}%`,
    reached: value >= GOAL,
  });
  return {
    rows: [],
    figures: [figure('from an empty cache', shares[0]), figure('from a warm one', shares[1])],
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
