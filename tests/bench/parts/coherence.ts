/** Reads that never reach Redis while keys are being written, through the proxy and beside it. */
import { type Answer, Client, Failure } from '../../support/checker/client';
import { Random } from '../../support/checker/random';
import { compare, getsOf, type Plan } from '../compare';
import { type Backed, Contestants, fillStrings } from '../contestants';
import { commandLoad } from '../load';
import { type Figure, figureOf, type Results, rowsOf } from '../report';

const KEYS = 10_000;
const COMMANDS = 100_000;
const CLIENTS = 50;
const ONE_WRITE_IN = 100;
const GOAL = 95;
const WRITES = 1_000;
const SAMPLES = 300;

export async function coherence(plan: Plan): Promise<Results> {
  const { rows, figures } = await storm(plan);
  return { rows, figures: [...(await shares()), ...figures] };
}

/** Reads at full speed while a writer beside the proxy changes a thousand keys a second, and the same without it. */
async function storm(plan: Plan): Promise<Results> {
  await using servers = new Contestants((redis) => fillStrings(redis, KEYS, 16));
  const stormy = await servers.respite();
  const redis = await servers.redisServer('redis-server, written to likewise');
  const all = [stormy, await servers.respite({ name: 'respite, nothing written' }), redis];
  await using _writers = await startWriters([stormy.redis.port, redis.port]);
  const rows = [];
  for (const depth of [1, 16]) {
    const load = commandLoad(['GET', 'key:__rand_int__'], { depth, keys: KEYS });
    const trials = await compare(all, load, plan);
    const what = `GET 16 B of ${KEYS} keys, ${WRITES} writes/s beside it, depth ${depth}`;
    rows.push(...rowsOf('coherence', what, all, trials));
  }
  const share = 100 * (1 - (rows[0]?.getsBehind ?? Number.NaN));
  const told = await stalenessOf(stormy);
  const under = `while ${WRITES} writes/s invalidate`;
  return {
    rows,
    figures: [
      figureOf('coherence', `reads kept off Redis, ${KEYS} keys alike, ${under}, depth 1`, share, {
        told: `${share.toFixed(2)}%`,
      }),
      ...[0.5, 0.99].map((at) => {
        const time = told[Math.floor(at * (told.length - 1))] ?? Number.NaN;
        const what = `from the reply to a write beside the proxy to the first GET that sees it, ${under}, p${100 * at}`;
        return figureOf('coherence', what, time, { told: `${time.toFixed(2)} ms` });
      }),
    ],
  };
}

interface Writers {
  [Symbol.asyncDispose](): Promise<void>;
}

/** Keys by chance, evenly over the time: a few every few milliseconds. */
async function startWriters(ports: readonly number[]): Promise<Writers> {
  const clients = await Promise.all(ports.map((port) => Client.connect(port)));
  const random = new Random(2);
  let due = performance.now();
  const timer = setInterval(() => {
    for (; due < performance.now(); due += 1_000 / WRITES) {
      const key = nameOf(random.between(0, KEYS - 1));
      for (const client of clients) void client.ask('SET', key, 'y'.repeat(16));
    }
  }, 5);
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      for (const client of clients) client.close();
    },
  };
}

/** In milliseconds, the shortest first. A reader asks again and again, so a round trip of its own is in each. */
async function stalenessOf({ port, redis }: Backed): Promise<number[]> {
  const [writer, reader] = [await Client.connect(redis.port), await Client.connect(port)];
  const key = nameOf(0);
  const times = [];
  for (let nth = 0; nth < SAMPLES; nth++) {
    await reader.ask('GET', key);
    await writer.ask('SET', key, `${nth}`);
    const from = performance.now();
    while ((await reader.ask('GET', key)) !== `${nth}`) {
      // The writers may have come in between: then this value will not be seen any more.
      if (performance.now() - from > 1_000) break;
    }
    times.push(performance.now() - from);
  }
  for (const client of [writer, reader]) client.close();
  return times.sort((a, b) => a - b);
}

/** The share of the reads that Redis was not asked, with one write in a hundred commands. */
async function shares(): Promise<Figure[]> {
  await using servers = new Contestants((redis) => fillStrings(redis, KEYS, 100));
  const { port, redis } = await servers.respite();
  const random = new Random(1);
  const pick = zipf(KEYS, random);
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => Client.connect(port)));
  const beside = await Client.connect(redis.port);

  const load = async (depth: number): Promise<number> => {
    const before = await getsOf(redis);
    let [left, reads] = [COMMANDS, 0];
    const ask = (client: Client): Promise<Answer> => {
      const key = nameOf(pick());
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
    // A GET behind a write of its own client's waits for it; when it is not in memory, it goes to Redis with it.
    figure('the next as many, in pipelines of 16', await load(16), true),
  ];
  for (const client of [...clients, beside]) client.close();
  return figures;
}

function nameOf(index: number): string {
  return `key:${String(index).padStart(12, '0')}`;
}

function figure(what: string, value: number, asked: boolean): Figure {
  const load = `reads kept off Redis, ${what}: ${KEYS} keys, Zipf, 1% writes, ${CLIENTS} clients`;
  const told = `${value.toFixed(2)}%`;
  return figureOf('coherence', load, value, asked ? { told, goal: ['≥', GOAL, '%'] } : { told });
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
