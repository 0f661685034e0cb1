/** HELLO, AUTH, SELECT, RESET and QUIT: what each asks of Redis, and what it changes when Redis says yes. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { COLON } from '../resp/bytes';
import { encodeCommand, error, OK, status } from '../resp/encoder';
import type { Identity, Protocol } from '../upstream/identity';
import { NO_AUTH } from './answers';
import { wordOf } from './clients';

/** Who the client is now. */
export interface Standing {
  readonly identity: Identity;
  readonly protocol: Protocol;
  /** False until the proxy's own password was given. */
  readonly admitted: boolean;
  /** The proxy's own password, when it has one: then AUTH is not Redis's business. */
  readonly password: string | undefined;
}

/** What holds once Redis has agreed. */
export interface Change {
  readonly identity: Identity;
  readonly protocol: Protocol;
  readonly name: string | undefined;
  readonly admitted: boolean;
}

/** Redis is asked, and its answer decides. */
export interface Asking {
  readonly kind: 'ask';
  readonly request: Buffer;
  readonly change: Change;
  /** HELLO works through its options one by one: when this is what it answered, it may have changed the user before. */
  readonly doubtful?: 'refused' | 'always' | undefined;
}

export type IdentityStep =
  | { readonly kind: 'answer'; readonly reply: Buffer; readonly admitted: boolean }
  | Asking
  | { readonly kind: 'reset' }
  | { readonly kind: 'quit' };

export const RESET_REPLY = status('RESET');

const WRONG_PASSWORD = error('WRONGPASS invalid username-password pair or user is disabled.');
const SYNTAX_ERROR = error('ERR syntax error');
const AUTH_WITHOUT_ARGUMENTS = error("ERR wrong number of arguments for 'auth' command");
const HELLO_WITHOUT_AUTH = error(
  'NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time',
);

export function planIdentity(
  name: string,
  args: readonly Buffer[],
  raw: Buffer,
  standing: Standing,
): IdentityStep {
  switch (name) {
    case 'quit':
      return { kind: 'quit' };
    case 'reset':
      if (args.length === 1) return { kind: 'reset' };
      if (!standing.admitted) return { kind: 'answer', reply: NO_AUTH, admitted: false };
      break;
    case 'auth':
      return planAuth(args, raw, standing);
    case 'hello':
      return planHello(args, raw, standing);
    case 'select':
      return planSelect(args, raw, standing);
  }
  return unchanged(raw, standing);
}

/** Redis answers, with an error, and nothing changes. */
function unchanged(request: Buffer, standing: Standing, doubtful?: 'always'): IdentityStep {
  return { kind: 'ask', request, change: { ...standing, name: undefined }, doubtful };
}

function planSelect(args: readonly Buffer[], raw: Buffer, standing: Standing): IdentityStep {
  if (!standing.admitted) return { kind: 'answer', reply: NO_AUTH, admitted: false };
  const db = Number(args[1]?.latin1Slice() ?? Number.NaN);
  if (args.length !== 2 || !Number.isInteger(db)) return unchanged(raw, standing);
  return {
    kind: 'ask',
    request: raw,
    change: { ...standing, identity: { ...standing.identity, db }, name: undefined },
  };
}

function planAuth(args: readonly Buffer[], raw: Buffer, standing: Standing): IdentityStep {
  const [, first, second] = args;
  if (!first || args.length > 3) return wrongAuth(args, raw, standing);
  const user = second ? first.latin1Slice() : 'default';
  const password = (second ?? first).latin1Slice();
  if (standing.password !== undefined) {
    const right = admits(standing.password, user, password);
    return { kind: 'answer', reply: right ? OK : WRONG_PASSWORD, admitted: right || standing.admitted };
  }
  const identity = { user, password, byPasswordAlone: second === undefined, db: standing.identity.db };
  return { kind: 'ask', request: raw, change: { ...standing, identity, name: undefined } };
}

