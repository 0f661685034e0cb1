/** One process and two, on the same load. */
import { cpus } from 'node:os';
import { compare, type Plan } from '../compare';
import { type Backed, Contestants, fillStrings } from '../contestants';
import { commandLoad, type Load, transactionLoad } from '../load';
import { type Results, rowsOf } from '../report';
import { NotThere } from '../tools';
import { childrenOf } from '../usage';

const KEYS = 1_000;
const CASES: readonly { name: string; load: () => Load }[] = [
  ...[1, 16, 100].map((depth) => ({
    name: `GET 16 B, depth ${depth}`,
    load: () =>
      commandLoad(['GET', 'key:__rand_int__'], { depth, keys: KEYS, threads: 2, warmUp: 10_000 * depth }),
  })),
  { name: 'MULTI, SET, EXEC, depth 1', load: () => transactionLoad(1, 50) },
];

export async function workers(plan: Plan): Promise<Results> {
  await using servers = new Contestants((redis) => fillStrings(redis, KEYS, 16));
  const [one, two] = [
    await servers.respite({ name: 'one worker' }),
    await servers.respite({ name: 'two workers', flags: ['--workers', '2'] }),
  ];
  if (processesOf(two) <= processesOf(one))
    throw new NotThere('this build starts one process for --workers 2');
  // With several threads redis-benchmark looks at its watch four times a second.
  const longer = { ...plan, seconds: Math.max(plan.seconds, 1.5) };
  const all = [two, one, await servers.redisServer()];
  const rows = [];
  for (const { name, load } of CASES) {
    const title = `${name}, two workers on ${cpus().length} cores`;
    rows.push(...rowsOf('workers', title, all, await compare(all, load(), longer)));
  }
  return { rows, figures: [] };
}

function processesOf({ pid }: Backed): number {
  return childrenOf(pid).length;
}
