/**
 * The process that owns the ports when there are several workers: it accepts clients and serves none.
 *
 *     client ──connects──▶ entrance ──socket──▶ the worker with the fewest clients ──▶ a proxy like any other
 *
 * What holds for all workers together is kept here: seats, ids, rates, figures of workers that are gone. What one worker
 * asks of the others goes through here too. A worker that dies is replaced; only its own clients notice.
 */
import type { Socket } from 'node:net';
import { type Clock, systemClock, type Timer } from '../clock';
import type { Answers, Topic } from '../commands/neighbours';
import type { Options } from '../config/options';
import { OptionError, RespiteError } from '../errors';
import { announce, type Certificates, type ProxyAddress, warnOfRisks } from '../proxy';
import type { Log } from '../telemetry/log';
import { type Reading, sumReadings } from '../telemetry/reading';
import { type RedisAddress, unixAddress } from '../upstream/address';
import { type EmbeddedRedis, startEmbedded } from '../upstream/embedded';
import { Entrance } from './entrance';
import { type Client, Hand } from './hand';
import type { Grant } from './leased-rates';
import type { Port, Report } from './messages';
import { SharedRates } from './shared-rates';
import { optionsOf } from './shares';
import { Switchboard } from './switchboard';

const ROLL_EVERY = 1_000;
/** A worker that has not answered for so long is not asked, and gets no new clients while another one does. */
const SILENT = 3_000;
const TIDY_EVERY = 10_000;
const GOOD_AGE = 10_000;
const FIRST_BACKOFF = 100;
const LONGEST_BACKOFF = 5_000;

export class Supervisor {
  #options: Options;
  readonly #log: Log;
  readonly #clock: Clock = systemClock;
  readonly #startedAt = systemClock.now();
  readonly #entrances = new Map<Port, Entrance>();
  readonly #hands = new Map<number, Hand>();
  readonly #switchboard = new Switchboard(systemClock);
  readonly #rates: SharedRates | undefined;
  readonly #timers: Timer[] = [];
  /** Clients that came while no worker was there for them. */
  #waiting: Client[] = [];
  /** What workers have counted that are gone. */
  #remains: Reading[] = [];
  #embedded: EmbeddedRedis | undefined;
  #redis: RedisAddress | undefined;
  #redisVersion = '';
  #lastId = 0;
  #lastSerial = 0;
  #lastChosen = 0;
  #backoffs = 0;
  #starting: Starting | undefined;
  #stopping = false;
  #onAllGone: (() => void) | undefined;
  /** Resolves with the reason when the whole cannot go on by itself. */
  readonly failed: Promise<string>;
  #fail: (reason: string) => void = () => undefined;

  constructor(options: Options, log: Log) {
    this.#options = options;
    this.#log = log;
    const { rateLimit } = options;
    this.#rates = rateLimit === undefined ? undefined : new SharedRates(rateLimit, systemClock);
    this.failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
    const { host, port, httpHost, httpPort } = options;
    this.#addEntrance('resp', host, port);
    if (httpPort !== undefined) this.#addEntrance('http', httpHost, httpPort);
  }

