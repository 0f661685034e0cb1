/** What the processes that share the ports ask of each other. With one process there is nobody to ask. */
import type { Reading } from '../telemetry/reading';
import type { Effect } from './rules';

/** A part of the cache: that of one user in one database. */
export interface Part {
  readonly user: string;
  readonly db: number;
}

/** Names of keys, users and texts of the protocol are latin1, as everywhere. */
export type Question =
  | { readonly about: 'reading' }
  /** CLIENT LIST and CLIENT KILL: the whole command. */
  | { readonly about: 'list'; readonly args: readonly Buffer[] }
  | { readonly about: 'kill'; readonly args: readonly Buffer[]; readonly asker: number }
  /** `only`: not of all users and databases. */
  | { readonly about: 'purge'; readonly keys: readonly string[] | 'all'; readonly only: Part | undefined }
  | { readonly about: 'inspect'; readonly key: string; readonly part: Part }
  /** The id that Redis knows a client by; `adopt`: it is given a wire of its own. */
  | { readonly about: 'upstream id'; readonly id: number; readonly adopt: boolean }
  /** Something was done that changes what everybody knows: it is forgotten, or learned anew. */
  | { readonly about: 'effect'; readonly effect: Effect };

/** What nobody waits for. */
export type News =
  /** CLIENT PAUSE, or its end when there are no milliseconds. */
  | { readonly about: 'pause'; readonly milliseconds: number }
  /** A write, where Redis itself does not say what changes. */
  | { readonly about: 'write'; readonly keys: readonly string[] };

/** What the cache holds for a key. Times are milliseconds. */
export interface Inspection {
  /** `missing`: it is remembered that the key does not exist. */
  readonly kind: 'value' | 'missing';
  readonly age: number;
  readonly timeLeft: number;
  readonly bytes: number;
  readonly hits: number;
}

export interface ClientLine {
  readonly id: number;
  readonly line: string;
}

/** One answer of each neighbour, by what was asked. */
export interface Answers {
  readonly reading: Reading;
  readonly list: readonly ClientLine[];
  /** How many were closed. */
  readonly kill: number;
  /** How many entries were dropped. */
  readonly purge: number;
  readonly inspect: Inspection | undefined;
  /** 0: there is none. */
  readonly 'upstream id': number;
  readonly effect: 'done';
}

export type Topic = Question['about'];
export type About<T extends Topic> = Extract<Question, { about: T }>;

export interface Neighbours {
  /** What those said who answered in time: it settles soon, whatever has become of them. Never rejects. */
  ask<T extends Topic>(question: About<T>): Promise<readonly Answers[T][]>;
  tell(news: News): void;
}
