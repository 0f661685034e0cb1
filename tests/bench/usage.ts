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
