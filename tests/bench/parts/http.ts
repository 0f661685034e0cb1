/** GET over HTTP, from memory, against webdis, which asks Redis each time. */
import { compare, type Plan } from '../compare';
import { Contestants, fillStrings } from '../contestants';
import { httpLoad } from '../http-load';
import { type Results, rowsOf } from '../report';
import { refuseMisses } from './hits';

const PATH = '/get/key:000000000000';

export async function http(plan: Plan): Promise<Results> {
  const rows = [];
  for (const bytes of [16, 1_000]) {
    await using servers = new Contestants((redis) => fillStrings(redis, 1, bytes));
    const all = [await servers.respite({ http: true }), await servers.webdis()];
    for (const clients of [1, 50]) {
      const trials = await compare(all, httpLoad(PATH, clients), plan);
      // For a lone client no figure is asked.
      const goals = clients === 50 ? { webdis: { rate: 1 } } : {};
      rows.push(...rowsOf('http', `/get ${bytes} B, ${clients} connected`, all, trials, goals));
    }
  }
  refuseMisses(rows);
  return { rows, figures: [] };
}
