/** Answers that the proxy words itself, and the forms in which values from memory leave. */
import type { Partition } from '../cache/partition';
import { GREATER, MINUS } from '../resp/bytes';
import { error, nil } from '../resp/encoder';
import { isNil, parseShallow } from '../resp/reply-parser';
import type { Protocol } from '../upstream/identity';
import type { WireLoss } from '../upstream/wire';
import type { Outlet } from './outlet';

export const NO_AUTH = error('NOAUTH Authentication required.');

/** Why a client was closed in the middle of a reply. */
export const CUT_SHORT = 'a reply was cut short: the connection to the backing Redis was lost';

const COPIED_UP_TO = 16 * 1024;

export function append(outlet: Outlet, frame: Buffer): void {
  outlet.append(frame, 0, frame.length);
}

/** The value of a slot as Redis would have sent it; returns its size. */
export function appendEntry(outlet: Outlet, partition: Partition, slot: number, protocol: Protocol): number {
  const size = partition.valueLength(slot);
  if (size === 0) {
    append(outlet, nil(protocol));
  } else if (size <= COPIED_UP_TO) {
    const room = outlet.reserve(size);
    outlet.commit(partition.copyValue(slot, room, outlet.reserved));
  } else {
    outlet.appendPiece(partition.readValue(slot));
  }
  return size;
}

/** What a command gets whose wire could not be had, or was lost before the reply came. */
export function lossAnswer(loss: WireLoss): Buffer {
  // Redis's own refusal of the handshake, such as -WRONGPASS after a password was changed.
  if (/^NOAUTH /.test(loss.reason)) return NO_AUTH;
  if (/^[A-Z]+ /.test(loss.reason)) return error(loss.reason);
  return error(
    loss.sent
      ? `ERR respite: the connection to the backing Redis was lost before it answered (${loss.reason}); the outcome of this command is unknown`
      : `ERR respite: ${described(loss.reason)}; the command was not sent`,
  );
}

/** The answer to an MGET in the client's protocol, and without the pushes that Redis 6 may put inside it. */
export function translateMget(frame: Buffer, protocol: Protocol): Buffer {
  if (frame[0] === MINUS) return frame;
  const header = frame.indexOf('\r\n') + 2;
  const parts = [frame.subarray(0, header)];
  for (let at = header; at < frame.length; ) {
    const parsed = parseShallow(frame, at);
    // No array of bulks: then it is not ours to translate.
    if (!parsed) return frame;
    const item = frame.subarray(at, parsed.end);
    if (frame[at] !== GREATER) parts.push(isNil(item, 0) ? nil(protocol) : item);
    at = parsed.end;
  }
  return Buffer.concat(parts);
}

/** A reason that does not say by itself what it is about. */
function described(reason: string): string {
  return reason.startsWith('cannot reach') ? reason : `no connection to the backing Redis (${reason})`;
}
