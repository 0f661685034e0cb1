/** What respite can be told: the options, their defaults, and the one place that checks them. */
import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { OptionError } from '../errors';
import { parseRedisUrl, type RedisAddress } from '../upstream/address';
import {
  duration,
  file,
  flag,
  host,
  hosts,
  integer,
  oneOf,
  orOff,
  type Reader,
  refusal,
  secret,
  secretFile,
  size,
} from './values';

export type Coherence = 'tracking' | 'ttl';
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

/** A number of milliseconds, or text as on the command line: '500ms', '30s', '5m', '1h', or '30' for 30 seconds. */
export type Duration = number | string;
/** A number of bytes, or text: '512kb', '64mb', '1gb'. */
export type Size = number | string;
/** A number, or the same as text. */
export type Count = number | string;

/** What createProxy takes. Each option is the flag of the same name; what is left out has the flag's default. */
export interface ProxyOptions {
  /** The backing Redis: redis://[user:password@]host[:port][/db], rediss://… or unix:///path. None: an embedded one. */
  redis?: string | undefined;
  /** The certificate authority for rediss://: the path of a PEM file, or its bytes. */
  redisCa?: string | Buffer | undefined;
  /** Shared connections for each Redis user, database and protocol version. */
  upstreamConnections?: Count | undefined;
  /** For connecting, handshake and heartbeat. Commands may take as long as Redis takes. */
  upstreamTimeout?: Duration | undefined;
  /** Where Redis clients connect. */
  host?: string | undefined;
  /** 0 picks a free one: see `address` of the proxy. */
  port?: Count | undefined;
  /** Where HTTP clients connect. */
  httpHost?: string | undefined;
  /** 0 picks a free one; 'off' for none. */
  httpPort?: Count | 'off' | undefined;
  /** Processes that share the ports: only the command can have more than 1. */
  workers?: Count | undefined;
  /** The longest an entry is kept. */
  ttl?: Duration | undefined;
  /** The same for "this key does not exist"; 0: that is not cached. */
  negativeTtl?: Duration | undefined;
  /** Keys that the cache holds; over it, the least recently used goes. */
  maxKeys?: Count | undefined;
  /** The same in bytes; whichever is met first. */
  maxMemory?: Size | undefined;
  /** A larger value is passed through, not kept. */
  maxValue?: Size | undefined;
  /** 'tracking': Redis tells what has changed (CLIENT TRACKING). 'ttl': time alone. */
  coherence?: Coherence | undefined;
  /** While Redis is unreachable, answer from what was cached for this long; 0: never. */
  staleIfError?: Duration | undefined;
  /** Clients at once, both ports together. */
  maxClients?: Count | undefined;
  /** Close a client that is idle for so long; 0: never. */
  clientTimeout?: Duration | undefined;
  /** Reply bytes that one client may leave unread; past it, the client is closed. */
  clientOutputLimit?: Size | undefined;
  /** Commands a second for one client address, with a burst of the same size. */
  rateLimit?: Count | 'off' | undefined;
  /** Clients must AUTH with it; HTTP clients send it as a bearer token. */
  requirepass?: string | undefined;
  /** The same, read from a file. */
  requirepassFile?: string | undefined;
  /** The bearer token for HTTP; the password, if there is one, when this is left out. */
  httpToken?: string | undefined;
  /** The same, read from a file. */
  httpTokenFile?: string | undefined;
  /** Host names under which HTTP may be addressed without a token. */
  httpAllowHost?: readonly string[] | undefined;
  /** The certificate for TLS on both ports: the path of a PEM file, or its bytes. */
  tlsCert?: string | Buffer | undefined;
  /** Its private key, likewise. */
  tlsKey?: string | Buffer | undefined;
  /** The certificate authority whose certificates clients must show, likewise. */
  tlsCa?: string | Buffer | undefined;
  /** Hosts that /fetch may ask; with none, the route is off. */
  originAllow?: readonly string[] | undefined;
  /** The capacity of the /shelf routes. */
  shelfSize?: Count | 'off' | undefined;
  /** In a program the log is silent unless this says otherwise. */
  logLevel?: LogLevel | undefined;
  /** For people instead of JSON lines. */
  logPretty?: boolean | undefined;
}

export type OptionName = keyof ProxyOptions;

