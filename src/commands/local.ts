/** The commands that the proxy answers itself, in the bytes that Redis would have sent. */
import { EMPTY } from '../resp/bytes';
import { array, bulk, encodeCommand, integer, map, nil, OK, status } from '../resp/encoder';
import { type Figures, formatInfo, nameFigures } from '../telemetry/stats';
import {
  type ClientFace,
  describeClient,
  parseKillFilter,
  parseListFilter,
  type Refusal,
  textOf,
  wordOf,
} from './clients';
import type { CommandRow } from './table';

export type ReplyMode = 'on' | 'off' | 'skip';

/** What the cache holds for a key. Times are milliseconds. */
export interface Inspection {
  /** `missing`: it is remembered that the key does not exist. */
  readonly kind: 'value' | 'missing';
  readonly age: number;
  readonly timeLeft: number;
  readonly bytes: number;
  readonly hits: number;
}

/** A client that CLIENT KILL can close. */
export interface ListedClient {
  readonly face: ClientFace;
  kill(): void;
}

/** What the session that asks, and the proxy around it, lay out for the answers. */
export interface LocalDesk {
  readonly self: ClientFace;
  now(): number;
  /** All clients, the asking one among them, oldest first. */
  clients(): Iterable<ListedClient>;
  /** Whether Redis has this user; true where it cannot be told. */
  knowsUser(name: string): boolean;
  /** The asking client has killed itself: its answer is still delivered. */
  closeAfterReply(): void;
  /** CLIENT REPLY: `skip` means the reply to the command after this one. */
  setReplyMode(mode: ReplyMode): void;
  statistics(): Figures;
  /** Drops entries (keys as latin1) and tells how many there were. */
  purge(keys: readonly string[]): number;
  purgeAll(): number;
  inspect(key: string): Inspection | undefined;
}

/** A command's answer, and how many arguments it takes: as in Redis's table, at least that many when negative. */
interface Local {
  readonly arity: number;
  answer(desk: LocalDesk, args: readonly Buffer[]): Buffer;
}

const ANSWERS: ReadonlyMap<string, Local> = new Map<string, Local>([
  ['client|id', { arity: 2, answer: (desk) => integer(desk.self.id) }],
  ['client|info', { arity: 2, answer: clientInfo }],
  ['client|list', { arity: -2, answer: clientList }],
  ['client|kill', { arity: -3, answer: clientKill }],
  ['client|setname', { arity: 3, answer: clientSetName }],
  ['client|getname', { arity: 2, answer: clientGetName }],
  ['client|setinfo', { arity: 4, answer: clientSetInfo }],
  ['client|no-evict', { arity: 3, answer: clientNoEvict }],
  ['client|no-touch', { arity: 3, answer: clientNoTouch }],
  ['client|getredir', { arity: 2, answer: (desk) => integer(desk.self.redirect) }],
  ['client|trackinginfo', { arity: 2, answer: clientTrackingInfo }],
  ['client|reply', { arity: 3, answer: clientReply }],
  ['info|respite', { arity: -1, answer: (desk) => verbatim(desk, formatInfo(desk.statistics())) }],
  ['respite|help', { arity: 2, answer: respiteHelp }],
  ['respite|stats', { arity: 2, answer: respiteStats }],
  ['respite|purge', { arity: -3, answer: respitePurge }],
  ['respite|inspect', { arity: 3, answer: respiteInspect }],
]);

/** An empty answer is none: CLIENT REPLY OFF and SKIP are not answered. */
export function runLocal(row: CommandRow, args: readonly Buffer[], desk: LocalDesk): Buffer {
  const name = row.name === 'respite' && args.length > 1 ? `respite|${wordOf(args[1])}` : row.name;
  const local = ANSWERS.get(name);
  if (local === undefined) return noSuchSubcommand(args);
  const fits = local.arity < 0 ? args.length >= -local.arity : args.length === local.arity;
  return fits ? local.answer(desk, args) : wrongNumberOfArguments(name);
}

