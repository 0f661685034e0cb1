/**
 * The door by which requests of one HTTP connection enter a conversation: commands in, whole replies out.
 *
 *     request ─ask→ caller ─take→ conversation        the same way that a RESP session's commands go
 *     request ←────────── frames ←─ collector ←┘
 *
 * One request at a time; a request leaves nothing behind that the next one could notice.
 */
import { type Command, Conversation, type Recalled } from '../commands/conversation';
import type { House } from '../commands/house';
import type { Door } from '../commands/outlet';
import { error } from '../resp/encoder';
import type { CallerPlace } from './place';
import { HttpProblem } from './problem';
import { ReplyCollector } from './reply-collector';

/** Longer requests are not put on a wire that others share. */
const SHARED_UP_TO = 1024 * 1024;
const CLOSED = error('ERR an earlier command of this request has closed its connection');

/** The bytes that an answer may have, all its replies together. */
export interface Allowance {
  readonly bytes: number;
  /** Whose limit it is, and what to do about it. */
  readonly why: string;
}

export function tooLarge({ bytes, why }: Allowance): HttpProblem {
  return new HttpProblem(502, `the answer is larger than the ${bytes} bytes ${why}`);
}

export type Source = 'HIT' | 'MISS' | 'STALE';

export class Caller implements Door {
  readonly port = 'http';
  readonly address: string;
  readonly localAddress: string;
  readonly #house: House;
  readonly #onDismissed: () => void;
  readonly #allowance: Allowance;
  #outlet: ReplyCollector;
  #conversation: Conversation;
  #request: Request | undefined;
  /** From the asking until what it left behind is tidied up, a little later than the answer. */
  #busy = false;
  #offering = false;
  #again = false;
  #left = false;

  /** `onDismissed`: the client is to be sent away, as by CLIENT KILL, while it asks for nothing. */
  constructor(house: House, place: CallerPlace, onDismissed: () => void = () => undefined) {
    this.#house = house;
    this.#onDismissed = onDismissed;
    this.#allowance = { bytes: place.replyLimit, why: 'of --client-output-limit' };
    this.address = place.address;
    this.localAddress = place.localAddress;
    this.#outlet = this.#collector();
    this.#conversation = this.#converse();
  }

  get outlet(): ReplyCollector {
    return this.#outlet;
  }

  get busy(): boolean {
    return this.#busy;
  }

  get blocked(): boolean {
    return this.#conversation.blocked;
  }

  /** What the last read of the last request was answered from. */
  get source(): Source {
    switch (this.#conversation.remembered) {
      case 'fresh':
        return 'HIT';
      case 'stale':
        return 'STALE';
      default:
        return 'MISS';
    }
  }

  /** When what `source` tells of was stored. */
  get storedAt(): number {
    return this.#conversation.rememberedAt;
  }

  /** A value that is in memory this instant. */
  recall(key: Buffer): Recalled | undefined {
    const conversation = this.#conversation;
    if (!conversation.plain) return undefined;
    const { clock, latencies } = this.#house;
    const now = clock.now();
    const recalled = conversation.recall(key, now);
    if (recalled && latencies.http.hit.isDue()) latencies.http.hit.observe(clock.now() - now);
    return recalled;
  }

  /** One frame for each command, in their order. Rejects with an HttpProblem when they will not all come. */
  async ask(commands: readonly Command[], allowance = this.#allowance): Promise<Buffer[]> {
    if (this.busy) throw new Error('a caller asks for one thing at a time');
    if (this.#left) throw new HttpProblem(499, 'the client has left');
    this.#conversation.remembered = undefined;
    this.#busy = true;
    try {
      return await new Promise<Buffer[]>((resolve, reject) => {
        this.#request = { commands, offered: 0, frames: [], size: 0, allowance, resolve, reject };
        if (commands.length === 0) this.#answer();
        else this.#offer();
      });
    } finally {
      this.#tidy();
      this.#busy = false;
    }
  }

  /** Gives up what is being asked, if anything. */
  abandon(problem: HttpProblem): void {
    const request = this.#request;
    this.#request = undefined;
    if (!request) return;
    this.#renew();
    request.reject(problem);
  }

  /** The client is gone. */
  leave(): void {
    const request = this.#request;
    this.#request = undefined;
    this.#left = true;
    this.#conversation.leave();
    request?.reject(new HttpProblem(499, 'the client has left'));
  }

  resume(): void {
    this.#offer();
  }

  closeAfterReplies(): void {
    const request = this.#request;
    if (!request) {
      this.#onDismissed();
      return;
    }
    while (request.frames.length < request.commands.length) request.frames.push(CLOSED);
    this.#answer();
  }

  closeNow(reason: string): void {
    if (this.#request) this.abandon(new HttpProblem(503, `no answer: ${reason}`));
    else this.#onDismissed();
  }

  onceWritable(action: () => void): void {
    action();
  }

  /** Offers one command after the other until one is turned away. May be called from within: then it goes on. */
  #offer(): void {
    this.#again = true;
    if (this.#offering) return;
    this.#offering = true;
    while (this.#again) {
      this.#again = false;
      this.#offerAll();
    }
    this.#offering = false;
  }

  #offerAll(): void {
    for (let request = this.#request; request; request = this.#request) {
      const command = request.commands[request.offered];
      if (!command) return;
      request.offered += 1;
      if (this.#take(command)) continue;
      request.offered -= 1;
      return;
    }
  }

  #take(command: Command): boolean {
    if (command.raw.length <= SHARED_UP_TO) return this.#conversation.take(command);
    const large = this.#conversation.takeLarge(command.args);
    large?.write(command.raw, () => undefined);
    return large !== undefined;
  }

  #onFrame(frame: Buffer): void {
    const request = this.#request;
    if (!request) return;
    request.frames.push(frame);
    request.size += frame.length;
    if (request.frames.length === request.commands.length) this.#answer();
  }

  get #room(): number {
    const request = this.#request;
    return request ? request.allowance.bytes - request.size : Number.POSITIVE_INFINITY;
  }

  #refuseLarge(): void {
    this.abandon(tooLarge(this.#request?.allowance ?? this.#allowance));
  }

  #answer(): void {
    const request = this.#request;
    this.#request = undefined;
    request?.resolve(request.frames);
  }

  /** A transaction left open, another database, another user: the next request begins anew. */
  #tidy(): void {
    if (!this.#left && !this.#conversation.pristine) this.#renew();
  }

  #renew(): void {
    const { remembered, rememberedAt } = this.#conversation;
    this.#conversation.leave();
    this.#outlet = this.#collector();
    this.#conversation = this.#converse();
    this.#conversation.remembered = remembered;
    this.#conversation.rememberedAt = rememberedAt;
  }

  #converse(): Conversation {
    const conversation = new Conversation(this.#house, this);
    // Who may come in by HTTP was settled by its token.
    conversation.admit();
    return conversation;
  }

  #collector(): ReplyCollector {
    return new ReplyCollector({
      onFrame: (frame) => this.#onFrame(frame),
      room: () => this.#room,
      onTooLarge: () => this.#refuseLarge(),
      onBroken: (reason) => this.abandon(new HttpProblem(502, reason)),
      isSlow: () => false,
    });
  }
}

interface Request {
  readonly commands: readonly Command[];
  offered: number;
  readonly frames: Buffer[];
  size: number;
  readonly allowance: Allowance;
  resolve(frames: Buffer[]): void;
  reject(problem: HttpProblem): void;
}
