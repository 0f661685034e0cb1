/** One RESP client: bytes in, commands offered to its conversation in order, one reply stream out. */
import type { Socket } from 'node:net';
import { type Command, Conversation, type LargeRequest } from '../commands/conversation';
import type { House } from '../commands/house';
import type { Door } from '../commands/outlet';
import { encodeCommand, error } from '../resp/encoder';
import { PlainGets } from '../resp/plain-gets';
import { RequestFramer } from '../resp/request-framer';
import { parseRequest, splitInline } from '../resp/request-parser';
import type { LatencyHistogram } from '../telemetry/latency';
import type { Limiter } from './rate-limiter';
import type { Unfinished } from './unfinished';
import { Writer } from './writer';

export interface SessionLimits {
  readonly outputLimit: number;
  readonly idleTimeout: number;
}

/** A client's next command is begun while no more than this of its replies is unread, or a sixteenth of the limit. */
const MOST_UNREAD = 1024 * 1024;
const SHARE_OF_LIMIT = 1 / 16;
/** It has this long to read that; then it gets all that it asks for, until it is over its limit and closed. */
const READING_TAKES = 2_000;

/** A client that is waiting for an answer may send this much more before it is no longer read from. */
const READ_AHEAD = 1024 * 1024;

export class Session implements Door {
  readonly port = 'resp';
  readonly #socket: Socket;
  readonly #house: House;
  readonly #limiter: Limiter | undefined;
  readonly #unfinished: Unfinished;
  readonly #framer = new RequestFramer();
  readonly outlet: Writer;
  readonly remoteAddress: string;
  readonly address: string;
  readonly localAddress: string;
  readonly #conversation: Conversation;
  readonly #hits: LatencyHistogram;
  readonly #onGone: (session: Session, reason: string | undefined) => void;
  /** When what is at hand was taken up: to look at the clock for each GET would take as long as a tenth of it. */
  #now = 0;
  /** What is kept of requests that are not dealt with yet takes so much, as it was last told. */
  #held = 0;
  #offered: Command | undefined;
  /** The command at the front has been counted against the rate limit. */
  #charged = false;
  readonly #tryAgain = () => this.resume();
  #large: LargeRequest | undefined;
  #largeBlocked = false;
  #advancing = false;
  #again = false;
  #ended = false;
  #closing = false;
  #draining = false;
  /** Replies are handed over in such portions. */
  readonly #portion: number;
  #mostUnread: number;
  #reading: 'at once' | 'waited for' | 'given up' = 'at once';
  /** Why the proxy closed the connection, when it was the proxy. */
  #reason: string | undefined;

