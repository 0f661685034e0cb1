/**
 * What the backing server is and can do: its version, its command table, its users and their rights.
 *
 * This is the control plane, over a connection of its own that carries no client's command. ioredis serves here:
 * decoded replies are just what is wanted, and it reconnects by itself.
 */
import Redis from 'ioredis';
import type { Clock } from '../clock';
import type { Log } from '../telemetry/log';
import { describeAddress, type RedisAddress } from './address';
import { guardReplies } from './control-guard';
import { withoutArguments } from './handshake';
import './quick-strings';

export interface BackingEvents {
  /** The server is there, perhaps again, and perhaps another one than before. */
  onFound(): void;
  /** COMMAND's answer. */
  onTable(reply: unknown[]): void;
  /**
   * The rights of these users are not what they were. All users that there are were told by an answer that was asked
   * for at `askedAt`; when that is undefined, nobody's rights are known for certain.
   */
  onRights(changed: readonly string[], askedAt: number | undefined): void;
}

export interface BackingOptions {
  readonly address: RedisAddress;
  readonly timeout: number;
  readonly ca: Buffer | undefined;
  readonly clock: Clock;
}

const LONGEST_BACKOFF = 2_000;
const FIRST_BACKOFF = 50;

export class Backing {
  readonly #options: BackingOptions;
  readonly #redis: Redis;
  readonly #events: BackingEvents;
  readonly #log: Log;
  readonly #address: string;
  /** A user's rules as ACL LIST writes them; undefined while they cannot be read. */
  #rights: Map<string, string> | undefined;
  /** False when they are known to have changed since they were read. */
  #rightsAreCurrent = false;
  #readingRights: Promise<boolean> | undefined;
  /** It has answered: to accept a connection is no sign of life, a balancer in front of nothing does that too. */
  #connected = false;
  #attempts = 0;
  #closed = false;
  #problem = 'not connected yet';
  #learning: Promise<void> | undefined;
  version = '';
  /** Redis wants a password, and respite was given none. */
  asksForPassword = false;
  tableKnown = false;

  constructor(options: BackingOptions, events: BackingEvents, log: Log) {
    this.#options = options;
    this.#events = events;
    this.#log = log;
    this.#address = describeAddress(options.address);
    this.#redis = new Redis({ ...connection(options), retryStrategy: () => this.#nextPause() });
    guard(this.#redis);
    this.#redis.on('ready', () => void this.#learn());
    this.#redis.on('close', () => this.#onClose());
    // Each failed attempt says the same: the log has it once, by onClose.
    this.#redis.on('error', (problem: Error) => {
      this.#problem = withoutArguments(problem.message);
      // Nobody can tell any more which answer is whose.
      if (problem.message.startsWith(UNASKED)) this.#redis.stream.destroy();
    });
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Resolves after the first attempt, whichever way it went. */
  async open(): Promise<void> {
    await this.#redis.connect().catch(() => undefined);
    await this.#learning;
    if (!this.#connected)
      this.#log.warn(
        { redis: this.#address, problem: this.#problem },
        'the backing Redis cannot be reached; trying on',
      );
  }

  close(): void {
    this.#closed = true;
    this.#redis.disconnect();
  }

  knowsUser(name: string): boolean {
    return this.#rights ? this.#rights.has(name) : name === 'default';
  }

  /** May this user use every command on every key, for certain? */
  isUnrestricted(user: string): boolean {
    return this.wasUnrestricted(user) && (this.#rightsAreCurrent || this.#knowsNoRights);
  }

  /** Nobody was restricted before Redis 6. */
  get #knowsNoRights(): boolean {
    return Number.parseInt(this.version, 10) < 6;
  }

  /** The same, when Redis was last heard of. */
  wasUnrestricted(user: string): boolean {
    if (this.#knowsNoRights) return true;
    const rules = this.#rights?.get(user === '' ? 'default' : user);
    return rules !== undefined && UNRESTRICTED.test(rules);
  }

  async reloadTable(): Promise<void> {
    if (!this.#connected) return;
    await this.#readTable(this.#redis);
  }

  /** Redis told respite nothing without a password; now a client has given one. */
  async learnAs(user: string, password: string | undefined): Promise<void> {
    const redis = new Redis({
      ...connection(this.#options),
      username: user,
      ...(password === undefined ? {} : { password }),
      retryStrategy: () => null,
    });
    guard(redis);
    redis.on('error', () => undefined);
    await redis.connect().catch(() => undefined);
    await this.#readTable(redis);
    redis.disconnect();
  }

  /** Compares the users' rules with what they were; each heartbeat. False when Redis has not told them. */
  async readRights(): Promise<boolean> {
    // One that is under way may have been answered before the change that this call is about.
    await this.#readingRights;
    if (!this.#connected) return false;
    this.#readingRights ??= this.#readRightsNow().finally(() => {
      this.#readingRights = undefined;
    });
    return this.#readingRights;
  }

  /** They have changed through the proxy: what was known of them is not worth anything any more. */
  async reloadRights(): Promise<void> {
    if (await this.readRights()) return;
    this.#rightsAreCurrent = false;
    this.#events.onRights([], undefined);
  }

  async #readRightsNow(): Promise<boolean> {
    const askedAt = this.#options.clock.now();
    try {
      const lines = (await this.#redis.callBuffer('ACL', 'LIST')) as Buffer[];
      this.#compareRights(readAclList(lines), askedAt);
      return true;
    } catch (problem) {
      // -BUSY and -LOADING say nothing about rights, and silence does not either.
      if (isForbidden(problem)) this.#compareRights(undefined, undefined);
      return false;
    }
  }

  async #readTable(redis: Redis): Promise<void> {
    try {
      this.#events.onTable((await redis.call('COMMAND')) as unknown[]);
      this.tableKnown = true;
    } catch (problem) {
      this.#note(problem, 'the command table could not be read');
    }
  }

  /** A setting of the server, or undefined when it is unknown there or may not be asked. */
  async setting(name: string): Promise<string | undefined> {
    try {
      const [, value] = (await this.#redis.call('CONFIG', 'GET', name)) as string[];
      return value;
    } catch {
      return undefined;
    }
  }

  #learn(): Promise<void> {
    this.#learning ??= this.#learnNow().finally(() => {
      this.#learning = undefined;
    });
    return this.#learning;
  }

