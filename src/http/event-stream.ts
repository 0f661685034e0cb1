/** What Redis sends without being asked, as server-sent events: the channels of SUBSCRIBE and PSUBSCRIBE, and MONITOR. */
import type { ServerResponse } from 'node:http';
import type { Timer } from '../clock';
import { type Command, Conversation } from '../commands/conversation';
import type { House } from '../commands/house';
import type { Door } from '../commands/outlet';
import { parseReply, type Reply } from '../resp/reply-parser';
import { errorText, isError } from './encoding';
import type { CallerPlace } from './place';
import { HttpProblem } from './problem';
import { statusOfError } from './redis-errors';
import { ReplyCollector } from './reply-collector';

/** Proxies on the way close a connection that nothing comes over. */
const COMMENT_EVERY = 15_000;
const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
  'x-accel-buffering': 'no',
};

export class EventStream implements Door {
  readonly port = 'http';
  readonly address: string;
  readonly localAddress: string;
  readonly outlet: ReplyCollector;
  /** Settles when the stream is over; rejects with an HttpProblem when Redis refuses to begin it. */
  readonly ended: Promise<void>;
  readonly #response: ServerResponse;
  readonly #conversation: Conversation;
  readonly #limit: number;
  readonly #commenting: Timer;
  #begun = false;
  #over = false;
  #resolve: () => void = () => undefined;
  #reject: (problem: HttpProblem) => void = () => undefined;

  constructor(house: House, place: CallerPlace, response: ServerResponse) {
    this.address = place.address;
    this.localAddress = place.localAddress;
    this.#limit = place.replyLimit;
    this.#response = response;
    this.ended = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.outlet = new ReplyCollector({
      onFrame: (frame) => this.#onFrame(frame),
      room: () => place.replyLimit,
      onTooLarge: () => this.closeNow(`a message is larger than ${place.replyLimit} bytes`),
      onBroken: (reason) => this.closeNow(reason),
      isSlow: () => response.writableNeedDrain,
    });
    this.#conversation = new Conversation(house, this);
    this.#conversation.admit();
    this.#commenting = house.clock.every(COMMENT_EVERY, () => this.#write(': still here\n\n'));
    response.once('close', () => this.#end());
  }

  begin(command: Command): void {
    this.#conversation.take(command);
  }

  /** One command is all that there is to offer. */
  resume(): void {}

  closeAfterReplies(): void {
    this.#end();
  }

  closeNow(reason: string): void {
    this.#end(new HttpProblem(503, `the stream ended: ${reason}`));
  }

  onceWritable(action: () => void): void {
    this.#response.once('drain', action);
  }

  #onFrame(frame: Buffer): void {
    if (this.#over) return;
    if (isError(frame) && !this.#begun) {
      const text = errorText(frame);
      this.#end(new HttpProblem(statusOfError(text), text));
      return;
    }
    if (!this.#begun) {
      this.#begun = true;
      this.#response.writeHead(200, HEADERS);
    }
    this.#write(eventOf(parseReply(frame).reply));
  }

  #write(text: string): void {
    if (!this.#begun || this.#over) return;
    this.#response.write(text);
    if (this.#response.writableLength > this.#limit) this.#response.destroy();
  }

  #end(problem?: HttpProblem): void {
    if (this.#over) return;
    this.#over = true;
    this.#commenting.stop();
    this.#conversation.leave();
    if (this.#begun) this.#response.end();
    if (problem && !this.#begun) this.#reject(problem);
    else this.#resolve();
  }
}

/** `data: message,channel,payload` */
function eventOf(reply: Reply): string {
  const text = textOf(reply);
  const lines = text.split(/\r\n|[\r\n]/).map((line) => `data: ${line}\n`);
  return `${lines.join('')}\n`;
}

function textOf(reply: Reply): string {
  switch (reply.type) {
    case 'array':
    case 'push':
      return reply.items.map(textOf).join(',');
    case 'bulk':
    case 'verbatim':
      return reply.value.toString();
    case 'status':
      return reply.text === 'OK' ? '"OK"' : reply.text;
    case 'error':
      return reply.text;
    case 'integer':
      return String(reply.value);
    default:
      return '';
  }
}
