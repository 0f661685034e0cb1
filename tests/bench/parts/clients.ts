/** What clients cost that are connected and say nothing: the others' speed, and memory. */
import { readFileSync } from 'node:fs';
import { compare, type Plan } from '../compare';
import { Contestants, fillStrings } from '../contestants';
import { commandLoad } from '../load';
import { figureOf, type Results, rowsOf } from '../report';
import { memoryOf } from '../usage';

const KEYS = 1_000;
const CONNECTED = [1, 50, 1_000, 10_000];
const ACTIVE = 50;
/** Files that a server has open besides its clients, and those who look in on it. */
const OTHERS = 400;

export async function clients(plan: Plan): Promise<Results> {
  const most = Math.min(10_000, openFileLimit() - OTHERS);
  const limit = `${most + OTHERS / 2}`;
  await using servers = new Contestants((redis) => fillStrings(redis, KEYS, 16), ['--maxclients', limit]);
  const all = [await servers.respite({ flags: ['--max-clients', limit] }), await servers.redisServer()];
  const rows = [];
  let idle = 0;
  const before: number[] = [];
  for (const wanted of CONNECTED) {
    const connected = Math.min(wanted, most);
    const active = Math.min(connected, ACTIVE);
    // Measured once each server has served as many as will be active: what those take is not what idle ones take.
    if (connected > ACTIVE && idle === 0) before.push(...all.map(({ pid }) => memoryOf(pid)));
    for (const server of all) await servers.idleClients(server, connected - active - idle);
    idle = connected - active;
    const load = commandLoad(['GET', 'key:__rand_int__'], { depth: 1, clients: active, keys: KEYS });
    rows.push(
      ...rowsOf('clients', `GET 16 B, ${active} of ${connected} active`, all, await compare(all, load, plan)),
    );
  }
  const figures = all.map(({ name, pid }, index) => {
    const each = (memoryOf(pid) - (before[index] ?? Number.NaN)) / idle;
    return figureOf('clients', `${name}: memory of an idle client, ${idle} of them`, each, {
      told: `${(each / 1024).toFixed(1)} KB each`,
    });
  });
  return { rows, figures };
}

function openFileLimit(): number {
  const told = /^Max open files\s+\d+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  return told === undefined ? Number.POSITIVE_INFINITY : Number(told);
}
