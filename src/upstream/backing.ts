/**
 * What the backing server is and can do: its version, its command table, its users and their rights.
 *
 * This is the control plane, over a connection of its own that carries no client's command. ioredis serves here:
 * decoded replies are just what is wanted, and it reconnects by itself.
 */
import Redis from 'ioredis';
import type { Log } from '../telemetry/log';
import { describeAddress, type RedisAddress } from './address';

export interface BackingEvents {
  /** The server is there, perhaps again, and perhaps another one than before. */
  onFound(): void;
  /** COMMAND's answer. */
  onTable(reply: unknown[]): void;
  /** The rights of these users are not what they were; undefined: of all, as far as can be told. */
  onRights(changed: readonly string[]): void;
}

export interface BackingOptions {
  readonly address: RedisAddress;
  readonly timeout: number;
  readonly ca: Buffer | undefined;
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
  #readingRights: Promise<void> | undefined;
  /** It has answered: to accept a connection is no sign of life, a balancer in front of nothing does that too. */
  #connected = false;
  #attempts = 0;
  #closed = false;
  #problem = 'not connected yet';
  #learning: Promise<void> | undefined;
  version = '';
  /** Redis's own error when it wants a password that respite was not given. */
  asksForPassword = false;
  tableKnown = false;

  constructor(options: BackingOptions, events: BackingEvents, log: Log) {
    this.#options = options;
    this.#events = events;
    this.#log = log;
    this.#address = describeAddress(options.address);
    this.#redis = new Redis({ ...connection(options), retryStrategy: () => this.#nextPause() });
    this.#redis.on('ready', () => void this.#learn());
    this.#redis.on('close', () => this.#onClose());
    // Each failed attempt says the same: the log has it once, by onClose.
    this.#redis.on('error', (problem: Error) => {
      this.#problem = problem.message;
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

  /** May this user use every command on every key, as far as is known? Nobody was restricted before Redis 6. */
  isUnrestricted(user: string): boolean {
    if (Number.parseInt(this.version, 10) < 6) return true;
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
    redis.on('error', () => undefined);
    await redis.connect().catch(() => undefined);
    await this.#readTable(redis);
    redis.disconnect();
  }

  /** Compares the users' rules with what they were; each heartbeat, and after an ACL command through the proxy. */
  async readRights(): Promise<void> {
    // One that is under way may have been answered before the change that this call is about.
    await this.#readingRights;
    if (!this.#connected) return;
    this.#readingRights ??= this.#readRightsNow().finally(() => {
      this.#readingRights = undefined;
    });
    await this.#readingRights;
  }

  async #readRightsNow(): Promise<void> {
    try {
      this.#compareRights(readAclList((await this.#redis.call('ACL', 'LIST')) as string[]));
    } catch {
      this.#compareRights(undefined);
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

  #compareRights(now: Map<string, string> | undefined): void {
    const before = this.#rights;
    this.#rights = now;
    const users = new Set([...(before?.keys() ?? []), ...(now?.keys() ?? [])]);
    const changed = [...users].filter((user) => before?.get(user) !== now?.get(user));
    this.#events.onRights(changed);
  }

  #note(problem: unknown, message: string): void {
    this.#log.warn(
      { redis: this.#address, problem: problem instanceof Error ? problem.message : String(problem) },
      message,
    );
  }
}

function isAnswer(problem: unknown): boolean {
  return problem instanceof Error && problem.name === 'ReplyError';
}

/** `user alice on #… ~* &* +@all` */
const UNRESTRICTED = /(?=.*(^| )~\*( |$))(?=.*(^| )\+@all( |$))(?!.* -)(?!.*\()/;

function readAclList(lines: readonly string[]): Map<string, string> {
  return new Map(
    lines.map((line) => {
      const [, user = '', ...rules] = line.split(' ');
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
