/** Whether a hit costs more when a million entries are kept than with a thousand, and in deep pipelines. */
import { compare, type Plan } from '../compare';
import { type Backed, Contestants, fillStrings } from '../contestants';
import { commandLoad, type Load } from '../load';
import { inBatches } from '../pipelines';
import { type Results, type Row, rowsOf } from '../report';
import { refuseMisses } from './hits';

const [FEW, MANY] = [1_000, 1_000_000];
const FLAGS = ['--max-keys', '1100000', '--max-memory', '1gb', '--ttl', '1h'];
const SMALL = 'a thousand';
const GOALS = { [SMALL]: { cpu: 1.3 } };

export async function growth(plan: Plan): Promise<Results> {
  await using large = new Contestants((redis) => fillStrings(redis, MANY, 16));
  await using small = new Contestants((redis) => fillStrings(redis, FEW, 16));
  const respites = [
    await large.respite({ flags: FLAGS }),
    await small.respite({ flags: FLAGS, name: SMALL }),
  ];
  const servers = [await large.redisServer(), await small.redisServer(SMALL)];
  await fetchAll(respites[0]);

  const rowsFor = async (who: string, all: readonly Backed[], depth: number, asked: number, goals = {}) => {
    const keys = asked === FEW ? 'the same thousand' : 'any';
    const trials = await compare(all, loadFor(all, depth, asked), plan);
    return rowsOf('growth', `${who}, GET of ${keys} of a million, depth ${depth}`, all, trials, goals);
  };
  const own: Row[] = [];
  for (const depth of [1, 16, 100, 1_000])
    own.push(...(await rowsFor('respite', respites, depth, FEW, GOALS)));
  // Whoever asks for any of a million keys waits for the machine's memory, not for its CPU: so does Redis.
  for (const depth of [1, 16, 100]) own.push(...(await rowsFor('respite', respites, depth, MANY, GOALS)));
  refuseMisses(own);
  const rows = [...own];
  for (const depth of [1, 16, 100]) rows.push(...(await rowsFor('redis-server', servers, depth, MANY)));
  return { rows, figures: [] };
}

/** Of the first one so many keys are asked, of the other the thousand that it has. */
function loadFor([million]: readonly Backed[], depth: number, asked: number): Load {
  const loadOf = (keys: number) => commandLoad(['GET', 'key:__rand_int__'], { depth, keys });
  const few = loadOf(FEW);
  const many = loadOf(asked);
  return { ...few, run: (port, count) => (port === million?.port ? many : few).run(port, count) };
}

async function fetchAll(respite: Backed | undefined): Promise<void> {
  if (!respite) return;
  await inBatches(respite.port, MANY, (index) => ['GET', `key:${String(index).padStart(12, '0')}`]);
}
