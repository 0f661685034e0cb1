/** What is said on a new wire before anybody uses it: HELLO or AUTH, SELECT, and for a fill wire CLIENT TRACKING. */
import { encodeCommand } from '../resp/encoder';
import type { Reply } from '../resp/reply-parser';
import type { Identity, Protocol } from './identity';
import type { Wire } from './wire';

export interface HandshakeStep {
  readonly request: Buffer;
  /** Why the wire cannot be used, or undefined when it can. */
  accept(reply: Reply, wire: Wire): string | undefined;
}

export function handshake(identity: Identity, protocol: Protocol): HandshakeStep[] {
  const steps = protocol === 3 ? [hello(identity)] : authenticate(identity);
  if (identity.db !== 0) steps.push(required(['SELECT', String(identity.db)]));
  return steps;
}

/** A wire of its own for one client at a time also learns its id, by which a blocked command can be cancelled. */
export function exclusiveHandshake(identity: Identity, protocol: Protocol): HandshakeStep[] {
  const steps = handshake(identity, protocol);
  return protocol === 3 ? steps : [...steps, learnId()];
}

/** `onTracking` hears whether Redis will say what has changed. */
export function fillHandshake(
  identity: Identity,
  wants: 'tracking' | 'ttl',
  onTracking: (refusal: string | undefined) => void,
): HandshakeStep[] {
  if (wants === 'ttl') return handshake(identity, 2);
  const [first, ...rest] = handshake(identity, 3);
  return first ? [first, track(onTracking), ...rest] : [];
}

function authenticate({ user, password, byPasswordAlone }: Identity): HandshakeStep[] {
  if (password === undefined) return [];
  return [required(byPasswordAlone ? ['AUTH', password] : ['AUTH', user, password])];
}

function hello({ user, password }: Identity): HandshakeStep {
  const credentials = password === undefined ? [] : ['AUTH', user === '' ? 'default' : user, password];
  return {
    request: encodeLatin1(['HELLO', '3', ...credentials]),
    accept(reply, wire) {
      if (reply.type === 'error') return reply.text;
      wire.upstreamId = idIn(reply);
      return undefined;
    },
  };
}

function learnId(): HandshakeStep {
  return {
    request: encodeCommand(['CLIENT', 'ID']),
    accept(reply, wire) {
      if (reply.type === 'integer') wire.upstreamId = Number(reply.value);
      return undefined;
    },
  };
}

function track(onTracking: (refusal: string | undefined) => void): HandshakeStep {
  return {
    request: encodeCommand(['CLIENT', 'TRACKING', 'ON']),
    accept(reply) {
      onTracking(reply.type === 'error' ? reply.text : undefined);
      return undefined;
    },
  };
}

function required(args: readonly string[]): HandshakeStep {
  return {
    request: encodeLatin1(args),
    accept: (reply) => (reply.type === 'error' ? reply.text : undefined),
  };
}

function idIn(reply: Reply): number {
  if (reply.type !== 'map') return 0;
  for (const [key, value] of reply.entries) {
    if (key.type === 'bulk' && key.value.latin1Slice() === 'id' && value.type === 'integer')
      return Number(value.value);
  }
  return 0;
}

/** Users and passwords are latin1 texts here, one character for each byte. */
function encodeLatin1(args: readonly string[]): Buffer {
  return encodeCommand(args.map((arg) => Buffer.from(arg, 'latin1')));
}
