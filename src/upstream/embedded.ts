/** The private redis-server that respite brings when it is given none: on a unix socket, with nothing on disk. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import type { Writable } from 'node:stream';
import { EmbeddedError } from '../errors';
import type { Log } from '../telemetry/log';

export interface EmbeddedRedis {
  /** The path of its unix socket. */
  readonly path: string;
  /** Such as '7.0.15'. */
  readonly version: string;
  readonly pid: number;
  /** Settles when it has ended, for whatever reason: with its exit code, or null when a signal ended it. */
  readonly exited: Promise<number | null>;
  /** Ends it and removes its folder. May be called more than once. */
  stop(): Promise<void>;
}

// It must not outlive respite, not even when respite is killed and can do nothing about it. So a subshell waits on
// descriptor 3, the other end of which only respite holds. A line there: all is well, the server has ended. End of
// file: respite is gone; kill the server (there is nothing in it to save) and remove the folder. The shell itself
// becomes redis-server, so that the pid we know is the server's.
const TETHERED_START = `
  (read -r ended <&3 || { kill -KILL $$; rm -rf "$RESPITE_FOLDER"; }) >/dev/null 2>&1 &
  exec redis-server "$@" 3<&-
`;
const NOT_FOUND = 127;
const PATIENCE = 10_000;
const GRACE = 1_000;
const BETWEEN_TRIES = 10;
const LAST_WORDS = 4_096;

export async function startEmbedded(log: Log): Promise<EmbeddedRedis> {
  // Readable by this user alone, and so is the socket in it.
  const folder = await mkdtemp(path.join(os.tmpdir(), 'respite-'));
  const socket = path.join(folder, 'redis.sock');
  const server = new Server(folder, socket, log);
  try {
    const version = await server.answering(socket);
    log.info(
      { socket, redisPid: server.pid, version },
      `no --redis was given: started a private redis-server that keeps nothing on disk; reach it with redis-cli -s ${socket}`,
    );
    return { path: socket, version, pid: server.pid, exited: server.exited, stop: () => server.stop() };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

class Server {
  readonly exited: Promise<number | null>;
  readonly #child: ChildProcess;
  readonly #log: Log;
  #lastWords = '';
  #running = true;

  constructor(folder: string, socket: string, log: Log) {
    this.#log = log;
    this.#child = spawn('/bin/sh', ['-c', TETHERED_START, 'respite', ...serverArguments(folder, socket)], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      env: { ...process.env, RESPITE_FOLDER: folder },
      // A session of its own: Ctrl-C in a terminal is for respite, which stops this one when it has drained.
      detached: true,
    });
    this.#child.stdout?.on('data', (words: Buffer) => this.#onWords(words));
    this.#child.stderr?.on('data', (words: Buffer) => this.#onWords(words));
    this.exited = new Promise((resolve) => {
      this.#child.once('error', (error) => this.#onEnd(folder, `${error}`).then(() => resolve(NOT_FOUND)));
      this.#child.once('exit', (code) => this.#onEnd(folder, '').then(() => resolve(code)));
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Waits until it answers, and gives its version. */
  async answering(socket: string): Promise<string> {
    const deadline = performance.now() + PATIENCE;
    while (this.#running && performance.now() < deadline) {
      const version = await askVersion(socket);
      if (version !== undefined) return version;
      await new Promise((resolve) => setTimeout(resolve, BETWEEN_TRIES));
    }
    throw await this.#failure();
  }

  async stop(): Promise<void> {
    if (this.#running) this.#child.kill('SIGTERM');
    const impatient = setTimeout(() => this.#child.kill('SIGKILL'), GRACE);
    await this.exited;
    clearTimeout(impatient);
  }

  async #onEnd(folder: string, words: string): Promise<void> {
    this.#running = false;
    this.#lastWords += words;
    tetherOf(this.#child)?.end('\n');
    await rm(folder, { recursive: true, force: true });
  }

  #onWords(words: Buffer): void {
    const text = words.toString();
    this.#lastWords = (this.#lastWords + text).slice(-LAST_WORDS);
    for (const line of text.split('\n')) if (line.trim() !== '') this.#log.debug({ redis: line.trim() });
  }

  async #failure(): Promise<EmbeddedError> {
    if (this.#running) return new EmbeddedError(`redis-server does not answer after ${PATIENCE / 1000} s`);
    if ((await this.exited) === NOT_FOUND) {
      return new EmbeddedError(
        'there is no redis-server on PATH to start as the embedded default: install one ' +
          '(apt-get install redis-server, brew install redis, apk add redis), ' +
          'or name a Redis that runs already: --redis redis://host:6379',
      );
    }
    return new EmbeddedError(`redis-server ended while starting: ${this.#lastWords.trim()}`);
  }
}

function serverArguments(folder: string, socket: string): string[] {
  return [
    ...['--port', '0', '--unixsocket', socket, '--unixsocketperm', '700'],
    ...['--save', '', '--appendonly', 'no', '--dir', folder, '--daemonize', 'no'],
  ];
}

function tetherOf(child: ChildProcess): Writable | undefined {
  const pipe = child.stdio[3];
  if (!pipe || !('end' in pipe)) return undefined;
  // It may be closed already: then there is nobody left to tell.
  pipe.on('error', () => {});
  return pipe;
}

/** Undefined while it does not answer. */
function askVersion(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = net.connect({ path }, () => socket.write('INFO server\r\n'));
    socket.on('data', (bytes) => {
      answer += bytes.toString();
      const version = /redis_version:([^\r]+)\r/.exec(answer)?.[1];
      if (version !== undefined) {
        resolve(version);
        socket.destroy();
      }
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(undefined));
    socket.setTimeout(1_000, () => socket.destroy());
  });
}
