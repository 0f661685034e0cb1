/** What is done when a reply has arrived and before it is delivered: what its command may have changed is forgotten. */
import type { House } from './house';
import type { Effect } from './rules';

/** Keeps a reply back until it is called back. */
export type Hold = (begin: (done: () => void) => void) => void;

/** Nobody waits for the reply any more; what has to be forgotten is forgotten all the same. */
export const holdNothing: Hold = (begin) => begin(() => undefined);

export type Affected = Pick<House, 'drops' | 'backing' | 'fence' | 'stats' | 'links' | 'neighbours'>;

export function applyEffect(effect: Effect, keys: readonly string[], house: Affected, hold: Hold): void {
  const { drops, backing, fence, stats, neighbours } = house;
  switch (effect) {
    case 'none':
      return;
    case 'keys':
      stats.invalidationsByWrite += drops.dropKeys(keys);
      // Where Redis says what changes, it tells the neighbours too.
      if (neighbours && house.links.timed) neighbours.tell({ about: 'write', keys });
      return;
    case 'flush':
      stats.flushes += 1;
      drops.dropAll();
      // SWAPDB and what comes with a new master cause no push.
      if (neighbours) hold((done) => void neighbours.ask({ about: 'effect', effect }).then(done));
      return;
    case 'acl':
      drops.dropAll();
      hold((done) => void together(backing.reloadRights(), effect, house).then(done));
      return;
    case 'settings':
      hold((done) => void together(backing.reloadRights(), effect, house).then(done));
      return;
    case 'modules':
      hold((done) => void together(backing.reloadTable(), effect, house).then(() => fence.wait(done)));
      return;
    case 'fence':
      hold((done) => fence.wait(done));
      return;
    default:
      effect satisfies never;
  }
}

/** Settles when it is done here and by all neighbours, whether or not it went well. */
function together(here: Promise<void>, effect: Effect, { neighbours }: Affected): Promise<unknown> {
  return Promise.allSettled([here, neighbours?.ask({ about: 'effect', effect })]);
}
