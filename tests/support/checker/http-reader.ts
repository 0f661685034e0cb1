/** A client of the HTTP port: one connection, one request after the other, reads of every kind and a write now and then. */
import http from 'node:http';
import { Pace, type Player, type Stage } from './actor';
import { type KeyHistory, Session } from './history';
import type { Random } from './random';

/** `{"result": …}` or `{"error": …}`. */
interface Outcome {
  readonly result?: unknown;
  readonly error?: string;
}

export class HttpReader implements Player {
  readonly name: string;
  readonly #stage: Stage;
  readonly #random: Random;
  readonly #pace: Pace;
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  readonly #session: Session;
  #asked = '';

  constructor(name: string, stage: Stage, random: Random, rate: number) {
    this.name = name;
    this.#stage = stage;
    this.#random = random;
    this.#pace = new Pace(rate);
    this.#session = new Session(name);
  }

  get unanswered(): string {
    return this.#asked;
  }

  async run(): Promise<void> {
    while (!this.#stage.stopped) {
      const operations = this.#random.oneIn(3) ? await this.#pipeline() : await this.#get();
      await this.#pace.after(operations);
    }
    this.#agent.destroy();
  }

  #key(): KeyHistory {
    return this.#stage.space.any(this.#random, 0);
  }

  async #get(): Promise<number> {
    const key = this.#key();
    const read = this.#stage.history.read(key, this.#session);
    this.#see(await this.#ask('GET', `/get/${encodeURIComponent(key.name)}`), (value) => read.saw(value));
    return 1;
  }

  async #pipeline(): Promise<number> {
    const commands: string[][] = [];
    const judges: ((outcome: Outcome | undefined) => void)[] = [];
    const add = (command: string[], judge: (outcome: Outcome | undefined) => void) => {
      commands.push(command);
      judges.push(judge);
    };
    for (let left = this.#random.between(1, 8); left > 0; left -= 1) this.#add(add);
    const outcomes = await this.#ask('POST', '/pipeline', JSON.stringify(commands));
    judges.forEach((judge, index) => {
      judge(Array.isArray(outcomes) ? outcomes[index] : undefined);
    });
    return commands.length;
  }

  #add(add: (command: string[], judge: (outcome: Outcome | undefined) => void) => void): void {
    const { history, space, apart } = this.#stage;
    if (this.#random.oneIn(12)) {
      const key = this.#key();
      const value = space.value(this.#random);
      const write = history.write([{ key, value }], apart ? 'beside' : 'proxy', this.#session);
      add(['SET', key.name, value], (outcome) => (outcome?.result === 'OK' ? write.done() : write.lost()));
    }
    if (this.#random.oneIn(3)) {
      const keys = space.some(this.#random, 0, 3);
      const reads = keys.map((key) => history.read(key, this.#session));
      add(['MGET', ...keys.map(({ name }) => name)], (outcome) => {
        const values = Array.isArray(outcome?.result) ? outcome.result : [];
        values.forEach((value, index) => {
          this.#see({ result: value }, (seen) => reads[index]?.saw(seen));
        });
      });
    } else {
      const key = this.#key();
      const read = history.read(key, this.#session);
      add(['GET', key.name], (outcome) => this.#see(outcome, (value) => read.saw(value)));
    }
  }

  #see(outcome: unknown, saw: (value: string | null) => void): void {
    const { result } = Object(outcome);
    if (typeof result === 'string' || result === null) saw(result);
    else this.#stage.failures.note(`HTTP: ${Object(outcome).error}`);
  }

  /** Undefined: no answer, or no JSON. */
  #ask(method: string, path: string, body = ''): Promise<unknown> {
    this.#asked = `${method} ${path} ${body}`;
    return new Promise<unknown>((resolve) => {
      const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
      const request = http.request(
        { host: '127.0.0.1', port: this.#stage.httpPort, method, path, headers, agent: this.#agent },
        (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (piece) => {
            text += piece;
          });
          response.on('close', () => resolve(parsed(text)));
        },
      );
      request.on('error', () => resolve(undefined));
      // Another connection may be another worker's, where what was seen on the one before is not known yet.
      request.on('socket', () => {
        if (this.#stage.apart && !request.reusedSocket) this.#session.forget();
      });
      request.end(body);
    }).finally(() => {
      this.#asked = '';
    });
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
