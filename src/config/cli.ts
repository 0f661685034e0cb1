/** The command line: flags and environment variables become options, or the text of --help or --version. */
import { Command, CommanderError, Option } from 'commander';
import { OptionError } from '../errors';
import { withoutSecrets } from '../upstream/address';
import { VERSION } from '../version';
import { defaults, type OptionName, type Options, type ProxyOptions, resolveOptions } from './options';

export type Invocation =
  | { readonly kind: 'run'; readonly options: Options }
  /** --help or --version: text for standard output, and nothing else to do. */
  | { readonly kind: 'tell'; readonly text: string };

interface Flag {
  readonly group: string;
  readonly option: OptionName;
  /** What stands behind the flag; a flag without is true when it is there. */
  readonly takes?: string;
  readonly repeatable?: boolean;
  readonly help: string;
}

const REDIS = 'The backing Redis:';
const PORTS = 'Where clients connect:';
const CACHE = 'The cache:';
const LIMITS = 'Limits for clients:';
const SECURITY = 'Security:';
const ROUTES = 'HTTP routes:';
const LOG = 'The log:';

export const FLAGS: readonly Flag[] = [
  {
    group: REDIS,
    option: 'redis',
    takes: 'url',
    help:
      'redis://[user:password@]host[:port][/db], rediss://… for TLS, unix:///path/to.sock[?db=N]; ' +
      'without it, respite starts a private redis-server of its own, which keeps nothing on disk',
  },
  { group: REDIS, option: 'redisCa', takes: 'file', help: "CA for rediss:// (default: the system's)" },
  {
    group: REDIS,
    option: 'upstreamConnections',
    takes: 'n',
    help: 'shared connections for each Redis user, database and protocol version',
  },
  {
    group: REDIS,
    option: 'upstreamTimeout',
    takes: 'duration',
    help: 'for connecting, handshake and heartbeat; commands may take as long as Redis takes',
  },
  { group: PORTS, option: 'host', takes: 'host', help: 'address for Redis clients' },
  { group: PORTS, option: 'port', takes: 'port', help: 'port for Redis clients; 0 picks a free one' },
  { group: PORTS, option: 'httpHost', takes: 'host', help: 'address for HTTP' },
  {
    group: PORTS,
    option: 'httpPort',
    takes: 'port',
    help: 'port for HTTP; 0 picks a free one, off for none',
  },
  {
    group: PORTS,
    option: 'workers',
    takes: 'n',
    help: 'processes that share the ports, each with a cache of its own',
  },
  { group: CACHE, option: 'ttl', takes: 'duration', help: 'the longest an entry is kept' },
  {
    group: CACHE,
    option: 'negativeTtl',
    takes: 'duration',
    help: 'the same for "this key does not exist"; 0: that is not cached',
  },
  {
    group: CACHE,
    option: 'maxKeys',
    takes: 'n',
    help: 'keys that the cache holds, 16 million at most; over it, the least recently used goes',
  },
  { group: CACHE, option: 'maxMemory', takes: 'size', help: 'the same in bytes; whichever is met first' },
  { group: CACHE, option: 'maxValue', takes: 'size', help: 'a larger value is passed through, not kept' },
  {
    group: CACHE,
    option: 'coherence',
    takes: 'mode',
    help: 'tracking: Redis tells what has changed (CLIENT TRACKING); ttl: time alone',
  },
  {
    group: CACHE,
    option: 'staleIfError',
    takes: 'duration',
    help: 'while Redis is unreachable, answer from what was cached for this long; 0: never',
  },
  { group: LIMITS, option: 'maxClients', takes: 'n', help: 'clients at once, both ports together' },
  {
    group: LIMITS,
    option: 'clientTimeout',
    takes: 'duration',
    help: 'close a client that is idle for so long; 0: never',
  },
  {
    group: LIMITS,
    option: 'clientOutputLimit',
    takes: 'size',
    help: 'reply bytes that one client may leave unread; past it, the client is closed',
  },
  {
    group: LIMITS,
    option: 'rateLimit',
    takes: 'n',
    help: 'commands a second for one client address, with a burst of the same size',
  },
  {
    group: SECURITY,
    option: 'requirepass',
    takes: 'password',
    help: 'clients must AUTH with it; HTTP clients send it as a bearer token',
  },
  { group: SECURITY, option: 'requirepassFile', takes: 'file', help: 'the same, read from a file' },
  {
    group: SECURITY,
    option: 'httpToken',
    takes: 'token',
    help: 'bearer token for HTTP (default: the password, if there is one)',
  },
  { group: SECURITY, option: 'httpTokenFile', takes: 'file', help: 'the same, read from a file' },
  {
    group: SECURITY,
    option: 'httpAllowHost',
    takes: 'host',
    repeatable: true,
    help: 'host name under which HTTP may be addressed without a token',
  },
  { group: SECURITY, option: 'tlsCert', takes: 'file', help: 'certificate for TLS on both ports' },
  { group: SECURITY, option: 'tlsKey', takes: 'file', help: 'its private key' },
  { group: SECURITY, option: 'tlsCa', takes: 'file', help: 'CA whose certificate clients must show' },
  {
    group: ROUTES,
    option: 'originAllow',
    takes: 'host',
    repeatable: true,
    help: 'host that /fetch may ask; with none, the route is off',
  },
  { group: ROUTES, option: 'shelfSize', takes: 'n', help: 'capacity of the /shelf routes' },
  {
    group: LOG,
    option: 'logLevel',
    takes: 'level',
    help: 'trace, debug, info, warn, error, fatal or silent',
  },
  { group: LOG, option: 'logPretty', help: 'for people instead of JSON lines' },
];