/** Redis words it, unless it is not to hear of strangers. */
function wrongAuth(args: readonly Buffer[], raw: Buffer, standing: Standing): IdentityStep {
  if (standing.admitted) return unchanged(raw, standing);
  return { kind: 'answer', reply: args.length > 3 ? SYNTAX_ERROR : AUTH_WITHOUT_ARGUMENTS, admitted: false };
}

interface HelloOptions {
  protocol: Protocol | undefined;
  user: string | undefined;
  password: string | undefined;
  name: string | undefined;
}

function planHello(args: readonly Buffer[], raw: Buffer, standing: Standing): IdentityStep {
  const options = readHello(args);
  if (!options)
    return standing.admitted
      ? unchanged(raw, standing, args.length > 2 ? 'always' : undefined)
      : refusedHello();
  const { user, password } = options;
  const protocol = options.protocol ?? standing.protocol;
  if (standing.password !== undefined) return planAdmission(args, options, protocol, standing);
  const identity =
    user === undefined
      ? standing.identity
      : { user, password, byPasswordAlone: false, db: standing.identity.db };
  const change = { identity, protocol, name: options.name, admitted: true };
  return { kind: 'ask', request: raw, change, doubtful: args.length > ONE_OPTION ? 'refused' : undefined };
}

/** HELLO 3 AUTH user password */
const ONE_OPTION = 5;

/** The password is the proxy's own: Redis hears the rest. */
function planAdmission(
  args: readonly Buffer[],
  options: HelloOptions,
  protocol: Protocol,
  standing: Standing,
): IdentityStep {
  const { user, password, name } = options;
  if (user === undefined && !standing.admitted) return refusedHello();
  if (user !== undefined && !admits(standing.password ?? '', user, password ?? '')) {
    return { kind: 'answer', reply: WRONG_PASSWORD, admitted: standing.admitted };
  }
  const setName = name === undefined ? [] : ['SETNAME', Buffer.from(name, 'latin1')];
  const request = encodeCommand([...args.slice(0, 2), ...setName]);
  return { kind: 'ask', request, change: { identity: standing.identity, protocol, name, admitted: true } };
}

function refusedHello(): IdentityStep {
  return { kind: 'answer', reply: HELLO_WITHOUT_AUTH, admitted: false };
}

/** Undefined for what Redis will refuse. */
function readHello(args: readonly Buffer[]): HelloOptions | undefined {
  const options: HelloOptions = {
    protocol: undefined,
    user: undefined,
    password: undefined,
    name: undefined,
  };
  const version = args[1]?.latin1Slice();
  if (version !== undefined && version !== '2' && version !== '3') return undefined;
  if (version !== undefined) options.protocol = version === '3' ? 3 : 2;
  for (let at = 2; at < args.length; ) {
    const option = wordOf(args[at]);
    if (option === 'auth' && at + 2 < args.length) {
      options.user = args[at + 1]?.latin1Slice();
      options.password = args[at + 2]?.latin1Slice();
      at += 3;
    } else if (option === 'setname' && at + 1 < args.length) {
      options.name = args[at + 1]?.latin1Slice();
      at += 2;
    } else {
      return undefined;
    }
  }
  return options;
}

/** Both are hashed first, so that the comparison takes as long for a wrong length as for a wrong letter. */
export function samePassword(expected: string, given: string): boolean {
  return timingSafeEqual(digest(expected), digest(given));
}

function admits(expected: string, user: string, given: string): boolean {
  const right = samePassword(Buffer.from(expected).latin1Slice(), given);
  return right && user === 'default';
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** HELLO tells the client its id: the proxy's, by which CLIENT LIST and CLIENT KILL know it here. */
export function withClientId(reply: Buffer, id: number): Buffer {
  const label = reply.indexOf('$2\r\nid\r\n');
  const at = label + '$2\r\nid\r\n'.length;
  const end = reply.indexOf('\r\n', at);
  if (label < 0 || reply[at] !== COLON || end < 0) return reply;
  return Buffer.concat([reply.subarray(0, at), Buffer.from(`:${id}`), reply.subarray(end)]);
}
