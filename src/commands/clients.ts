/** What is known of a client, how CLIENT LIST shows it, and which clients CLIENT LIST and CLIENT KILL mean. */

/**
 * A client as CLIENT LIST sees it; its session writes these fields as they change. Texts are latin1, so that a user's
 * name is the bytes that Redis knows it by. Times are milliseconds of one monotonic clock.
 */
export interface ClientFace {
  readonly id: number;
  readonly address: string;
  readonly localAddress: string;
  readonly fd: number;
  readonly createdAt: number;
  name: string;
  user: string;
  db: number;
  protocol: 2 | 3;
  lastUsedAt: number;
  /** The row's name, `client|list`; empty before the first command. */
  lastCommand: string;
  libName: string;
  libVersion: string;
  kind: 'normal' | 'pubsub' | 'monitor';
  /** Commands queued since MULTI; -1 outside. */
  queued: number;
  blocked: boolean;
  tracking: boolean;
  /** Where CLIENT TRACKING sends the pushes: 0 is the connection itself, -1 while it is off. */
  redirect: number;
  channels: number;
  patterns: number;
  shardChannels: number;
  noEvict: boolean;
  noTouch: boolean;
  /** Bytes received and not yet executed, and bytes of replies not yet sent. */
  bufferedIn: number;
  bufferedOut: number;
}

/** A face with everything at its beginning, for a session to fill in. */
export function newFace(
  id: number,
  address: string,
  localAddress: string,
  fd: number,
  now: number,
): ClientFace {
  return {
    id,
    address,
    localAddress,
    fd,
    createdAt: now,
    name: '',
    user: 'default',
    db: 0,
    protocol: 2,
    lastUsedAt: now,
    lastCommand: '',
    libName: '',
    libVersion: '',
    kind: 'normal',
    queued: -1,
    blocked: false,
    tracking: false,
    redirect: -1,
    channels: 0,
    patterns: 0,
    shardChannels: 0,
    noEvict: false,
    noTouch: false,
    bufferedIn: 0,
    bufferedOut: 0,
  };
}

/** One line of CLIENT LIST without its end: Redis 7.0's fields in its order, then the library's, as 7.2 has them. */
export function describeClient(face: ClientFace, now: number): string {
  const total = face.bufferedIn + face.bufferedOut;
  return [
    `id=${face.id} addr=${face.address} laddr=${face.localAddress} fd=${face.fd} name=${face.name}`,
    `age=${seconds(now - face.createdAt)} idle=${seconds(now - face.lastUsedAt)} flags=${flagsOf(face)}`,
    `db=${face.db} sub=${face.channels} psub=${face.patterns} ssub=${face.shardChannels} multi=${face.queued}`,
    `qbuf=${face.bufferedIn} qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0`,
    `obl=0 oll=${face.bufferedOut > 0 ? 1 : 0} omem=${face.bufferedOut} tot-mem=${total}`,
    `events=${face.bufferedOut > 0 ? 'rw' : 'r'} cmd=${face.lastCommand || 'NULL'} user=${face.user}`,
    `redir=${face.redirect} resp=${face.protocol} lib-name=${face.libName} lib-ver=${face.libVersion}`,
  ].join(' ');
}

function seconds(milliseconds: number): number {
  return Math.max(0, Math.floor(milliseconds / 1000));
}

/** The letters in the order in which Redis writes them. */
function flagsOf(face: ClientFace): string {
  const letters =
    (face.kind === 'monitor' ? 'O' : '') +
    (face.kind === 'pubsub' ? 'P' : '') +
    (face.queued >= 0 ? 'x' : '') +
    (face.blocked ? 'b' : '') +
    (face.tracking ? 't' : '') +
    (face.noEvict ? 'e' : '') +
    (face.noTouch ? 'T' : '');
  return letters || 'N';
}

/** Redis's own error text, without the code `ERR`. */
export interface Refusal {
  readonly refused: string;
}

export interface KillFilter {
  /** CLIENT KILL addr:port answers OK or an error; with options the answer is a number. */
  readonly oldStyle: boolean;
  /** `asker` is the id of the client that asks. */
  matches(face: ClientFace, asker: number, now: number): boolean;
}

export type ListFilter =
  | { readonly by: 'all' }
  | { readonly by: 'type'; matches(face: ClientFace): boolean }
  | { readonly by: 'id'; readonly ids: readonly bigint[] };

type ClientType = 'normal' | 'master' | 'replica' | 'pubsub';

const SYNTAX: Refusal = { refused: 'syntax error' };
const LARGEST = 2n ** 63n - 1n;

/** What is asked for by the options of CLIENT KILL. */
interface Wanted {
  address?: string;
  localAddress?: string;
  type?: ClientType;
  id?: bigint;
  user?: string;
  /** In seconds: a client must be as old as that. */
  maxAge?: bigint;
  skipMe: boolean;
}

