/** Stands in front of a real redis-server and answers some commands itself, with whatever no Redis would say. */
import net from 'node:net';
import { command, replyEnd, toBytes } from './raw-client';

/** Bytes to send in place of the reply; an endless one is made piece by piece, as fast as it is taken. */
export type HostileAnswer =
  | { readonly kind: 'bytes'; readonly bytes: string | Buffer }
  | { readonly kind: 'endless'; readonly head: string; readonly piece: Buffer }
  /** The bytes, and then the connection ends. */
  | { readonly kind: 'cut'; readonly bytes: string };

export interface HostileRule {
  /** The command, arguments joined by spaces, such as /^GET k/. */
  readonly when: RegExp;
  readonly answer: HostileAnswer;
}

export class HostileRedis {
  rules: readonly HostileRule[] = [];
  /** Bytes of endless answers, all in all, and the most that one connection took before it ended. */
  poured = 0;
  mostPoured = 0;
  /** Connections that an endless answer is going to now. */
  pouring = 0;
  port = 0;
  readonly #redisPort: number;
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();

  private constructor(redisPort: number) {
    this.#redisPort = redisPort;
    this.#server = net.createServer((socket) => this.#onConnection(socket));
  }

  static async start(redisPort: number): Promise<HostileRedis> {
    const hostile = new HostileRedis(redisPort);
    await new Promise<void>((resolve) => hostile.#server.listen(0, '127.0.0.1', resolve));
    const address = hostile.#server.address();
    if (address !== null && typeof address !== 'string') hostile.port = address.port;
    return hostile;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Says this on every connection, asked or not. */
  shout(bytes: string): void {
    for (const socket of this.#sockets) socket.write(toBytes(bytes));
  }

  cutAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.cutAll();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #onConnection(client: net.Socket): void {
    this.#sockets.add(client);
    const conversation = new Conversation(this, client, this.#redisPort);
    client.on('close', () => {
      this.#sockets.delete(client);
      conversation.end();
    });
    client.on('error', () => client.destroy());
  }
}

/** One connection: one command after the other, each answered by Redis or by a rule. */
class Conversation {
  readonly #hostile: HostileRedis;
  readonly #client: net.Socket;
  readonly #redis: net.Socket;
  #asked = Buffer.alloc(0);
  #answered = Buffer.alloc(0);
  #waiting = false;
  #over = false;

  constructor(hostile: HostileRedis, client: net.Socket, redisPort: number) {
    this.#hostile = hostile;
    this.#client = client;
    this.#redis = net.connect({ port: redisPort, host: '127.0.0.1' });
    this.#redis.on('data', (bytes) => this.#onAnswer(bytes));
    this.#redis.on('error', () => client.destroy());
    this.#redis.on('close', () => client.destroy());
    client.on('data', (bytes) => {
      this.#asked = Buffer.concat([this.#asked, bytes]);
      this.#next();
    });
  }

  end(): void {
    this.#over = true;
    this.#redis.destroy();
  }

  #next(): void {
    while (!this.#waiting && !this.#over) {
      const args = this.#takeCommand();
      if (!args) return;
      const rule = this.#hostile.rules.find(({ when }) => when.test(args.join(' ')));
      if (rule) {
        this.#lie(rule.answer);
      } else {
        this.#waiting = true;
        this.#redis.write(command(...args));
      }
    }
  }

  /** Requests are arrays of bulks here, which a reader of replies understands as well. */
  #takeCommand(): string[] | undefined {
    if (this.#asked.length === 0) return undefined;
    const end = replyEnd(this.#asked);
    if (end > this.#asked.length) return undefined;
    const frame = this.#asked.subarray(0, end);
    this.#asked = this.#asked.subarray(end);
    const args: string[] = [];
    for (let at = frame.indexOf('\r\n') + 2; at < end; at = replyEnd(frame, at)) {
      const start = frame.indexOf('\r\n', at) + 2;
      args.push(frame.toString('latin1', start, replyEnd(frame, at) - 2));
    }
    return args;
  }

  #onAnswer(bytes: Buffer): void {
    this.#answered = Buffer.concat([this.#answered, bytes]);
    while (this.#answered.length > 0) {
      const end = replyEnd(this.#answered);
      if (end > this.#answered.length) return;
      const isPush = this.#answered[0] === '>'.charCodeAt(0);
      this.#client.write(this.#answered.subarray(0, end));
      this.#answered = this.#answered.subarray(end);
      if (isPush) continue;
      this.#waiting = false;
      this.#next();
    }
  }

  #lie(answer: HostileAnswer): void {
    switch (answer.kind) {
      case 'bytes':
        this.#client.write(toBytes(answer.bytes));
        return;
      case 'cut':
        this.#client.end(toBytes(answer.bytes));
        return;
      case 'endless':
        this.#waiting = true;
        this.#client.write(toBytes(answer.head));
        this.#pour(answer.piece);
        return;
      default:
        answer satisfies never;
    }
  }

  #pour(piece: Buffer): void {
    let poured = 0;
    this.#hostile.pouring += 1;
    this.#client.on('close', () => {
      this.#hostile.pouring -= 1;
    });
    const go = () => {
      while (!this.#client.destroyed) {
        poured += piece.length;
        this.#hostile.poured += piece.length;
        this.#hostile.mostPoured = Math.max(this.#hostile.mostPoured, poured);
        if (this.#client.write(piece)) continue;
        this.#client.once('drain', go);
        return;
      }
    };
    go();
  }
}