  /** Resolves when all workers are ready. Rejects with what the first of them failed by. */
  async start(): Promise<void> {
    try {
      await this.#entrances.get('resp')?.open();
      await this.#entrances.get('http')?.open(' for HTTP');
      const redis = this.#options.redis ?? (await this.#startEmbedded());
      this.#redis = redis;
      await this.#startAll();
      announce(this.#log, this.#options, this.#address, redis, this.#redisVersion);
      warnOfRisks(this.#options, redis, this.#log);
    } catch (problem) {
      this.stopNow();
      await this.#embedded?.stop();
      throw problem;
    }
    this.#timers.push(
      this.#clock.every(ROLL_EVERY, () => this.#callRoll()),
      this.#clock.every(TIDY_EVERY, () => this.#rates?.tidy()),
    );
  }

  /** Nobody new; the workers deliver the answers in flight and end. */
  async stop(): Promise<void> {
    this.#beginStop();
    for (const hand of this.#hands.values()) {
      if (hand.ready) hand.order({ kind: 'drain' });
      else hand.kill();
    }
    if (this.#hands.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onAllGone = resolve;
      });
    }
    await this.#embedded?.stop();
  }

  stopNow(): void {
    this.#beginStop();
    for (const hand of this.#hands.values()) hand.kill();
    void this.#embedded?.stop();
  }

  /** For the clients that come from now on, of all workers that there are and will be. */
  renewCertificates({ tlsCert, tlsKey, tlsCa }: Certificates): void {
    const certificates = { tlsCert, tlsKey, tlsCa };
    this.#options = { ...this.#options, ...certificates };
    for (const hand of this.#hands.values()) hand.order({ kind: 'renew', certificates });
  }

  #beginStop(): void {
    this.#stopping = true;
    for (const entrance of this.#entrances.values()) entrance.close();
    for (const timer of this.#timers.splice(0)) timer.stop();
    for (const { socket } of this.#waiting.splice(0)) socket.destroy();
  }

  get #address(): ProxyAddress {
    const [resp, http] = [this.#entrances.get('resp'), this.#entrances.get('http')];
    return {
      host: resp?.host ?? '',
      port: resp?.port ?? 0,
      http: http && { host: http.host, port: http.port },
    };
  }

  #addEntrance(port: Port, host: string, number: number): void {
    const onClient = (socket: Socket) => this.#onClient(port, socket);
    this.#entrances.set(port, new Entrance(host, number, onClient, this.#log));
  }

  async #startEmbedded(): Promise<RedisAddress> {
    const embedded = await startEmbedded(this.#log);
    this.#embedded = embedded;
    void embedded.exited.then(() => {
      if (!this.#stopping) this.#fail('the embedded redis-server has ended');
    });
    return unixAddress(embedded.path);
  }

  // --- workers ---

  #startAll(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#starting = { resolve, reject, missing: this.#options.workers };
      for (let number = 1; number <= this.#options.workers; number += 1) this.#hire(number);
    });
  }

  #hire(number: number): void {
    if (this.#stopping || !this.#redis) return;
    this.#lastSerial += 1;
    const hand = new Hand(
      {
        kind: 'begin',
        number,
        serial: this.#lastSerial,
        options: optionsOf(this.#options, number),
        redis: this.#redis,
        address: this.#address,
        keysTracked: number === 1 ? this.#options.maxKeys : undefined,
      },
      this.#clock.now(),
      {
        onReport: (from, report) => this.#onReport(from, report),
        onEnd: (from, how) => this.#onEnd(from, how),
      },
    );
    this.#hands.set(number, hand);
  }

  #onReady(hand: Hand, redisVersion: string): void {
    hand.ready = true;
    this.#redisVersion = redisVersion;
    const starting = this.#starting;
    if (starting) {
      starting.missing -= 1;
      // Clients that have come meanwhile are shared out once all are there.
      if (starting.missing > 0) return;
      this.#starting = undefined;
      starting.resolve();
    } else {
      this.#log.info({ worker: hand.number, workerPid: hand.pid }, 'a worker has taken its place');
    }
    for (const client of this.#waiting.splice(0)) this.#send(client);
  }

  #onFailed(report: Extract<Report, { kind: 'failed' }>): void {
    const { option, code, message } = report;
    const problem = option ? new OptionError(message) : new RespiteError(code, message);
    if (this.#starting) this.#starting.reject(problem);
    else this.#log.error({ problem: message }, 'a worker could not start');
  }

  #onEnd(hand: Hand, how: string): void {
    const { number, pid, seats, remains } = hand;
    this.#hands.delete(number);
    this.#switchboard.onEnd(hand);
    this.#rates?.forget(hand);
    if (remains) this.#remains = [sumReadings([remains, ...this.#remains])];
    if (this.#hands.size === 0) this.#onAllGone?.();
    if (this.#stopping) return;
    if (this.#starting) {
      this.#starting.reject(
        new RespiteError('ERR_RESPITE_WORKER', `worker ${number} has ended while starting (${how})`),
      );
      return;
    }
    const wait = this.#backoffAfter(hand);
    this.#log.error(
      { worker: number, workerPid: pid, how, clientsClosed: seats, replacedIn: Math.round(wait) },
      'a worker has ended: its clients are closed, and another one takes its place',
    );
    this.#clock.after(wait, () => this.#hire(number));
  }

  /** One that has worked for a while is replaced at once. */
  #backoffAfter(hand: Hand): number {
    if (hand.ageAt(this.#clock.now()) >= GOOD_AGE) {
      this.#backoffs = 0;
      return 0;
    }
    const wait = Math.min(LONGEST_BACKOFF, FIRST_BACKOFF * 2 ** this.#backoffs);
    this.#backoffs += 1;
    return wait;
  }

  #callRoll(): void {
    for (const hand of this.#hands.values()) hand.callRoll(this.#clock.now());
  }

  // --- clients ---

  #onClient(port: Port, socket: Socket): void {
    // Whatever happens to it, somebody else will see.
    socket.on('error', () => undefined);
    if (this.#stopping) {
      socket.destroy();
      return;
    }
    this.#lastId += 1;
    const seated = this.#seatsTaken < this.#options.maxClients;
    this.#send({ id: this.#lastId, port, seated, socket });
  }

  get #seatsTaken(): number {
    let seats = this.#waiting.filter(({ seated }) => seated).length;
    for (const hand of this.#hands.values()) seats += hand.seats;
    return seats;
  }

  #send(client: Client): void {
    const hand = this.#starting ? undefined : this.#choose();
    if (hand) hand.receive(client);
    else this.#waiting.push(client);
  }

  /** The one with the fewest clients; of equals another one each time. */
  #choose(): Hand | undefined {
    const awake = this.#awake;
    const candidates = awake.length > 0 ? awake : this.#ready;
    candidates.sort((one, other) => this.#turnOf(one) - this.#turnOf(other));
    const chosen = candidates.reduce<Hand | undefined>(
      (best, hand) => (best && best.seats <= hand.seats ? best : hand),
      undefined,
    );
    if (chosen) this.#lastChosen = chosen.number;
    return chosen;
  }

  get #ready(): Hand[] {
    return [...this.#hands.values()].filter((hand) => hand.ready);
  }

  get #awake(): Hand[] {
    const now = this.#clock.now();
    return this.#ready.filter((hand) => hand.silentFor(now) < SILENT);
  }

  /** Those behind the last one chosen come first. */
  #turnOf({ number }: Hand): number {
    return number > this.#lastChosen ? number : number + this.#options.workers;
  }

  // --- what workers say ---

  #onReport(hand: Hand, report: Report): void {
    switch (report.kind) {
      case 'ready':
        this.#onReady(hand, report.redisVersion);
        return;
      case 'failed':
        this.#onFailed(report);
        return;
      case 'arrived':
        hand.onArrived(report.id);
        return;
      case 'left':
        hand.onLeft(report.seats);
        return;
      case 'present':
        hand.onPresent(report.seats, report.reading);
        return;
      case 'ask':
        this.#ask(hand, report);
        return;
      case 'answer':
        this.#switchboard.onAnswer(hand, report.id, report.answer);
        return;
      case 'news':
        for (const other of this.#ready) if (other !== hand) other.order(report);
        return;
      case 'charge':
        hand.order({ kind: 'tokens', id: report.id, ...this.#charge(hand, report) });
        return;
      case 'give back':
        this.#rates?.giveBack(hand, report.address, report.tokens);
        return;
      default:
        report satisfies never;
    }
  }

  #ask(asker: Hand, { id, question }: Extract<Report, { kind: 'ask' }>): void {
    const reply = (answers: readonly Answers[Topic][]) => asker.order({ kind: 'answers', id, answers });
    if (question.about !== 'reading') {
      const others = this.#awake.filter((hand) => hand !== asker);
      this.#switchboard.ask(question, others, reply);
      return;
    }
    this.#switchboard.ask(question, this.#awake, () => reply(this.#survey()));
  }

  /** All that is known of all, this process and those that are gone included. */
  #survey(): readonly Reading[] {
    const known = [...this.#hands.values()].map((hand) => hand.lastReading);
    const [first, ...others] = [...known.filter((reading) => reading !== undefined), ...this.#remains];
    if (!first) return [];
    const sum = sumReadings([first, ...others]);
    const { user, system } = process.cpuUsage();
    const figures = {
      ...sum.figures,
      processId: process.pid,
      uptime: this.#clock.now() - this.#startedAt,
      maxKeys: this.#options.maxKeys,
      maxMemory: this.#options.maxMemory,
    };
    return [
      {
        ...sum,
        figures,
        processorTime: sum.processorTime + user + system,
        memory: sum.memory + process.memoryUsage.rss(),
      },
    ];
  }

  #charge(hand: Hand, { address, needed, spare }: Extract<Report, { kind: 'charge' }>): Grant {
    return this.#rates?.charge(hand, address, needed, spare) ?? { granted: needed, wait: 0 };
  }
}

interface Starting {
  readonly resolve: () => void;
  readonly reject: (problem: Error) => void;
  missing: number;
}
