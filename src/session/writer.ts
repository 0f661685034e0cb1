/** The one writer of a client's socket: gathers replies, writes them together, and knows how much the client owes to read. */
import type { Socket } from 'node:net';
import type { Room } from '../resp/bytes';
import { Arena, Outbox } from '../resp/outbox';

const arena = new Arena();

export class Writer {
  readonly #socket: Socket;
  readonly #onOverLimit: () => void;
  readonly #limit: number;
  readonly #outbox = new Outbox(arena);
  #flushScheduled = false;
  #gathering = false;
  /** Bytes ever appended. */
  #appended = 0;
  /** A reply that came in several pieces, as a range of the bytes ever appended: it may always finish. */
  #longFrom = 0;
  #longTo = 0;

  constructor(socket: Socket, limit: number, onOverLimit: () => void) {
    this.#socket = socket;
    this.#limit = limit;
    this.#onOverLimit = onOverLimit;
  }

  /** Bytes that the client has not taken yet. */
  get unsent(): number {
    return this.#outbox.size + this.#socket.writableLength;
  }

  get slow(): boolean {
    return this.#socket.writableNeedDrain;
  }

  /** See `Outbox.reserve`. */
  reserve(size: number): Room {
    return this.#outbox.reserve(size);
  }

  get reserved(): number {
    return this.#outbox.reserved;
  }

  commit(size: number): void {
    this.#outbox.commit(size);
    this.#note(size);
  }

  /** `more` tells that the reply goes on; `begun` that these are not its first bytes. */
  append(chunk: Buffer, start: number, end: number, begun = false, more = false): void {
    const size = end - start;
    if (begun || more) this.#noteLong(size, begun);
    this.#outbox.append(chunk, start, end);
    this.#note(size);
  }

  appendPiece(piece: Buffer): void {
    this.#outbox.appendPiece(piece);
    this.#note(piece.length);
  }

  /** Whoever says so will flush: until then nothing that is appended has to see to it. */
  gather(): void {
    this.#gathering = true;
  }

  flush(): void {
    this.#flushScheduled = false;
    this.#gathering = false;
    if (this.#outbox.size === 0) return;
    if (this.#socket.destroyed) {
      this.#outbox.discard();
      return;
    }
    this.#outbox.writeTo(this.#socket);
    if (this.#socket.writableLength > this.#limit && this.#piledUp() > this.#limit) this.#onOverLimit();
  }

  /** Behind everything that was written the connection is cut: what the client still sends is not wanted. */
  close(): void {
    this.flush();
    this.#socket.destroySoon();
  }

  /** Behind everything that was written the client is told that nothing more will come. */
  end(): void {
    this.flush();
    this.#socket.end();
  }

  #noteLong(size: number, begun: boolean): void {
    if (!begun) this.#longFrom = this.#appended;
    this.#longTo = this.#appended + size;
  }

  /** One reply may always finish, whatever its size: the limit is for what is unsent before and behind it. */
  #piledUp(): number {
    const unsent = this.#socket.writableLength;
    const sent = this.#appended - unsent;
    return unsent - Math.max(0, this.#longTo - Math.max(sent, this.#longFrom));
  }

  #note(size: number): void {
    this.#appended += size;
    if (this.#flushScheduled || this.#gathering) return;
    this.#flushScheduled = true;
    process.nextTick(flushWriter, this);
  }
}

function flushWriter(writer: Writer): void {
  writer.flush();
}
