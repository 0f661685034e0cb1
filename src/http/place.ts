/** Where a caller comes from, and what it may be told. */
import type { Socket } from 'node:net';

export interface CallerPlace {
  /** As CLIENT LIST shows them. */
  readonly address: string;
  readonly localAddress: string;
  /** The bytes that one reply may have. */
  readonly replyLimit: number;
}

export function placeOf(socket: Socket, replyLimit: number): CallerPlace {
  return {
    address: `${socket.remoteAddress ?? ''}:${socket.remotePort ?? 0}`,
    localAddress: `${socket.localAddress ?? ''}:${socket.localPort ?? 0}`,
    replyLimit,
  };
}
