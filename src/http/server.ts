/** The HTTP port: its server and its limits, who is let in, how errors look, and its end. */
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import swagger from '@fastify/swagger';
import fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import type { House } from '../commands/house';
import { ListenError } from '../errors';
import type { Gate } from '../session/listener';
import { boundHandshakes, renewCertificates, type TlsFiles, tlsServerOptions } from '../session/tls';
import type { Log } from '../telemetry/log';
import { VERSION } from '../version';
import { Connections } from './connections';
import { Desk } from './desk';
import { registerFetch } from './fetch';
import { JSON_TYPE } from './formats';
import { Guard } from './guard';
import { registerOperations } from './operations';
import { Origin } from './origin';
import { HttpProblem, problemBody } from './problem';
import { registerRest } from './rest';
import { routedUrl, VALUE } from './routing';
import { BODIES } from './schemas';
import { registerShelf, type Shelf } from './shelf';
import { registerSubscribe } from './subscribe';
import { answerFromMemory, registerValue } from './value';

export interface HttpOptions {
  readonly host: string;
  readonly port: number;
  readonly token: string | undefined;
  readonly allowedHosts: readonly string[];
  /** So many may try to agree on TLS at once. */
  readonly maxClients: number;
  /** 0: never. */
  readonly idleTimeout: number;
  readonly replyLimit: number;
  readonly upstreamTimeout: number;
  readonly originAllow: readonly string[];
  readonly shelfSize: number | undefined;
  /** Milliseconds that /fetch keeps what it has fetched. */
  readonly ttl: number;
  readonly tls: TlsFiles | undefined;
}

export interface HttpLimits {
  readonly bodySize: number;
  readonly headerSize: number;
  /** For the headers of a request, and for the whole of it. */
  readonly headersTimeout: number;
  readonly requestTimeout: number;
  /** What an origin may send to /fetch, and how long it may take. */
  readonly originSize: number;
  readonly originTimeout: number;
}

const LIMITS: HttpLimits = {
  bodySize: 32 * 1024 * 1024,
  headerSize: 16 * 1024,
  headersTimeout: 15_000,
  requestTimeout: 60_000,
  originSize: 16 * 1024 * 1024,
  originTimeout: 10_000,
};
const LONGEST_IDLE = 72_000;
const LOOK_FOR_SLOW_EVERY = 1_000;
const LOOK_FOR_IDLE_EVERY = 20;
const PATIENCE_WITH_SLOW = 2_000;
/** Answered to those who watch, whatever the limit for clients says. */
const WATCHING = new Set(['/metrics', '/healthz', '/readyz']);

export class HttpServer {
  readonly #options: HttpOptions;
  readonly #limits: HttpLimits;
  readonly #house: House;
  readonly #log: Log;
  readonly #connections: Connections;
  readonly #guard: Guard;
  readonly #desk: Desk;
  #app: FastifyInstance | undefined;
  #shelf: Shelf | undefined;
  #server: Server | undefined;
  #tlsServer: TlsServer | undefined;

