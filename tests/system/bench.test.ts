/** `make bench` installs nothing, and leaves nothing behind, not even when it is broken off. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { childrenOf } from '../bench/usage';
import { eventually } from '../support/stage';
import { endingOf } from '../support/tether';

const TS_NODE = ['-r', 'ts-node/register/transpile-only'];
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
  const options = [...TS_NODE, BENCH, '--only', 'passed', '--rounds', '1000'];
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

describe('what is not there', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'respite-test-'));
  });

  afterAll(() => rm(folder, { recursive: true }));

  function benchWithoutTools() {
    const options = [...TS_NODE, BENCH, '--only', 'hits'];
    const { status, stdout, stderr } = spawnSync(process.execPath, options, {
      encoding: 'utf8',
      env: { ...process.env, PATH: folder },
    });
    return { status, text: stdout + stderr };
  }

  test('without a redis-server it says how to get one, and ends', () => {
    const { status, text } = benchWithoutTools();
    expect(text).toContain('redis-server is not there');
    expect(status).toBe(2);
  });

  test('without a load generator it says how to get it, and leaves the part out', async () => {
    const { stdout } = spawnSync('/bin/sh', ['-c', 'command -v redis-server'], { encoding: 'utf8' });
    await symlink(stdout.trim(), path.join(folder, 'redis-server'));
    const { status, text } = benchWithoutTools();
    expect(text).toContain('redis-benchmark is not there');
    expect(text).toContain('apt-get install redis-tools');
    expect(text).toContain('hits is left out');
    expect(status).toBe(0);
  });
});
