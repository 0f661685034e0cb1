/** Looks at the processes of a respite with several workers. */
import { readdirSync, readFileSync } from 'node:fs';
import type { RawClient } from './raw-client';
import type { Respite } from './respite';
import { eventually } from './stage';

export interface WorkerProcess {
  readonly number: number;
  readonly pid: number;
}

/** The workers that are there now, by number. */
export function workersOf(respite: Respite): WorkerProcess[] {
  const workers: WorkerProcess[] = [];
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || parentOf(pid) !== respite.pid) continue;
    const args = contentOf(`/proc/${pid}/cmdline`).split('\0');
    if (args[1]?.endsWith('workers/worker.js')) workers.push({ number: Number(args[2]), pid });
  }
  return workers.sort((one, other) => one.number - other.number);
}

export function isRunning(pid: number): boolean {
  return /^State:\s+[^ZX]/m.test(contentOf(`/proc/${pid}/status`));
}

export async function areGone(pids: readonly number[]): Promise<void> {
  await eventually(`gone: ${pids}`, () => !pids.some(isRunning));
}

export function pidOf(respite: Respite, number: number): number {
  const worker = workersOf(respite).find((each) => each.number === number);
  if (!worker) throw new Error(`there is no worker ${number}`);
  return worker.pid;
}

/** A new client at each of two workers: whoever comes second goes to the one that has fewer. */
export async function oneAtEach(respite: Respite): Promise<[RawClient, RawClient]> {
  return [await respite.client(), await respite.client()];
}

export async function idOf(client: RawClient): Promise<number> {
  return Number((await client.askText('CLIENT', 'ID')).slice(1));
}

/** A figure of INFO respite. */
export async function figure(client: RawClient, name: string): Promise<number> {
  const text = await client.askText('INFO', 'respite');
  return Number(new RegExp(`^${name}:(.*)\r$`, 'm').exec(text)?.[1]);
}

function parentOf(pid: number): number {
  return Number(/^PPid:\s+(\d+)/m.exec(contentOf(`/proc/${pid}/status`))?.[1]);
}

/** Empty when the process is gone. */
function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