/** The options once they are checked: durations in milliseconds, sizes in bytes, files read, `off` and none undefined. */
export interface Options {
  readonly redis: RedisAddress | undefined;
  readonly redisCa: Buffer | undefined;
  readonly upstreamConnections: number;
  readonly upstreamTimeout: number;
  readonly host: string;
  readonly port: number;
  readonly httpHost: string;
  readonly httpPort: number | undefined;
  readonly workers: number;
  readonly ttl: number;
  /** 0: what does not exist is not cached. */
  readonly negativeTtl: number;
  readonly maxKeys: number;
  readonly maxMemory: number;
  readonly maxValue: number;
  readonly coherence: Coherence;
  /** 0: never. */
  readonly staleIfError: number;
  readonly maxClients: number;
  /** 0: never. */
  readonly clientTimeout: number;
  readonly clientOutputLimit: number;
  readonly rateLimit: number | undefined;
  readonly requirepass: string | undefined;
  readonly httpToken: string | undefined;
  readonly httpAllowHost: readonly string[];
  readonly tlsCert: Buffer | undefined;
  readonly tlsKey: Buffer | undefined;
  readonly tlsCa: Buffer | undefined;
  readonly originAllow: readonly string[];
  readonly shelfSize: number | undefined;
  readonly logLevel: LogLevel;
  readonly logPretty: boolean;
}

/** As a user would write them; an option that is not here has none. */
export const defaults = {
  upstreamConnections: 2,
  upstreamTimeout: '5s',
  host: '127.0.0.1',
  port: 6380,
  httpHost: '127.0.0.1',
  httpPort: 8380,
  workers: 1,
  ttl: '5m',
  negativeTtl: '5s',
  maxKeys: 100_000,
  maxMemory: '256mb',
  maxValue: '1mb',
  coherence: 'tracking',
  staleIfError: '0',
  maxClients: 10_000,
  clientTimeout: '0',
  clientOutputLimit: '256mb',
  rateLimit: 'off',
  httpAllowHost: [],
  originAllow: [],
  shelfSize: 'off',
  logLevel: 'info',
  logPretty: false,
} as const satisfies ProxyOptions;

// A V8 Map ends at 16.7 million keys.
const MOST_KEYS = 16_000_000;
const MOST_MEMORY = 1024 ** 4;
// The longest string of Redis.
const LONGEST_VALUE = 512 * 1024 ** 2;
const MOST_CONNECTIONS = 1_000;
const MOST_WORKERS = 1_024;
const MILLION = 1_000_000;

const port = integer(0, 65_535);

const READERS = {
  redis: text(parseRedisUrl),
  redisCa: certificate,
  upstreamConnections: integer(1, MOST_CONNECTIONS),
  upstreamTimeout: duration(10),
  host,
  port,
  httpHost: host,
  httpPort: orOff(port),
  workers: integer(1, MOST_WORKERS),
  ttl: duration(1),
  negativeTtl: duration(0),
  maxKeys: integer(1, MOST_KEYS),
  maxMemory: size(MOST_MEMORY),
  maxValue: size(LONGEST_VALUE),
  coherence: oneOf('tracking', 'ttl'),
  staleIfError: duration(0),
  maxClients: integer(1, MILLION),
  clientTimeout: duration(0),
  clientOutputLimit: size(MOST_MEMORY),
  rateLimit: orOff(integer(1, MILLION)),
  requirepass: secret,
  requirepassFile: secretFile,
  httpToken: secret,
  httpTokenFile: secretFile,
  httpAllowHost: hosts,
  tlsCert: certificate,
  tlsKey: file,
  tlsCa: certificate,
  originAllow: hosts,
  shelfSize: orOff(integer(1, MOST_KEYS)),
  logLevel: oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
  logPretty: flag,
} satisfies { [Name in OptionName]-?: Reader<unknown> };

type Readers = typeof READERS;
type Value<Name extends OptionName> = ReturnType<Readers[Name]>;

/**
 * Checks the options and fills in the defaults. `nameOf` is how the user knows an option: the name in a program,
 * the flag or the variable on a command line. Throws an OptionError whose message is one line.
 */
