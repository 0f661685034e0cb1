/** Finds the programs that are measured with; installs nothing, and says how each is to be had. */
import { accessSync, constants } from 'node:fs';
import path from 'node:path';

/** Why a part could not run: told to the user in place of its figures. */
export class MissingTool extends Error {}

const WHERE = {
  'redis-benchmark': 'the load generator: apt-get install redis-tools, or the redis package of your system',
  nutcracker: 'twemproxy, to compare with: apt-get install nutcracker',
} as const;

export type Tool = keyof typeof WHERE;

/** The file of a program. Debian has servers in /usr/sbin, which is not on everybody's PATH. */
export function findTool(tool: Tool): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(path.delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders.map((folder) => path.join(folder, tool)).find(isProgram);
}

export function needTool(tool: Tool): string {
  const file = findTool(tool);
  if (file === undefined) throw new MissingTool(howToGet(tool));
  return file;
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
