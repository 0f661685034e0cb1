/** One worker as the owner of the ports sees it: its process, the clients it has, and those on their way to it. */
import { type ChildProcess, fork } from 'node:child_process';
import type { Socket } from 'node:net';
import path from 'node:path';
import { countersOf, type Reading } from '../telemetry/reading';
import type { Beginning, Order, Port, Report } from './messages';

export interface Client {
  readonly id: number;
  readonly port: Port;
  readonly seated: boolean;
  readonly socket: Socket;
}

export interface HandEvents {
  onReport(hand: Hand, report: Report): void;
  /** It has ended, and its clients are closed. `how`: its exit code or signal. */
  onEnd(hand: Hand, how: string): void;
}

const PROGRAM = path.join(__dirname, 'worker.js');

export class Hand {
  readonly number: number;
  readonly #child: ChildProcess;
  readonly #startedAt: number;
  /** Until a worker says that it has a socket, there is a copy here: if the worker dies, the client must not hang. */
  readonly #underWay = new Map<number, Socket>();
  ready = false;
  /** Clients with a seat, those on their way included. */
  seats = 0;
  #lastReading: Reading | undefined;
  /** The roll that has not been answered yet. */
  #roll: { readonly at: number; readonly lastId: number; seatedSince: number } | undefined;
  #lastId = 0;

  constructor(beginning: Beginning, now: number, events: HandEvents) {
    this.number = beginning.number;
    this.#startedAt = now;
    this.#child = fork(PROGRAM, [String(beginning.number)], {
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child.on('message', (report: Report) => events.onReport(this, report));
    // What could not be sent went to one that is gone: its end is told by `exit`.
    this.#child.on('error', () => undefined);
    let over = false;
    const end = (how: string) => {
      if (over) return;
      over = true;
      this.#abandon();
      events.onEnd(this, how);
    };
    this.#child.once('exit', (code, signal) => end(signal ?? `exit code ${code}`));
    this.#child.once('error', (problem) => {
      if (this.#child.pid === undefined) end(problem.message);
    });
    this.order(beginning);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  ageAt(now: number): number {
    return now - this.#startedAt;
  }

  /** How long it has not answered, though it was asked. */
  silentFor(now: number): number {
    return this.#roll ? now - this.#roll.at : 0;
  }

  /** The newest that is known, and what stays of it when it is gone. */
  get lastReading(): Reading | undefined {
    return this.#lastReading;
  }

  get remains(): Reading | undefined {
    return this.#lastReading && countersOf(this.#lastReading);
  }

  noteReading(reading: Reading): void {
    this.#lastReading = reading;
  }

  order(order: Order): void {
    if (this.#child.connected) this.#child.send(order, () => undefined);
  }

  receive({ id, port, seated, socket }: Client): void {
    this.#underWay.set(id, socket);
    this.#lastId = id;
    if (seated) this.#seat();
    if (!this.#child.connected) return;
    this.#child.send(
      { kind: 'client', id, port, seated } satisfies Order,
      socket,
      { keepOpen: true },
      () => undefined,
    );
  }

  #seat(): void {
    this.seats += 1;
    if (this.#roll) this.#roll.seatedSince += 1;
  }

  onArrived(id: number): void {
    this.#underWay.get(id)?.destroy();
    this.#underWay.delete(id);
  }

  onLeft(seats: number): void {
    this.seats = Math.max(0, this.seats - seats);
  }

  /** Asks who is there: one question at a time. */
  callRoll(now: number): void {
    if (this.#roll || !this.ready) return;
    this.#roll = { at: now, lastId: this.#lastId, seatedSince: 0 };
    this.order({ kind: 'roll' });
  }

  /** It has answered behind all that was sent before: a socket that has not arrived by now never will. */
  onPresent(seats: number, reading: Reading): void {
    const roll = this.#roll;
    this.#roll = undefined;
    this.noteReading(reading);
    if (!roll) return;
    this.seats = seats + roll.seatedSince;
    for (const id of this.#underWay.keys()) if (id <= roll.lastId) this.onArrived(id);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #abandon(): void {
    this.ready = false;
    for (const socket of this.#underWay.values()) socket.destroy();
    this.#underWay.clear();
  }
}
