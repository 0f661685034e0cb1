/** GET of keys that are in memory, against redis-server itself and nutcracker. */
import { compare, type Plan } from '../compare';
import { Contestants, fillStrings } from '../contestants';
import { commandLoad } from '../load';
import { type Goals, type Results, rowsOf } from '../report';

const KEYS = 1_000;
const GOALS: Readonly<Record<number, Record<string, Goals>>> = {
  1: { 'redis-server': { rate: 1, cpu: 1.3 } },
  16: { 'redis-server': { rate: 1, cpu: 1.1 }, nutcracker: { rate: 2 } },
  100: { 'redis-server': { rate: 1.1, cpu: 0.9 }, nutcracker: { rate: 6 } },
};

export async function hits(plan: Plan): Promise<Results> {
  const rows = [
    ...(await hitsOf(plan, 16, [1, 16, 100])),
    // Ten kilobytes at depth 100 are a megabyte for each client: no figure is asked for.
    ...(await hitsOf(plan, 10_000, [1])),
  ];
  const passed = rows.find((row) => row.getsBehind > 0.01);
  if (passed)
    throw new Error(`${passed.what}: these are not hits, ${passed.getsBehind} of them reached Redis`);
  return { rows, figures: [] };
}

async function hitsOf(plan: Plan, bytes: number, depths: readonly number[]) {
  await using servers = new Contestants((redis) => fillStrings(redis, KEYS, bytes));
  const all = [await servers.respite(), await servers.redisServer(), ...(await servers.nutcracker())];
  const rows = [];
  for (const depth of depths) {
    const trials = await compare(all, commandLoad(['GET', 'key:__rand_int__'], depth, 50, KEYS), plan);
    const goals = bytes === 16 ? GOALS[depth] : {};
    rows.push(...rowsOf('hits', `GET ${bytes} B, depth ${depth}`, all, trials, goals));
  }
  return rows;
}
