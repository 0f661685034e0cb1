/** GET of keys that are in memory, against redis-server itself, nutcracker, and the floor: what Node takes to move bytes. */
import { compare, type Plan } from '../compare';
import { Contestants, fillStrings } from '../contestants';
import { commandLoad } from '../load';
import { type Goals, type Results, type Row, rowsOf } from '../report';

const KEYS = 1_000;
/** Ten kilobytes at depth 100 are a megabyte for each client: there the memory of the machine is measured. */
const DEPTHS: Readonly<Record<number, readonly number[]>> = {
  16: [1, 16, 100],
  100: [1, 16, 100],
  1000: [1, 16],
  10000: [1, 16],
};
const GOALS: Readonly<Record<number, Record<string, Goals>>> = {
  1: { 'redis-server': { rate: 1, cpu: 1.3 } },
  16: { 'redis-server': { rate: 1, cpu: 1.1 }, nutcracker: { rate: 2 } },
  100: { 'redis-server': { rate: 1.1, cpu: 0.9 }, nutcracker: { rate: 6 } },
};

export async function hits(plan: Plan): Promise<Results> {
  const rows: Row[] = [];
  for (const [bytes, depths] of Object.entries(DEPTHS))
    rows.push(...(await hitsOf(plan, Number(bytes), depths)));
  refuseMisses(rows);
  return { rows, figures: [] };
}

export function refuseMisses(rows: readonly Row[]): void {
  const passed = rows.find((row) => row.getsBehind > 0.01);
  if (passed)
    throw new Error(`${passed.what}: these are not hits, ${passed.getsBehind} of them reached Redis`);
}

async function hitsOf(plan: Plan, bytes: number, depths: readonly number[]): Promise<Row[]> {
  await using servers = new Contestants((redis) => fillStrings(redis, KEYS, bytes));
  const all = [
    await servers.respite(),
    await servers.redisServer(),
    ...(await servers.nutcracker()),
    await servers.floor(bytes),
  ];
  const rows = [];
  for (const depth of depths) {
    const load = commandLoad(['GET', 'key:__rand_int__'], { depth, keys: KEYS });
    const goals = bytes === 16 ? GOALS[depth] : {};
    rows.push(
      ...rowsOf('hits', `GET ${bytes} B, depth ${depth}`, all, await compare(all, load, plan), goals),
    );
  }
  return rows;
}
