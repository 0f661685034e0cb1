/** One connection to the backing Redis: what is sent on it, and who waits for which reply, in order. */
import type { Socket } from 'node:net';
import Queue from 'mnemonist/queue';
import { GREATER, type Room } from '../resp/bytes';
import { Arena, Outbox } from '../resp/outbox';
import { ReplyFramer } from '../resp/reply-framer';
import { parseShallow } from '../resp/reply-parser';
import type { HandshakeStep } from './handshake';

/** Waits for exactly one reply, which comes in one piece or in several. */
export interface Waiter {
  onReply(chunk: Buffer, start: number, end: number, last: boolean): void;
  onLost(loss: WireLoss): void;
}

export interface WireLoss {
  /** False when the request never left this process, so that it has certainly not been carried out. */
  readonly sent: boolean;
  readonly reason: string;
}

/** What a wire that no longer answers one reply for each request hands over: any frame, pushes included. */
export type RawReader = (type: number, chunk: Buffer, start: number, end: number, last: boolean) => void;

export interface WireEvents {
  onReady?(wire: Wire): void;
  onPush?(frame: Buffer): void;
  onClosed?(wire: Wire, reason: string): void;
  /** Called for any reply at all, after the chunk that it stood in was dealt with. */
  onHeard?(): void;
}

export interface WirePlan {
  readonly connect: () => Socket;
  readonly steps: readonly HandshakeStep[];
  /** Bounds connecting and handshake together. */
  readonly timeout: number;
  readonly events?: WireEvents;
  /** Those wires to the same server whose blocked command is given up, and Redis has not confirmed it yet. */
  readonly parting: Set<Wire>;
  /** Says where a connection that never came about was going to. */
  readonly explain: (reason: string) => string;
}

type WireState = 'connecting' | 'handshaking' | 'ready' | 'closed';

/** Above this many unsent bytes a wire asks those who feed it to wait. */
const CONGESTED_AT = 8 * 1024 * 1024;

/** So much is sent without waiting for more: Redis can work on it meanwhile, which reads no more at a time. */
const ENOUGH = 16 * 1024;

/** Answers of a handshake are short. A push may name a long key. More than that is gathered of none. */
const LONGEST_STEP = 1024 * 1024;
const LONGEST_PUSH = 64 * 1024 * 1024;

/** How long everybody's commands wait, at the most, for Redis to notice that a blocked client has left. */
const PARTING_TAKES = 100;

const arena = new Arena();

export class Wire {
  readonly #socket: Socket;
  readonly #framer = new ReplyFramer();
  readonly #waiting = new Queue<Waiter>();
  readonly #steps: HandshakeStep[];
  readonly #events: WireEvents;
  readonly #parting: Set<Wire>;
  readonly #explain: (reason: string) => string;
  readonly #timer: NodeJS.Timeout;
  #state: WireState = 'connecting';
  #stepsAnswered = 0;
  readonly #unsent = new Outbox(arena);
  #flushScheduled = false;
  #partial: Buffer[] = [];
  #partialBytes = 0;
  #raw: RawReader | undefined;
  #closedBecause = '';
  #onDrain: (() => void)[] = [];
  #onClose: ((loss: WireLoss) => void)[] = [];
  #onParted: (() => void)[] = [];
  #ending = false;
  #framed = true;
  /** True when Redis itself would not have it: a wrong password is no sign of an unreachable server. */
  refused = false;
  /** True when the connection broke or never came about; false when this side ended it. */
  failed = false;
  /** The id that Redis gave this connection, once the handshake told it. */
  upstreamId = 0;
  lastUsedAt = 0;

  constructor(plan: WirePlan) {
    this.#steps = [...plan.steps];
    this.#events = plan.events ?? {};
    this.#parting = plan.parting;
    this.#explain = plan.explain;
    this.#timer = setTimeout(() => this.#fail(`no answer within ${plan.timeout} ms`), plan.timeout);
    this.#socket = plan.connect();
    this.#socket.setNoDelay(true);
    this.#socket.setKeepAlive(true, 10_000);
    this.#socket.once(connectedEvent(this.#socket), () => this.#shakeHands());
    this.#socket.on('data', (chunk: Buffer) => this.#onBytes(chunk));
    this.#socket.on('drain', () => this.#drained());
    this.#socket.on('error', (error) => this.#fail(error.message));
    this.#socket.on('close', () => this.#fail('the server closed the connection'));
  }

  get ready(): boolean {
    return this.#state === 'ready';
  }

  get closed(): boolean {
    return this.#state === 'closed';
  }

  get unanswered(): number {
    return this.#waiting.size;
  }

  /** Those who wait for a reply, once for each; to be looked at. */
  waiting(): readonly Waiter[] {
    return this.#waiting.toArray();
  }

  get congested(): boolean {
    return this.#unsent.size + this.#socket.writableLength > CONGESTED_AT;
  }

