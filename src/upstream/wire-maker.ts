/** Opens wires to the one backing Redis, and knows whether it is worth trying just now. */
import { connect, isIP, Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Clock } from '../clock';
import { describeAddress, type RedisAddress } from './address';
import type { HandshakeStep } from './handshake';
import type { Identity } from './identity';
import { Wire, type WireEvents } from './wire';

export interface WireMakerOptions {
  readonly address: RedisAddress;
  /** What a connection is before its client says who it is. */
  readonly home: Identity;
  readonly timeout: number;
  readonly ca: Buffer | undefined;
  readonly clock: Clock;
  /** Redis does not have this user any more, or not with this password. */
  onDisowned?(identity: Identity): void;
}

const OUT_OF_DESCRIPTORS = /\b(EMFILE|ENFILE)\b/;
/** In Redis's words, the older ones too. */
const DISOWNED = /^(WRONGPASS|NOAUTH|ERR invalid password|ERR AUTH <password>) /;

const FIRST_BACKOFF = 50;
const LONGEST_BACKOFF = 2_000;

export class WireMaker {
  readonly #options: WireMakerOptions;
  readonly #open = new Set<Wire>();
  readonly #parting = new Set<Wire>();
  #failures = 0;
  #retryAt = 0;
  /** Why the last attempt failed; undefined while the backing server is, as far as is known, there. */
  unreachable: string | undefined;

  constructor(options: WireMakerOptions) {
    this.#options = options;
  }

  get home(): Identity {
    return this.#options.home;
  }

  get openCount(): number {
    return this.#open.size;
  }

  open(identity: Identity, steps: readonly HandshakeStep[], events: WireEvents = {}): Wire {
    const refusal = this.#refusal();
    let ready = false;
    const wire = new Wire({
      connect: () => (refusal === undefined ? this.#connect() : new Socket()),
      steps,
      timeout: this.#options.timeout,
      parting: this.#parting,
      explain: (reason) => this.#explain(reason),
      events: {
        ...events,
        onReady: (opened) => {
          ready = true;
          this.noteReachable();
          events.onReady?.(opened);
        },
        onClosed: (closed, reason) => {
          this.#open.delete(closed);
          if (!ready && closed.failed && !OUT_OF_DESCRIPTORS.test(reason)) this.#noteFailure(reason);
          events.onClosed?.(closed, reason);
          if (isDisowned(closed, reason)) this.#options.onDisowned?.(identity);
        },
      },
    });
    if (refusal !== undefined) wire.close(refusal);
    else this.#open.add(wire);
    return wire;
  }

  noteReachable(): void {
    this.#failures = 0;
    this.#retryAt = 0;
    this.unreachable = undefined;
  }

  closeAll(reason: string): void {
    for (const wire of [...this.#open]) wire.close(reason);
  }

  /** While a failed attempt is fresh, nobody starts another: a server that comes up is not met by a stampede. */
  #refusal(): string | undefined {
    return this.#options.clock.now() < this.#retryAt ? this.unreachable : undefined;
  }

  #noteFailure(reason: string): void {
    const longest = Math.min(LONGEST_BACKOFF, FIRST_BACKOFF * 2 ** this.#failures);
    this.#failures += 1;
    this.#retryAt = this.#options.clock.now() + longest * (0.5 + Math.random() / 2);
    this.unreachable = reason;
  }

  #explain(reason: string): string {
    // Nothing is said about Redis by that: the next one may be opened as soon as somebody has left.
    if (OUT_OF_DESCRIPTORS.test(reason)) return 'no file descriptor is left (EMFILE)';
    return `cannot reach the backing Redis at ${describeAddress(this.#options.address)}: ${reason}`;
  }

  #connect(): Socket {
    const { address, ca } = this.#options;
    if (address.kind === 'unix') return connect({ path: address.path });
    if (address.kind === 'tcp') return connect({ host: address.host, port: address.port });
    // A certificate is for a name: Node refuses an IP address as one.
    const servername = isIP(address.host) === 0 ? { servername: address.host } : {};
    return connectTls({ host: address.host, port: address.port, ...servername, ...(ca ? { ca } : {}) });
  }
}

/** What ended this wire was that Redis refuses the user it was for. */
export function isDisowned(wire: Wire, reason: string): boolean {
  return wire.refused && DISOWNED.test(reason);
}
