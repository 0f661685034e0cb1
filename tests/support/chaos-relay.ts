/** A TCP relay to put between proxy and Redis, and everything that a network does to connections on bad days. */
import net from 'node:net';

export type Direction = 'up' | 'down';

export interface ChaosCounters {
  /** Connections accepted since the start. */
  connections: number;
  /** Bytes read from clients, and bytes read from the server. */
  up: number;
  down: number;
}

export interface Target {
  port: number;
  host?: string;
}

interface Piece {
  due: number;
  bytes: Buffer | 'end';
  /** Nothing is passed on behind it. */
  stop: boolean;
}

/** What a connection is known by: the beginning of what was sent on it. */
class Label {
  sent = '';

  note(bytes: Buffer): void {
    const room = LABEL_LENGTH - this.sent.length;
    if (room > 0) this.sent += bytes.toString('latin1', 0, room);
  }
}

const LABEL_LENGTH = 1024;

/** Waits for a text to pass through in one direction. */
interface Watch {
  direction: Direction;
  text: Buffer;
  only: RegExp | undefined;
  /** Nothing behind the text is passed on. */
  hangs: boolean;
  onSeen: () => void;
}

/** One direction of one connection: what was read waits here until it may be passed on. */
class Pipe {
  readonly #relay: ChaosRelay;
  readonly #direction: Direction;
  readonly #label: Label;
  readonly #from: net.Socket;
  readonly #to: net.Socket;
  readonly #pieces: Piece[] = [];
  #running = false;
  #stopped = false;

  constructor(relay: ChaosRelay, direction: Direction, label: Label, from: net.Socket, to: net.Socket) {
    this.#relay = relay;
    this.#direction = direction;
    this.#label = label;
    this.#from = from;
    this.#to = to;
    from.on('data', (bytes) => {
      relay.counters[direction] += bytes.length;
      if (direction === 'up') label.note(bytes);
      this.#look(bytes);
    });
    from.on('end', () => this.#add('end'));
  }

  /** Passes on what it was told to stop behind, too. */
  proceed(): void {
    this.#stopped = false;
    void this.run();
  }

  get #isHung(): boolean {
    return this.#stopped || (this.#relay.hung[this.#direction] && this.#relay.concerns(this.#label.sent));
  }

  #look(bytes: Buffer): void {
    for (const watch of this.#relay.watches(this.#direction, this.#label.sent)) {
      const at = bytes.indexOf(watch.text);
      if (at < 0) continue;
      watch.onSeen();
      if (watch.hangs) {
        const end = at + watch.text.length;
        this.#add(bytes.subarray(0, end), true);
        if (end < bytes.length) this.#add(bytes.subarray(end));
        return;
      }
    }
    this.#add(bytes);
  }

  #add(bytes: Piece['bytes'], stop = false): void {
    const { delay, jitter } = this.#relay;
    const wait = this.#relay.concerns(this.#label.sent) ? delay[this.#direction] + Math.random() * jitter : 0;
    this.#pieces.push({ due: performance.now() + wait, bytes, stop });
    void this.run();
  }

  /** Hung: not even the end of the stream is noticed, and the sender's buffers fill up. */
  async run(): Promise<void> {
    if (this.#isHung) this.#from.pause();
    else this.#from.resume();
    if (this.#running) return;
    this.#running = true;
    while (!this.#isHung) {
      const piece = this.#pieces[0];
      if (piece === undefined) break;
      const wait = piece.due - performance.now();
      if (wait > 0) {
        await new Promise((resolve) => setTimeout(resolve, wait));
        continue;
      }
      this.#pieces.shift();
      if (piece.stop) this.#stopped = true;
      await this.#pass(piece.bytes);
    }
    this.#running = false;
  }

  async #pass(bytes: Piece['bytes']): Promise<void> {
    if (this.#to.destroyed) return;
    if (bytes === 'end') {
      this.#to.end();
      return;
    }
    let at = 0;
    // A turn of the event loop for each byte: what is left of a large piece goes as one when the splitting ends.
    for (; this.#relay.splitting && at < bytes.length && !this.#to.destroyed; at++) {
      this.#to.write(bytes.subarray(at, at + 1));
      await new Promise(setImmediate);
    }
    if (at === bytes.length || this.#to.destroyed) return;
    if (!this.#to.write(bytes.subarray(at))) await drained(this.#to);
  }
}

function drained(socket: net.Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      socket.off('drain', done);
      socket.off('close', done);
      resolve();
    };
    socket.on('drain', done);
    socket.on('close', done);
  });
}

export class ChaosRelay {
  readonly counters: ChaosCounters = { connections: 0, up: 0, down: 0 };
  /** Milliseconds each way; set with slow(). */
  readonly delay: Record<Direction, number> = { up: 0, down: 0 };
  /** Up to so many milliseconds more, by chance: connections overtake each other, bytes of one connection never. */
  jitter = 0;
  readonly hung: Record<Direction, boolean> = { up: false, down: false };
  /** Passes every byte on by itself. */
  splitting = false;
  port = 0;
  #target: Target;
  #server: net.Server | undefined;
  readonly #sockets = new Map<net.Socket, Label>();
  readonly #pipes = new Set<Pipe>();
  readonly #watches = new Set<Watch>();
  #only: RegExp | undefined;
  #open = 0;

