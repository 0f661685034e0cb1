/** What the kernel has counted for a process: its CPU time, and the memory that it holds. Linux only: elsewhere NaN. */
import { readdirSync, readFileSync } from 'node:fs';

/** Microseconds on a CPU so far, all threads, in user and kernel. */
export function cpuOf(pid: number): number {
  try {
    // To the nanosecond, where the ticks of /proc/PID/stat are 10 ms: a trial is a few hundred.
    const threads = readdirSync(`/proc/${pid}/task`);
    const nanoseconds = threads.map((thread) =>
      readNumber(`/proc/${pid}/task/${thread}/schedstat`, /^(\d+)/),
    );
    return nanoseconds.reduce((sum, spent) => sum + spent, 0) / 1_000;
  } catch {
    return Number.NaN;
  }
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
