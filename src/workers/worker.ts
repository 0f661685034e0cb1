/** One worker: a proxy of its own that opens no port. Its clients are handed to it, accepted already. */
import type { Socket } from 'node:net';
import { systemClock } from '../clock';
import { OptionError, RespiteError } from '../errors';
import { type Certificates, RespiteProxy } from '../proxy';
import { createLog, type Log } from '../telemetry/log';
import { Arrivals } from './arrivals';
import { LeasedRates } from './leased-rates';
import { Line } from './line';
import type { Beginning, Order, Report } from './messages';

const FAILED = 1;

class Worker {
  readonly #proxy: RespiteProxy;
  readonly #arrivals: Arrivals;
  readonly #line: Line;
  #seatsFreed = 0;
  #started = false;
  #renewWhenStarted: Certificates | undefined;

  constructor({ number, serial, options, redis, address, keysTracked }: Beginning) {
    this.#line = new Line(report, systemClock);
    this.#arrivals = new Arrivals(serial, options.maxClients, () => this.#onSeatFree());
    const { rateLimit, workers } = options;
    const log = createLog(options).child({ worker: number });
    endOnMistakes(log);
    this.#proxy = new RespiteProxy(options, log, {
      redis,
      address,
      keysTracked,
      neighbours: this.#line,
      admission: this.#arrivals,
      nextId: this.#arrivals.nextId,
      rateLimits:
        rateLimit === undefined ? undefined : new LeasedRates(rateLimit, workers, this.#line, systemClock),
    });
  }

  async start(): Promise<void> {
    await this.#proxy.start();
    this.#arrivals.guests = this.#proxy.guests;
    this.#started = true;
    if (this.#renewWhenStarted) this.#renew(this.#renewWhenStarted);
    report({ kind: 'ready', redisVersion: this.#proxy.reading().figures.redisVersion });
  }

  onOrder(order: Order, socket: Socket | undefined): void {
    switch (order.kind) {
      case 'begin':
        return;
      case 'client':
        this.#receive(order, socket);
        return;
      case 'roll':
        // Those who have left are not in the number that follows.
        this.#reportSeatsFreed();
        report({ kind: 'present', seats: this.#arrivals.seats, reading: this.#proxy.reading() });
        return;
      case 'question':
        void this.#answer(order);
        return;
      case 'answers':
      case 'tokens':
        this.#line.onAnswer(order.id, order);
        return;
      case 'news':
        this.#proxy.hear(order.news);
        return;
      case 'renew':
        this.#renew(order.certificates);
        return;
      case 'drain':
        void this.#drain();
        return;
      default:
        order satisfies never;
    }
  }

  #receive({ id, port, seated }: Extract<Order, { kind: 'client' }>, socket: Socket | undefined): void {
    report({ kind: 'arrived', id });
    if (!socket) {
      if (seated) this.#onSeatFree();
    } else if (this.#arrivals.arrive(socket, { id, seated })) {
      this.#proxy.receive(port, socket);
    }
  }

  async #answer({ id, question }: Extract<Order, { kind: 'question' }>): Promise<void> {
    report({ kind: 'answer', id, answer: await this.#proxy.answer(question) });
  }

  /** Many may leave at once. */
  #onSeatFree(): void {
    this.#seatsFreed += 1;
    if (this.#seatsFreed === 1) setImmediate(() => this.#reportSeatsFreed());
  }

  #reportSeatsFreed(): void {
    if (this.#seatsFreed > 0) report({ kind: 'left', seats: this.#seatsFreed });
    this.#seatsFreed = 0;
  }

  #renew(certificates: Certificates): void {
    if (this.#started) this.#proxy.renewCertificates(certificates);
    else this.#renewWhenStarted = certificates;
  }

  async #drain(): Promise<void> {
    await this.#proxy.stop();
    process.exit(0);
  }
}

let worker: Worker | undefined;

async function begin(order: Beginning): Promise<void> {
  try {
    worker = new Worker(order);
    await worker.start();
  } catch (problem) {
    const message = problem instanceof RespiteError ? problem.message : describe(problem);
    const code = problem instanceof RespiteError ? problem.code : '';
    const failure: Report = { kind: 'failed', option: problem instanceof OptionError, code, message };
    process.send?.(failure, () => process.exit(FAILED));
  }
}

/** A mistake of ours: another worker takes the place of this one. */
function endOnMistakes(log: Log): void {
  process.on('uncaughtException', (problem, origin) => {
    log.fatal({ err: problem, origin }, 'a mistake in respite itself: this worker ends here');
    process.stderr.write(`respite: ${describe(problem)}\n`);
    process.exit(FAILED);
  });
}

function describe(problem: unknown): string {
  return String(problem instanceof Error ? problem.stack : problem);
}

function report(message: Report): void {
  if (process.connected) process.send?.(message);
}

process.on('message', (order: Order, socket: Socket | undefined) => {
  if (order.kind === 'begin') void begin(order);
  else worker?.onOrder(order, socket);
});
// Without the owner of the ports nobody would ever stop this process.
process.once('disconnect', () => process.exit(FAILED));
// A terminal and a service manager send these to every process: the owner of the ports says when to drain.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
