/** Starts programs that cannot outlive the test run, not even when a test fails, hangs or is killed. */
import { type ChildProcess, spawn } from 'node:child_process';

// The shell becomes the program, so the pid is the program's. A subshell waits on descriptor 3, whose other end
// only this process holds: end of file there means that this process is gone. A line says that all is well. Signals are
// for the whole group when a terminal is closed or a run is given up, and redis-server stays at a SIGHUP.
const TETHER = `
  (trap '' HUP INT TERM; read -r line <&3 || { kill -KILL $$; test -z "$TETHER_FOLDER" || rm -rf "$TETHER_FOLDER"; }) >/dev/null 2>&1 &
  exec "$@" 3<&-
`;

export interface TetherOptions {
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** In a process group of its own. */
  detached?: boolean;
  /** Removed with the program when the tether breaks. */
  folder?: string;
}

/** stdin is /dev/null; stdout and stderr are pipes. */
export function spawnTethered(program: string, args: string[], options: TetherOptions = {}): ChildProcess {
  const child = spawn('/bin/sh', ['-c', TETHER, 'tether', program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    env: { ...(options.env ?? process.env), TETHER_FOLDER: options.folder ?? '' },
    cwd: options.cwd,
    detached: options.detached ?? false,
  });
  const tether = child.stdio[3];
  if (!tether || !('end' in tether)) throw new Error('no pipe for the tether');
  tether.on('error', () => {});
  child.on('exit', () => tether.end('\n'));
  return child;
}

/** How a program ended. */
export interface Ending {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export function endingOf(child: ChildProcess): Promise<Ending> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
}

/** Waits for a promise, but not for ever: says what was being waited for when the time is up. */
export async function within<T>(ms: number, what: string | (() => string), promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const fail = () => reject(new Error(`after ${ms} ms: ${typeof what === 'string' ? what : what()}`));
    timer = setTimeout(fail, ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
