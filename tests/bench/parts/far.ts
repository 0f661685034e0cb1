/** A Redis that is a millisecond away, each way: hits, which do not go there, against the same GETs that do. */
import { compare, type Plan } from '../compare';
import { Contestants, fillStrings } from '../contestants';
import { commandLoad } from '../load';
import { type Goals, type Results, rowsOf } from '../report';
import { refuseMisses } from './hits';

const AWAY = 1;
/** Few: each has to be fetched once, at two milliseconds and more. */
const KEYS = 100;
const CASES: readonly { clients: number; depths: readonly number[]; goals: Goals }[] = [
  { clients: 1, depths: [1, 16], goals: { rate: 10 } },
  { clients: 10, depths: [1, 16], goals: {} },
  { clients: 50, depths: [1, 16], goals: { rate: 1.5, p50: 0.2 } },
];

export async function far(plan: Plan): Promise<Results> {
  await using servers = new Contestants((redis) => fillStrings(redis, KEYS, 16));
  const all = [await servers.respite({ away: AWAY }), await servers.farRedis(AWAY)];
  const rows = [];
  for (const { clients, depths, goals } of CASES) {
    for (const depth of depths) {
      const load = commandLoad(['GET', 'key:__rand_int__'], {
        depth,
        clients,
        keys: KEYS,
        warmUp: 1_000 * depth,
      });
      const name = `GET 16 B, depth ${depth}, ${clients} ${clients === 1 ? 'client' : 'clients'}`;
      const asked = depth === 1 ? { direct: goals } : {};
      rows.push(...rowsOf('far', name, all, await compare(all, load, plan), asked));
    }
  }
  refuseMisses(rows);
  return { rows, figures: [] };
}
