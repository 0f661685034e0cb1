/** `make bench` leaves nothing behind, not even when it is broken off. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { childrenOf } from '../bench/usage';
import { eventually } from '../support/stage';
import { endingOf } from '../support/tether';

const BENCH = path.resolve(__dirname, '../bench/bench.ts');

function descendantsOf(pid: number): number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);
}

/** Nothing for a process that is gone. */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

test('broken off with Ctrl-C, it takes servers, load and folders with it', async () => {
  if (process.platform !== 'linux') return;
  const options = ['-r', 'ts-node/register/transpile-only', BENCH, '--only', 'passed', '--rounds', '1000'];
  const bench = spawn(process.execPath, options, { stdio: 'ignore' });
  const ended = endingOf(bench);
  let started: number[] = [];
  let folders: string[] = [];
  try {
    await eventually('a load is under way', () => {
      started = descendantsOf(bench.pid ?? 0);
      const commands = started.map(commandOf);
      return ['redis-server', 'dist/main.js', 'redis-benchmark'].every((name) =>
        commands.some((command) => command.includes(name)),
      );
    });
    // As it calls itself once it listens: whoever starts it has the name in its own command, too.
    const servers = started.filter((pid) => /redis-server 127\.0\.0\.1:\d+/.test(commandOf(pid)));
    folders = servers.map((pid) => readlinkSync(`/proc/${pid}/cwd`));
  } finally {
    bench.kill('SIGINT');
  }
  expect((await ended).code).toBe(130);
  await eventually('all are gone', () => started.every((pid) => commandOf(pid) === ''));
  expect(folders.length).toBeGreaterThan(0);
  await eventually('their folders are removed', () => !folders.some((folder) => existsSync(folder)));
});
