/** What a conversation needs of the door its client came in by: where replies go, and whom to tell that it can go on. */

import type { Room } from '../resp/bytes';

/** Takes replies in their order. `Writer` is one for a socket; HTTP has its own. */
export interface Outlet {
  /** Room for up to `size` bytes, to be filled from `reserved` on and followed by `commit`. */
  reserve(size: number): Room;
  readonly reserved: number;
  commit(size: number): void;
  /** `begun`: these are not the first bytes of their reply. `more`: nor the last ones. */
  append(chunk: Buffer, start: number, end: number, begun?: boolean, more?: boolean): void;
  /** The buffer is handed over: nobody may change it any more. */
  appendPiece(piece: Buffer): void;
  /** The client takes its replies more slowly than they come. */
  readonly slow: boolean;
}

export interface Door {
  readonly port: 'resp' | 'http';
  readonly outlet: Outlet;
  readonly address: string;
  readonly localAddress: string;
  /** A command that `take` refused, or the next one, may be tried now. */
  resume(): void;
  /** Everything written so far is delivered, then the connection ends. */
  closeAfterReplies(): void;
  closeNow(reason: string): void;
  onceWritable(action: () => void): void;
}
