/**
 * Bytes on their way to one socket, gathered so that they leave in one write.
 *
 * Small pieces are copied into an arena that many outboxes share. One outbox at a time has its region open there; when
 * another one begins, or the bytes are taken out, the region is sealed and waits as a piece of its own.
 *
 *     arena  ┌──────────┬───────────┬──────────────────────┐
 *            │ in flight│ open      │ free                 │
 *            └──────────┴───────────┴──────────────────────┘
 *                       ↑ openedAt  ↑ used
 */

const ARENA_SIZE = 64 * 1024;
/** A larger piece is handed over as it is: copying it would cost more than a second buffer in the write. */
const COPIED_UP_TO = 2 * 1024;

/** Outboxes that are filled in turn share one: each change from one to the other seals a region. */
export class Arena {
  buffer = Buffer.allocUnsafeSlow(ARENA_SIZE);
  used = 0;
  openedAt = 0;
  owner: Outbox | undefined;

  /** What stands in the old buffer may still be in flight, so it is left to the garbage collector. */
  renew(): void {
    this.buffer = Buffer.allocUnsafeSlow(ARENA_SIZE);
    this.used = 0;
  }
}

export class Outbox {
  readonly #arena: Arena;
  #pieces: Buffer[] = [];
  #pieceBytes = 0;

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  /** Bytes that have not been taken out. */
  get size(): number {
    const arena = this.#arena;
    return this.#pieceBytes + (arena.owner === this ? arena.used - arena.openedAt : 0);
  }

  /**
   * Room for up to `size` bytes, which the caller fills from the offset that `reserved` tells; to be followed by
   * `commit`. Only for what is small.
   */
  reserve(size: number): Buffer {
    const arena = this.#arena;
    if (arena.owner !== this) this.#openRegion();
    if (arena.used + size > ARENA_SIZE) {
      this.#seal();
      arena.renew();
      this.#openRegion();
    }
    return arena.buffer;
  }

  get reserved(): number {
    return this.#arena.used;
  }

  commit(size: number): void {
    this.#arena.used += size;
  }

  append(chunk: Buffer, start: number, end: number): void {
    const size = end - start;
    if (size > COPIED_UP_TO) {
      this.appendPiece(chunk.subarray(start, end));
      return;
    }
    const target = this.reserve(size);
    chunk.copy(target, this.#arena.used, start, end);
    this.#arena.used += size;
  }

  /** A text of bytes, one for each character. */
  appendLatin1(text: string): void {
    if (text.length > COPIED_UP_TO) this.appendPiece(Buffer.from(text, 'latin1'));
    else this.commit(this.reserve(text.length).latin1Write(text, this.#arena.used));
  }

  /** Hands a buffer over without copying it: the caller must not change it any more. */
  appendPiece(piece: Buffer): void {
    this.#seal();
    this.#pieces.push(piece);
    this.#pieceBytes += piece.length;
  }

  /** Takes everything out, in order. */
  takeOut(): readonly Buffer[] {
    this.#seal();
    const pieces = this.#pieces;
    if (pieces.length > 0) this.#pieces = [];
    this.#pieceBytes = 0;
    return pieces;
  }

  #openRegion(): void {
    const arena = this.#arena;
    if (arena.owner) arena.owner.#seal();
    arena.owner = this;
    arena.openedAt = arena.used;
  }

  #seal(): void {
    const arena = this.#arena;
    if (arena.owner !== this) return;
    arena.owner = undefined;
    if (arena.used === arena.openedAt) return;
    const piece = arena.buffer.subarray(arena.openedAt, arena.used);
    this.#pieces.push(piece);
    this.#pieceBytes += piece.length;
  }
}

/** Writes them as one, as far as the system lets it. */
export function writeAll(socket: OutgoingBytes, pieces: readonly Buffer[]): void {
  const [only] = pieces;
  if (!only) return;
  if (pieces.length === 1) {
    socket.write(only);
    return;
  }
  socket.cork();
  for (const piece of pieces) socket.write(piece);
  socket.uncork();
}

/** What a socket is here: `resp` knows no sockets. */
export interface OutgoingBytes {
  write(bytes: Buffer): unknown;
  cork(): void;
  uncork(): void;
}
