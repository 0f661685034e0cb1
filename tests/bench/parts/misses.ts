/** GET of keys that are not in memory: each is asked for at Redis, kept, and another one evicted for it. */
import { compare, type Plan } from '../compare';
import { Contestants, fillStrings } from '../contestants';
import { commandLoad } from '../load';
import { type Goals, type Results, rowsOf } from '../report';

const KEYS = 200_000;
/** So few of them are kept that hardly any is met again. */
const FLAGS = ['--max-keys', '1000'];
const GOALS: Readonly<Record<number, Record<string, Goals>>> = {
  1: { nutcracker: { rate: 0.8 } },
  16: { nutcracker: { rate: 1 } },
  100: { nutcracker: { rate: 4 } },
};

export async function misses(plan: Plan): Promise<Results> {
  await using servers = new Contestants((redis) => fillStrings(redis, KEYS, 16));
  const all = [
    await servers.respite({ flags: FLAGS }),
    await servers.redisServer(),
    ...(await servers.nutcracker()),
  ];
  const rows = [];
  for (const depth of [1, 16, 100]) {
    const trials = await compare(all, commandLoad(['GET', 'key:__rand_int__'], { depth, keys: KEYS }), plan);
    rows.push(...rowsOf('misses', `GET 16 B, depth ${depth}`, all, trials, GOALS[depth]));
  }
  const kept = rows.find((row) => row.getsBehind < 0.95);
  if (kept)
    throw new Error(`${kept.what}: these are not misses, only ${kept.getsBehind} of them reached Redis`);
  return { rows, figures: [] };
}
