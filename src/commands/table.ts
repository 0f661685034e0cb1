/** The command table: which way each command goes and what its reply does to the cache, built from Redis's own COMMAND. */
import { isComplete, isFirstArgument, type KeySpec, legacyKeySpec, readKeySpecs } from './keys';
import { PlainNames } from './plain-names';
import { type Effect, type Route, RULES, type Rule, type Transaction } from './rules';

export type { Effect, Route, Transaction } from './rules';

/** A value of Redis's answer to COMMAND, as any decoder yields it: RESP2's flat lists or RESP3's maps. */
export type CommandReply =
  | string
  | number
  | boolean
  | null
  | Buffer
  | Set<CommandReply>
  | Map<CommandReply, CommandReply>
  | CommandReply[]
  | { [field: string]: CommandReply };

/** One shape for all rows, so that V8 reads them in one way. */
export interface CommandRow {
  readonly name: string;
  readonly route: Route;
  readonly effect: Effect;
  readonly blocking: boolean;
  readonly transaction: Transaction | undefined;
  readonly keySpecs: readonly KeySpec[];
  /** It is only passed on, over a shared wire, and changes its first argument or nothing. */
  readonly plain: boolean;
}

/** Not in Redis's table: it may leave state behind, answer twice or never, and write anything. */
export const UNKNOWN: CommandRow = makeRow('unknown', 'pinned', 'fence');

/** A subcommand that is not among those Redis lists for its container: Redis refuses it. */
const REFUSED: CommandRow = makeRow('unknown|subcommand', 'exclusive', 'none');

const INFO_RESPITE: CommandRow = makeRow('info|respite', 'local', 'none');

const LONGEST_NAME = 128;

/** A command, and when it is a container its subcommands. */
interface Entry {
  readonly row: CommandRow;
  readonly subcommands: Map<string, CommandRow> | undefined;
  /** The row for a subcommand that has none. */
  readonly rest: CommandRow;
}

/** What Redis says of one command. */
interface Told {
  readonly name: string;
  readonly arity: number;
  readonly flags: ReadonlySet<string>;
  readonly keySpecs: readonly KeySpec[];
  readonly subcommands: readonly Told[];
}

export class CommandTable {
  readonly #entries: Map<string, Entry>;
  readonly #plain = new PlainNames<CommandRow>();

  private constructor(entries: Map<string, Entry>) {
    this.#entries = entries;
    for (const [name, { row, subcommands }] of entries) {
      if (row.plain && !subcommands) this.#plain.add(name, row);
    }
  }

  /** `reply` is Redis's answer to COMMAND; an empty one (an ACL may forbid it) leaves what respite knows by itself. */
  static from(reply: readonly CommandReply[]): CommandTable {
    const entries = new Map<string, Entry>();
    for (const one of reply) {
      const told = readCommand(one);
      if (told !== undefined) entries.set(told.name, makeEntry(told));
    }
    for (const rule of RULES.keys()) {
      const name = nameOfContainer(rule);
      if (!entries.has(name)) entries.set(name, makeEntry(absent(name)));
    }
    withInfoRespite(entries);
    return new CommandTable(entries);
  }

  get size(): number {
    return this.#entries.size;
  }

