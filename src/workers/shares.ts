/** What each worker gets of the limits that hold for all of them together. */
import type { Options } from '../config/options';

/** The remainder goes to the first. No share is nothing: a cache holds one key at least. */
export function shareOf(total: number, number: number, workers: number): number {
  const share = Math.floor(total / workers);
  return Math.max(1, number === 1 ? share + (total % workers) : share);
}

/** The caches are divided. Clients and rates are counted where the ports are, so that all of them may be at one worker. */
export function optionsOf(options: Options, number: number): Options {
  const { workers } = options;
  return {
    ...options,
    maxKeys: shareOf(options.maxKeys, number, workers),
    maxMemory: shareOf(options.maxMemory, number, workers),
  };
}
