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
const KERNEL_FRAME = /\(\[kernel\.kallsyms\]\)$/;
const JAVASCRIPT = / JS:.*?(\S+):\d+:\d+ \(/;
const GARBAGE = /v8::internal::Heap::(CollectGarbage|PerformGarbageCollection)/;

export class PerfRecording {
  readonly #child: ChildProcess;
  readonly #ending: ReturnType<typeof endingOf>;
  readonly #file: string;

  private constructor(pid: number, file: string, program: string) {
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

  /** What was seen, for roomsOf and machineCodeOf. */
  async stop(): Promise<string> {
    this.#child.kill('SIGINT');
    await within(30_000, 'perf has not ended', this.#ending);
    return runTool('perf', ['script', '-i', this.#file, '-F', 'tid,ip,sym,dso'], 60_000);
  }
}

/** The file by which Node tells perf of its functions: nobody else removes it. */
export function forgetMap(pid: number): void {
  rmSync(`/tmp/perf-${pid}.map`, { force: true });
}

/** The samples of each room. */
export function roomsOf(script: string, thread: number): Map<string, number> {
  return count(samplesOf(script, thread).map(({ leaf, whole }) => roomOfSample(leaf, whole)));
}

/** The same of each function that is neither the kernel's nor JavaScript: V8's, Node's and libc's. */
export function machineCodeOf(script: string, thread: number): Map<string, number> {
  const native = samplesOf(script, thread).filter(
    ({ leaf }) => !KERNEL_FRAME.test(leaf) && !JAVASCRIPT.test(leaf),
  );
  return count(
    native.map(({ leaf }) =>
      leaf
        .trim()
        .replace(/^\S+ /, '')
        .replace(/ \(\S+\)$/, ''),
    ),
  );
}

/** `perf script` writes a thread's id, below it the frames from the innermost outwards, and an empty line. */
function samplesOf(script: string, thread: number): { leaf: string; whole: string }[] {
  return script.split('\n\n').flatMap((whole) => {
    const [id, leaf] = whole.trimStart().split('\n');
    return Number(id) === thread && leaf !== undefined ? [{ leaf, whole }] : [];
  });
}

function count(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

function roomOfSample(leaf: string, sample: string): string {
  if (GARBAGE.test(sample)) return 'garbage collector';
  if (KERNEL_FRAME.test(leaf)) {
    return KERNEL.find(([, pattern]) => pattern.test(sample))?.[0] ?? 'kernel: the rest';
  }
  const file = JAVASCRIPT.exec(leaf)?.[1];
  if (file !== undefined) return roomOf(file);
  if (/ Builtins_| Builtin:|BytecodeHandler:/.test(leaf)) return "V8's builtins, and code not compiled yet";
  if (/libc|libpthread|vdso/.test(leaf)) return 'libc: copies, clocks, malloc';
  return "Node's and libuv's C++";
}