/** `args` is the whole command. `knowsUser` may say yes when it cannot tell: then nobody matches. */
export function parseKillFilter(
  args: readonly Buffer[],
  knowsUser: (name: string) => boolean,
): KillFilter | Refusal {
  if (args.length === 3) return killFilter({ address: textOf(args[2]), skipMe: false }, true);
  const wanted: Wanted = { skipMe: true };
  for (let at = 2; at < args.length; at += 2) {
    const value = args[at + 1];
    if (value === undefined) return SYNTAX;
    const refusal = readKillOption(wanted, wordOf(args[at]), value, knowsUser);
    if (refusal !== undefined) return refusal;
  }
  return args.length < 4 ? SYNTAX : killFilter(wanted, false);
}

function readKillOption(
  wanted: Wanted,
  option: string,
  value: Buffer,
  knowsUser: (name: string) => boolean,
): Refusal | undefined {
  switch (option) {
    case 'id':
      return readId(wanted, value);
    case 'type':
      return readType(wanted, value);
    case 'addr':
      wanted.address = textOf(value);
      return undefined;
    case 'laddr':
      wanted.localAddress = textOf(value);
      return undefined;
    case 'user':
      wanted.user = value.toString('latin1');
      return knowsUser(wanted.user) ? undefined : { refused: `No such user '${textOf(value)}'` };
    case 'maxage':
      return readMaxAge(wanted, value);
    case 'skipme':
      return readSkipMe(wanted, value);
    default:
      return SYNTAX;
  }
}

function readId(wanted: Wanted, value: Buffer): Refusal | undefined {
  const id = wholeNumber(value);
  if (id === undefined || id < 1n) return { refused: 'client-id should be greater than 0' };
  wanted.id = id;
  return undefined;
}

function readType(wanted: Wanted, value: Buffer): Refusal | undefined {
  const type = typeNamed(value);
  if (typeof type !== 'string') return type;
  wanted.type = type;
  return undefined;
}

function readMaxAge(wanted: Wanted, value: Buffer): Refusal | undefined {
  const age = wholeNumber(value);
  if (age === undefined) return { refused: 'maxage is not an integer or out of range' };
  if (age <= 0n) return { refused: 'maxage should be greater than 0' };
  wanted.maxAge = age;
  return undefined;
}

function readSkipMe(wanted: Wanted, value: Buffer): Refusal | undefined {
  const word = wordOf(value);
  if (word !== 'yes' && word !== 'no') return SYNTAX;
  wanted.skipMe = word === 'yes';
  return undefined;
}

function killFilter(wanted: Wanted, oldStyle: boolean): KillFilter {
  return {
    oldStyle,
    matches(face, asker, now) {
      if (wanted.address !== undefined && face.address !== wanted.address) return false;
      if (wanted.localAddress !== undefined && face.localAddress !== wanted.localAddress) return false;
      if (wanted.type !== undefined && typeOf(face) !== wanted.type) return false;
      if (wanted.id !== undefined && BigInt(face.id) !== wanted.id) return false;
      if (wanted.user !== undefined && face.user !== wanted.user) return false;
      if (wanted.maxAge !== undefined && seconds(now - face.createdAt) < wanted.maxAge) return false;
      return !(wanted.skipMe && face.id === asker);
    },
  };
}

/** `args` is the whole command. */
export function parseListFilter(args: readonly Buffer[]): ListFilter | Refusal {
  const option = wordOf(args[2]);
  if (args.length === 2) return { by: 'all' };
  if (args.length === 4 && option === 'type') return typeFilter(args[3]);
  return args.length > 3 && option === 'id' ? idFilter(args.slice(3)) : SYNTAX;
}

function typeFilter(arg: Buffer | undefined): ListFilter | Refusal {
  const type = typeNamed(arg);
  return typeof type === 'string' ? { by: 'type', matches: (face) => typeOf(face) === type } : type;
}

function idFilter(args: readonly Buffer[]): ListFilter | Refusal {
  const ids = args.map(wholeNumber).filter((id) => id !== undefined);
  return ids.length === args.length ? { by: 'id', ids } : { refused: 'Invalid client ID' };
}

function typeNamed(arg: Buffer | undefined): ClientType | Refusal {
  const word = wordOf(arg);
  if (word === 'slave') return 'replica';
  if (word === 'normal' || word === 'master' || word === 'replica' || word === 'pubsub') return word;
  return { refused: `Unknown client type '${textOf(arg)}'` };
}

/** To Redis a client in MONITOR is a normal one. */
function typeOf(face: ClientFace): ClientType {
  return face.kind === 'pubsub' ? 'pubsub' : 'normal';
}

/** An argument as Redis's C strings hold it: up to the first NUL. */
export function textOf(arg: Buffer | undefined): string {
  return arg?.toString('latin1').split('\0', 1)[0] ?? '';
}

export function wordOf(arg: Buffer | undefined): string {
  return textOf(arg).toLowerCase();
}

/** As strict as Redis's string2ll: no plus sign, no leading zero, no blank, 64 bits. */
function wholeNumber(arg: Buffer | undefined): bigint | undefined {
  const digits = arg?.toString('latin1') ?? '';
  if (digits.length > 20 || !/^(0|-?[1-9][0-9]*)$/.test(digits)) return undefined;
  const value = BigInt(digits);
  return value > LARGEST || value < -LARGEST - 1n ? undefined : value;
}
