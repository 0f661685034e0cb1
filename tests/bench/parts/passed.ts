/** Commands that are passed on to Redis: small writes, a read with a large reply, and transactions. */
import { compare, type Plan } from '../compare';
import { Contestants } from '../contestants';
import { commandLoad, type Load, transactionLoad } from '../load';
import { type Goals, type Results, rowsOf } from '../report';

const KEYS = 10_000;
const VALUE = 'x'.repeat(16);
const ITEMS = Array.from({ length: 100 }, (_, index) => `item:${index}`);

interface Case {
  readonly name: string;
  readonly depths: readonly number[];
  readonly load: (depth: number) => Load;
  readonly goals?: Readonly<Record<number, Record<string, Goals>>>;
  /** nutcracker has no transactions. */
  readonly only?: 'redis-server';
}

function command(...words: string[]): (depth: number) => Load {
  return (depth) => commandLoad(words, { depth, keys: KEYS });
}

const CASES: readonly Case[] = [
  {
    name: 'SET 16 B',
    depths: [1, 16, 100],
    load: command('SET', 'key:__rand_int__', VALUE),
    goals: {
      1: { nutcracker: { rate: 0.8 } },
      16: { nutcracker: { rate: 1 } },
      100: { nutcracker: { rate: 4 } },
    },
  },
  { name: 'INCR', depths: [1, 16, 100], load: command('INCR', 'counter:__rand_int__') },
  { name: 'LRANGE 100', depths: [1, 16], load: command('LRANGE', 'list', '0', '99') },
  {
    name: 'MULTI, SET, EXEC',
    depths: [1, 16],
    load: (depth) => transactionLoad(depth, 50),
    only: 'redis-server',
  },
];

export async function passed(plan: Plan): Promise<Results> {
  await using servers = new Contestants((redis) => redis.ask('RPUSH', 'list', ...ITEMS));
  const every = [await servers.respite(), await servers.redisServer(), ...(await servers.nutcracker())];
  const rows = [];
  for (const { name, depths, load, goals = {}, only } of CASES) {
    const all = only === undefined ? every : every.slice(0, 2);
    for (const depth of depths) {
      const trials = await compare(all, load(depth), plan);
      rows.push(...rowsOf('passed', `${name}, depth ${depth}`, all, trials, goals[depth]));
    }
  }
  return { rows, figures: [] };
}
