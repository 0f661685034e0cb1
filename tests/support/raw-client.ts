/** A client that sees the bytes: sends what it is given, and collects replies as the frames they came as. */
import net from 'node:net';
import { within } from './tether';

const PATIENCE = 10_000;

export type Bytes = Buffer | string;
export type Endpoint = number | { port: number; host?: string } | { path: string };

/** One character of a string is one byte (latin1), so that any byte can be written as '\xff'. */
export function toBytes(bytes: Bytes): Buffer {
  return typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
}

/** A command as the array of bulks that client libraries send. */
export function command(...args: (Bytes | number)[]): Buffer {
  const parts: Buffer[] = [Buffer.from(`*${args.length}\r\n`)];
  for (const arg of args) {
    const bytes = toBytes(typeof arg === 'number' ? String(arg) : arg);
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n'));
  }
  return Buffer.concat(parts);
}

/**
 * The index just past the reply that begins at `at`. An index past the buffer's end means that the reply is not
 * whole yet, and that the buffer must reach at least so far. Recursive on purpose: an oracle that is plain to see.
 */
export function replyEnd(buffer: Buffer, at = 0): number {
  const lineEnd = buffer.indexOf('\r\n', at);
  if (lineEnd < 0) return Math.max(buffer.length, at) + 1;
  const type = String.fromCharCode(buffer[at] ?? 0);
  const next = lineEnd + 2;
  if ('+-:_,#('.includes(type)) return next;
  const count = Number(buffer.toString('latin1', at + 1, lineEnd));
  if (!Number.isInteger(count) || count < -1) {
    throw new Error(`no reply: ${JSON.stringify(buffer.toString('latin1', at, at + 60))}`);
  }
  if ('$!='.includes(type)) return count < 0 ? next : next + count + 2;
  if ('*~>'.includes(type)) return elementsEnd(buffer, next, count);
  if (type === '%') return elementsEnd(buffer, next, 2 * count);
  if (type === '|') return elementsEnd(buffer, next, 2 * count + 1);
  throw new Error(`no reply: ${JSON.stringify(buffer.toString('latin1', at, at + 60))}`);
}

function elementsEnd(buffer: Buffer, at: number, count: number): number {
  let end = at;
  for (let i = 0; i < count; i++) {
    end = replyEnd(buffer, end);
    if (end > buffer.length) return end;
  }
  return end;
}

export class RawClient {
  readonly socket: net.Socket;
  /** Settles once the connection is gone, however it ended; `error` tells how. */
  readonly closed: Promise<void>;
  error: Error | undefined;
  /** True once the other side has said that it sends no more. */
  ended = false;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #wake: () => void = () => {};

  private constructor(socket: net.Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#onData(chunk));
    socket.on('error', (error) => {
      this.error = error;
    });
    socket.on('end', () => this.#onEnd());
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#onEnd();
        resolve();
      });
    });
  }

  static async connect(to: Endpoint): Promise<RawClient> {
    const where = typeof to === 'number' ? { port: to } : to;
    const target = 'path' in where ? where : { host: '127.0.0.1', ...where };
    return RawClient.over(net.connect({ ...target, allowHalfOpen: true }), 'connect');
  }

  /** Over a socket that is still connecting, by TLS for example; `event` tells that it has. */
  static async over(socket: net.Socket, event: string): Promise<RawClient> {
    const connected = new Promise<void>((resolve, reject) => {
      socket.once(event, resolve);
      socket.once('error', reject);
    });
    await within(PATIENCE, 'no connection', connected);
    return new RawClient(socket);
  }

  /** Writes the bytes as they are, in one write. */
  send(bytes: Bytes): this {
    this.socket.write(toBytes(bytes));
    return this;
  }

  /** Writes one byte at a time, each in a turn of its own. */
  async sendSlowly(bytes: Bytes): Promise<void> {
    const all = toBytes(bytes);
    for (let i = 0; i < all.length; i++) {
      this.socket.write(all.subarray(i, i + 1));
      await new Promise(setImmediate);
    }
  }

  /** Sends one command and waits for its reply. */
  async ask(...args: (Bytes | number)[]): Promise<Buffer> {
    this.send(command(...args));
    return this.reply();
  }

  /** The same, as a string. */
  async askText(...args: (Bytes | number)[]): Promise<string> {
    return (await this.ask(...args)).toString('latin1');
  }

  /** The next whole reply (or push), with its type byte and line ends. */
  async reply(patience = PATIENCE): Promise<Buffer> {
    for (;;) {
      const held = this.#held();
      const end = held.length === 0 ? 1 : replyEnd(held);
      if (end <= held.length) return this.#take(end);
      await this.#more(end, patience, 'a whole reply');
    }
  }

  async replies(count: number, patience = PATIENCE): Promise<Buffer[]> {
    const frames: Buffer[] = [];
    while (frames.length < count) frames.push(await this.reply(patience));
    return frames;
  }

  /** Everything up to the text and including it. */
  async until(text: Bytes, patience = PATIENCE): Promise<Buffer> {
    for (;;) {
      const held = this.#held();
      const at = held.indexOf(toBytes(text));
      if (at >= 0) return this.#take(at + toBytes(text).length);
      await this.#more(held.length + 1, patience, JSON.stringify(text.toString('latin1')));
    }
  }

  /** Everything that arrives until the other side ends the connection. */
  async rest(patience = PATIENCE): Promise<Buffer> {
    while (!this.ended) await this.#more(Number.POSITIVE_INFINITY, patience, 'the end of the connection');
    return this.#take(this.#bytes);
  }

  /** What has arrived and has not been taken yet. */
  get unread(): Buffer {
    return this.#held();
  }

  /** Reads nothing from the socket until resume(): a slow client. */
  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  /** Says that no more commands come (FIN), and goes on reading. */
  halfClose(): void {
    this.socket.end();
  }

  /** The same, and waits until the FIN is on its way. */
  halfClosed(): Promise<void> {
    return new Promise((resolve) => this.socket.end(resolve));
  }

  /** Leaves at once. */
  async close(): Promise<void> {
    this.socket.destroy();
    await this.closed;
  }

  /** Leaves rudely, with a RST. */
  async reset(): Promise<void> {
    this.socket.resetAndDestroy();
    await this.closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #onData(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    this.#wake();
  }

  #onEnd(): void {
    this.ended = true;
    this.#wake();
  }

  #held(): Buffer {
    if (this.#chunks.length !== 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] ?? Buffer.alloc(0);
  }

  #take(length: number): Buffer {
    const held = this.#held();
    this.#chunks = [held.subarray(length)];
    this.#bytes -= length;
    return held.subarray(0, length);
  }

  /** Waits until so many bytes are held; joining the pieces earlier would be quadratic for big replies. */
  async #more(bytes: number, patience: number, what: string): Promise<void> {
    const told = () => `${what}; got ${JSON.stringify(this.#held().toString('latin1', 0, 200))}`;
    const arrived = new Promise<void>((resolve, reject) => {
      this.#wake = () => {
        if (this.#bytes >= bytes) resolve();
        else if (this.ended && bytes === Number.POSITIVE_INFINITY) resolve();
        else if (this.ended) reject(new Error(`the connection ended while waiting for ${told()}`));
      };
      this.#wake();
    });
    try {
      await within(patience, () => `still waiting for ${told()}`, arrived);
    } finally {
      this.#wake = () => {};
    }
  }
}
