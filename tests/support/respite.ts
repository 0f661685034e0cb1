/** The built program, started as users start it: dist/main.js with flags, its ports read from its log. */
import type { ChildProcess } from 'node:child_process';
import path from 'node:path';
import { RawClient } from './raw-client';
import { type Ending, endingOf, spawnTethered, within } from './tether';

const MAIN = path.resolve(__dirname, '../../dist/main.js');
const PATIENCE = 10_000;

/** One line of the log. The line that says that the proxy listens has `port`, and in `http` the other one or 'off'. */
export interface LogLine {
  level: string;
  msg: string;
  port?: number;
  http?: number | 'off';
  [field: string]: unknown;
}

export interface Finished extends Ending {
  stdout: string;
  stderr: string;
}

/** Runs the program until it ends by itself: --help, bad flags. */
export async function runRespite(flags: string[], env: NodeJS.ProcessEnv = {}): Promise<Finished> {
  const program = new Respite(flags, env);
  const ending = await within(PATIENCE, 'respite has not ended', program.ended);
  return { ...ending, stdout: program.stdout, stderr: program.stderr };
}

export class Respite {
  readonly ended: Promise<Ending>;
  readonly log: LogLine[] = [];
  stdout = '';
  stderr = '';
  port = 0;
  httpPort = 0;
  readonly #child: ChildProcess;
  #unfinished = '';
  #wake = new Set<() => void>();

  /** Use start(), which waits until it listens. `nodeFlags` are for Node itself; `descriptors` are its ulimit. */
  constructor(
    flags: string[],
    env: NodeJS.ProcessEnv = {},
    program = MAIN,
    nodeFlags: string[] = [],
    descriptors?: number,
  ) {
    const line = [process.execPath, ...nodeFlags, program, ...flags];
    const bounded = ['/bin/sh', '-c', `ulimit -n ${descriptors}; exec "$@"`, 'sh', ...line];
    const [first = '', ...args] = descriptors === undefined ? line : bounded;
    this.#child = spawnTethered(first, args, { env: { ...cleanEnvironment(), ...env } });
    this.#child.stdout?.on('data', (chunk: Buffer) => this.#onOutput(chunk.toString()));
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    this.ended = endingOf(this.#child);
  }

  /**
   * Both ports are free ones unless the flags name others. Without --redis it brings its own Redis. `main` is another
   * build's main.js: a mutant. With `descriptors`, it may have no more files and sockets than that.
   */
  static async start(
    flags: string[] = [],
    env: NodeJS.ProcessEnv = {},
    main = MAIN,
    nodeFlags: string[] = [],
    descriptors?: number,
  ): Promise<Respite> {
    const has = (flag: string) => flags.some((given) => given === flag || given.startsWith(`${flag}=`));
    const port = has('--port') ? [] : ['--port', '0'];
    const httpPort = has('--http-port') ? [] : ['--http-port', '0'];
    const program = new Respite([...port, ...httpPort, ...flags], env, main, nodeFlags, descriptors);
    try {
      const line = await program.logged((logged) => typeof logged.port === 'number');
      program.port = line.port ?? 0;
      program.httpPort = typeof line.http === 'number' ? line.http : 0;
      return program;
    } catch (error) {
      await program.kill();
      throw error;
    }
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error('respite is not running');
    return this.#child.pid;
  }

  client(): Promise<RawClient> {
    return RawClient.connect(this.port);
  }

  /** The first line of the log that fits, past or to come. */
  async logged(fits: (line: LogLine) => boolean, patience = PATIENCE): Promise<LogLine> {
    let look = () => {};
    const found = new Promise<LogLine>((resolve, reject) => {
      look = () => {
        const line = this.log.find(fits);
        if (line) resolve(line);
      };
      this.ended.then(() => reject(new Error(`respite ended: ${this.stderr}${this.stdout}`)), reject);
    });
    this.#wake.add(look);
    look();
    try {
      return await within(patience, () => `no such line in the log: ${this.stderr}${this.stdout}`, found);
    } finally {
      this.#wake.delete(look);
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Asks it to drain and waits until it is gone. May be called more than once. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ending> {
    this.#child.kill(signal);
    return within(PATIENCE, `respite does not end by ${signal}`, this.ended);
  }

  kill(): Promise<Ending> {
    return this.stop('SIGKILL');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill().then(() => {});
  }

  #onOutput(text: string): void {
    this.stdout += text;
    const lines = (this.#unfinished + text).split('\n');
    this.#unfinished = lines.pop() ?? '';
    for (const line of lines) if (line.startsWith('{')) this.log.push(JSON.parse(line));
    for (const wake of this.#wake) wake();
  }
}

/** The environment without variables that would be taken for flags. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => name !== 'REDIS_URL' && !name.startsWith('RESPITE_'),
  );
  return Object.fromEntries(kept);
}
