/** What Linux's perf sees of a server's main thread, by its CPU time: kernel, Node's own machine code, and JavaScript. */
import type { ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import { endingOf, spawnTethered, within } from '../support/tether';
import { roomOf } from './cpu-profile';
import { findTool, runTool } from './tools';

/** Node tells perf where its compiled functions are. */
export const PERF_FLAGS = ['--perf-basic-prof'];

/** The first that fits. Who wakes a client up often has to let it go first, on the way out of the call that woke it. */
const KERNEL: readonly (readonly [string, RegExp])[] = [
  ['kernel: waiting for events', /sys_epoll/],
  ['kernel: letting others go first', /\b(__schedule|finish_task_switch)/],
  ['kernel: writing', /sys_(write|writev|sendto|sendmsg)\b|libc_write\b|__writev\b/],
  ['kernel: reading', /sys_(read|readv|recvfrom|recvmsg)\b|libc_read\b/],
];
const GARBAGE = /v8::internal::Heap::(CollectGarbage|PerformGarbageCollection)/;

export class PerfRecording {
  readonly #child: ChildProcess;
  readonly #ending: ReturnType<typeof endingOf>;
  readonly #pid: number;
  readonly #file: string;

  private constructor(pid: number, file: string, program: string) {
    this.#pid = pid;
    this.#file = file;
    const how = ['record', '-e', 'task-clock', '-F', '3000', '-g', '-p', `${pid}`, '-o', file];
    this.#child = spawnTethered(program, how);
    this.#ending = endingOf(this.#child);
  }

  /** None where there is no perf. */
  static async start(pid: number, file: string): Promise<PerfRecording | undefined> {
    const program = findTool('perf');
    if (program === undefined) return undefined;
    const recording = new PerfRecording(pid, file, program);
    // It says nothing when it has attached itself.
    await new Promise((resolve) => setTimeout(resolve, 500));
    return recording;
  }

  /** The samples of each room. */
  async stop(): Promise<Map<string, number>> {
    this.#child.kill('SIGINT');
    await within(30_000, 'perf has not ended', this.#ending);
    return roomsOf(
      await runTool('perf', ['script', '-i', this.#file, '-F', 'tid,ip,sym,dso'], 60_000),
      this.#pid,
    );
  }
}

/** The file by which Node tells perf of its functions: nobody else removes it. */
export function forgetMap(pid: number): void {
  rmSync(`/tmp/perf-${pid}.map`, { force: true });
}

/** `perf script` writes a thread's id, below it the frames from the innermost outwards, and an empty line. */
export function roomsOf(script: string, thread: number): Map<string, number> {
  const rooms = new Map<string, number>();
  for (const sample of script.split('\n\n')) {
    const [id, leaf] = sample.trimStart().split('\n');
    if (Number(id) !== thread || leaf === undefined) continue;
    const room = roomOfSample(leaf, sample);
    rooms.set(room, (rooms.get(room) ?? 0) + 1);
  }
  return rooms;
}

function roomOfSample(leaf: string, sample: string): string {
  if (GARBAGE.test(sample)) return 'garbage collector';
  if (leaf.endsWith('([kernel.kallsyms])')) {
    return KERNEL.find(([, pattern]) => pattern.test(sample))?.[0] ?? 'kernel: the rest';
  }
  const file = / JS:.*?(\S+):\d+:\d+ \(/.exec(leaf)?.[1];
  if (file !== undefined) return roomOf(file);
  if (/ Builtins_| Builtin:|BytecodeHandler:/.test(leaf)) return "V8's builtins, and code not compiled yet";
  if (/libc|libpthread|vdso/.test(leaf)) return 'libc: copies, clocks, malloc';
  return "Node's and libuv's C++";
}