  private constructor(target: Target) {
    this.#target = target;
  }

  static async start(target: Target): Promise<ChaosRelay> {
    const relay = new ChaosRelay(target);
    await relay.accept();
    return relay;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#open;
  }

  /** Where connections to come go; those that are open stay where they are. */
  retarget(target: Target): void {
    this.#target = target;
  }

  /** hang() and slow() concern only connections over which something like this was sent; undefined: all. */
  aim(only: RegExp | undefined): void {
    this.#only = only;
    for (const pipe of this.#pipes) void pipe.run();
  }

  concerns(sent: string): boolean {
    return this.#only === undefined || this.#only.test(sent);
  }

  slow(up: number, down = up): void {
    this.delay.up = up;
    this.delay.down = down;
  }

  /** Passes nothing on any more in that direction, in connections to come too: half-open when one is named. */
  hang(direction?: Direction): void {
    this.#hang(direction, true);
  }

  /** Passes on again, first of all what was held back. */
  release(direction?: Direction): void {
    this.#hang(direction, false);
    for (const pipe of this.#pipes) pipe.proceed();
  }

  /** Resolves when this text comes by (in one piece) on such a connection. */
  sight(direction: Direction, text: string, only?: RegExp): Promise<void> {
    return this.#watch(direction, text, only, false);
  }

  /** Lets this text through, and nothing behind it in that connection and direction until release(). Resolves when it came. */
  hangBehind(direction: Direction, text: string, only?: RegExp): Promise<void> {
    return this.#watch(direction, text, only, true);
  }

  watches(direction: Direction, sent: string): Watch[] {
    return [...this.#watches].filter(
      (watch) => watch.direction === direction && (watch.only === undefined || watch.only.test(sent)),
    );
  }

  /** Ends connections, all or such ones: with a FIN once what was read is passed on, or at once with a RST. */
  cut(how: 'fin' | 'rst' = 'rst', only?: RegExp): void {
    for (const [socket, label] of this.#sockets) {
      if (only !== undefined && !only.test(label.sent)) continue;
      if (how === 'fin') socket.end();
      else socket.resetAndDestroy();
    }
  }

  /** Connections to come are refused, as if nobody listened. Those that are open stay. */
  async refuse(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    // close() waits for the connections that it accepted, and they may stay: it is deaf at once all the same.
    server.close();
    await new Promise(setImmediate);
  }

  /** Takes connections again, on the same port. */
  async accept(): Promise<void> {
    if (this.#server) return;
    const server = net.createServer({ allowHalfOpen: true }, (socket) => this.#onConnection(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.port, '127.0.0.1', resolve);
    });
    this.#server = server;
    const address = server.address();
    if (address !== null && typeof address !== 'string') this.port = address.port;
  }

  async stop(): Promise<void> {
    await this.refuse();
    this.release();
    for (const socket of this.#sockets.keys()) socket.destroy();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #hang(direction: Direction | undefined, hung: boolean): void {
    if (direction !== 'down') this.hung.up = hung;
    if (direction !== 'up') this.hung.down = hung;
    for (const pipe of this.#pipes) void pipe.run();
  }

  #watch(direction: Direction, text: string, only: RegExp | undefined, hangs: boolean): Promise<void> {
    return new Promise((resolve) => {
      const watch: Watch = {
        direction,
        text: Buffer.from(text, 'latin1'),
        only,
        hangs,
        onSeen: () => {
          this.#watches.delete(watch);
          resolve();
        },
      };
      this.#watches.add(watch);
    });
  }

  #onConnection(client: net.Socket): void {
    this.counters.connections++;
    this.#open++;
    const server = net.connect({ host: '127.0.0.1', ...this.#target, allowHalfOpen: true });
    const label = new Label();
    const pipes = [
      new Pipe(this, 'up', label, client, server),
      new Pipe(this, 'down', label, server, client),
    ];
    for (const pipe of pipes) {
      this.#pipes.add(pipe);
      void pipe.run();
    }
    client.on('close', () => {
      this.#open--;
      for (const pipe of pipes) this.#pipes.delete(pipe);
    });
    this.#tie(client, server, label);
    this.#tie(server, client, label);
  }

  /** What kills one half kills the other, the same way. */
  #tie(socket: net.Socket, other: net.Socket, label: Label): void {
    this.#sockets.set(socket, label);
    socket.setNoDelay(true);
    socket.on('error', () => other.resetAndDestroy());
    socket.on('close', () => {
      this.#sockets.delete(socket);
      if (!other.writableEnded) other.end();
    });
  }
}
