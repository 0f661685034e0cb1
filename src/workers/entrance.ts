/** A port that the workers share: clients are accepted here and not read from, somebody else will do that. */
import { createServer, type Server, type Socket } from 'node:net';
import { ListenError } from '../errors';
import type { Log } from '../telemetry/log';

const BACKLOG = 511;

export class Entrance {
  readonly #host: string;
  readonly #port: number;
  readonly #log: Log;
  readonly #server: Server;

  constructor(host: string, port: number, onClient: (socket: Socket) => void, log: Log) {
    this.#host = host;
    this.#port = port;
    this.#log = log;
    this.#server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, onClient);
  }

  get host(): string {
    return this.#host;
  }

  get port(): number {
    const address = this.#server.address();
    return address && typeof address === 'object' ? address.port : this.#port;
  }

  /** `purpose` is what the port is for, in the message of a failure. */
  open(purpose = ''): Promise<void> {
    const [host, port] = [this.#host, this.#port];
    return new Promise((resolve, reject) => {
      this.#server.once('error', (cause) =>
        reject(new ListenError(`cannot listen on ${host}:${port}${purpose}: ${cause.message}`, { cause })),
      );
      this.#server.listen({ host, port, backlog: BACKLOG }, () => {
        this.#server.removeAllListeners('error');
        this.#server.on('error', (problem) =>
          this.#log.warn({ problem: problem.message }, 'a client could not be accepted'),
        );
        resolve();
      });
    });
  }

  close(): void {
    this.#server.close();
  }
}