export function resolveOptions(
  given: ProxyOptions = {},
  nameOf: (option: OptionName) => string = (option) => option,
): Options {
  const chosen: Record<string, unknown> = { ...defaults, ...withoutUndefined(given) };
  refuseUnknown(chosen);
  const maybe = <Name extends OptionName>(name: Name): Value<Name> | undefined =>
    chosen[name] === undefined ? undefined : read(name, chosen[name], nameOf);
  const sure = <Name extends keyof typeof defaults>(name: Name): Value<Name> =>
    read(name, chosen[name], nameOf);

  const options: Options = {
    redis: maybe('redis'),
    redisCa: maybe('redisCa'),
    upstreamConnections: sure('upstreamConnections'),
    upstreamTimeout: sure('upstreamTimeout'),
    host: sure('host'),
    port: sure('port'),
    httpHost: sure('httpHost'),
    httpPort: sure('httpPort'),
    workers: sure('workers'),
    ttl: sure('ttl'),
    negativeTtl: sure('negativeTtl'),
    maxKeys: sure('maxKeys'),
    maxMemory: sure('maxMemory'),
    maxValue: sure('maxValue'),
    coherence: sure('coherence'),
    staleIfError: sure('staleIfError'),
    maxClients: sure('maxClients'),
    clientTimeout: sure('clientTimeout'),
    clientOutputLimit: sure('clientOutputLimit'),
    rateLimit: sure('rateLimit'),
    requirepass: maybe('requirepass') ?? maybe('requirepassFile'),
    httpToken: maybe('httpToken') ?? maybe('httpTokenFile'),
    httpAllowHost: sure('httpAllowHost'),
    tlsCert: maybe('tlsCert'),
    tlsKey: maybe('tlsKey'),
    tlsCa: maybe('tlsCa'),
    originAllow: sure('originAllow'),
    shelfSize: sure('shelfSize'),
    logLevel: sure('logLevel'),
    logPretty: sure('logPretty'),
  };
  refuseBoth(chosen, nameOf);
  refuseOnePort(options, nameOf);
  refuseHalfOfTls(options, nameOf);
  return options;
}

function read<Name extends OptionName>(
  name: Name,
  value: unknown,
  nameOf: (option: OptionName) => string,
): Value<Name> {
  try {
    return READERS[name](value) as Value<Name>;
  } catch (error) {
    throw error instanceof OptionError ? new OptionError(`${nameOf(name)} ${error.message}`) : error;
  }
}

function withoutUndefined(given: ProxyOptions): ProxyOptions {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function refuseUnknown(chosen: Record<string, unknown>): void {
  for (const name of Object.keys(chosen)) {
    if (!Object.hasOwn(READERS, name)) throw new OptionError(`there is no option ${JSON.stringify(name)}`);
  }
}

function refuseBoth(chosen: Record<string, unknown>, nameOf: (option: OptionName) => string): void {
  const pairs: [OptionName, OptionName][] = [
    ['requirepass', 'requirepassFile'],
    ['httpToken', 'httpTokenFile'],
  ];
  for (const [one, other] of pairs) {
    if (chosen[one] !== undefined && chosen[other] !== undefined) {
      throw new OptionError(`${nameOf(one)} and ${nameOf(other)} are both given: give one of them`);
    }
  }
}

function refuseOnePort(options: Options, nameOf: (option: OptionName) => string): void {
  if (options.port === 0 || options.port !== options.httpPort || options.host !== options.httpHost) return;
  throw new OptionError(
    `${nameOf('port')} and ${nameOf('httpPort')} are both ${options.port}: give each its own, or 0 for a free one`,
  );
}

function refuseHalfOfTls(options: Options, nameOf: (option: OptionName) => string): void {
  const { tlsCert: cert, tlsKey: key, tlsCa: ca } = options;
  const names = `${nameOf('tlsCert')} and ${nameOf('tlsKey')}`;
  if ((cert === undefined) !== (key === undefined))
    throw new OptionError(`${names} need each other: give both`);
  if (cert === undefined || key === undefined) {
    if (ca !== undefined) throw new OptionError(`${nameOf('tlsCa')} needs ${names} beside it`);
    return;
  }
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    throw new OptionError(`${names} do not make a pair of certificate and private key (${reason(error)})`);
  }
}

function text<T>(parse: (value: string) => T): Reader<T> {
  return (value) => {
    if (typeof value !== 'string') throw refusal(value, 'is not text');
    return parse(value);
  };
}

function certificate(value: unknown): Buffer {
  const pem = file(value);
  try {
    new X509Certificate(pem);
  } catch {
    throw refusal(Buffer.isBuffer(value) ? 'the buffer' : value, 'holds no certificate in PEM form');
  }
  return pem;
}

function reason(error: unknown): string {
  return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
}
