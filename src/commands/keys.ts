/** The keys of a command, found by Redis 7's key specifications. */

/** One key specification: where the search begins, and how keys are found from there. */
export interface KeySpec {
  readonly begin: 'index' | 'keyword' | 'unknown';
  /** Begin at this argument, or look for the keyword from it (negative: backwards from the end). */
  readonly index: number;
  /** Lower case. */
  readonly keyword: string;
  readonly find: 'range' | 'keynum' | 'unknown';
  readonly lastKey: number;
  readonly keyStep: number;
  readonly limit: number;
  readonly keyCountIndex: number;
  readonly firstKey: number;
  /** Redis says so itself when a specification does not find all keys. */
  readonly incomplete: boolean;
}

type Fields = ReadonlyMap<string, unknown>;

/**
 * The keys as latin1 strings, or undefined when they cannot be told: arguments that Redis would refuse, specifications
 * that are incomplete, a keyword that stands there twice (Redis obeys the last STORE, its specification finds the first).
 */
export function keysOf(
  row: { readonly keySpecs: readonly KeySpec[] },
  args: readonly Buffer[],
): string[] | undefined {
  const keys: string[] = [];
  for (const spec of row.keySpecs) {
    if (!collect(spec, args, keys)) return undefined;
  }
  return keys;
}

function collect(spec: KeySpec, args: readonly Buffer[], keys: string[]): boolean {
  const begin = beginOf(spec, args);
  if (begin === NOT_THERE) return true;
  if (begin === UNCLEAR || spec.find === 'unknown' || spec.incomplete) return false;
  const first = spec.find === 'keynum' ? begin + spec.firstKey : begin;
  const last = lastOf(spec, args, begin);
  if (last === UNCLEAR || first >= args.length || last >= args.length || last < first) return false;
  for (let at = first; at <= last; at += spec.keyStep) {
    const key = args[at];
    if (key !== undefined) keys.push(key.toString('latin1'));
  }
  return true;
}

const NOT_THERE = -1;
const UNCLEAR = -2;

function beginOf(spec: KeySpec, args: readonly Buffer[]): number {
  if (spec.begin === 'index') return spec.index;
  if (spec.begin === 'unknown') return UNCLEAR;
  const from = spec.index > 0 ? spec.index : 1;
  let found = NOT_THERE;
  for (let at = from; at < args.length; at++) {
    if (!isWord(args[at], spec.keyword)) continue;
    if (found !== NOT_THERE) return UNCLEAR;
    found = at + 1;
  }
  return found;
}

function lastOf(spec: KeySpec, args: readonly Buffer[], begin: number): number {
  if (spec.find === 'keynum') {
    const count = countAt(args[begin + spec.keyCountIndex]);
    return count === undefined ? UNCLEAR : begin + spec.firstKey + count - 1;
  }
  if (spec.lastKey >= 0) return begin + spec.lastKey;
  if (spec.limit === 0) return args.length + spec.lastKey;
  return begin + Math.floor((args.length - begin) / spec.limit) + spec.lastKey;
}

function countAt(arg: Buffer | undefined): number | undefined {
  if (arg === undefined || arg.length > 9) return undefined;
  const digits = arg.toString('latin1');
  return /^[1-9][0-9]*$/.test(digits) ? Number(digits) : undefined;
}

function isWord(arg: Buffer | undefined, word: string): boolean {
  // A longer argument can still be the word: Redis compares C strings, which end at a NUL.
  if (arg === undefined || arg.length < word.length) return false;
  if (arg.length > word.length && arg[word.length] !== 0) return false;
  return arg.toString('latin1', 0, word.length).toLowerCase() === word;
}

/** The key is the first argument, and there is no other. */
export function isFirstArgument({ begin, index, find, lastKey, incomplete }: KeySpec): boolean {
  return begin === 'index' && index === 1 && find === 'range' && lastKey === 0 && !incomplete;
}

/** True when there are specifications, and none that says it may miss keys. */
export function isComplete(specs: readonly KeySpec[]): boolean {
  return (
    specs.length > 0 && specs.every(({ begin, find, incomplete }) => isKnown(begin, find) && !incomplete)
  );
}

function isKnown(begin: KeySpec['begin'], find: KeySpec['find']): boolean {
  return begin !== 'unknown' && find !== 'unknown';
}

/** Reads the key specifications of a COMMAND entry, given as RESP2's flat lists or RESP3's maps. */
export function readKeySpecs(reply: readonly unknown[]): KeySpec[] {
  return reply
    .map(fieldsOf)
    .filter((spec) => !flagsOf(spec).includes('not_key'))
    .map(readKeySpec);
}

function readKeySpec(spec: Fields): KeySpec {
  const begin = fieldsOf(spec.get('begin_search'));
  const find = fieldsOf(spec.get('find_keys'));
  const beginSpec = fieldsOf(begin.get('spec'));
  const findSpec = fieldsOf(find.get('spec'));
  const beginType = String(begin.get('type'));
  const findType = String(find.get('type'));
  return {
    begin: beginType === 'index' || beginType === 'keyword' ? beginType : 'unknown',
    index: numberOf(beginSpec, beginType === 'keyword' ? 'startfrom' : 'index'),
    keyword: String(beginSpec.get('keyword') ?? '').toLowerCase(),
    find: findType === 'range' || findType === 'keynum' ? findType : 'unknown',
    lastKey: numberOf(findSpec, 'lastkey'),
    keyStep: Math.max(1, numberOf(findSpec, 'keystep')),
    limit: numberOf(findSpec, 'limit'),
    keyCountIndex: numberOf(findSpec, 'keynumidx'),
    firstKey: numberOf(findSpec, 'firstkey'),
    incomplete: flagsOf(spec).includes('incomplete'),
  };
}

/** Redis 6 has first key, last key and step alone; with `movablekeys` they are only some of the keys. */
export function legacyKeySpec(first: number, last: number, step: number, movable: boolean): KeySpec[] {
  if (movable || !(first > 0)) return [];
  return [
    {
      begin: 'index',
      index: first,
      keyword: '',
      find: 'range',
      lastKey: last < 0 ? last : last - first,
      keyStep: Math.max(1, step),
      limit: 0,
      keyCountIndex: 0,
      firstKey: 0,
      incomplete: false,
    },
  ];
}

function flagsOf(spec: Fields): string[] {
  const flags = spec.get('flags');
  if (flags instanceof Set) return [...flags].map(String);
  return Array.isArray(flags) ? flags.map(String) : [];
}

function numberOf(fields: Fields, name: string): number {
  const value = Number(fields.get(name) ?? 0);
  return Number.isInteger(value) ? value : 0;
}

/** A map of RESP3 (a Map or an object), or RESP2's list of names and values in turn. */
function fieldsOf(reply: unknown): Fields {
  if (reply instanceof Map) return new Map([...reply].map(([name, value]) => [String(name), value]));
  if (!Array.isArray(reply)) return new Map(Object.entries(reply ?? {}));
  const fields = new Map<string, unknown>();
  for (let at = 0; at + 1 < reply.length; at += 2) fields.set(String(reply[at]), reply[at + 1]);
  return fields;
}