  constructor(options: HttpOptions, house: House, gate: Gate, log: Log, limits: Partial<HttpLimits> = {}) {
    this.#options = options;
    this.#limits = { ...LIMITS, ...limits };
    this.#house = house;
    this.#log = log;
    this.#connections = new Connections(house, { ...options, admission: gate.admission });
    this.#guard = new Guard(options);
    const keepAlive = Math.floor(this.#keepAliveTimeout / 1000);
    this.#desk = new Desk({
      ...options,
      house,
      rateLimits: gate.rateLimits,
      log,
      keepAlive,
      connections: this.#connections,
    });
  }

  get port(): number {
    const address = this.#server?.address();
    return address && typeof address === 'object' ? (address as AddressInfo).port : this.#options.port;
  }

  get #keepAliveTimeout(): number {
    const { idleTimeout } = this.#options;
    return idleTimeout > 0 ? Math.min(idleTimeout, LONGEST_IDLE) : LONGEST_IDLE;
  }

  async open(): Promise<void> {
    const { host, port } = this.#options;
    const app = await this.#build();
    this.#app = app;
    try {
      await app.listen({ host, port });
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new ListenError(`cannot listen on ${host}:${port} for HTTP: ${why}`, { cause });
    }
  }

  renew(tls: TlsFiles): void {
    if (this.#tlsServer) renewCertificates(this.#tlsServer, tls);
  }

  /** Instead of opening the port: clients come by `receive`. */
  async attend(): Promise<void> {
    this.#app = await this.#build();
    // From then on the server looks for clients that are too slow with their requests.
    this.#server?.emit('listening');
  }

  /** A client that somebody else has accepted. */
  receive(socket: Socket): void {
    socket.setNoDelay(true);
    this.#server?.emit('connection', socket);
  }

  /** Nobody new; what was asked is answered, except what waits for others. Resolves when all are gone. */
  async drain(): Promise<void> {
    const app = this.#app;
    this.#app = undefined;
    if (!app) return;
    for (const stream of [...this.#desk.streams]) stream.closeAfterReplies();
    this.#connections.abandonBlocked(new HttpProblem(503, 'respite is shutting down'));
    // The server itself waits for connections on which no request has come yet, and for half of one without end.
    const { clock } = this.#house;
    const impatientAt = clock.now() + PATIENCE_WITH_SLOW;
    const tidying = clock.every(LOOK_FOR_IDLE_EVERY, () =>
      this.#connections.endIdle(clock.now() < impatientAt),
    );
    await Promise.all([app.close(), this.#connections.emptied()]);
    tidying.stop();
    this.#shelf?.close();
  }

  close(): void {
    const app = this.#app;
    this.#app = undefined;
    this.#connections.closeAll();
    this.#shelf?.close();
    void app?.close();
  }

  async #build(): Promise<FastifyInstance> {
    const app = fastify({
      serverFactory: (handler) => this.#serve(handler),
      rewriteUrl: ({ method, url }) => routedUrl(method, url ?? ''),
      bodyLimit: this.#limits.bodySize,
      clientErrorHandler: (problem, socket) => refuse(problem, socket),
    });
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    // The routes read bytes, and say themselves what is wrong with them: schemas describe.
    app.setValidatorCompiler(() => () => true);
    app.setSerializerCompiler(() => (value) => JSON.stringify(value));
    app.addHook('onRequest', (request, reply, done) => {
      this.#connections.begin(request.raw, reply.raw);
      this.#letIn(request, done);
    });
    app.addHook('onSend', (request, _reply, _payload, done) => {
      this.#connections.keepsUp(request.raw.socket);
      done();
    });
    app.setErrorHandler((problem: FastifyError, request, reply) => this.#answer(problem, request, reply));
    app.setNotFoundHandler(notFound);
    await app.register(swagger, { openapi: DESCRIPTION, transform: describeBody });
    registerValue(app, this.#desk);
    registerRest(app, this.#desk);
    this.#shelf = registerShelf(app, this.#desk, this.#options.shelfSize);
    registerFetch(app, { desk: this.#desk, origin: this.#origin(), ttl: this.#options.ttl });
    registerSubscribe(app, this.#desk);
    registerOperations(app, {
      desk: this.#desk,
      timeout: this.#options.upstreamTimeout,
      guarded: this.#options.token !== undefined,
    });
    await app.ready();
    return app;
  }

  #origin(): Origin | undefined {
    const { originAllow: allowed } = this.#options;
    const { originSize: mostBytes, originTimeout: timeout } = this.#limits;
    return allowed.length === 0 ? undefined : new Origin({ allowed, mostBytes, timeout });
  }

  #serve(handler: RequestListener): Server {
    const { tls } = this.#options;
    const settings: ServerOptions = {
      maxHeaderSize: this.#limits.headerSize,
      headersTimeout: this.#limits.headersTimeout,
      requestTimeout: this.#limits.requestTimeout,
      keepAliveTimeout: this.#keepAliveTimeout,
      connectionsCheckingInterval: LOOK_FOR_SLOW_EVERY,
      noDelay: true,
    };
    const listener: RequestListener = (request, response) => {
      const { socket } = request;
      this.#connections.awaken(socket);
      if (!this.#connections.keepsUp(socket)) return;
      if (!this.#answerAhead(request, response)) handler(request, response);
    };
    this.#tlsServer = tls && createTlsServer({ ...settings, ...tlsServerOptions(tls) }, listener);
    if (this.#tlsServer) boundHandshakes(this.#tlsServer, this.#options.maxClients);
    const server = this.#tlsServer ?? createServer(settings, listener);
    server.on(tls ? 'secureConnection' : 'connection', (socket: Socket) => this.#connections.enter(socket));
    server.on('tlsClientError', (problem: Error) =>
      this.#log.debug({ problem: problem.message }, 'a TLS client failed'),
    );
    this.#server = server;
    return server;
  }

  /** The commonest request of all. What is wrong with it is found again, and said, by the route. */
  #answerAhead(request: IncomingMessage, response: ServerResponse): boolean {
    const { method, url = '' } = request;
    if (method !== 'GET' || !this.#app || routedUrl(method, url) !== VALUE) return false;
    try {
      this.#guard.check(request, url);
      return answerFromMemory(this.#desk, request, response);
    } catch {
      return false;
    }
  }

  #letIn(request: FastifyRequest, done: (problem?: Error) => void): void {
    try {
      this.#guard.check(request.raw, request.originalUrl);
      if (!WATCHING.has(request.routeOptions.url ?? '')) this.#connections.checkAdmitted(request.raw.socket);
    } catch (problem) {
      done(problem instanceof Error ? problem : new Error(String(problem)));
      return;
    }
    done();
  }

  #answer(problem: FastifyError | HttpProblem, request: FastifyRequest, reply: FastifyReply): void {
    if (problem instanceof HttpProblem) {
      reply.code(problem.status).headers(problem.headers);
    } else {
      const status = problem.statusCode ?? 500;
      reply.code(status);
      if (status >= 500) this.#log.error({ problem, url: request.routeOptions.url }, 'a request failed');
    }
    const sentence =
      reply.statusCode === 413 ? `the body is larger than ${this.#limits.bodySize} bytes` : problem.message;
    void reply.header('content-type', JSON_TYPE).send(problemBody(sentence));
  }
}

const DESCRIPTION = {
  openapi: '3.0.3' as const,
  info: {
    title: 'respite',
    description:
      "A caching proxy that gives your Redis a rest: Redis commands over HTTP, by Upstash's conventions.",
    version: VERSION,
  },
  components: { securitySchemes: { token: { type: 'http' as const, scheme: 'bearer' } } },
  security: [{ token: [] }, {}],
};

function describeBody<Schema>({ schema, url, route }: Described<Schema>): { schema: Schema; url: string } {
  const body = route.method === 'GET' ? undefined : BODIES[url];
  return { schema: { ...schema, ...body }, url };
}

interface Described<Schema> {
  readonly schema: Schema;
  readonly url: string;
  readonly route: { readonly method: string | readonly string[] };
}

function notFound(request: FastifyRequest, reply: FastifyReply): void {
  const known = ['GET', 'HEAD', 'POST', 'PUT'].includes(request.method);
  if (!known) reply.header('allow', 'GET, HEAD, POST, PUT');
  void reply
    .code(known ? 404 : 405)
    .header('content-type', JSON_TYPE)
    .send(problemBody(`there is no route for ${request.method} here: see /openapi.json`));
}

const REFUSALS: Readonly<Record<string, readonly [status: string, sentence: string]>> = {
  HPE_HEADER_OVERFLOW: [
    '431 Request Header Fields Too Large',
    'the headers, the URL included, are too large',
  ],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'the request took too long to arrive'],
};

/** What never became a request. */
function refuse(problem: Error & { code?: string }, socket: Socket): void {
  if (problem.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, sentence] = REFUSALS[problem.code ?? ''] ?? [
    '400 Bad Request',
    `this is not HTTP: ${problem.message}`,
  ];
  const body = problemBody(sentence);
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: ${JSON_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