  async #learnNow(): Promise<void> {
    try {
      const info = String(await this.#redis.call('INFO', 'server'));
      this.version = /redis_version:(\S+)/.exec(info)?.[1] ?? '';
      this.asksForPassword = false;
    } catch (problem) {
      if (!isAnswer(problem)) {
        this.#redis.disconnect(true);
        return;
      }
      this.asksForPassword = problem instanceof Error && problem.message.startsWith('NOAUTH');
      this.#note(problem, 'the backing Redis does not say what it is');
    }
    this.#connected = true;
    this.#problem = 'the server closed the connection';
    this.#attempts = 0;
    this.#events.onFound();
    if (this.asksForPassword) return;
    await this.reloadTable();
    await this.readRights();
  }

  #nextPause(): number {
    const longest = Math.min(LONGEST_BACKOFF, FIRST_BACKOFF * 2 ** this.#attempts);
    this.#attempts += 1;
    return longest * (0.5 + Math.random() / 2);
  }

  #onClose(): void {
    if (!this.#connected || this.#closed) return;
    this.#connected = false;
    this.#log.warn(
      { redis: this.#address, problem: this.#problem },
      'the backing Redis is gone; reconnecting',
    );
  }

  #compareRights(now: Map<string, string> | undefined, askedAt: number | undefined): void {
    const before = this.#rights;
    this.#rights = now;
    this.#rightsAreCurrent = now !== undefined;
    if (now && this.#options.address.password === undefined)
      this.asksForPassword = !OPEN_TO_ALL.test(now.get('default') ?? '');
    const users = new Set([...(before?.keys() ?? []), ...(now?.keys() ?? [])]);
    const changed = [...users].filter((user) => before?.get(user) !== now?.get(user));
    this.#events.onRights(changed, askedAt);
  }

  #note(problem: unknown, message: string): void {
    this.#log.warn(
      {
        redis: this.#address,
        problem: withoutArguments(problem instanceof Error ? problem.message : String(problem)),
      },
      message,
    );
  }
}

/** How ioredis words that a reply came which belongs to no command. */
const UNASKED = 'Command queue state error';

function guard(redis: Redis): void {
  redis.on('connect', () => guardReplies(redis.stream));
}

function isAnswer(problem: unknown): problem is Error {
  return problem instanceof Error && problem.name === 'ReplyError';
}

/** This user may not ask, or this Redis has nobody's rights to tell. */
function isForbidden(problem: unknown): boolean {
  return isAnswer(problem) && /^(NOPERM|ERR )/.test(problem.message);
}

/** The default user's rules while a connection may go on without a password. */
const OPEN_TO_ALL = /^on (.* )?nopass( |$)/;

/** `user alice on #… ~* &* +@all` */
const UNRESTRICTED = /(?=.*(^| )~\*( |$))(?=.*(^| )\+@all( |$))(?!.* -)(?!.*\()/;

/** Names are latin1 here, one character for each byte. */
function readAclList(lines: readonly Buffer[]): Map<string, string> {
  return new Map(
    lines.map((line) => {
      const [, user = '', ...rules] = line.latin1Slice().split(' ');
      return [user, rules.join(' ')];
    }),
  );
}

function connection({ address, timeout, ca }: BackingOptions) {
  const place = address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port };
  return {
    ...place,
    ...(address.kind === 'tls' ? { tls: ca ? { ca } : {} } : {}),
    ...(address.username === undefined ? {} : { username: address.username }),
    ...(address.password === undefined ? {} : { password: address.password }),
    lazyConnect: true,
    connectTimeout: timeout,
    commandTimeout: timeout,
    enableReadyCheck: false,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    protocol: 2 as const,
  };
}
