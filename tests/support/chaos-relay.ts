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
}

/** One direction of one connection: what was read waits here until it may be passed on. */
class Pipe {
  readonly #relay: ChaosRelay;
  readonly #direction: Direction;
  readonly #from: net.Socket;
  readonly #to: net.Socket;
  readonly #pieces: Piece[] = [];
  #running = false;

  constructor(relay: ChaosRelay, direction: Direction, from: net.Socket, to: net.Socket) {
    this.#relay = relay;
    this.#direction = direction;
    this.#from = from;
    this.#to = to;
    from.on('data', (bytes) => {
      relay.counters[direction] += bytes.length;
      this.#add(bytes);
    });
    from.on('end', () => this.#add('end'));
  }

  #add(bytes: Piece['bytes']): void {
    this.#pieces.push({ due: performance.now() + this.#relay.delay[this.#direction], bytes });
    void this.run();
  }

  /** Hung: not even the end of the stream is noticed, and the sender's buffers fill up. */
  async run(): Promise<void> {
    if (this.#relay.hung[this.#direction]) this.#from.pause();
    else this.#from.resume();
    if (this.#running) return;
    this.#running = true;
    while (!this.#relay.hung[this.#direction]) {
      const piece = this.#pieces[0];
      if (piece === undefined) break;
      const wait = piece.due - performance.now();
      if (wait > 0) {
        await new Promise((resolve) => setTimeout(resolve, wait));
        continue;
      }
      this.#pieces.shift();
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
    if (this.#relay.splitting) return this.#passSplit(bytes);
    if (!this.#to.write(bytes)) await drained(this.#to);
  }

  async #passSplit(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length && !this.#to.destroyed; at++) {
      this.#to.write(bytes.subarray(at, at + 1));
      await new Promise(setImmediate);
    }
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
  readonly hung: Record<Direction, boolean> = { up: false, down: false };
  /** Passes every byte on by itself. */
  splitting = false;
  port = 0;
  #target: Target;
  #server: net.Server | undefined;
  readonly #sockets = new Set<net.Socket>();
  readonly #pipes = new Set<Pipe>();
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
  }

  /** Ends all connections: with a FIN once what was read is passed on, or at once with a RST. */
  cut(how: 'fin' | 'rst' = 'rst'): void {
    for (const socket of this.#sockets) {
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
    for (const socket of this.#sockets) socket.destroy();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #hang(direction: Direction | undefined, hung: boolean): void {
    if (direction !== 'down') this.hung.up = hung;
    if (direction !== 'up') this.hung.down = hung;
    for (const pipe of this.#pipes) void pipe.run();
  }

  #onConnection(client: net.Socket): void {
    this.counters.connections++;
    this.#open++;
    const server = net.connect({ host: '127.0.0.1', ...this.#target, allowHalfOpen: true });
    const pipes = [new Pipe(this, 'up', client, server), new Pipe(this, 'down', server, client)];
    for (const pipe of pipes) {
      this.#pipes.add(pipe);
      void pipe.run();
    }
    client.on('close', () => {
      this.#open--;
      for (const pipe of pipes) this.#pipes.delete(pipe);
    });
    this.#tie(client, server);
    this.#tie(server, client);
  }

  /** What kills one half kills the other, the same way. */
  #tie(socket: net.Socket, other: net.Socket): void {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => other.resetAndDestroy());
    socket.on('close', () => {
      this.#sockets.delete(socket);
      if (!other.writableEnded) other.end();
    });
  }
}
