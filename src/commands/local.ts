/** The commands that the proxy answers itself, in the bytes that Redis would have sent. */
import { EMPTY } from '../resp/bytes';
import { array, bulk, encodeCommand, integer, map, nil, OK, status } from '../resp/encoder';
import { type Figures, formatInfo, nameFigures } from '../telemetry/stats';
import {
  type ClientFace,
  describeClient,
  type ListFilter,
  parseKillFilter,
  parseListFilter,
  type Refusal,
  textOf,
  wordOf,
} from './clients';
import type { ClientLine, Inspection, Neighbours, Part } from './neighbours';
import type { CommandRow } from './table';

export type ReplyMode = 'on' | 'off' | 'skip';

/** A client that CLIENT KILL can close. */
export interface ListedClient {
  readonly face: ClientFace;
  kill(): void;
}

/** Those whom CLIENT KILL may mean. */
export interface Crowd {
  now(): number;
  /** All clients of this process, the asking one among them, oldest first. */
  clients(): Iterable<ListedClient>;
  /** Whether Redis has this user; true where it cannot be told. */
  knowsUser(name: string): boolean;
}

/** What the session that asks, and the proxy around it, lay out for the answers. */
export interface LocalDesk extends Crowd {
  readonly self: ClientFace;
  /** What part of the cache it reads. */
  readonly part: Part;
  /** The part that it may purge, unless it may purge all. */
  readonly purgesOnly: Part | undefined;
  /** The asking client has killed itself: its answer is still delivered. */
  closeAfterReply(): void;
  /** CLIENT REPLY: `skip` means the reply to the command after this one. */
  setReplyMode(mode: ReplyMode): void;
  statistics(): Figures;
  /** Drops entries (keys as latin1) and tells how many there were. */
  purge(keys: readonly string[] | 'all'): number;
  inspect(key: string): Inspection | undefined;
}

/** A command's answer, and how many arguments it takes: as in Redis's table, at least that many when negative. */
interface Local {
  readonly arity: number;
  answer(desk: LocalDesk, args: readonly Buffer[]): Buffer;
  /** Where several processes share the ports: the answer for all of them. */
  readonly together?: (desk: LocalDesk, args: readonly Buffer[], neighbours: Neighbours) => Promise<Buffer>;
}

/** What is about everybody: `answer` gets what the neighbours have told, or nothing when there are none. */
function aboutAll<Told>(
  arity: number,
  ask: (desk: LocalDesk, args: readonly Buffer[], neighbours: Neighbours) => Promise<readonly Told[]>,
  answer: (desk: LocalDesk, args: readonly Buffer[], told: readonly Told[]) => Buffer,
): Local {
  return {
    arity,
    answer: (desk, args) => answer(desk, args, []),
    together: async (desk, args, neighbours) => answer(desk, args, await ask(desk, args, neighbours)),
  };
}

const ANSWERS: ReadonlyMap<string, Local> = new Map<string, Local>([
  ['client|id', { arity: 2, answer: (desk) => integer(desk.self.id) }],
  ['client|info', { arity: 2, answer: clientInfo }],
  [
    'client|list',
    aboutAll(-2, (_desk, args, neighbours) => neighbours.ask({ about: 'list', args }), clientList),
  ],
  [
    'client|kill',
    aboutAll(
      -3,
      ({ self }, args, neighbours) => neighbours.ask({ about: 'kill', args, asker: self.id }),
      clientKill,
    ),
  ],
  ['client|setname', { arity: 3, answer: clientSetName }],
  ['client|getname', { arity: 2, answer: clientGetName }],
  ['client|setinfo', { arity: 4, answer: clientSetInfo }],
  ['client|no-evict', { arity: 3, answer: clientNoEvict }],
  ['client|no-touch', { arity: 3, answer: clientNoTouch }],
  ['client|getredir', { arity: 2, answer: (desk) => integer(desk.self.redirect) }],
  ['client|trackinginfo', { arity: 2, answer: clientTrackingInfo }],
  ['client|reply', { arity: 3, answer: clientReply }],
  ['info|respite', aboutAll(-1, askForReading, infoRespite)],
  ['respite|help', { arity: 2, answer: respiteHelp }],
  ['respite|stats', aboutAll(2, askForReading, respiteStats)],
  [
    'respite|purge',
    aboutAll(
      -3,
      (desk, args, neighbours) =>
        neighbours.ask({ about: 'purge', keys: keysToPurge(args), only: desk.purgesOnly }),
      respitePurge,
    ),
  ],
  ['respite|inspect', aboutAll(3, askForEntry, respiteInspect)],
]);

/** An empty answer is none: CLIENT REPLY OFF and SKIP are not answered. */
export function runLocal(row: CommandRow, args: readonly Buffer[], desk: LocalDesk): Buffer {
  const name = fullName(row, args);
  const local = ANSWERS.get(name);
  if (local === undefined) return noSuchSubcommand(args);
  return fits(local, args) ? local.answer(desk, args) : wrongNumberOfArguments(name);
}

/** The same for all processes that share the ports; undefined when it concerns nobody but the one that asks. */
export function runTogether(
  row: CommandRow,
  args: readonly Buffer[],
  desk: LocalDesk,
  neighbours: Neighbours,
): Promise<Buffer> | undefined {
  const local = ANSWERS.get(fullName(row, args));
  return local && fits(local, args) ? local.together?.(desk, args, neighbours) : undefined;
}

function fullName(row: CommandRow, args: readonly Buffer[]): string {
  return row.name === 'respite' && args.length > 1 ? `respite|${wordOf(args[1])}` : row.name;
}

