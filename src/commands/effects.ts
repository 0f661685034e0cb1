/** What is done when a reply has arrived and before it is delivered: what its command may have changed is forgotten. */
import type { House } from './house';
import type { Effect } from './rules';

/** Keeps a reply back until it is called back. */
export type Hold = (begin: (done: () => void) => void) => void;

/** Nobody waits for the reply any more; what has to be forgotten is forgotten all the same. */
export const holdNothing: Hold = (begin) => begin(() => undefined);

export function applyEffect(effect: Effect, keys: readonly string[], house: House, hold: Hold): void {
  const { drops, backing, fence, stats } = house;
  switch (effect) {
    case 'none':
      return;
    case 'keys':
      stats.invalidationsByWrite += drops.dropKeys(keys);
      return;
    case 'flush':
      stats.flushes += 1;
      drops.dropAll();
      return;
    case 'acl':
      drops.dropAll();
      hold((done) => void backing.reloadRights().finally(done));
      return;
    case 'settings':
      hold((done) => void backing.reloadRights().finally(done));
      return;
    case 'modules':
      hold((done) => void backing.reloadTable().finally(() => fence.wait(done)));
      return;
    case 'fence':
      hold((done) => fence.wait(done));
      return;
    default:
      effect satisfies never;
  }
}
