/** Commands that are passed on to Redis: a small write, and a read with a large reply. */
import { compare, type Plan } from '../compare';
import { Contestants } from '../contestants';
import { commandLoad } from '../load';
import { type Goals, type Results, rowsOf } from '../report';

const KEYS = 10_000;
const VALUE = 'x'.repeat(16);
const ITEMS = Array.from({ length: 100 }, (_, index) => `item:${index}`);

interface Case {
  readonly name: string;
  readonly command: readonly string[];
  readonly depth: number;
  readonly goals?: Readonly<Record<string, Goals>>;
}

const SET = { name: 'SET 16 B', command: ['SET', 'key:__rand_int__', VALUE] };
const LRANGE = { name: 'LRANGE 100', command: ['LRANGE', 'list', '0', '99'] };

const CASES: readonly Case[] = [
  { ...SET, depth: 1, goals: { nutcracker: { rate: 0.8 } } },
  { ...SET, depth: 16, goals: { nutcracker: { rate: 1 } } },
  { ...SET, depth: 100, goals: { nutcracker: { rate: 4 } } },
  { ...LRANGE, depth: 16 },
];

export async function passed(plan: Plan): Promise<Results> {
  await using servers = new Contestants((redis) => redis.ask('RPUSH', 'list', ...ITEMS));
  const all = [await servers.respite(), await servers.redisServer(), ...(await servers.nutcracker())];
  const rows = [];
  for (const { name, command, depth, goals } of CASES) {
    const trials = await compare(all, commandLoad(command, depth, 50, KEYS), plan);
    rows.push(...rowsOf('passed', `${name}, depth ${depth}`, all, trials, goals));
  }
  return { rows, figures: [] };
}