  constructor(
    socket: Socket,
    house: House,
    limits: SessionLimits,
    limiter: Limiter | undefined,
    unfinished: Unfinished,
    onGone: (session: Session, reason: string | undefined) => void,
  ) {
    this.#socket = socket;
    this.#house = house;
    this.#limiter = limiter;
    this.#unfinished = unfinished;
    this.#onGone = onGone;
    this.remoteAddress = socket.remoteAddress ?? '';
    this.address = `${this.remoteAddress}:${socket.remotePort ?? 0}`;
    this.localAddress = `${socket.localAddress ?? '?'}:${socket.localPort ?? 0}`;
    this.#portion = Math.min(MOST_UNREAD, limits.outputLimit * SHARE_OF_LIMIT);
    this.#mostUnread = this.#portion;
    this.outlet = new Writer(socket, limits.outputLimit, () => this.#onOverLimit());
    this.#hits = house.latencies.resp.hit;
    this.#conversation = new Conversation(house, this);
    this.#framer.authenticated = this.#conversation.trusted;
    socket.setNoDelay(true);
    if (limits.idleTimeout > 0) this.#watchIdleness(limits.idleTimeout);
    socket.on('data', (chunk: Buffer) => this.#onBytes(chunk));
    socket.on('end', () => this.#onEnd());
    socket.on('error', () => this.#onError());
    socket.on('close', () => this.#onClose());
  }

  get conversation(): Conversation {
    return this.#conversation;
  }

  resume(): void {
    this.#advance();
    if (this.#held > 0) this.#noteUnfinished();
    if (this.#framer.buffered <= READ_AHEAD && this.#socket.isPaused() && !this.#largeBlocked)
      this.#socket.resume();
  }

  closeAfterReplies(): void {
    if (this.#closing) return;
    this.#closing = true;
    if (this.#draining) this.#partGently();
    else this.outlet.close();
  }

  closeNow(reason: string): void {
    this.#reason ??= reason;
    this.#closing = true;
    this.#socket.destroy();
  }

  #onOverLimit(): void {
    if (this.#closing) return;
    this.#house.stats.clientsOverOutputLimit += 1;
    this.closeNow('over its output limit');
  }

  onceWritable(action: () => void): void {
    this.#socket.once('drain', action);
  }

  /** Shutting down: what the client has sent is answered, nothing more is read, then the connection ends. */
  drain(): void {
    this.#draining = true;
    this.#socket.pause();
    this.#onEnd();
  }

  /** A connection that is cut while the client sends may lose the replies that are on their way to it. */
  #partGently(): void {
    this.outlet.end();
    this.#socket.resume();
    this.#socket.setTimeout(0);
    this.#house.clock.after(LINGER, () => this.#socket.destroy());
  }

  #onBytes(chunk: Buffer): void {
    if (this.#closing) return;
    this.#framer.push(chunk);
    this.#advance();
    if (this.#framer.buffered > 0 || this.#held > 0) this.#noteUnfinished();
    if (this.#framer.buffered > READ_AHEAD) this.#socket.pause();
  }

  #noteUnfinished(): void {
    this.#held = this.#framer.buffer.length;
    this.#unfinished.note(this, this.#held);
  }

  #onEnd(): void {
    this.#ended = true;
    this.#conversation.end();
    this.#advance();
  }

  /** The socket says `close` only after others were served: by then a command that blocks may have taken an element. */
  #onError(): void {
    this.#conversation.leave();
    this.#socket.destroy();
  }

  #onClose(): void {
    this.#closing = true;
    this.#unfinished.forget(this);
    this.#conversation.leave();
    this.#onGone(this, this.#reason);
  }

  /** Offers one command after the other until one is turned away. May be called from within: then it goes on. */
  #advance(): void {
    this.#again = true;
    if (this.#advancing) return;
    this.#advancing = true;
    this.outlet.gather();
    while (this.#again && !this.#closing) {
      this.#again = false;
      const exhausted = this.#offerAll();
      if (!exhausted || !this.#ended) continue;
      if (this.#nothingToCome) this.closeAfterReplies();
      else this.#conversation.endPinned();
    }
    this.#advancing = false;
    this.outlet.flush();
  }

  /** Everything is answered, or waits for the rest of a request that will never come. */
  get #nothingToCome(): boolean {
    return this.#conversation.idle || this.#large !== undefined;
  }

  /** True when every whole request has been taken. */
  #offerAll(): boolean {
    this.#now = this.#house.clock.now();
    while (!this.#closing) {
      if (!this.#limiter) this.#offerGets(Number.POSITIVE_INFINITY);
      if (this.outlet.unsent > this.#mostUnread && this.#mustBeRead()) return false;
      const taken = this.#large ? this.#feedLarge(this.#large) : this.#offerNext();
      if (taken === 'wait') return false;
      if (taken === 'none') return true;
    }
    return false;
  }

  /** One read may hold commands whose answers are thousands of times as long. True: what follows has to wait. */
  #mustBeRead(): boolean {
    if (this.#reading === 'waited for') return true;
    this.outlet.flush();
    const { unsent } = this.outlet;
    if (this.#closing) return true;
    if (unsent <= this.#portion) return false;
    if (this.#reading === 'at once') this.#waitForReader();
    else this.#giveMore(unsent);
    return true;
  }

  /** A portion for each turn of the event loop: others are served in between. */
  #giveMore(unread: number): void {
    this.#mostUnread = unread + this.#portion;
    setImmediate(() => this.resume());
  }

  #waitForReader(): void {
    this.#reading = 'waited for';
    const giveUp = this.#house.clock.after(READING_TAKES, () => {
      this.#reading = 'given up';
      this.resume();
    });
    this.#socket.once('drain', () => {
      giveUp.stop();
      this.#reading = 'at once';
      this.#mostUnread = this.#portion;
      this.resume();
    });
  }

  #offerNext(): Offer {
    this.#framer.authenticated = this.#conversation.trusted;
    // How long an argument may be depends on the answer to the AUTH before it.
    if (!this.#framer.authenticated && !this.#conversation.awaitTurn()) return 'wait';
    switch (this.#framer.next()) {
      case 'frame':
        return this.#offerFrame();
      case 'large':
        return this.#offerLarge();
      case 'broken':
        return this.#refuse(this.#framer.problem);
      case 'more':
        return 'none';
    }
  }

  #offerFrame(): Offer {
    if (this.#limiter && !this.#charged) {
      const refused = this.#charge(this.#limiter);
      if (refused) return refused;
    }
    // Without a limiter it was tried before: there it may have been one of many.
    if (this.#limiter && this.#offerGets(1) > 0) return this.#noteTaken();
    if (!this.#offered && this.#offerToPass()) return this.#taken();
    const command = this.#offered ?? this.#readCommand();
    if (!command) return this.#refuse('Protocol error: unbalanced quotes in request');
    if (isAttack(command)) return this.#cutOff();
    if (this.#conversation.take(command)) return this.#taken();
    this.#offered = command;
    return 'wait';
  }

  #taken(): Offer {
    this.#framer.skip();
    return this.#noteTaken();
  }

  #noteTaken(): Offer {
    this.#offered = undefined;
    this.#charged = false;
    return 'taken';
  }

  /**
   * The short way: GETs in the form in which clients send them, of which no arguments are made. How many were taken;
   * the framer stands behind them.
   */
  #offerGets(most: number): number {
    const framer = this.#framer;
    const conversation = this.#conversation;
    if (!PlainGets.mayBegin(framer.buffer, framer.start, framer.received)) return 0;
    if (this.#offered || framer.inPieces || !(conversation.plain || conversation.reading)) return 0;
    const gets = new PlainGets(framer.buffer, framer.start, framer.received);
    let count = 0;
    for (;;) {
      if (conversation.plain) count += this.#offerHits(gets, most - count);
      if (this.#closing || count === most) break;
      if (this.outlet.unsent > this.#mostUnread || !this.#offerRead(gets)) break;
      count += 1;
    }
    if (count > 0) framer.skipTo(gets.at);
    return count;
  }

  #offerHits(gets: PlainGets, most: number): number {
    const room = this.#mostUnread - this.outlet.unsent;
    const count = this.#conversation.hits(gets, most, room, this.#now);
    if (count > 0 && this.#hits.isDue(count)) this.#hits.observe(this.#house.clock.now() - this.#now);
    return count;
  }

  #offerRead(gets: PlainGets): boolean {
    if (!gets.find()) return false;
    const name = this.#framer.buffer.latin1Slice(gets.keyStart, gets.keyEnd);
    const taken = this.#conversation.read(name, this.#now);
    if (taken) gets.skip();
    return taken;
  }

  /** A command that is only passed on is not taken apart. */
  #offerToPass(): boolean {
    const framer = this.#framer;
    if (framer.inline || !framer.tidy) return false;
    const row = this.#house.backing.table.findPlain(framer.buffer, framer.nameStart, framer.nameEnd);
    return row !== undefined && this.#conversation.pass(row, framer, this.#now);
  }

  #readCommand(): Command | undefined {
    const { buffer, start, end, inline, tidy } = this.#framer;
    const frame = buffer.subarray(start, end);
    const args = inline ? splitInline(frame) : parseRequest(frame);
    if (!args) return undefined;
    return { raw: inline || !tidy ? encodeCommand(args) : frame, args };
  }

  #offerLarge(): Offer {
    const large = this.#conversation.takeLarge(this.#framer.largeArguments());
    if (!large) return 'wait';
    this.#large = large;
    return 'taken';
  }

  #feedLarge(large: LargeRequest): Offer {
    if (this.#largeBlocked) return 'wait';
    const next = this.#framer.nextPiece();
    if (next === undefined) return 'none';
    if (next === 'broken') return this.#closeWith(error(`ERR ${this.#framer.problem}`));
    if (next.last) this.#large = undefined;
    this.#largeBlocked = !large.write(next.piece, () => this.#onLargeDrained());
    if (this.#largeBlocked) this.#socket.pause();
    return 'taken';
  }

  #onLargeDrained(): void {
    this.#largeBlocked = false;
    this.resume();
  }

  /** Redis words it, behind every reply that is owed, and ends the connection. */
  #refuse(problem: string): Offer {
    // One character of the problem may be a byte of the client's own.
    return this.#conversation.conclude(Buffer.from(`-ERR ${problem}\r\n`, 'latin1')) ? 'none' : 'wait';
  }

  #closeWith(reply: Buffer): Offer {
    this.outlet.append(reply, 0, reply.length);
    this.closeAfterReplies();
    return 'none';
  }

  /** A browser that was made to talk to this port: Redis cuts it off on the spot, replies that are owed included. */
  #cutOff(): Offer {
    this.#house.stats.clientsSpeakingHttp += 1;
    this.closeNow(HTTP_REASON);
    return 'none';
  }

