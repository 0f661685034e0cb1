/** Client ids on their way to Redis: a client knows other clients by the proxy's ids, Redis by those of its connections. */
import { encodeCommand } from '../resp/encoder';
import type { Guests } from './house';

/** No connection has it, so that Redis answers as for a client that is gone: it must never hit somebody else's. */
const NOBODY = '9223372036854775807';

interface Request {
  readonly raw: Buffer;
  readonly args: readonly Buffer[];
}

/** CLIENT TRACKING … REDIRECT id and CLIENT UNBLOCK id, with the id that Redis knows. */
export function withUpstreamIds({ raw, args }: Request, guests: Guests): Buffer {
  const place = placeOfId(args);
  const id = args[place]?.latin1Slice();
  if (id === undefined || !/^[0-9]{1,15}$/.test(id)) return raw;
  const isTarget = args[1]?.latin1Slice().toLowerCase() === 'tracking';
  const guest = guests.find(Number(id));
  const upstreamId = isTarget ? guest?.adopt() : guest?.upstreamId;
  return encodeCommand(args.map((arg, at) => (at === place ? String(upstreamId || NOBODY) : arg)));
}

function placeOfId(args: readonly Buffer[]): number {
  if (args[1]?.latin1Slice().toLowerCase() === 'unblock') return 2;
  const redirect = args.findIndex((arg) => arg.latin1Slice().toLowerCase() === 'redirect');
  return redirect < 0 ? args.length : redirect + 1;
}
