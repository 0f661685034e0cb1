/** Short hands for the tests of the cache: framed values and stores of a given size. */
import { FILLED_BY_GET, type StoreLimits } from '../../../src/cache/entries';
import type { Partition } from '../../../src/cache/partition';
import { Store } from '../../../src/cache/store';

export const FOREVER = Number.POSITIVE_INFINITY;

export function storeOf(limits: Partial<StoreLimits> = {}): Store {
  return new Store({ maxKeys: 1000, maxMemory: 1_000_000, maxValue: 10_000, keepsStale: false, ...limits });
}

export function framed(payload: string): Buffer {
  return Buffer.from(`$${Buffer.byteLength(payload, 'latin1')}\r\n${payload}\r\n`, 'latin1');
}

export interface Times {
  deadline?: number;
  redisDeadline?: number;
  now?: number;
  filledBy?: number;
}

export function put(
  partition: Partition,
  key: string,
  payload: string | undefined,
  times: Times = {},
): boolean {
  const { deadline = FOREVER, redisDeadline = FOREVER, now = 0, filledBy = FILLED_BY_GET } = times;
  const value = payload === undefined ? undefined : framed(payload);
  return partition.insert(key, value, 0, value?.length ?? 0, deadline, redisDeadline, now, filledBy);
}

/** What a client would be sent: the framed value, 'nil' for a negative entry, undefined for a miss. */
export function answer(partition: Partition, slot: number): string | undefined {
  if (slot === -1) return undefined;
  return partition.isNegative(slot) ? 'nil' : partition.readValue(slot).toString('latin1');
}

export function get(partition: Partition, key: string, now = 0): string | undefined {
  return answer(partition, partition.lookup(key, now));
}

export function getStale(partition: Partition, key: string, now = 0): string | undefined {
  return answer(partition, partition.lookupStale(key, now));
}