const MAY_LIST = encodeCommand(['CLIENT', 'LIST', 'ID', '0']);
const MAY_KILL = encodeCommand(['CLIENT', 'KILL', 'ID', '0']);
const MAY_INFO = encodeCommand(['INFO', 'respite']);

/**
 * What Redis is asked first for a user who may not be allowed everything: the same command or one like it, in a form
 * that changes nothing. Undefined for what concerns nobody but the asking client.
 */
export function questionBefore({ name }: CommandRow, args: readonly Buffer[]): Buffer | undefined {
  switch (name) {
    case 'client|list':
      return MAY_LIST;
    case 'client|kill':
      return MAY_KILL;
    case 'info|respite':
      return MAY_INFO;
    default:
      return name === 'respite' && wordOf(args[1]) === 'stats' ? MAY_INFO : undefined;
  }
}

function noSuchSubcommand(args: readonly Buffer[]): Buffer {
  const container = textOf(args[0]);
  if (args.length < 2) return wrongNumberOfArguments(container.toLowerCase());
  const subcommand = textOf(args[1]).slice(0, 128);
  return refuse({ refused: `unknown subcommand '${subcommand}'. Try ${container.toUpperCase()} HELP.` });
}

function wrongNumberOfArguments(name: string): Buffer {
  return refuse({ refused: `wrong number of arguments for '${name}' command` });
}

/** Arguments come back as the bytes they were, which an encoder of text would turn into UTF-8. */
function refuse({ refused }: Refusal): Buffer {
  return Buffer.from(`-ERR ${refused.replace(/[\r\n]/g, ' ')}\r\n`, 'latin1');
}

/** A text for people: RESP3 has a type for it. */
function verbatim(desk: LocalDesk, text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  if (desk.self.protocol === 2) return bulk(bytes);
  return Buffer.concat([Buffer.from(`=${bytes.length + 4}\r\ntxt:`), bytes, Buffer.from('\r\n')]);
}

function clientInfo(desk: LocalDesk): Buffer {
  return verbatim(desk, `${describeClient(desk.self, desk.now())}\n`);
}

function clientList(desk: LocalDesk, args: readonly Buffer[]): Buffer {
  const filter = parseListFilter(args);
  if ('refused' in filter) return refuse(filter);
  const faces = Array.from(desk.clients(), ({ face }) => face);
  switch (filter.by) {
    case 'all':
      return listing(desk, faces);
    case 'type':
      return listing(desk, faces.filter(filter.matches));
    case 'id': {
      // In the order in which they were asked for, and as often.
      const byId = new Map(faces.map((face) => [BigInt(face.id), face]));
      const found = filter.ids.map((id) => byId.get(id));
      return listing(
        desk,
        found.filter((face) => face !== undefined),
      );
    }
  }
}

function listing(desk: LocalDesk, faces: readonly ClientFace[]): Buffer {
  const now = desk.now();
  return verbatim(desk, faces.map((face) => `${describeClient(face, now)}\n`).join(''));
}

function clientKill(desk: LocalDesk, args: readonly Buffer[]): Buffer {
  const filter = parseKillFilter(args, (name) => desk.knowsUser(name));
  if ('refused' in filter) return refuse(filter);
  const now = desk.now();
  const doomed = [...desk.clients()].filter(({ face }) => filter.matches(face, desk.self, now));
  for (const client of doomed) {
    if (client.face.id === desk.self.id) desk.closeAfterReply();
    else client.kill();
  }
  if (!filter.oldStyle) return integer(doomed.length);
  return doomed.length > 0 ? OK : refuse({ refused: 'No such client' });
}

function clientSetName(desk: LocalDesk, args: readonly Buffer[]): Buffer {
  const name = args[2]?.toString('latin1') ?? '';
  if (!isPlain(name)) {
    return refuse({ refused: 'Client names cannot contain spaces, newlines or special characters.' });
  }
  desk.self.name = name;
  return OK;
}

function clientGetName({ self }: LocalDesk): Buffer {
  return self.name === '' ? nil(self.protocol) : bulk(self.name);
}

