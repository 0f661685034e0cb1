/** Somebody with a connection of its own who does one thing after another, and connects anew when it is lost. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Failure } from './client';
import { type History, Session, type Via } from './history';
import type { KeySpace } from './key-space';
import type { Random } from './random';

/** Commands that were answered by an error, or not at all, by what was said. */
export class Failures {
  readonly texts = new Map<string, number>();

  get count(): number {
    let sum = 0;
    for (const times of this.texts.values()) sum += times;
    return sum;
  }

  note(text: string): void {
    const short = text.replace(/\d+/g, 'N').slice(0, 80);
    this.texts.set(short, (this.texts.get(short) ?? 0) + 1);
  }
}

/** What all actors of a run share. */
export interface Stage {
  readonly history: History;
  readonly space: KeySpace;
  /** Where to connect: the proxy's port, and Redis's own. */
  readonly ports: Readonly<Record<Via, number>>;
  readonly httpPort: number;
  /** Several workers: what a client of one has written, those of another see when Redis tells. */
  readonly apart: boolean;
  stopped: boolean;
  readonly failures: Failures;
  /** Of writes, by what they are. */
  readonly writes: Map<string, number>;
}

/** Somebody who takes part in a run. */
export interface Player {
  readonly name: string;
  /** What it still waits for, in words; empty when everything is answered. */
  readonly unanswered: string;
  /** Until the run is over. */
  run(): Promise<void>;
}

export interface Role {
  readonly name: string;
  readonly via: Via;
  readonly protocol: 2 | 3;
  readonly db?: number;
  readonly user?: string;
  /** A subscriber keeps its own connection to Redis for good; a tracker does, too. */
  readonly pinned?: 'subscriber' | 'tracker';
  /** Does one thing, and says how many operations that was. */
  act(actor: Actor): Promise<number>;
}

export class Actor implements Player {
  readonly stage: Stage;
  readonly role: Role;
  readonly random: Random;
  db: number;
  session: Session;
  #client: Client | undefined;
  #connections = 0;
  readonly #pace: Pace;

  /** `rate`: operations a second, at most. */
  constructor(stage: Stage, role: Role, random: Random, rate: number) {
    this.stage = stage;
    this.role = role;
    this.random = random;
    this.db = role.db ?? 0;
    this.session = new Session(role.name);
    this.#pace = new Pace(rate);
  }

  get name(): string {
    return this.role.name;
  }

  get client(): Client {
    if (!this.#client) throw new Error(`${this.role.name} has no connection`);
    return this.#client;
  }

  get unanswered(): string {
    return this.#client?.unanswered.join(', ') ?? '';
  }

  /** What it does now is counted under this name. */
  note(name: string): void {
    const { writes } = this.stage;
    writes.set(name, (writes.get(name) ?? 0) + 1);
  }

  async run(): Promise<void> {
    while (!this.stage.stopped) {
      if (!this.#client || this.#client.lost) {
        await this.#connect();
      } else {
        await this.#pace.after(await this.role.act(this));
      }
    }
    this.#client?.close();
  }

  leave(): void {
    this.#client?.close();
  }

  async #connect(): Promise<void> {
    try {
      this.#client = await Client.connect(this.stage.ports[this.role.via]);
    } catch {
      await sleep(10);
      return;
    }
    this.#connections += 1;
    this.session = new Session(`${this.role.name}.${this.#connections}`);
    if (await this.prepare()) return;
    this.#client.close();
    await sleep(10);
  }

  /** Makes a plain connection what the role says. False: Redis is not there. */
  async prepare(): Promise<boolean> {
    const { protocol, user, db, pinned } = this.role;
    this.db = db ?? 0;
    const answers = [];
    if (protocol === 3) answers.push(this.client.ask('HELLO', 3));
    if (user) answers.push(this.client.ask('AUTH', user, 'secret'));
    if (db) answers.push(this.client.ask('SELECT', db));
    if (pinned === 'tracker') answers.push(this.client.ask('CLIENT', 'TRACKING', 'ON', 'NOLOOP'));
    if (pinned === 'subscriber') {
      this.client.push('SUBSCRIBE', 'nothing');
      answers.push(this.client.ask('PING'));
    }
    return (await Promise.all(answers)).every((answer) => !(answer instanceof Failure));
  }
}

/** Not more than so many operations a second. */
export class Pace {
  readonly #rate: number;
  #due = 0;

  constructor(rate: number) {
    this.#rate = rate;
  }

  /** Waits as long as it should after so many operations. */
  async after(operations: number): Promise<void> {
    const now = performance.now();
    this.#due = Math.max(this.#due + (1000 * operations) / this.#rate, now - 20);
    if (this.#due > now + 1) await sleep(this.#due - now);
  }
}