function fits({ arity }: Local, args: readonly Buffer[]): boolean {
  return arity < 0 ? args.length >= -arity : args.length === arity;
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

function clientList(
  desk: LocalDesk,
  args: readonly Buffer[],
  told: readonly (readonly ClientLine[])[],
): Buffer {
  const filter = parseListFilter(args);
  if ('refused' in filter) return refuse(filter);
  const here = linesHere(args, facesOf(desk.clients()), desk.now());
  const lines = told.length === 0 ? here : [...here, ...told.flat()].sort((one, other) => one.id - other.id);
  if (filter.by !== 'id') return listing(desk, lines);
  // In the order in which they were asked for, and as often.
  const byId = new Map(lines.map((line) => [BigInt(line.id), line]));
  const found = filter.ids.map((id) => byId.get(id));
  return listing(
    desk,
    found.filter((line) => line !== undefined),
  );
}

/** Those of this process whom a CLIENT LIST means, oldest first. */
export function linesHere(
  args: readonly Buffer[],
  faces: Iterable<ClientFace>,
  now: number,
): readonly ClientLine[] {
  const filter = parseListFilter(args);
  if ('refused' in filter) return [];
  const lines: ClientLine[] = [];
  for (const face of faces)
    if (isListed(filter, face)) lines.push({ id: face.id, line: describeClient(face, now) });
  return lines;
}

function isListed(filter: ListFilter, face: ClientFace): boolean {
  switch (filter.by) {
    case 'all':
      return true;
    case 'type':
      return filter.matches(face);
    case 'id':
      return filter.ids.includes(BigInt(face.id));
    default:
      return filter satisfies never;
  }
}

function* facesOf(clients: Iterable<ListedClient>): Iterable<ClientFace> {
  for (const { face } of clients) yield face;
}

function listing(desk: LocalDesk, lines: readonly ClientLine[]): Buffer {
  return verbatim(desk, lines.map(({ line }) => `${line}\n`).join(''));
}

function clientKill(desk: LocalDesk, args: readonly Buffer[], told: readonly number[]): Buffer {
  const filter = parseKillFilter(args, (name) => desk.knowsUser(name));
  if ('refused' in filter) return refuse(filter);
  const killed = killHere(args, desk, desk.self.id, () => desk.closeAfterReply()) + sum(told);
  if (!filter.oldStyle) return integer(killed);
  return killed > 0 ? OK : refuse({ refused: 'No such client' });
}

/** Closes those of this process whom a CLIENT KILL means, and tells how many. `onSelf`: the asking one is among them. */
export function killHere(
  args: readonly Buffer[],
  crowd: Crowd,
  asker: number,
  onSelf: () => void = () => undefined,
): number {
  const filter = parseKillFilter(args, (name) => crowd.knowsUser(name));
  if ('refused' in filter) return 0;
  const now = crowd.now();
  const doomed = [...crowd.clients()].filter(({ face }) => filter.matches(face, asker, now));
  for (const client of doomed) {
    if (client.face.id === asker) onSelf();
    else client.kill();
  }
  return doomed.length;
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

async function askForReading(
  _desk: LocalDesk,
  _args: readonly Buffer[],
  neighbours: Neighbours,
): Promise<readonly Figures[]> {
  return (await neighbours.ask({ about: 'reading' })).map(({ figures }) => figures);
}

function infoRespite(desk: LocalDesk, _args: readonly Buffer[], [all]: readonly Figures[]): Buffer {
  return verbatim(desk, formatInfo(all ?? desk.statistics()));
}

function respiteStats(desk: LocalDesk, _args: readonly Buffer[], [all]: readonly Figures[]): Buffer {
  const figures = nameFigures(all ?? desk.statistics());
  return map(
    desk.self.protocol,
    figures.map(([name, value]) => [bulk(name), typeof value === 'number' ? integer(value) : bulk(value)]),
  );
}

function respitePurge(desk: LocalDesk, args: readonly Buffer[], told: readonly number[]): Buffer {
  return integer(desk.purge(keysToPurge(args)) + sum(told));
}

function keysToPurge(args: readonly Buffer[]): readonly string[] | 'all' {
  const all = args.length === 3 && wordOf(args[2]) === 'all';
  return all ? 'all' : args.slice(2).map((key) => key.toString('latin1'));
}

/** What this process holds itself, the others need not be asked for. */
async function askForEntry(
  desk: LocalDesk,
  args: readonly Buffer[],
  neighbours: Neighbours,
): Promise<readonly (Inspection | undefined)[]> {
  const key = keyToInspect(args);
  return desk.inspect(key) ? [] : neighbours.ask({ about: 'inspect', key, part: desk.part });
}

function respiteInspect(
  desk: LocalDesk,
  args: readonly Buffer[],
  told: readonly (Inspection | undefined)[],
): Buffer {
  const seen = desk.inspect(keyToInspect(args)) ?? told.find((each) => each !== undefined);
  if (seen === undefined) return nil(desk.self.protocol);
  return map(desk.self.protocol, [
    [bulk('kind'), bulk(seen.kind)],
    [bulk('age_ms'), integer(Math.round(seen.age))],
    [bulk('ttl_ms'), integer(Math.round(seen.timeLeft))],
    [bulk('bytes'), integer(seen.bytes)],
    [bulk('hits'), integer(seen.hits)],
  ]);
}

function keyToInspect(args: readonly Buffer[]): string {
  return args[2]?.toString('latin1') ?? '';
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
