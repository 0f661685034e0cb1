/** Client ids on their way to Redis: a client knows other clients by the proxy's ids, Redis by those of its connections. */
import { encodeCommand } from '../resp/encoder';
import type { Guests } from './house';

/** No connection has it, so that Redis answers as for a client that is gone: it must never hit somebody else's. */
const NOBODY = '9223372036854775807';

interface Request {
  readonly raw: Buffer;
  readonly args: readonly Buffer[];
}

/** A client that somebody's command is about: by CLIENT UNBLOCK, or as the target of a REDIRECT. */
export interface Meant {
  readonly id: number;
  /** Redis will send it something: it needs a wire of its own. */
  readonly adopt: boolean;
}

export function clientMeant(args: readonly Buffer[]): Meant | undefined {
  const id = args[placeOfId(args)]?.latin1Slice();
  if (id === undefined || !/^[0-9]{1,15}$/.test(id)) return undefined;
  return { id: Number(id), adopt: args[1]?.latin1Slice().toLowerCase() === 'tracking' };
}

/** CLIENT TRACKING … REDIRECT id and CLIENT UNBLOCK id, with the id that Redis knows: `elsewhere` if not a guest's. */
export function withUpstreamIds({ raw, args }: Request, guests: Guests, elsewhere = 0): Buffer {
  const meant = clientMeant(args);
  if (!meant) return raw;
  const place = placeOfId(args);
  const guest = guests.find(meant.id);
  const upstreamId = (meant.adopt ? guest?.adopt() : guest?.upstreamId) ?? elsewhere;
  return encodeCommand(args.map((arg, at) => (at === place ? String(upstreamId || NOBODY) : arg)));
}

function placeOfId(args: readonly Buffer[]): number {
  if (args[1]?.latin1Slice().toLowerCase() === 'unblock') return 2;
  const redirect = args.findIndex((arg) => arg.latin1Slice().toLowerCase() === 'redirect');
  return redirect < 0 ? args.length : redirect + 1;
}
