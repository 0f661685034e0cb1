// What the README shows: its example of a program is run, and its session is held against the commands there are.

import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { RedisServer } from '../support/redis-server';
import { Respite } from '../support/respite';

const ROOT = path.resolve(__dirname, '../..');

let readme: string;
let server: RedisServer;

beforeAll(async () => {
  readme = await readFile(path.join(ROOT, 'README.md'), 'utf8');
  server = await RedisServer.start();
});
afterAll(() => server.stop());

/** What the comments behind console.log promise. */
function promisedBy(example: string): string[] {
  return [...example.matchAll(/console\.log\(.*\); \/\/ (.*)/g)].map(([, words = '']) => words);
}

test('the example of a program runs, and tells what its comments say', async () => {
  const [, example = ''] = /```js\n([\s\S]*?)```/.exec(readme) ?? [];
  expect(promisedBy(example).length).toBeGreaterThan(0);
  // Inside the repository, so that `respite` and `redis` are found.
  await mkdir(path.join(ROOT, 'tests/out'), { recursive: true });
  const folder = await mkdtemp(path.join(ROOT, 'tests/out/readme-'));
  try {
    const program = path.join(folder, 'example.mjs');
    await writeFile(program, example.replace('redis://localhost:6379', server.url));
    const { stdout } = await promisify(execFile)(process.execPath, [program], { timeout: 15_000 });
    expect(stdout.trim().split('\n')).toEqual(promisedBy(example));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

/** A command line of the session, and the lines that stand below it. */
interface Shown {
  readonly port: 'proxy' | 'redis';
  readonly args: readonly string[];
  readonly answer: readonly string[];
}

function session(): Shown[] {
  const lines = readme.split('\n').map((line) => (line.startsWith('    ') ? line.slice(4) : undefined));
  const shown: Shown[] = [];
  lines.forEach((line, at) => {
    const [, port, rest] = /^\$ redis-cli -p (6379|6380) ([^#]+)/.exec(line ?? '') ?? [];
    if (port === undefined || rest === undefined) return;
    const end = lines.findIndex((next, place) => place > at && (next === undefined || next.startsWith('$ ')));
    const answer = lines.slice(at + 1, end).map((one) => one ?? '');
    shown.push({ port: port === '6380' ? 'proxy' : 'redis', args: rest.trim().split(' '), answer });
  });
  return shown;
}

/** Numbers differ from one run to the next: their places do not. */
function withoutNumbers(lines: readonly string[]): string[] {
  return lines.map((line) => line.replace(/\(integer\) \d+$/, '(integer) N'));
}

test('the session is answered as it is shown', async () => {
  const proxy = await Respite.start(['--redis', server.url]);
  try {
    const steps = session().filter(({ args }) => args[0] !== 'INFO');
    expect(steps.length).toBeGreaterThan(8);
    for (const { port, args, answer } of steps) {
      const to = String(port === 'proxy' ? proxy.port : server.port);
      const { stdout } = await promisify(execFile)('redis-cli', ['--no-raw', '-p', to, ...args]);
      expect([args, ...withoutNumbers(stdout.trimEnd().split('\n'))]).toEqual([
        args,
        ...withoutNumbers(answer),
      ]);
    }
  } finally {
    await proxy.stop();
  }
});

interface Question {
  readonly path: string;
  readonly body: string | undefined;
  readonly answer: string;
}

/** What the HTTP session asks by curl up to its first stream, and the last line of each answer. */
function questions(): Question[] {
  const [, shown = ''] = /## HTTP\n([\s\S]*?)\n {4}\$ curl -N/.exec(readme) ?? [];
  return shown
    .split(/^ {4}\$ (?=curl )/m)
    .slice(1)
    .filter((step) => !step.includes(' | '))
    .map((step) => ({
      path: /localhost:8380(\S*)/.exec(step)?.[1] ?? '',
      body: / -d '([^']*)'/.exec(step)?.[1],
      answer: step.trim().split('\n').at(-1)?.trim() ?? '',
    }));
}

test('the session over HTTP is answered as it is shown', async () => {
  const proxy = await Respite.start(['--redis', server.url]);
  try {
    await server.ask('FLUSHALL');
    expect(questions().length).toBeGreaterThan(4);
    for (const { path: asked, body, answer } of questions()) {
      const request = body === undefined ? {} : { method: 'POST', body };
      const response = await fetch(`http://127.0.0.1:${proxy.httpPort}${asked}`, request);
      expect([asked, await response.text()]).toEqual([asked, answer]);
    }
  } finally {
    await proxy.stop();
  }
});

test('the figures that are shown are among those that INFO respite tells', async () => {
  const proxy = await Respite.start(['--redis', server.url]);
  const client = await proxy.client();
  try {
    const told = await client.askText('INFO', 'respite');
    const shown = [...readme.matchAll(/^ {4}([a-z_]+):[\w.]+$/gm)].map(([, name = '']) => name);
    expect(shown.length).toBeGreaterThan(5);
    for (const name of [...shown, 'bypasses', 'evictions', 'flushes', 'invalidations_of_all', 'epochs'])
      expect(told).toContain(`\r\n${name}:`);
  } finally {
    await client.close();
    await proxy.stop();
  }
});
