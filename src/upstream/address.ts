/** Where the backing Redis is and who to be there, as a URL says it. */
import { OptionError } from '../errors';

interface Credentials {
  /** Undefined for Redis's default user. */
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly db: number;
}

interface NetworkAddress extends Credentials {
  readonly kind: 'tcp' | 'tls';
  readonly host: string;
  readonly port: number;
}

interface SocketAddress extends Credentials {
  readonly kind: 'unix';
  readonly path: string;
}

export type RedisAddress = NetworkAddress | SocketAddress;

const ACCEPTED =
  'redis://[user:password@]host[:port][/db], rediss://… for TLS, or unix:///path/to.sock[?db=N], ' +
  'with %XX for characters that mean something in a URL';
const DEFAULT_PORT = 6379;
const HIGHEST_DB = 2 ** 31 - 1;

export function parseRedisUrl(text: string): RedisAddress {
  const refuse = (why: string) =>
    new OptionError(`${JSON.stringify(withoutSecrets(text))} ${why}: give ${ACCEPTED}`);
  const url = parse(text);
  if (url === undefined) throw refuse('is not the URL of a Redis');
  if (url.hash !== '') throw refuse('has a # in it');
  switch (url.protocol) {
    case 'redis:':
    case 'rediss:':
      return networkAddress(url, refuse);
    case 'unix:':
      return socketAddress(url, refuse);
    default:
      throw refuse('is not the URL of a Redis');
  }
}

/** The address of a Redis on a unix socket that asks nobody who they are. */
export function unixAddress(path: string): RedisAddress {
  return { kind: 'unix', path, username: undefined, password: undefined, db: 0 };
}

/** For people: tells no user and no password. */
export function describeAddress(address: RedisAddress): string {
  if (address.kind === 'unix') return address.path;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `${host}:${address.port}${address.kind === 'tls' ? ' (TLS)' : ''}`;
}

/** The URL as it may be shown, even when it is no URL. */
export function withoutSecrets(url: string): string {
  return url.replace(/^([a-z]*:\/\/)?.*@/is, '$1***@').replace(/(password=)[^&]*/gi, '$1***');
}

type Refuse = (why: string) => OptionError;

function networkAddress(url: URL, refuse: Refuse): NetworkAddress {
  const host = decoded(url.hostname, refuse).replace(/^\[(.*)\]$/, '$1');
  if (host === '') throw refuse('names no host');
  const path = /^\/?(\d*)$/.exec(url.pathname);
  if (!path) throw refuse('has a path that is not the number of a database');
  const parameters = readParameters(url, ['db'], refuse);
  return {
    kind: url.protocol === 'rediss:' ? 'tls' : 'tcp',
    host,
    port: url.port === '' ? DEFAULT_PORT : Number(url.port),
    username: decoded(url.username, refuse) || undefined,
    password: decoded(url.password, refuse) || undefined,
    db: databaseNumber(path[1] || parameters.db, refuse),
  };
}

function socketAddress(url: URL, refuse: Refuse): SocketAddress {
  const path = decoded(url.pathname, refuse);
  if (url.host !== '' || path.length < 2) throw refuse('needs three slashes and the path of a socket');
  const parameters = readParameters(url, ['db', 'username', 'password'], refuse);
  return {
    kind: 'unix',
    path,
    username: parameters.username || undefined,
    password: parameters.password || undefined,
    db: databaseNumber(parameters.db, refuse),
  };
}

function parse(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

function decoded(part: string, refuse: Refuse): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw refuse('has a % that is not followed by two hexadecimal digits');
  }
}

function readParameters(url: URL, known: string[], refuse: Refuse): Record<string, string | undefined> {
  for (const name of url.searchParams.keys()) {
    if (!known.includes(name)) throw refuse(`has the parameter ${JSON.stringify(name)}, which is not known`);
  }
  return Object.fromEntries(url.searchParams);
}

function databaseNumber(text: string | undefined, refuse: Refuse): number {
  if (text === undefined) return 0;
  const db = Number(text);
  if (!/^\d+$/.test(text) || db > HIGHEST_DB) throw refuse('names a database that is not a number');
  return db;
}
