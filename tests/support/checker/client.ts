/** A quick pipelining client for many small commands, in RESP2 or RESP3: its answers are plain values. */
import net from 'node:net';

/** An error that was answered, or a connection that was lost before the answer. */
export class Failure {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Args = readonly (string | number)[];

export type Answer = string | number | null | Failure | Answer[];

export class Client {
  readonly #socket: net.Socket;
  #held: Buffer = Buffer.alloc(0);
  #waiting: { readonly args: Args; readonly onAnswer: (answer: Answer) => void }[] = [];
  #unsent = '';
  #lost = '';

  private constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#onData(chunk));
    socket.on('error', (error) => this.#onLost(error.message));
    socket.on('close', () => this.#onLost('closed'));
  }

  static async connect(port: number): Promise<Client> {
    const socket = net.connect({ port, host: '127.0.0.1' });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new Client(socket);
  }

  get lost(): boolean {
    return this.#lost !== '';
  }

  /** The commands that are. */
  get unanswered(): readonly string[] {
    return this.#waiting.map(({ args }) => args.slice(0, 2).join(' '));
  }

  /** Never rejects. What is asked in one turn of the event loop goes out in one write, as a pipeline. */
  ask(...args: (string | number)[]): Promise<Answer> {
    return new Promise((resolve) => this.tell(args, resolve));
  }

  /** The same, and the answer is handled the moment it is read. */
  tell(args: Args, onAnswer: (answer: Answer) => void): void {
    if (this.#lost) {
      onAnswer(new Failure(this.#lost));
      return;
    }
    this.#waiting.push({ args, onAnswer });
    this.push(...args);
  }

  /** Asks for something whose answer is a push. */
  push(...args: (string | number)[]): void {
    if (this.#unsent === '') process.nextTick(() => this.#flush());
    this.#unsent += `*${args.length}\r\n${args.map((arg) => `$${String(arg).length}\r\n${arg}\r\n`).join('')}`;
  }

  close(): void {
    this.#socket.destroy();
    this.#onLost('closed');
  }

  #flush(): void {
    const bytes = this.#unsent;
    this.#unsent = '';
    if (!this.#lost) this.#socket.write(bytes, 'latin1');
  }

  #onData(chunk: Buffer): void {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    let at = 0;
    while (at < bytes.length) {
      const frame = new Frame(bytes, at);
      const answer = frame.read();
      if (!frame.whole) break;
      at = frame.at;
      if (!frame.isPush) this.#waiting.shift()?.onAnswer(answer);
    }
    this.#held = bytes.subarray(at);
  }

  #onLost(reason: string): void {
    if (this.#lost) return;
    this.#lost = reason;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { onAnswer } of waiting) onAnswer(new Failure(reason));
  }
}

/** One reply, as far as it is there. */
class Frame {
  readonly #bytes: Buffer;
  readonly isPush: boolean;
  at: number;
  whole = true;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.at = at;
    this.isPush = bytes[at] === 0x3e;
  }

  read(): Answer {
    const end = this.#bytes.indexOf('\r\n', this.at);
    if (end < 0) return this.#short();
    const type = String.fromCharCode(this.#bytes[this.at] ?? 0);
    const line = this.#bytes.latin1Slice(this.at + 1, end);
    this.at = end + 2;
    switch (type) {
      case '+':
      case ',':
      case '(':
      case '#':
        return line;
      case '-':
        return new Failure(line);
      case ':':
        return Number(line);
      case '_':
        return null;
      case '$':
      case '=':
        return this.#bulk(Number(line));
      case '*':
      case '~':
      case '>':
        return this.#items(Number(line));
      case '%':
        return this.#items(2 * Number(line));
      default:
        throw new Error(`no reply: ${type}${line.slice(0, 60)}`);
    }
  }

  #bulk(length: number): Answer {
    if (length < 0) return null;
    const start = this.at;
    this.at += length + 2;
    return this.at > this.#bytes.length ? this.#short() : this.#bytes.latin1Slice(start, start + length);
  }

  #items(count: number): Answer {
    if (count < 0) return null;
    const items: Answer[] = [];
    for (let i = 0; i < count && this.whole; i++) items.push(this.read());
    return items;
  }

  #short(): null {
    this.whole = false;
    return null;
  }
}