  /** Sends one whole request, bytes[start, end); before the wire is ready it waits its turn behind the handshake. */
  send(bytes: Buffer, waiter: Waiter, start = 0, end = bytes.length): void {
    this.expect(waiter);
    if (this.#state === 'closed') return;
    this.#unsent.append(bytes, start, end);
    this.#scheduleFlush();
  }

  /** Several requests as one text of bytes, for the same waiter: so many replies. */
  sendText(requests: string, waiter: Waiter, replies: number): void {
    if (this.#state === 'closed') {
      waiter.onLost({ sent: false, reason: this.#closedBecause });
      return;
    }
    for (let more = replies; more > 0; more -= 1) this.#waiting.enqueue(waiter);
    this.#unsent.appendLatin1(requests);
    this.#scheduleFlush();
  }

  /** Several requests about one key, which `write` puts into the room that it is given; returns where they end. */
  sendWritten(
    key: string,
    write: (key: string, room: Room, at: number) => number,
    atMost: number,
    waiter: Waiter,
    replies: number,
  ): void {
    if (this.#state === 'closed') {
      waiter.onLost({ sent: false, reason: this.#closedBecause });
      return;
    }
    for (let more = replies; more > 0; more -= 1) this.#waiting.enqueue(waiter);
    const room = this.#unsent.reserve(atMost);
    const at = this.#unsent.reserved;
    this.#unsent.commit(write(key, room, at) - at);
    this.#scheduleFlush();
  }

  /** Registers a waiter for a request whose bytes follow by `sendBytes`, or stand in an earlier `send` already. */
  expect(waiter: Waiter): void {
    if (this.#state === 'closed') waiter.onLost({ sent: false, reason: this.#closedBecause });
    else this.#waiting.enqueue(waiter);
  }

  sendBytes(bytes: Buffer): void {
    if (this.#state === 'closed') return;
    this.#unsent.append(bytes, 0, bytes.length);
    this.#scheduleFlush();
  }

  #scheduleFlush(): void {
    if (this.#state !== 'ready') return;
    if (this.#unsent.size >= ENOUGH && this.#parting.size === 0 && !this.#socket.writableNeedDrain) {
      this.#flushNow();
    } else if (!this.#flushScheduled) {
      // Gathered until every socket that has something to read was read: one write carries what all clients asked.
      this.#flushScheduled = true;
      setImmediate(() => this.flush());
    }
  }

  flush(): void {
    if (this.#parting.size > 0 && !this.#parting.has(this)) this.#flushAfterPartings();
    else this.#flushNow();
  }

  #flushNow(): void {
    this.#flushScheduled = false;
    if (this.#state === 'ready') this.#unsent.writeTo(this.#socket);
  }

  /** Behind the replies that are waited for, every frame goes to `reader`: what comes cannot be counted any more. */
  pin(reader: RawReader): void {
    this.#raw = reader;
  }

  /** A replication stream follows, which has no frames: from here on a pinned wire hands over bytes as they come. */
  unframe(): void {
    this.#framed = false;
  }

  /** See `ReplyFramer.pushesAreElements`. */
  countPushes(): void {
    this.#framer.pushesAreElements = true;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  onceDrained(action: () => void): void {
    this.#onDrain.push(action);
  }

  /** Never before this returns; soon after it when the wire was refused, and is closed already. */
  onceClosed(action: (loss: WireLoss) => void): void {
    if (this.#state !== 'closed') this.#onClose.push(action);
    else process.nextTick(action, { sent: false, reason: this.#closedBecause });
  }

  /** Says that nothing more will be sent: Redis answers what it has, gives up what blocks, and closes. */
  end(): void {
    this.#ending = true;
    this.flush();
    if (this.#state === 'ready') this.#socket.end();
  }

  /**
   * Ends a wire on which a command blocks. Until Redis has closed it, nothing is sent on the others: an element pushed
   * there would still be popped for the client that has left.
   */
  part(): void {
    if (this.#state === 'closed') return;
    this.#parting.add(this);
    this.end();
    setTimeout(() => this.#parted(), PARTING_TAKES).unref();
  }

  /** The same when nobody is left to be answered: what has not been sent yet never is. */
  partUnsaid(): void {
    this.#unsent.discard();
    if (this.#state === 'ready') this.part();
    else this.close('its client has left');
  }

  close(reason: string): void {
    if (this.#state === 'closed') return;
    const sent = this.#state === 'ready';
    this.#state = 'closed';
    this.#closedBecause = reason;
    clearTimeout(this.#timer);
    this.#socket.destroy();
    this.#unsent.discard();
    this.#partial = [];
    // Ahead of those who wait: whoever owns the wire must have ended what depended on it before anybody is told.
    this.#events.onClosed?.(this, reason);
    for (;;) {
      const waiter = this.#waiting.dequeue();
      if (!waiter) break;
      waiter.onLost({ sent, reason });
    }
    for (const action of this.#onClose) action({ sent, reason });
    this.#onClose = [];
    this.#drained();
    this.#parted();
  }

  #parted(): void {
    this.#parting.delete(this);
    const waiting = this.#onParted;
    this.#onParted = [];
    for (const action of waiting) action();
  }

  /** Those that part later are not waited for, so that commands go on however many clients leave. */
  #flushAfterPartings(): void {
    this.#flushScheduled = true;
    let outstanding = this.#parting.size;
    for (const wire of this.#parting) {
      wire.#onParted.push(() => {
        outstanding -= 1;
        if (outstanding === 0) this.#flushNow();
      });
    }
  }

  #fail(reason: string): void {
    if (this.#state === 'closed') return;
    this.failed = true;
    this.close(this.#state === 'ready' ? reason : this.#explain(reason));
  }

  #drained(): void {
    const waiting = this.#onDrain;
    this.#onDrain = [];
    for (const action of waiting) action();
  }

  #shakeHands(): void {
    if (this.#state !== 'connecting') return;
    this.#state = 'handshaking';
    if (this.#steps.length === 0) this.#becomeReady();
    else this.#socket.write(Buffer.concat(this.#steps.map((step) => step.request)));
  }

  #becomeReady(): void {
    clearTimeout(this.#timer);
    this.#state = 'ready';
    this.#events.onReady?.(this);
    this.flush();
    if (this.#ending) this.#socket.end();
  }

  #onBytes(chunk: Buffer): void {
    let at = 0;
    if (!this.#framed && this.#raw && this.#waiting.size === 0) {
      this.#raw(0, chunk, 0, chunk.length, true);
      return;
    }
    while (at < chunk.length && this.#state !== 'closed') {
      const start = at;
      at = this.#framer.scan(chunk, start);
      if (this.#framer.problem) {
        this.close(`the backing server sent what is no Redis protocol: ${this.#framer.problem}`);
        return;
      }
      this.#onPiece(chunk, start, at, this.#framer.complete);
    }
    this.#events.onHeard?.();
  }

  #onPiece(chunk: Buffer, start: number, end: number, last: boolean): void {
    if (this.#state === 'handshaking') {
      this.#onStepAnswered(chunk, start, end, last);
    } else if (this.#framer.type === GREATER && !this.#raw) {
      const frame = this.#whole(chunk, start, end, last, LONGEST_PUSH);
      if (frame) this.#events.onPush?.(frame);
    } else if (this.#framer.type === GREATER || this.#waiting.size === 0) {
      this.#onUnasked(chunk, start, end, last);
    } else {
      const waiter = last ? this.#waiting.dequeue() : this.#waiting.peek();
      waiter?.onReply(chunk, start, end, last);
    }
  }

  #onUnasked(chunk: Buffer, start: number, end: number, last: boolean): void {
    if (this.#raw) this.#raw(this.#framer.type, chunk, start, end, last);
    else this.close(`the backing server sent a reply that nobody asked for: ${excerpt(chunk, start, end)}`);
  }

  #onStepAnswered(chunk: Buffer, start: number, end: number, last: boolean): void {
    const frame = this.#whole(chunk, start, end, last, LONGEST_STEP);
    const step = this.#steps[this.#stepsAnswered];
    if (!frame || !step || this.#framer.type === GREATER) return;
    const parsed = parseShallow(frame);
    if (!parsed) {
      this.#fail('the backing server answered the handshake with something else');
      return;
    }
    const verdict = step.accept(parsed.reply, this);
    if (typeof verdict === 'string') {
      this.refused = true;
      this.close(verdict);
      return;
    }
    this.#stepsAnswered += 1;
    for (const more of verdict ?? []) {
      this.#steps.push(more);
      this.#socket.write(more.request);
    }
    if (this.#stepsAnswered === this.#steps.length) this.#becomeReady();
  }

  /** Gathers the pieces of one frame; undefined until the last one is in. One without end costs the wire, not memory. */
  #whole(chunk: Buffer, start: number, end: number, last: boolean, longest: number): Buffer | undefined {
    const piece = chunk.subarray(start, end);
    if (last && this.#partial.length === 0) return piece;
    this.#partial.push(piece);
    this.#partialBytes += piece.length;
    if (this.#partialBytes > longest) this.#fail('the backing server sent more than it was asked for');
    if (!last || this.closed) return undefined;
    const frame = Buffer.concat(this.#partial);
    this.#partial = [];
    this.#partialBytes = 0;
    return frame;
  }
}

function connectedEvent(socket: Socket): string {
  return 'encrypted' in socket ? 'secureConnect' : 'connect';
}

function excerpt(chunk: Buffer, start: number, end: number): string {
  return JSON.stringify(chunk.latin1Slice(start, Math.min(end, start + 64)));
}
