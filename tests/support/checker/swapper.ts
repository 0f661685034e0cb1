/** SWAPDB: a database that is changed whole, by one who alone knows what stands ready behind the stage. */
import type { Actor, Role } from './actor';
import type { Target } from './history';
import { BACKSTAGE, SWAPPED } from './key-space';
import { type Request, transaction, write } from './verbs';

/** In one transaction, so that nobody else's FLUSHALL comes between: what is not set here is gone afterwards. */
async function swap(actor: Actor): Promise<number> {
  const { random, stage } = actor;
  const targets: Target[] = [];
  const sets: Request[] = [];
  const common = stage.space.value(random);
  for (const key of stage.history.keys(SWAPPED)) {
    const value = key.paired ? common : stage.space.value(random);
    if (!key.paired && random.oneIn(3)) {
      targets.push({ key });
      continue;
    }
    targets.push({ key, value });
    sets.push(['SET', key.name, value]);
  }
  actor.note('SWAPDB');
  await write(actor, targets, transaction(['FLUSHDB'], ...sets, ['SWAPDB', SWAPPED, BACKSTAGE]));
  return targets.length;
}

export function swapper(role: Omit<Role, 'act' | 'db' | 'via'>): Role {
  return { ...role, via: 'proxy', db: BACKSTAGE, act: swap };
}
