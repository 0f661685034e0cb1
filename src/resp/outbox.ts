/**
 * Bytes on their way to one socket, gathered so that they leave in one write.
 *
 * Small pieces are copied into a slab of an arena that many outboxes share. One outbox at a time has its region open
 * there; when another one begins, or the bytes are taken out, the region is sealed and waits as a piece of its own.
 *
 *     slab   ┌──────────┬───────────┬──────────────────────┐
 *            │ sealed   │ open      │ free                 │
 *            └──────────┴───────────┴──────────────────────┘
 *                       ↑ openedAt  ↑ used
 *
 * Once every piece of a slab is known to be in the system's hands it is written over from its beginning, where the
 * processor still has it at hand. A slab of which a piece had to wait is left to the garbage collector.
 */
import { copyBytes, type Room, viewOf } from './bytes';

const SLAB_SIZE = 64 * 1024;
const MOST_SPARES = 8;
/** A larger piece is handed over as it is: copying it would cost more than a second buffer in the write. */
const COPIED_UP_TO = 2 * 1024;

class Slab implements Room {
  readonly bytes = Buffer.allocUnsafeSlow(SLAB_SIZE);
  readonly view = viewOf(this.bytes);
  /** Pieces sealed and not yet known to be written. */
  outstanding = 0;
}

/** Outboxes that are filled in turn share one: each change from one to the other seals a region. */
export class Arena {
  slab = new Slab();
  used = 0;
  openedAt = 0;
  owner: Outbox | undefined;
  readonly #spares: Slab[] = [];

  renew(): void {
    this.slab = this.#spares.pop() ?? new Slab();
    this.used = 0;
  }

  release(slab: Slab): void {
    slab.outstanding -= 1;
    if (slab.outstanding > 0) return;
    if (slab !== this.slab) {
      if (this.#spares.length < MOST_SPARES) this.#spares.push(slab);
    } else if (!this.owner) {
      this.used = 0;
    }
  }
}

export class Outbox {
  readonly #arena: Arena;
  #pieces: Buffer[] = [];
  /** Those of the arena's slabs that pieces lie in, once for each. */
  #slabs: Slab[] = [];
  #pieceBytes = 0;
  /** What was appended last and is still where it came from: more of the same chunk may follow. */
  #run: Buffer | undefined;
  #runStart = 0;
  #runEnd = 0;

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  /** Bytes that have not been written or thrown away. */
  get size(): number {
    const arena = this.#arena;
    const open = arena.owner === this ? arena.used - arena.openedAt : 0;
    return this.#pieceBytes + open + (this.#runEnd - this.#runStart);
  }

  /**
   * Room for up to `size` bytes, which the caller fills from the offset that `reserved` tells; to be followed by
   * `commit`. Only for what is small.
   */
  reserve(size: number): Room {
    if (this.#run) this.#endRun(this.#run);
    return this.#reserve(size);
  }

  #reserve(size: number): Room {
    const arena = this.#arena;
    if (arena.owner !== this) this.#openRegion();
    if (arena.used + size > SLAB_SIZE) {
      this.#seal();
      arena.renew();
      this.#openRegion();
    }
    return arena.slab;
  }

  get reserved(): number {
    return this.#arena.used;
  }

  commit(size: number): void {
    this.#arena.used += size;
  }

  /** Takes chunk[start, end), which nobody changes any more. What follows on itself in one chunk is dealt with as one. */
  append(chunk: Buffer, start: number, end: number): void {
    if (this.#run === chunk && this.#runEnd === start) {
      this.#runEnd = end;
      return;
    }
    if (this.#run) this.#endRun(this.#run);
    this.#run = chunk;
    this.#runStart = start;
    this.#runEnd = end;
  }

  #endRun(chunk: Buffer): void {
    const start = this.#runStart;
    const size = this.#runEnd - start;
    this.#run = undefined;
    this.#runStart = 0;
    this.#runEnd = 0;
    if (size > COPIED_UP_TO) this.#addPiece(chunk.subarray(start, start + size));
    else this.#copy(chunk, start, size);
  }

  #copy(chunk: Buffer, start: number, size: number): void {
    const { bytes } = this.#reserve(size);
    copyBytes(chunk, start, bytes, this.#arena.used, size);
    this.#arena.used += size;
  }

  /** A text of bytes, one for each character. */
  appendLatin1(text: string): void {
    if (text.length > COPIED_UP_TO) this.appendPiece(Buffer.from(text, 'latin1'));
    else this.commit(this.reserve(text.length).bytes.latin1Write(text, this.#arena.used));
  }

  /** Hands a buffer over without copying it: the caller must not change it any more. */
  appendPiece(piece: Buffer): void {
    if (this.#run) this.#endRun(this.#run);
    this.#addPiece(piece);
  }

  #addPiece(piece: Buffer): void {
    this.#seal();
    this.#pieces.push(piece);
    this.#pieceBytes += piece.length;
  }

  /** Writes everything, in order, and as one as far as the system lets it. */
  writeTo(socket: OutgoingBytes): void {
    if (this.#run) this.#endRun(this.#run);
    this.#seal();
    const pieces = this.#pieces;
    const slabs = this.#slabs;
    if (pieces.length === 0) return;
    this.#begin();
    writeAll(socket, pieces);
    if (socket.writableLength === 0) for (const slab of slabs) this.#arena.release(slab);
  }

  discard(): void {
    if (this.#run) this.#endRun(this.#run);
    this.#seal();
    for (const slab of this.#slabs) this.#arena.release(slab);
    this.#begin();
  }

  #begin(): void {
    this.#pieces = [];
    this.#slabs = [];
    this.#pieceBytes = 0;
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
    const { slab } = arena;
    const piece = slab.bytes.subarray(arena.openedAt, arena.used);
    slab.outstanding += 1;
    this.#slabs.push(slab);
    this.#pieces.push(piece);
    this.#pieceBytes += piece.length;
  }
}

function writeAll(socket: OutgoingBytes, pieces: readonly Buffer[]): void {
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
  /** Bytes that the system has not taken yet. */
  readonly writableLength: number;
}
