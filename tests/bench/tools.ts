/** Finds and runs the programs that are measured with; installs nothing, and says how each is to be had. */
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { endingOf, spawnTethered, within } from '../support/tether';

/** Why a part could not run: told to the user in place of its figures. */
export class NotThere extends Error {}

const WHERE = {
  'redis-server':
    'without one nothing can be measured: make redis-server, or the redis package of your system',
  'redis-benchmark': 'the load generator: apt-get install redis-tools, or the redis package of your system',
  nutcracker: 'twemproxy, to compare with: apt-get install nutcracker',
  webdis: 'Redis over HTTP, to compare with: apt-get install webdis',
  perf: 'the profiler of Linux, for make profile: apt-get install linux-perf',
  wrk: 'the load generator for HTTP: apt-get install wrk',
} as const;

export type Tool = keyof typeof WHERE;

/** The file of a program. Debian has servers in /usr/sbin, which is not on everybody's PATH. */
export function findTool(tool: Tool): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(path.delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders.map((folder) => path.join(folder, tool)).find(isProgram);
}

export function needTool(tool: Tool): string {
  const file = findTool(tool);
  if (file === undefined) throw new NotThere(howToGet(tool));
  return file;
}

/** Runs a program to its end and gives what it printed; it ends with us, too. */
export async function runTool(tool: Tool, args: readonly string[], patience: number): Promise<string> {
  const child = spawnTethered(needTool(tool), [...args]);
  let [stdout, stderr] = ['', ''];
  child.stdout?.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  try {
    const { code } = await within(patience, `${tool} has not ended`, endingOf(child));
    if (code !== 0) throw new Error(`${tool} ended with ${code}: ${stderr}${stdout}`);
    return stdout;
  } finally {
    child.kill('SIGKILL');
  }
}

/** Says so, and ends, where there is no Redis to measure with. */
export function insistOnRedis(): void {
  if (findTool('redis-server') !== undefined) return;
  console.error(howToGet('redis-server'));
  process.exit(2);
}

export const TOOLS = Object.keys(WHERE).filter(isTool);

function isTool(name: string): name is Tool {
  return Object.hasOwn(WHERE, name);
}

export function howToGet(tool: Tool): string {
  return `${tool} is not there (${WHERE[tool]})`;
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
