/** GETs that memory answers, one after the other without leaving this loop: what the proxy does most. */
import { FILLED_BY_GET } from '../cache/entries';
import type { Partition } from '../cache/partition';
import type { PlainGets } from '../resp/plain-gets';
import type { Stats } from '../telemetry/stats';
import type { Protocol } from '../upstream/identity';
import { appendEntry } from './answers';
import type { Outlet } from './outlet';

/** Where answers come from and go to. */
export interface HitDesk {
  readonly partition: Partition;
  /** Who may GET may do all that the cache does in its name. */
  readonly unrestricted: boolean;
  readonly outlet: Outlet;
  readonly protocol: Protocol;
  readonly stats: Stats;
}

/**
 * Answers GETs until one comes that memory has no answer to, or that is none; until it has answered `most`, or with
 * more than `room` bytes. How many it was; `gets` stands behind them.
 */
export function answerHits(desk: HitDesk, gets: PlainGets, most: number, room: number, now: number): number {
  const { partition, unrestricted, outlet, protocol, stats } = desk;
  const { view } = gets;
  let count = 0;
  let negative = 0;
  let bytes = 0;
  while (count < most && bytes <= room && gets.find()) {
    const slot = partition.lookupBytes(view, gets.keyStart, gets.keyEnd, now);
    if (slot < 0 || !(unrestricted || partition.filledBy(slot) & FILLED_BY_GET)) break;
    bytes += appendEntry(outlet, partition, slot, protocol);
    if (partition.isNegative(slot)) negative += 1;
    count += 1;
    gets.skip();
  }
  stats.commands += count;
  stats.hits += count - negative;
  stats.negativeHits += negative;
  return count;
}
