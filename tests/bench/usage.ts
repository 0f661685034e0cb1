/** What the kernel has counted for a process: its CPU time, and the memory that it holds. Linux only: elsewhere NaN. */
import { readdirSync, readFileSync } from 'node:fs';

/** Microseconds on a CPU so far, in user and kernel: all threads, and all processes that it has started. */
export function cpuOf(pid: number): number {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    return threads.reduce((sum, thread) => sum + cpuOfThread(pid, thread), 0);
  } catch {
    return Number.NaN;
  }
}

function cpuOfThread(pid: number, thread: string): number {
  // To the nanosecond, where the ticks of /proc/PID/stat are 10 ms: a trial is a few hundred.
  const own = readNumber(`/proc/${pid}/task/${thread}/schedstat`, /^(\d+)/) / 1_000;
  return childrenOf(pid, thread).reduce((sum, child) => sum + cpuOf(child), own);
}

export function childrenOf(pid: number, thread = `${pid}`): number[] {
  const children = readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').trim();
  return children === '' ? [] : children.split(' ').map(Number);
}

/** Of the main thread alone: microseconds on a CPU, and microseconds in which it could have run and had to wait for one. */
export function mainThreadOf(pid: number): { cpu: number; waited: number } {
  const [cpu, waited] = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ').map(Number);
  return { cpu: (cpu ?? Number.NaN) / 1_000, waited: (waited ?? Number.NaN) / 1_000 };
}

/** Bytes of memory that are really there (the resident set). */
export function memoryOf(pid: number): number {
  try {
    return readNumber(`/proc/${pid}/status`, /^VmRSS:\s+(\d+) kB/m) * 1024;
  } catch {
    return Number.NaN;
  }
}

function readNumber(file: string, pattern: RegExp): number {
  return Number(pattern.exec(readFileSync(file, 'utf8'))?.[1] ?? Number.NaN);
}
