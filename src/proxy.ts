/** The composition root: everything that makes one proxy, its start, its draining and its stop. */
import type { Socket } from 'node:net';
import { Store } from './cache/store';
import { systemClock, type Timer } from './clock';
import { Drops } from './coherence/drops';
import { Fence } from './coherence/fence';
import { type Coherence, HEARTBEAT } from './coherence/tracker';
import { Untold } from './coherence/untold';
import { answerNeighbour, hearNews } from './commands/answering';
import { type BackingKnowledge, Guests, type House } from './commands/house';
import { Links } from './commands/links';
import type { Answers, Neighbours, News, Question, Topic } from './commands/neighbours';
import { type CommandReply, CommandTable } from './commands/table';
import { WideFence } from './commands/wide-fence';
import { type Options, type ProxyOptions, resolveOptions } from './config/options';
import { OptionError } from './errors';
import { HttpServer } from './http/server';
import { type Admission, GuestLimit } from './session/admission';
import { type Gate, Listener } from './session/listener';
import { type Limiters, RateLimits } from './session/rate-limiter';
import { Descriptors } from './telemetry/descriptors';
import { createLatencies } from './telemetry/latency';
import { createLog, type Log } from './telemetry/log';
import { type Reading, takeReading } from './telemetry/reading';
import { createStats, type Figures } from './telemetry/stats';
import { describeAddress, type RedisAddress, unixAddress } from './upstream/address';
import { Backing } from './upstream/backing';
import { type EmbeddedRedis, startEmbedded } from './upstream/embedded';
import { ExclusivePool } from './upstream/exclusive-pool';
import type { Identity } from './upstream/identity';
import { WireMaker } from './upstream/wire-maker';
import { VERSION } from './version';

export interface ProxyAddress {
  readonly host: string;
  readonly port: number;
  /** Undefined without an HTTP port. */
  readonly http: { readonly host: string; readonly port: number } | undefined;
}

export interface Proxy {
  /** Where clients connect. Only while the proxy runs. */
  readonly address: ProxyAddress;
  /** The figures of INFO respite. */
  figures(): Figures;
  /** Resolves when both ports are open, whether or not the backing Redis can be reached yet. */
  start(): Promise<void>;
  /** Lets nobody new in, delivers the answers in flight, closes everything. */
  stop(): Promise<void>;
  /** Closes everything at once. */
  stopNow(): void;
}

/** A proxy with these options, which are the flags of the command line. Throws an OptionError when one is wrong. */
export function createProxy(options: ProxyOptions = {}): Proxy {
  const resolved = resolveOptions({ logLevel: 'silent', ...options });
  if (resolved.workers > 1) {
    throw new OptionError(
      `workers ${resolved.workers} is not accepted in a program: give 1, or start the command respite with --workers ${resolved.workers}`,
    );
  }
  return new RespiteProxy(resolved, createLog(resolved));
}

/** What SIGHUP reads again. */
export type Certificates = Pick<Options, 'tlsCert' | 'tlsKey' | 'tlsCa'>;

/** What a proxy that is one of several workers is given, and makes for itself when it is alone. */
export interface Membership {
  readonly redis: RedisAddress;
  /** Where clients connect: the ports belong to somebody else. */
  readonly address: ProxyAddress;
  readonly neighbours: Neighbours;
  readonly admission: Admission;
  readonly rateLimits: Limiters | undefined;
  /** The id of the next client. */
  readonly nextId: () => number;
  /** The keys of all workers together, for the one of them that warns when Redis cannot track so many. */
  readonly keysTracked: number | undefined;
}

const TIDY_EVERY = 10_000;
const SWEEP_EVERY = 100;
const SWEEP_SLOTS = 2_000;

export class RespiteProxy implements Proxy {
  readonly #options: Options;
  readonly #log: Log;
  readonly #member: Membership | undefined;
  readonly #timers: Timer[] = [];
  #running: Running | undefined;
  /** Resolves with the reason when the proxy cannot go on by itself. */
  readonly failed: Promise<string>;
  #fail: (reason: string) => void = () => undefined;

  constructor(options: Options, log: Log, member?: Membership) {
    this.#options = options;
    this.#log = log;
    this.#member = member;
    this.failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
  }

