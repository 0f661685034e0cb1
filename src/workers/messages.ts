/** What the process that owns the ports and its workers say to each other. */
import type { Answers, News, Question, Topic } from '../commands/neighbours';
import type { Options } from '../config/options';
import type { Certificates, ProxyAddress } from '../proxy';
import type { Reading } from '../telemetry/reading';
import type { RedisAddress } from '../upstream/address';

/** The port that a client came in by. */
export type Port = 'resp' | 'http';

export interface Beginning {
  readonly kind: 'begin';
  /** From 1; whoever takes the place of a worker that has died has its number. */
  readonly number: number;
  /** From 1, and never twice: which process this is of all that there have ever been. */
  readonly serial: number;
  /** With this worker's share of the totals. */
  readonly options: Options;
  readonly redis: RedisAddress;
  readonly address: ProxyAddress;
  /** For one worker, the --max-keys of all together: it warns when Redis cannot track so many. */
  readonly keysTracked: number | undefined;
}

/** To a worker. */
export type Order =
  | Beginning
  /** Its socket comes with it. `seated`: within --max-clients; otherwise it is told that there is no room. */
  | { readonly kind: 'client'; readonly id: number; readonly port: Port; readonly seated: boolean }
  /** Asks for a `present`, behind all that was sent before. */
  | { readonly kind: 'roll' }
  | { readonly kind: 'question'; readonly id: number; readonly question: Question }
  | { readonly kind: 'answers'; readonly id: number; readonly answers: readonly Answers[Topic][] }
  | { readonly kind: 'news'; readonly news: News }
  /** Of the rate of an address: so many commands are admitted, or none before `wait` ms are over. */
  | { readonly kind: 'tokens'; readonly id: number; readonly granted: number; readonly wait: number }
  | { readonly kind: 'renew'; readonly certificates: Certificates }
  | { readonly kind: 'drain' };

/** From a worker. */
export type Report =
  | { readonly kind: 'ready'; readonly redisVersion: string }
  | { readonly kind: 'failed'; readonly option: boolean; readonly code: string; readonly message: string }
  /** The socket has come: the copy of it that was kept can be closed. */
  | { readonly kind: 'arrived'; readonly id: number }
  | { readonly kind: 'left'; readonly seats: number }
  | { readonly kind: 'present'; readonly seats: number; readonly reading: Reading }
  | { readonly kind: 'ask'; readonly id: number; readonly question: Question }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: Answers[Topic] }
  | { readonly kind: 'news'; readonly news: News }
  | {
      readonly kind: 'charge';
      readonly id: number;
      readonly address: string;
      readonly needed: number;
      readonly spare: number;
    }
  | { readonly kind: 'give back'; readonly address: string; readonly tokens: number };
