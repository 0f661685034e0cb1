/** What the cache holds, looked at and purged by name: RESPITE INSPECT and RESPITE PURGE. */
import type { House } from './house';
import type { Link } from './links';
import type { Inspection } from './neighbours';

/** How many entries went: of everybody, or of one link alone. */
export function purge(house: House, keys: readonly string[] | 'all', only?: Link): number {
  const dropped = keys === 'all' ? purgeAll(house, only) : (only?.tracker ?? house.drops).dropKeys(keys);
  house.stats.invalidationsByPurge += dropped;
  return dropped;
}

function purgeAll({ store, drops }: House, only: Link | undefined): number {
  const dropped = only ? only.tracker.partition.keys : store.keys;
  (only?.tracker ?? drops).dropAll();
  return dropped;
}

export function inspect({ tracker }: Link, key: string, now: number): Inspection | undefined {
  const { partition } = tracker;
  const slot = tracker.answersAt(now) ? partition.peek(key, now) : -1;
  if (slot < 0) return undefined;
  return {
    kind: partition.isNegative(slot) ? 'missing' : 'value',
    age: now - partition.storedAt(slot),
    timeLeft: partition.deadline(slot) - now,
    bytes: partition.size(slot),
    hits: partition.hits(slot),
  };
}
