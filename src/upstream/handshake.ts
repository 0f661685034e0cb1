/** What is said on a new wire before anybody uses it: HELLO or AUTH, SELECT, and for a fill wire CLIENT TRACKING. */
import { encodeCommand } from '../resp/encoder';
import type { Reply } from '../resp/reply-parser';
import type { Identity, Protocol } from './identity';

/** The wire, as far as a step sees it. */
interface Greeter {
  /** The id that Redis gives the connection. */
  upstreamId: number;
}

export interface HandshakeStep {
  readonly request: Buffer;
  /** Why the wire cannot be used, as text; steps that have to follow at the end; or undefined, when all is well. */
  accept(reply: Reply, wire: Greeter): string | readonly HandshakeStep[] | undefined;
}

/**
 * `home` is who a connection is before its client says who it is. HELLO, CLIENT and SELECT are said in that name, and
 * AUTH last: that is the order in which the client itself went, and its user may not be allowed to SELECT.
 */
export function handshake(
  identity: Identity,
  protocol: Protocol,
  home: Identity,
  extra: Step[] = [],
): Step[] {
  const select = identity.db === 0 ? [] : [required(['SELECT', String(identity.db)])];
  const settings = [...extra, ...select];
  const steps = introduce(home, protocol);
  if (identity.user === home.user) return orSignOfLife([...steps, ...settings]);
  if (home.user === '' && protocol === 3) return introduceAs(identity, settings);
  return [...steps, ...settings.map(orLater), ...authenticate(identity)];
}

type Step = HandshakeStep;

/** A balancer takes connections for a server that is gone: no command may be trusted to a wire before it has answered. */
function orSignOfLife(steps: Step[]): Step[] {
  return steps.length > 0 ? steps : [{ request: encodeCommand(['PING']), accept: () => undefined }];
}

/** A wire of its own for one client at a time also learns its id, by which other clients may mean it. */
export function exclusiveHandshake(identity: Identity, protocol: Protocol, home: Identity): HandshakeStep[] {
  return handshake(identity, protocol, home, protocol === 3 ? [] : [learnId()]);
}

/** `onTracking` hears whether Redis will say what has changed. */
export function fillHandshake(
  identity: Identity,
  wants: 'tracking' | 'ttl',
  home: Identity,
  onTracking: (refusal: string | undefined) => void,
): HandshakeStep[] {
  if (wants === 'ttl') return handshake(identity, 2, home);
  return handshake(identity, 3, home, [track(onTracking)]);
}

function introduce(identity: Identity, protocol: Protocol): HandshakeStep[] {
  return protocol === 3 ? [hello(identity)] : authenticate(identity);
}

/** Without a password HELLO may be refused: then everything is said once the user has proved itself. */
function introduceAs(identity: Identity, settings: readonly HandshakeStep[]): HandshakeStep[] {
  const anonymous: Identity = { user: '', password: undefined, byPasswordAlone: true, db: 0 };
  const first = hello(anonymous);
  let refused = false;
  return [
    {
      request: first.request,
      accept(reply, wire) {
        refused = reply.type === 'error' && reply.text.startsWith('NOAUTH');
        return refused ? [] : first.accept(reply, wire);
      },
    },
    ...settings.map((step) => ({
      request: step.request,
      accept: (reply: Reply, wire: Greeter) => (refused ? undefined : orLater(step).accept(reply, wire)),
    })),
    {
      request: encodeLatin1(['AUTH', identity.user, identity.password ?? '']),
      accept: (reply) => {
        if (reply.type === 'error') return withoutArguments(reply.text);
        return refused ? [hello(identity), ...settings] : undefined;
      },
    },
  ];
}

/** What the home user may not say, the client's own user says again. */
function orLater(step: HandshakeStep): HandshakeStep {
  return {
    request: step.request,
    accept: (reply, wire) => (reply.type === 'error' ? [step] : step.accept(reply, wire)),
  };
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
      if (reply.type === 'error') return withoutArguments(reply.text);
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
      onTracking(reply.type === 'error' ? withoutArguments(reply.text) : undefined);
      return undefined;
    },
  };
}

function required(args: readonly string[]): HandshakeStep {
  return {
    request: encodeLatin1(args),
    accept: (reply) => (reply.type === 'error' ? withoutArguments(reply.text) : undefined),
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

/** A Redis that does not know HELLO or AUTH repeats what stood behind it: the password. */
export function withoutArguments(refusal: string): string {
  return refusal.replace(/,? with args beginning with:.*/s, '');
}
