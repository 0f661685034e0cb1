/** What a fence costs: EVAL, and EXEC of one, against the same program with the fence taken out. */
import { rmSync } from 'node:fs';
import path from 'node:path';
import { Mutant } from '../../support/mutant';
import { compare, type Plan } from '../compare';
import { Contestants } from '../contestants';
import { commandLoad, type Load, transactionLoad } from '../load';
import { type Results, rowsOf } from '../report';

const WITHOUT = 'without the fence';
const evalOf = (key: string) => [
  'EVAL',
  "return redis.call('SET', KEYS[1], ARGV[1])",
  '1',
  key,
  'x'.repeat(16),
];
const FENCE_TAKEN_OUT = {
  file: 'commands/effects.js',
  find: 'hold((done) => fence.wait(done));\n            return;\n        default:',
  replace: 'return;\n        default:',
};

interface Case {
  readonly name: string;
  readonly load: (depth: number, clients: number) => Load;
}

const CASES: readonly Case[] = [
  {
    name: 'EVAL',
    load: (depth, clients) => commandLoad(evalOf('key:__rand_int__'), { depth, clients, keys: 10_000 }),
  },
  // An EXEC of plain writes waits for no fence.
  { name: 'EXEC of EVAL', load: (depth, clients) => transactionLoad(depth, clients, evalOf('key:1')) },
];

export async function fences(plan: Plan): Promise<Results> {
  await using mutant = await Mutant.make([FENCE_TAKEN_OUT]);
  // Where the run is broken off, nothing is disposed of.
  process.once('exit', () => rmSync(path.resolve(mutant.program, '../..'), { recursive: true, force: true }));
  await using servers = new Contestants(() => Promise.resolve());
  const all = [await servers.respite(), await servers.respite({ name: WITHOUT, program: mutant.program })];
  const rows = [];
  for (const { name, load } of CASES) {
    // One client at depth 1 waits for each round trip: with one more of them it has half the rate at least.
    const alone = await compare(all, load(1, 1), plan);
    rows.push(...rowsOf('fences', `${name}, depth 1, 1 client`, all, alone, { [WITHOUT]: { rate: 0.5 } }));
    const many = await compare(all, load(16, 50), plan);
    rows.push(...rowsOf('fences', `${name}, depth 16`, all, many, { [WITHOUT]: { rate: 0.7 } }));
  }
  return { rows, figures: [] };
}
