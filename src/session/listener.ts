/** The port that RESP clients connect to: who is let in, and the end of everybody on shutdown. */
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:tls';
import type { House } from '../commands/house';
import { ListenError } from '../errors';
import { error } from '../resp/encoder';
import type { Log } from '../telemetry/log';
import type { Admission } from './admission';
import type { Limiters } from './rate-limiter';
import { HTTP_REASON, Session, type SessionLimits } from './session';
import { boundHandshakes, renewCertificates, type TlsFiles, tlsServerOptions } from './tls';
import { Unfinished } from './unfinished';

export interface ListenerOptions extends SessionLimits {
  readonly host: string;
  readonly port: number;
  /** So many may try to agree on TLS at once. */
  readonly maxClients: number;
  readonly tls: TlsFiles | undefined;
}

/** What both ports ask before they let a client, or a command, pass. */
export interface Gate {
  readonly admission: Admission;
  readonly rateLimits: Limiters | undefined;
}

const TOO_MANY = error('ERR max number of clients reached');
const TIDY_EVERY = 10_000;
const BACKLOG = 511;
const MOST_LEAVING = 8;
const WARN_EVERY = 60_000;
/** What all clients together may have sent of requests that are not dealt with yet. */
const MOST_UNFINISHED = 256 * 1024 * 1024;

export class Listener {
  readonly #options: ListenerOptions;
  readonly #house: House;
  readonly #log: Log;
  readonly #server: Server;
  #tlsServer: TlsServer | undefined;
  readonly #sessions = new Set<Session>();
  readonly #admission: Admission;
  readonly #rateLimits: Limiters | undefined;
  readonly #unfinished: Unfinished;
  /** Those that were turned away, and are still connected. */
  #leaving = 0;
  #onEmpty: (() => void) | undefined;
  #warnedAt = Number.NEGATIVE_INFINITY;

  constructor(options: ListenerOptions, house: House, gate: Gate, log: Log) {
    this.#options = options;
    this.#house = house;
    this.#log = log;
    this.#admission = gate.admission;
    this.#rateLimits = gate.rateLimits;
    this.#unfinished = new Unfinished(MOST_UNFINISHED, () => {
      house.stats.clientsUnfinishedClosed += 1;
    });
    this.#server = this.#createServer();
    house.clock.every(TIDY_EVERY, () => this.#tidy());
  }

  get port(): number {
    const address = this.#server.address();
    return address && typeof address === 'object' ? address.port : this.#options.port;
  }

  open(): Promise<void> {
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once('error', (cause) => {
        reject(new ListenError(`cannot listen on ${host}:${port}: ${cause.message}`, { cause }));
      });
      this.#server.listen({ host, port, backlog: BACKLOG }, () => {
        this.#server.removeAllListeners('error');
        this.#server.on('error', (problem) =>
          this.#log.warn({ problem: problem.message }, 'a client could not be accepted'),
        );
        resolve();
      });
    });
  }

  renew(tls: TlsFiles): void {
    if (this.#tlsServer) renewCertificates(this.#tlsServer, tls);
  }

  /** A client that somebody else has accepted. */
  receive(socket: Socket): void {
    this.#server.emit('connection', socket);
  }

  /** Nobody new; who is here gets the answers to what was sent. Resolves when all are gone. */
  drain(): Promise<void> {
    this.#server.close();
    for (const session of [...this.#sessions]) session.drain();
    if (this.#sessions.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
    });
  }

  close(): void {
    this.#server.close();
    for (const session of [...this.#sessions]) session.closeNow('shutting down');
  }

  #createServer(): Server {
    const { tls } = this.#options;
    const settings = { allowHalfOpen: true, noDelay: true };
    if (!tls) return createServer(settings, (socket) => this.#admit(socket));
    const server = createTlsServer({ ...settings, ...tlsServerOptions(tls) }, (socket) =>
      this.#admit(socket),
    );
    this.#tlsServer = server;
    boundHandshakes(server, this.#options.maxClients);
    server.on('tlsClientError', (problem) =>
      this.#log.debug({ problem: problem.message }, 'a TLS client failed'),
    );
    return server;
  }

  #admit(socket: Socket): void {
    const { stats, clock, descriptors } = this.#house;
    if (!descriptors.left || !this.#admission.admits(socket)) {
      stats.clientsRefused += 1;
      this.#turnAway(socket);
      return;
    }
    stats.clientsAccepted += 1;
    const limiter = this.#rateLimits?.of(socket.remoteAddress ?? '', clock.now());
    this.#sessions.add(
      new Session(socket, this.#house, this.#options, limiter, this.#unfinished, (gone, reason) =>
        this.#forget(gone, reason),
      ),
    );
  }

  /** So that the client reads why, it is the one to close; when many do not, there is no waiting for them. */
  #turnAway(socket: Socket): void {
    socket.on('error', () => socket.destroy());
    socket.end(TOO_MANY);
    if (this.#leaving >= MOST_LEAVING) {
      socket.destroySoon();
      return;
    }
    this.#leaving += 1;
    socket.once('close', () => {
      this.#leaving -= 1;
    });
    socket.resume();
    socket.setTimeout(1_000, () => socket.destroy());
  }

  #forget(session: Session, reason: string | undefined): void {
    this.#sessions.delete(session);
    if (reason === HTTP_REASON) this.#warnOfAttack(session.address);
    else if (reason !== undefined) this.#log.info({ client: session.address, reason }, 'client closed');
    if (this.#sessions.size === 0) this.#onEmpty?.();
  }

  /** Once a minute at the most, as Redis does: a page in a browser can try it a thousand times. */
  #warnOfAttack(client: string): void {
    const now = this.#house.clock.now();
    if (now - this.#warnedAt < WARN_EVERY) return;
    this.#warnedAt = now;
    this.#log.warn(
      { client, reason: HTTP_REASON, soFar: this.#house.stats.clientsSpeakingHttp },
      'possible security attack: a client that sends POST or Host: to the Redis port was cut off; more of them are counted, and told once a minute',
    );
  }

  #tidy(): void {
    if (!this.#rateLimits) return;
    const inUse = new Set<string>();
    for (const { remoteAddress } of this.#sessions) inUse.add(remoteAddress);
    this.#rateLimits.tidy(this.#house.clock.now(), inUse);
  }
}
