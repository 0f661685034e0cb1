/**
 * The one writer of a client's socket: gathers replies, writes them together, and knows how much the client owes to read.
 *
 * Small replies are copied into an arena that all writers share. Between two flushes one writer at a time has its
 * region open there; when another one begins, the region is sealed and waits as a piece of its own.
 *
 *     arena  ┌──────────┬───────────┬──────────────────────┐
 *            │ in flight│ open      │ free                 │
 *            └──────────┴───────────┴──────────────────────┘
 *                       ↑ openedAt  ↑ arenaUsed
 */
import type { Socket } from 'node:net';

const ARENA_SIZE = 64 * 1024;
/** A larger piece is handed over as it is: copying it would cost more than a second buffer in the write. */
const COPIED_UP_TO = 2 * 1024;

let arena = Buffer.allocUnsafeSlow(ARENA_SIZE);
let arenaUsed = 0;
let openWriter: Writer | undefined;
let openedAt = 0;

export class Writer {
  readonly #socket: Socket;
  readonly #onOverLimit: () => void;
  readonly #limit: number;
  #pieces: Buffer[] = [];
  #pieceBytes = 0;
  #flushScheduled = false;
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
    return this.#gathered + this.#socket.writableLength;
  }

  get slow(): boolean {
    return this.#socket.writableNeedDrain;
  }

  get #gathered(): number {
    return this.#pieceBytes + (openWriter === this ? arenaUsed - openedAt : 0);
  }

  /**
   * Room for a reply of up to `size` bytes, which the caller fills at the offset that `reserved` tells; it must be
   * followed by `commit`. Only for small replies.
   */
  reserve(size: number): Buffer {
    if (openWriter !== this) openRegion(this);
    if (arenaUsed + size > ARENA_SIZE) renewArena(this);
    return arena;
  }

  get reserved(): number {
    return arenaUsed;
  }

  commit(size: number): void {
    arenaUsed += size;
    this.#appended += size;
    this.#scheduleFlush();
  }

  /** `more` tells that the reply goes on; `begun` that these are not its first bytes. */
  append(chunk: Buffer, start: number, end: number, begun = false, more = false): void {
    const size = end - start;
    if (begun || more) this.#noteLong(size, begun);
    if (size > COPIED_UP_TO) {
      this.appendPiece(chunk.subarray(start, end));
      return;
    }
    const target = this.reserve(size);
    chunk.copy(target, arenaUsed, start, end);
    this.commit(size);
  }

  /** Hands a buffer over without copying it: the caller must not change it any more. */
  appendPiece(piece: Buffer): void {
    this.#seal();
    this.#pieces.push(piece);
    this.#pieceBytes += piece.length;
    this.#appended += piece.length;
    this.#scheduleFlush();
  }

  flush(): void {
    this.#flushScheduled = false;
    if (this.#socket.destroyed) return;
    this.#seal();
    const pieces = this.#pieces;
    const [only] = pieces;
    if (!only) return;
    this.#pieces = [];
    this.#pieceBytes = 0;
    if (pieces.length === 1) this.#socket.write(only);
    else this.#writeEach(pieces);
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

  /** For the arena alone: closes the region this writer has open there. */
  sealRegion(): void {
    this.#seal();
  }

  #seal(): void {
    if (openWriter !== this) return;
    openWriter = undefined;
    if (arenaUsed === openedAt) return;
    const piece = arena.subarray(openedAt, arenaUsed);
    this.#pieces.push(piece);
    this.#pieceBytes += piece.length;
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

  #scheduleFlush(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    process.nextTick(flushWriter, this);
  }

  #writeEach(pieces: readonly Buffer[]): void {
    this.#socket.cork();
    for (const piece of pieces) this.#socket.write(piece);
    this.#socket.uncork();
  }
}

function flushWriter(writer: Writer): void {
  writer.flush();
}

function openRegion(writer: Writer): void {
  openWriter?.sealRegion();
  openWriter = writer;
  openedAt = arenaUsed;
}

/** What stands in the old arena may still be in flight, so it is left to the garbage collector. */
function renewArena(writer: Writer): void {
  writer.sealRegion();
  arena = Buffer.allocUnsafeSlow(ARENA_SIZE);
  arenaUsed = 0;
  openRegion(writer);
}