  get address(): ProxyAddress {
    const { listener, http } = this.#mustRun();
    if (this.#member) return this.#member.address;
    const { host, httpHost } = this.#options;
    return { host, port: listener.port, http: http && { host: httpHost, port: http.port } };
  }

  figures(): Figures {
    return this.reading().figures;
  }

  reading(): Reading {
    return this.#mustRun().house.reading();
  }

  get guests(): Guests {
    return this.#mustRun().house.guests;
  }

  /** A client that somebody else has accepted. */
  receive(port: 'resp' | 'http', socket: Socket): void {
    const running = this.#running;
    if (!running) socket.destroy();
    else if (port === 'http') running.http?.receive(socket);
    else running.listener.receive(socket);
  }

  answer(question: Question): Answers[Topic] | Promise<Answers[Topic]> {
    const { house, fence } = this.#mustRun();
    return answerNeighbour(question, house, fence);
  }

  hear(news: News): void {
    if (this.#running) hearNews(news, this.#running.house);
  }

  async start(): Promise<void> {
    const options = this.#options;
    const member = this.#member;
    const given = member?.redis ?? options.redis;
    const embedded = given ? undefined : await startEmbedded(this.#log);
    const address = given ?? unixAddress(embedded?.path ?? '');
    const running = build(options, address, this.#log, () => this.address.port, member);
    this.#running = { ...running, embedded };
    void embedded?.exited.then(() => {
      if (this.#running) this.#fail('the embedded redis-server has ended');
    });
    await running.backing.open();
    try {
      await this.#openDoors(running);
    } catch (problem) {
      this.stopNow();
      throw problem;
    }
    this.#startTimers(running);
    if (!member) {
      announce(this.#log, options, this.address, address, running.backing.version);
      warnOfRisks(options, address, this.#log);
    }
    const keysTracked = member ? member.keysTracked : options.maxKeys;
    if (keysTracked !== undefined)
      await warnOfSmallTable(options.coherence, keysTracked, running.backing, this.#log);
  }

  async #openDoors({ listener, http }: Running): Promise<void> {
    if (this.#member) {
      await http?.attend();
      return;
    }
    await listener.open();
    await http?.open();
  }

  async stop(): Promise<void> {
    const running = this.#running;
    if (!running) return;
    await Promise.all([running.listener.drain(), running.http?.drain()]);
    this.stopNow();
    await running.embedded?.stop();
  }

  stopNow(): void {
    const running = this.#running;
    this.#running = undefined;
    for (const timer of this.#timers.splice(0)) timer.stop();
    if (!running) return;
    running.listener.close();
    running.http?.close();
    running.house.links.close();
    running.house.pool.close();
    running.maker.closeAll('shutting down');
    running.backing.close();
    void running.embedded?.stop();
  }

  /** New certificates for both ports, where TLS is in use. Who is connected stays connected. */
  renewCertificates(options: Certificates): void {
    const { listener, http } = this.#mustRun();
    const tls = tlsOptions(options);
    if (!tls) return;
    listener.renew(tls);
    http?.renew(tls);
  }

  #mustRun(): Running {
    if (!this.#running) throw new Error('the proxy is not running: await proxy.start() first');
    return this.#running;
  }

  #startTimers({ house, backing }: Running): void {
    const { clock } = house;
    this.#timers.push(
      clock.every(HEARTBEAT, () => {
        house.links.heartbeat();
        if (house.store.keys > 0 || house.guests.size > 0) void backing.readRights();
      }),
      clock.every(TIDY_EVERY, () => house.pool.tidy()),
      clock.every(SWEEP_EVERY, () => house.store.sweep(clock.now(), SWEEP_SLOTS)),
    );
  }
}

export function announce(
  log: Log,
  options: Options,
  { host, port, http }: ProxyAddress,
  redis: RedisAddress,
  redisVersion: string,
): void {
  log.info(
    {
      port,
      host,
      http: http?.port ?? 'off',
      redis: describeAddress(redis),
      redisVersion: redisVersion || 'unknown',
      coherence: options.coherence,
      ...(options.workers > 1 ? { workers: options.workers } : {}),
    },
    'respite is ready',
  );
}

/** What an operator should hear before something goes wrong. */
export function warnOfRisks(options: Options, address: RedisAddress, log: Log): void {
  const open = !isLoopback(options.host);
  if (open && options.requirepass === undefined && options.tlsCa === undefined) {
    log.warn(
      { host: options.host },
      'anybody who reaches this address can use Redis: set --requirepass or --tls-ca',
    );
  }
  if (address.password !== undefined && options.requirepass === undefined) {
    const message = 'every client that does not AUTH is the Redis user that --redis names';
    if (open) log.warn({ user: address.username ?? 'default' }, message);
    else log.info({ user: address.username ?? 'default' }, message);
  }
}

async function warnOfSmallTable(
  coherence: Coherence,
  maxKeys: number,
  backing: Backing,
  log: Log,
): Promise<void> {
  const tracked = Number(await backing.setting('tracking-table-max-keys'));
  if (coherence === 'tracking' && tracked > 0 && maxKeys > tracked * TABLE_NEARLY_FULL) {
    log.warn(
      { maxKeys, trackingTableMaxKeys: tracked },
      'Redis forgets which keys are cached here, and drops them: raise its tracking-table-max-keys or lower --max-keys',
    );
  }
}

const TABLE_NEARLY_FULL = 0.8;

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

interface Running {
  readonly house: House;
  /** The one of this process alone, whatever the house's reaches. */
  readonly fence: Fence;
  readonly listener: Listener;
  readonly http: HttpServer | undefined;
  readonly backing: Backing;
  readonly maker: WireMaker;
  readonly embedded?: EmbeddedRedis | undefined;
}

function build(
  options: Options,
  address: RedisAddress,
  log: Log,
  port: () => number,
  member: Membership | undefined,
): Running {
  const clock = systemClock;
  const stats = createStats();
  const latencies = createLatencies();
  const startedAt = clock.now();
  const home = homeOf(address);
  const maker = new WireMaker({
    address,
    home,
    timeout: options.upstreamTimeout,
    ca: options.redisCa,
    clock,
    onDisowned: (identity) => guests.dismiss((guest) => guest.sharesFateOf(identity)),
  });
  const guests = new Guests(member?.nextId);
  const store = new Store({ ...options, keepsStale: options.staleIfError > 0 });
  const pool = new ExclusivePool(maker, clock);
  const knowledge = new Knowledge();
  const backing = new Backing(
    { address, timeout: options.upstreamTimeout, ca: options.redisCa, clock },
    {
      onFound: () => maker.noteReachable(),
      onTable: (reply) => {
        knowledge.table = CommandTable.from(reply as CommandReply[]);
      },
      onRights: (changed, askedAt) => {
        for (const user of changed) links.forgetUser(user);
        links.reassessRights();
        if (askedAt !== undefined)
          guests.dismiss(({ face, userSince }) => userSince < askedAt && !backing.knowsUser(face.user));
        // Those were opened when nobody was asked who he is.
        if (backing.asksForPassword && changed.includes('default')) pool.closeUser('');
      },
    },
    log,
  );
  knowledge.backing = backing;
  const modes = new ModeReporter(log);
  const untold = new Untold();
  const links = new Links({
    maker,
    store,
    clock,
    stats,
    settings: options,
    untold,
    onCoherence: (_identity, mode, why) => modes.report(mode, why),
    isUnrestricted: (user) => backing.isUnrestricted(user),
  });
  const trackers = () => links.trackers;
  const neighbours = member?.neighbours;
  const fence = new Fence(trackers, stats);
  const house: House = {
    store,
    links,
    pool,
    drops: new Drops(store, trackers),
    fence: neighbours ? new WideFence(fence, neighbours) : fence,
    untold,
    stats,
    latencies,
    clock,
    guests,
    descriptors: new Descriptors(() => guests.size + maker.openCount, log),
    home,
    password: options.requirepass,
    backing: knowledge,
    neighbours,
    pausedUntil: 0,
    reading,
    survey: async () => (await neighbours?.ask({ about: 'reading' }))?.[0] ?? reading(),
  };
  // The home identity is always there: its link is warm before the first client asks.
  const homeLink = links.join(home, false);
  homeLink.tracker.warm();
  const { rateLimit } = options;
  const gate: Gate = member ?? {
    admission: new GuestLimit(house.guests, options.maxClients),
    rateLimits: rateLimit === undefined ? undefined : new RateLimits(rateLimit),
  };
  const listener = new Listener(listenerOptions(options), house, gate, log);
  const { httpPort } = options;
  const http =
    httpPort === undefined ? undefined : new HttpServer(httpOptions(options, httpPort), house, gate, log);
  return { house, fence, listener, http, backing, maker };

  function reading(): Reading {
    return takeReading(figures(), latencies);
  }

  function figures(): Figures {
    const now = clock.now();
    const { tracker } = homeLink;
    return {
      ...stats,
      version: VERSION,
      processId: process.pid,
      port: port(),
      workers: options.workers,
      uptime: now - startedAt,
      coherence: tracker.mode,
      upstream: backing.connected ? 'up' : 'down',
      redisVersion: backing.version,
      clients: house.guests.size,
      keys: store.keys,
      bytes: store.bytes,
      maxKeys: options.maxKeys,
      maxMemory: options.maxMemory,
      evictions: store.evictions,
      expirations: store.expirations,
      fillsInFlight: sum(trackers(), (each) => each.register.inFlight),
      links: links.size,
      upstreamConnections: maker.openCount,
      sinceLastPush: tracker.pushedAt === 0 ? undefined : now - tracker.pushedAt,
      sinceLastHeartbeat: tracker.heardAt === 0 ? undefined : now - tracker.heardAt,
    };
  }
}

/** What conversations ask about the backing server; the table is there, if empty, before the server is. */
class Knowledge implements BackingKnowledge {
  table = CommandTable.from([]);
  backing: Backing | undefined;

  get asksForPassword(): boolean {
    return this.backing?.asksForPassword ?? false;
  }

  get tableKnown(): boolean {
    return this.backing?.tableKnown ?? false;
  }

  knowsUser(name: string): boolean {
    return this.backing?.knowsUser(name) ?? false;
  }

  wasUnrestricted(user: string): boolean {
    return this.backing?.wasUnrestricted(user) ?? false;
  }

  async reloadRights(): Promise<void> {
    await this.backing?.reloadRights();
  }

  reloadTable(): Promise<void> {
    return this.backing?.reloadTable() ?? Promise.resolve();
  }

  learnAs(identity: Identity): Promise<void> {
    return this.backing?.learnAs(identity.user, identity.password) ?? Promise.resolve();
  }
}

/** Says once when Redis will not tell what changes, and once when it does again. */
class ModeReporter {
  readonly #log: Log;
  #told: Coherence = 'tracking';

  constructor(log: Log) {
    this.#log = log;
  }

  report(mode: Coherence, why: string | undefined): void {
    if (mode === this.#told) return;
    this.#told = mode;
    if (mode === 'tracking') this.#log.info('Redis says again what changes: back to --coherence tracking');
    else if (why !== undefined)
      this.#log.warn({ why }, 'Redis does not say what changes: entries live by --ttl alone');
  }
}

function homeOf(address: RedisAddress): Identity {
  const user = address.password === undefined ? '' : (address.username ?? 'default');
  return {
    user: Buffer.from(user).latin1Slice(),
    password: latin1(address.password),
    byPasswordAlone: address.username === undefined,
    db: address.db,
  };
}

/** Texts of the protocol are latin1 here, one character for each byte. */
function latin1(text: string | undefined): string | undefined {
  return text === undefined ? undefined : Buffer.from(text).latin1Slice();
}

function listenerOptions(options: Options): ConstructorParameters<typeof Listener>[0] {
  return {
    host: options.host,
    port: options.port,
    maxClients: options.maxClients,
    outputLimit: options.clientOutputLimit,
    idleTimeout: options.clientTimeout,
    tls: tlsOptions(options),
  };
}

function httpOptions(options: Options, port: number): ConstructorParameters<typeof HttpServer>[0] {
  return {
    host: options.httpHost,
    port,
    token: options.httpToken ?? options.requirepass,
    allowedHosts: options.httpAllowHost,
    maxClients: options.maxClients,
    idleTimeout: options.clientTimeout,
    replyLimit: options.clientOutputLimit,
    upstreamTimeout: options.upstreamTimeout,
    originAllow: options.originAllow,
    shelfSize: options.shelfSize,
    ttl: options.ttl,
    tls: tlsOptions(options),
  };
}

function tlsOptions({ tlsCert: cert, tlsKey: key, tlsCa: ca }: Certificates) {
  return cert && key ? { cert, key, ca } : undefined;
}

function sum<T>(each: Iterable<T>, figure: (one: T) => number): number {
  let total = 0;
  for (const one of each) total += figure(one);
  return total;
}
