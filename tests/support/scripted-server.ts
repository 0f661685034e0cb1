/** A server that says over the Redis protocol whatever a test wants: for what no redis-server at hand does any more. */
import net from 'node:net';
import { bulk } from './stage';

/** The bytes of the reply to one command; undefined: what a Redis with nothing in it says. */
export type Script = (words: readonly string[]) => string | undefined;

const GREETING = '%2\r\n$6\r\nserver\r\n$5\r\nredis\r\n$2\r\nid\r\n:1\r\n';
const USUAL: Readonly<Record<string, string>> = {
  HELLO: GREETING,
  INFO: bulk('redis_version:6.2.0\r\n'),
  COMMAND: '*0\r\n',
  ACL: `*1\r\n${bulk('user default on nopass ~* &* +@all')}`,
  CONFIG: '*0\r\n',
  PING: '+PONG\r\n',
};

export class ScriptedServer {
  readonly port: number;
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();

  private constructor(server: net.Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  static async start(script: Script): Promise<ScriptedServer> {
    const server = net.createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const scripted = new ScriptedServer(server, address.port);
    server.on('connection', (socket) => scripted.#serve(socket, script));
    return scripted;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #serve(socket: net.Socket, script: Script): void {
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
    let held = '';
    socket.on('data', (chunk) => {
      held += chunk.toString('latin1');
      for (let request = firstRequest(held); request; request = firstRequest(held)) {
        held = held.slice(request.end);
        const [name = ''] = request.words;
        socket.write(script(request.words) ?? USUAL[name.toUpperCase()] ?? '+OK\r\n', 'latin1');
      }
    });
  }
}

/** Arrays of bulks only, which is all that the proxy sends by itself and what a client's library sends. */
function firstRequest(text: string): { words: string[]; end: number } | undefined {
  const head = /^\*(\d+)\r\n/.exec(text);
  if (!head) return undefined;
  const words: string[] = [];
  let end = head[0].length;
  for (let left = Number(head[1]); left > 0; left -= 1) {
    const bulk = /^\$(\d+)\r\n/.exec(text.slice(end));
    if (!bulk) return undefined;
    const start = end + bulk[0].length;
    end = start + Number(bulk[1]) + 2;
    if (end > text.length) return undefined;
    words.push(text.slice(start, end - 2));
  }
  return { words, end };
}
