/** The crowd of a soak, in a process of its own: most are idle, some work and hold every reply against what it must be, some misbehave. */
import net from 'node:net';
import tls from 'node:tls';
import { RawClient } from '../support/raw-client';

export interface Task {
  readonly port: number;
  readonly tls: boolean;
  readonly idle: number;
  readonly active: number;
  readonly misbehaving: number;
  readonly seconds: number;
}

export interface Seen {
  readonly requests: number;
  readonly failed: number;
  /** The first few, in words. */
  readonly told: readonly string[];
  readonly misdeeds: number;
  readonly lostIdle: number;
  readonly p50: number;
  readonly p99: number;
  readonly slowest: number;
}

/** What the crowd tells the soak: everybody is there, and at the end what was seen. */
export type Word = { readonly kind: 'connected' } | { readonly kind: 'seen'; readonly seen: Seen };

/** Connecting at once, so many at most. */
const AT_ONCE = 100;
const PAUSE = 100;
const PATIENCE = 30_000;

function connect({ port, tls: secure }: Task): Promise<RawClient> {
  const where = { port, host: '127.0.0.1' };
  return secure
    ? RawClient.over(tls.connect({ ...where, rejectUnauthorized: false }), 'secureConnect')
    : RawClient.over(net.connect(where), 'connect');
}

async function gather(task: Task, count: number): Promise<RawClient[]> {
  const all: RawClient[] = [];
  while (all.length < count) {
    const some = Math.min(AT_ONCE, count - all.length);
    const clients = await Promise.all(Array.from({ length: some }, () => connect(task)));
    for (const client of clients) await client.ask('PING');
    all.push(...clients);
  }
  return all;
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

class Crowd {
  readonly #task: Task;
  readonly #until: number;
  readonly #times: number[] = [];
  readonly #told: string[] = [];
  #failed = 0;
  #misdeeds = 0;
  #lostIdle = 0;

  constructor(task: Task) {
    this.#task = task;
    this.#until = performance.now() + task.seconds * 1000;
  }

  async run(idle: readonly RawClient[], active: readonly RawClient[]): Promise<Seen> {
    const misdeeds = [half, deaf, garbage, slow, hasty];
    const bad = Array.from({ length: this.#task.misbehaving }, (_, at) =>
      this.#misbehave(misdeeds[at % misdeeds.length] ?? half),
    );
    await Promise.all(active.map((client, at) => this.#work(client, at)));
    this.#lostIdle = idle.filter(({ ended }) => ended).length;
    await Promise.all(bad);
    const times = this.#times.sort((one, other) => one - other);
    const at = (share: number) => times[Math.floor(share * (times.length - 1))] ?? Number.NaN;
    return {
      requests: times.length,
      failed: this.#failed,
      told: this.#told,
      misdeeds: this.#misdeeds,
      lostIdle: this.#lostIdle,
      p50: at(0.5),
      p99: at(0.99),
      slowest: at(1),
    };
  }

  get #over(): boolean {
    return performance.now() > this.#until;
  }

  /** Each has keys of its own, and one that all read. */
  async #work(client: RawClient, number: number): Promise<void> {
    const own = `own:${number}`;
    for (let round = 1; !this.#over; round += 1) {
      await this.#hold(client, ['SET', own, `${round}`], '+OK\r\n');
      await this.#hold(client, ['GET', own], bulk(`${round}`));
      await this.#hold(client, ['GET', 'shared'], bulk('shared'));
      await this.#hold(client, ['MGET', own, 'shared'], `*2\r\n${bulk(`${round}`)}${bulk('shared')}`);
      await this.#hold(client, ['INCR', own], `:${round + 1}\r\n`);
    }
  }

  async #hold(client: RawClient, words: string[], expected: string): Promise<void> {
    const begin = performance.now();
    try {
      client.send(
        words
          .map((word) => `${word} `)
          .join('')
          .concat('\r\n'),
      );
      const reply = (await client.reply(PATIENCE)).toString('latin1');
      if (reply !== expected) this.#fail(`${words.join(' ')}: ${JSON.stringify(reply.slice(0, 100))}`);
    } catch (problem) {
      this.#fail(`${words.join(' ')}: ${String(problem)}`);
    }
    this.#times.push(performance.now() - begin);
    await sleep(PAUSE * (0.5 + Math.random()));
  }

  #fail(told: string): void {
    this.#failed += 1;
    if (this.#told.length < 5) this.#told.push(told);
  }

  async #misbehave(misdeed: (client: RawClient) => Promise<void>): Promise<void> {
    await sleep(Math.random() * 2_000);
    while (!this.#over) {
      this.#misdeeds += 1;
      try {
        const client = await connect(this.#task);
        await misdeed(client);
        // With a RST: no port stays taken for a while.
        await client.reset();
      } catch {
        // To be cut off is what it was out for.
      }
      await sleep(1_000 + Math.random() * 1_000);
    }
  }
}

function bulk(text: string): string {
  return `$${text.length}\r\n${text}\r\n`;
}

async function half(client: RawClient): Promise<void> {
  client.send(`*2\r\n$3\r\nGET\r\n$1000000\r\n${'x'.repeat(Math.random() * 5_000)}`);
  await sleep(5_000);
}

async function deaf(client: RawClient): Promise<void> {
  client.pause();
  for (let at = 0; at < 25 && !client.socket.destroyed; at += 1) {
    client.send('GET big\r\n');
    await sleep(400);
  }
}

async function garbage(client: RawClient): Promise<void> {
  const starts = [
    '*',
    '*1000000\r\n$',
    '*2\r\n$-5\r\n',
    'POST / HTTP/1.1\r\n',
    '"',
    '*1\r\n$3000000000\r\n',
    '',
  ];
  const bytes = Buffer.from(Array.from({ length: 500 }, () => Math.floor(Math.random() * 256)));
  client
    .send(starts[Math.floor(Math.random() * starts.length)] ?? '')
    .send(bytes)
    .send('\r\n');
  await sleep(200);
}

async function slow(client: RawClient): Promise<void> {
  for (const byte of 'GET shared\r\nMULTI\r\n') {
    client.send(byte);
    await sleep(200);
  }
}

async function hasty(client: RawClient): Promise<void> {
  client.send('GET shared\r\nBLPOP nothing 0\r\n');
}

async function main(task: Task): Promise<void> {
  const tell = (word: Word) => process.send?.(word);
  const idle = await gather(task, task.idle);
  const active = await gather(task, task.active);
  tell({ kind: 'connected' });
  await new Promise((resolve) => process.once('message', resolve));
  tell({ kind: 'seen', seen: await new Crowd(task).run(idle, active) });
}

process.once('message', (task: Task) => {
  void main(task).catch((problem) => {
    console.error(problem);
    process.exit(1);
  });
});
