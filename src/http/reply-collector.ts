/** The outlet of an HTTP client's conversation: puts the bytes of replies together to whole frames. */
import type { Outlet } from '../commands/outlet';
import { EMPTY, type Room, roomOf } from '../resp/bytes';
import { ReplyFramer } from '../resp/reply-framer';

export interface CollectorEvents {
  /** One whole reply or push, as Redis frames it. */
  onFrame(frame: Buffer): void;
  /** The bytes that the reply under way may have. */
  room(): number;
  /** A reply has no room. Nothing more will be collected. */
  onTooLarge(): void;
  /** What came is no reply. Nothing more will be collected. */
  onBroken(reason: string): void;
  /** Whoever reads the frames is behind. */
  isSlow(): boolean;
}

export class ReplyCollector implements Outlet {
  readonly reserved = 0;
  readonly #events: CollectorEvents;
  readonly #framer = new ReplyFramer();
  #reservation = EMPTY;
  #pieces: Buffer[] = [];
  #size = 0;
  #broken = false;

  constructor(events: CollectorEvents) {
    this.#events = events;
  }

  get slow(): boolean {
    return this.#events.isSlow();
  }

  reserve(size: number): Room {
    this.#reservation = Buffer.allocUnsafe(size);
    return roomOf(this.#reservation);
  }

  commit(size: number): void {
    this.#collect(this.#reservation.subarray(0, size), 0);
  }

  append(chunk: Buffer, start: number, end: number): void {
    this.#collect(end === chunk.length ? chunk : chunk.subarray(0, end), start);
  }

  appendPiece(piece: Buffer): void {
    this.#collect(piece, 0);
  }

  #collect(chunk: Buffer, start: number): void {
    for (let at = start; at < chunk.length && !this.#broken; ) {
      const next = this.#framer.scan(chunk, at);
      if (this.#framer.problem !== '') {
        this.#stop();
        this.#events.onBroken(this.#framer.problem);
        return;
      }
      this.#add(chunk.subarray(at, next));
      at = next;
    }
  }

  #add(piece: Buffer): void {
    this.#size += piece.length;
    if (this.#size > this.#events.room()) {
      this.#stop();
      this.#events.onTooLarge();
    } else if (this.#framer.complete) {
      const frame = this.#pieces.length === 0 ? piece : Buffer.concat([...this.#pieces, piece], this.#size);
      this.#pieces = [];
      this.#size = 0;
      this.#events.onFrame(frame);
    } else {
      this.#pieces.push(piece);
    }
  }

  #stop(): void {
    this.#broken = true;
    this.#pieces = [];
  }
}