function clientSetInfo({ self }: LocalDesk, args: readonly Buffer[]): Buffer {
  const attribute = wordOf(args[2]);
  const value = textOf(args[3]);
  if (attribute !== 'lib-name' && attribute !== 'lib-ver') {
    return refuse({ refused: `Unrecognized option '${textOf(args[2])}'` });
  }
  if (!isPlain(value)) {
    const refused = `${textOf(args[2])} cannot contain spaces, newlines or special characters.`;
    return refuse({ refused });
  }
  if (attribute === 'lib-name') self.libName = value;
  else self.libVersion = value;
  return OK;
}

/** CLIENT LIST must come apart again at its spaces. */
function isPlain(text: string): boolean {
  return /^[!-~]*$/.test(text);
}

function clientNoEvict({ self }: LocalDesk, args: readonly Buffer[]): Buffer {
  const on = switchOf(args[2]);
  if (on === undefined) return refuse({ refused: 'syntax error' });
  self.noEvict = on;
  return OK;
}

function clientNoTouch({ self }: LocalDesk, args: readonly Buffer[]): Buffer {
  const on = switchOf(args[2]);
  if (on === undefined) return refuse({ refused: 'syntax error' });
  self.noTouch = on;
  return OK;
}

function switchOf(arg: Buffer | undefined): boolean | undefined {
  const word = wordOf(arg);
  if (word === 'on') return true;
  return word === 'off' ? false : undefined;
}

/** Only a client without CLIENT TRACKING is answered here: with it, the session is pinned and Redis answers. */
function clientTrackingInfo({ self }: LocalDesk): Buffer {
  const off = bulk('off');
  const flags = self.protocol === 3 ? Buffer.concat([Buffer.from('~1\r\n'), off]) : array(off);
  return map(self.protocol, [
    [bulk('flags'), flags],
    [bulk('redirect'), integer(-1)],
    [bulk('prefixes'), array()],
  ]);
}

function clientReply(desk: LocalDesk, args: readonly Buffer[]): Buffer {
  const mode = wordOf(args[2]);
  if (mode !== 'on' && mode !== 'off' && mode !== 'skip') return refuse({ refused: 'syntax error' });
  desk.setReplyMode(mode);
  return mode === 'on' ? OK : EMPTY;
}

const HELP = [
  'RESPITE <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'STATS',
  '    Return the figures of this proxy and of its cache.',
  'PURGE <key> [<key> ...]',
  '    Drop what the cache holds for these keys. Returns the number of entries dropped.',
  'PURGE ALL',
  '    Drop everything. A key that is named ALL goes with it.',
  'INSPECT <key>',
  '    Return what the cache holds for a key, or nil.',
  'HELP',
  '    Prints this help.',
];

function respiteHelp(): Buffer {
  return array(...HELP.map(status));
}

function respiteStats(desk: LocalDesk): Buffer {
  const figures = nameFigures(desk.statistics());
  return map(
    desk.self.protocol,
    figures.map(([name, value]) => [bulk(name), typeof value === 'number' ? integer(value) : bulk(value)]),
  );
}

function respitePurge(desk: LocalDesk, args: readonly Buffer[]): Buffer {
  const all = args.length === 3 && wordOf(args[2]) === 'all';
  return integer(all ? desk.purgeAll() : desk.purge(args.slice(2).map((key) => key.toString('latin1'))));
}

function respiteInspect(desk: LocalDesk, args: readonly Buffer[]): Buffer {
  const seen = desk.inspect(args[2]?.toString('latin1') ?? '');
  if (seen === undefined) return nil(desk.self.protocol);
  return map(desk.self.protocol, [
    [bulk('kind'), bulk(seen.kind)],
    [bulk('age_ms'), integer(Math.round(seen.age))],
    [bulk('ttl_ms'), integer(Math.round(seen.timeLeft))],
    [bulk('bytes'), integer(seen.bytes)],
    [bulk('hits'), integer(seen.hits)],
  ]);
}