  /** Undefined: the command may pass, and has been counted. */
  #charge(limiter: Limiter): Offer | undefined {
    const admitted = limiter.take(this.#house.clock.now());
    if (admitted === undefined) {
      limiter.onceKnown(this.#tryAgain);
      return 'wait';
    }
    this.#charged = admitted;
    return admitted ? undefined : this.#refuseForRate(limiter);
  }

  #refuseForRate(limiter: Limiter): Offer {
    const wait = limiter.waitFor(this.#house.clock.now());
    if (!this.#conversation.answer(error(`ERR rate limit exceeded, try again in ${wait} ms`))) return 'wait';
    this.#house.stats.rateLimited += 1;
    this.#framer.skip();
    return 'taken';
  }

  /** The rest of a large request, and nothing keeps it from being sent. */
  get #owesRequest(): boolean {
    return this.#large !== undefined && !this.#largeBlocked;
  }

  /** Redis does not close who waits for something: a blocked client, a subscriber, one whose command is slow. */
  #watchIdleness(timeout: number): void {
    this.#socket.setTimeout(timeout, () => {
      if (this.#closing) return;
      if (this.#conversation.idle || this.#owesRequest) {
        this.#house.stats.clientsIdleClosed += 1;
        this.closeNow('idle for too long');
      } else {
        this.#socket.setTimeout(timeout);
      }
    });
  }
}

/** Why a client was cut off that may be a browser, in the hands of a page that it should not trust. */
export const HTTP_REASON = 'HTTP sent to the Redis port';

type Offer = 'taken' | 'wait' | 'none';

/** How long a client may take to close a connection that was ended by a shutdown. */
const LINGER = 1_000;

function isAttack({ args }: Command): boolean {
  const [name] = args;
  if (!name || (name.length !== 4 && name.length !== 5)) return false;
  const word = name.latin1Slice().toLowerCase();
  return word === 'post' || word === 'host:';
}