const EPILOGUE = `
Durations are seconds, or have a unit: 500ms, 30s, 5m, 1h.
Sizes are bytes, or have a unit: 512kb, 64mb, 1gb.

Each flag has an environment variable: RESPITE_ and the flag in capitals, such as RESPITE_MAX_KEYS for
--max-keys. REDIS_URL is read for --redis as well. A flag wins over its variable. A list in a variable
has commas between.

Examples:
  respite --redis redis://localhost:6379          in front of the Redis of this machine
  respite                                         with a private Redis of its own, to try it out
  respite --redis unix:///run/redis.sock --ttl 30s --max-memory 1gb --http-port off
  REDIS_URL=rediss://app:secret@redis.example:6380/2 respite --redis-ca ca.pem

Then point any Redis client at port 6380: redis-cli -p 6380 GET key`;

type Environment = Readonly<Record<string, string | undefined>>;

/** `argv` without the program: process.argv.slice(2). Throws an OptionError, one line, for all that is not accepted. */
export function parseArguments(argv: readonly string[], env: Environment): Invocation {
  let told = '';
  const program = createProgram((text) => {
    told += text;
  });
  try {
    program.parse(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: 'tell', text: told };
    throw new OptionError(oneLine(error.message));
  }
  refuseStray(program.args);
  return { kind: 'run', options: readOptions(program.opts(), env) };
}

/** maxKeys → --max-keys */
export function flagOf(option: OptionName): string {
  return `--${option.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`)}`;
}

/** maxKeys → RESPITE_MAX_KEYS */
export function variableOf(option: OptionName): string {
  return `RESPITE_${option.replace(/[A-Z]/g, (capital) => `_${capital}`).toUpperCase()}`;
}

function createProgram(tell: (text: string) => void): Command {
  const program = new Command('respite')
    .usage('[flags]')
    .description('A caching proxy that gives your Redis a rest: any Redis client can talk to it.')
    .configureOutput({ writeOut: tell, writeErr: () => {}, getOutHelpWidth: () => 100 })
    .exitOverride()
    .allowExcessArguments()
    .helpOption('-h, --help', 'tell all this')
    .version(VERSION, '-v, --version', 'tell the version')
    .addHelpText('after', EPILOGUE);
  for (const flag of FLAGS) program.addOption(commanderOption(flag));
  return program;
}

function commanderOption(flag: Flag): Option {
  const name = flagOf(flag.option);
  const option = new Option(flag.takes === undefined ? name : `${name} <${flag.takes}>`, describe(flag));
  option.helpGroup(flag.group);
  if (flag.repeatable) option.argParser(gather);
  return option;
}

function describe(flag: Flag): string {
  const standard: unknown =
    flag.option in defaults ? defaults[flag.option as keyof typeof defaults] : undefined;
  if (flag.repeatable) return `${flag.help} (repeatable)`;
  return standard === undefined || standard === false ? flag.help : `${flag.help} (default: ${standard})`;
}

function gather(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), ...value.split(',')];
}

function readOptions(flags: ProxyOptions, env: Environment): Options {
  const given: Record<string, unknown> = { ...flags };
  const names = new Map<OptionName, string>();
  for (const { option } of FLAGS) {
    if (given[option] !== undefined) continue;
    const variable = variablesOf(option).find((name) => env[name]);
    if (variable === undefined) continue;
    given[option] = env[variable];
    names.set(option, variable);
  }
  return resolveOptions(given, (option) => names.get(option) ?? flagOf(option));
}

/** The first that is set counts; one that is empty is not set. */
function variablesOf(option: OptionName): string[] {
  return option === 'redis' ? [variableOf(option), 'REDIS_URL'] : [variableOf(option)];
}

function refuseStray([stray]: readonly string[]): void {
  if (stray === undefined) return;
  const shown = JSON.stringify(withoutSecrets(stray));
  throw new OptionError(`${shown} does not belong to any flag; respite --help tells the flags`);
}

/** Commander's words without its prefix, line breaks, and what stood behind a mistyped flag: it may be a password. */
function oneLine(message: string): string {
  const words = message
    .replace(/^error: /, '')
    .replace(/(unknown option '[^=']*)=.*'/s, "$1'")
    .replace(/\s*\n\s*/g, ' ');
  return `${words}; respite --help tells the flags`;
}