  find(args: readonly Buffer[]): CommandRow {
    const entry = lookUp(this.#entries, args[0]);
    if (entry === undefined) return UNKNOWN;
    if (entry.subcommands === undefined || args.length === 1) return entry.row;
    const row = lookUp(entry.subcommands, args[1]) ?? entry.rest;
    // Redis 7 takes several sections: the proxy's own is served only when it is asked for alone.
    return row === INFO_RESPITE && args.length !== 2 ? entry.row : row;
  }

  /** See `PlainNames.find`. */
  findPlain(bytes: Buffer, start: number, end: number): CommandRow | undefined {
    return this.#plain.find(bytes, start, end);
  }
}

/** Redis compares names byte by byte, without case, whole: so does a Map of lower-case strings. */
function lookUp<T>(map: ReadonlyMap<string, T>, name: Buffer | undefined): T | undefined {
  if (name === undefined || name.length > LONGEST_NAME) return undefined;
  return map.get(name.toString('latin1').toLowerCase());
}

function makeRow(
  name: string,
  route: Route,
  effect: Effect,
  blocking = false,
  transaction: Transaction | undefined = undefined,
  keySpecs: readonly KeySpec[] = [],
): CommandRow {
  const oneKey = keySpecs.length === 1 && keySpecs.every(isFirstArgument);
  const harmless = effect === 'none' || (effect === 'keys' && oneKey);
  const plain = route === 'shared' && !blocking && transaction === undefined && harmless;
  return { name, route, effect, blocking, transaction, keySpecs, plain };
}

const NO_FLAGS: ReadonlySet<string> = new Set();

/** Redis does not list it: renamed away, newer than this Redis, the proxy's own, or COMMAND itself is forbidden. */
function absent(name: string): Told {
  return { name, arity: -1, flags: NO_FLAGS, keySpecs: [], subcommands: [] };
}

function makeEntry(told: Told): Entry {
  const subcommands = new Map<string, CommandRow>();
  for (const [name, rule] of rulesWithin(told.name)) {
    const full = `${told.name}|${name}`;
    subcommands.set(name, rowOf(absent(full), rule));
  }
  for (const sub of told.subcommands) {
    subcommands.set(sub.name.slice(told.name.length + 1), rowOf(sub, ruleFor(sub.name)));
  }
  if (subcommands.size === 0 && !RULES.has(`${told.name}|*`)) {
    const row = rowOf(told, ruleFor(told.name));
    return { row, subcommands: undefined, rest: row };
  }
  return { row: bareRow(told), subcommands, rest: restRow(told) };
}

/** A container without a subcommand: Redis answers that an argument is missing. */
function bareRow(told: Told): CommandRow {
  const refused = told.arity < -1 && !told.flags.has('module');
  return refused ? makeRow(told.name, 'shared', 'none') : rowOf(told, ruleFor(told.name));
}

/** Redis 6 does not list subcommands: there the container's own flags speak for those without a rule. */
function restRow(told: Told): CommandRow {
  const rule = RULES.get(`${told.name}|*`);
  if (told.subcommands.length > 0 && !told.flags.has('module')) return REFUSED;
  return rowOf(told, rule ?? {});
}

function rulesWithin(container: string): [string, Rule][] {
  const prefix = `${container}|`;
  return [...RULES]
    .filter(([name]) => name.startsWith(prefix) && !name.endsWith('*'))
    .map(([name, rule]) => [name.slice(prefix.length), rule]);
}

function ruleFor(name: string): Rule {
  return RULES.get(name) ?? RULES.get(`${nameOfContainer(name)}|*`) ?? {};
}

function nameOfContainer(name: string): string {
  return name.split('|', 1)[0] ?? name;
}

function rowOf(told: Told, rule: Rule): CommandRow {
  const keySpecs = rule.keySpecs ?? told.keySpecs;
  const route = rule.route ?? routeByFlags(told);
  const effect = rule.effect ?? effectByFlags(told, keySpecs);
  const blocking = rule.blocking ?? told.flags.has('blocking');
  return makeRow(told.name, route, effect, blocking, rule.transaction, keySpecs);
}

/**
 * Only what reads or writes keys can be shared on its flags alone. A command that does neither may be there to change
 * the connection: SELECT, AUTH or ASKING under another name (rename-command) has no flag that gives it away.
 */
function routeByFlags({ name, flags }: Told): Route {
  const harmless = name.endsWith('|help') && !flags.has('module');
  if (harmless) return 'shared';
  if (!flags.has('readonly') && !flags.has('write')) return flags.has('module') ? 'exclusive' : 'pinned';
  const alone = flags.has('admin') || flags.has('blocking') || flags.has('pubsub') || flags.has('noscript');
  return alone ? 'exclusive' : 'shared';
}

function effectByFlags({ name, flags }: Told, keySpecs: readonly KeySpec[]): Effect {
  if (flags.has('readonly')) return 'none';
  if (flags.has('module')) return 'fence';
  if (name.endsWith('|help')) return 'none';
  return flags.has('write') && isComplete(keySpecs) ? 'keys' : 'fence';
}

function withInfoRespite(entries: Map<string, Entry>): void {
  const row = entries.get('info')?.row ?? UNKNOWN;
  entries.set('info', { row, subcommands: new Map([['respite', INFO_RESPITE]]), rest: row });
}

/** One entry of COMMAND: name, arity, flags, first key, last key, step[, categories, tips, key specs, subcommands]. */
function readCommand(reply: CommandReply): Told | undefined {
  if (!Array.isArray(reply) || reply.length < 6) return undefined;
  const [name, arity, flagList, first, last, step, , , specs, subcommands] = reply;
  const flags = readFlags(flagList);
  return {
    name: text(name).toLowerCase(),
    arity: Number(arity),
    flags,
    keySpecs:
      specs !== undefined
        ? readKeySpecs(listOf(specs))
        : legacyKeySpec(Number(first), Number(last), Number(step), flags.has('movablekeys')),
    subcommands: listOf(subcommands)
      .map(readCommand)
      .filter((one) => one !== undefined),
  };
}

function readFlags(reply: CommandReply | undefined): ReadonlySet<string> {
  return new Set(listOf(reply).map((flag) => text(flag)));
}

/** RESP3 sends flags, key specifications and subcommands as sets. */
function listOf(reply: CommandReply | undefined): readonly CommandReply[] {
  if (reply instanceof Set) return [...reply];
  return Array.isArray(reply) ? reply : [];
}

function text(reply: CommandReply | undefined): string {
  return Buffer.isBuffer(reply) ? reply.toString('latin1') : String(reply);
}
