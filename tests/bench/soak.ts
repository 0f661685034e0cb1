/** `make soak CLIENTS=10000 ACTIVE=1000 SECONDS=120`: a crowd for a while, what each idle client costs, and whether memory stays flat. */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Authority } from '../support/certificates';
import { RedisServer } from '../support/redis-server';
import { Respite } from '../support/respite';
import type { Seen, Task, Word } from './crowd';
import { memoryOf } from './usage';

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '10000' },
    active: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '120' },
    tls: { type: 'boolean', default: false },
  },
});
const clients = Number(values.clients);
const active = Number(values.active);
const seconds = Number(values.seconds);
if (!(clients >= 10 && active > 0 && active < clients / 2 && seconds >= 5)) {
  console.error('CLIENTS: 10 or more, ACTIVE: less than half of them, SECONDS: 5 or more');
  process.exit(2);
}

/** Kilobytes of memory for a client that is connected and asks for nothing. */
const MOST_FOR_IDLE = values.tls ? 64 : 20;
/** Of the memory once warm: what may still be added until the end. */
const MOST_GROWTH = 0.1;
const MB = 1024 * 1024;

async function certificateFlags(folder: string): Promise<string[]> {
  if (!values.tls) return [];
  const { cert, key } = new Authority('soak').issue('soak', ['127.0.0.1']);
  const files = { cert: path.join(folder, 'cert.pem'), key: path.join(folder, 'key.pem') };
  await writeFile(files.cert, cert);
  await writeFile(files.key, key);
  return ['--tls-cert', files.cert, '--tls-key', files.key];
}

function wordFrom(crowd: ChildProcess): Promise<Word> {
  return new Promise((resolve, reject) => {
    crowd.once('message', (word: Word) => resolve(word));
    crowd.once('exit', (code) =>
      reject(new Error(`the crowd has ended (${code}): is ulimit -n high enough?`)),
    );
  });
}

/** One figure a second. */
function watch(respite: Respite): { readonly figures: number[]; stop(): void } {
  const figures: number[] = [];
  const timer = setInterval(() => figures.push(memoryOf(respite.pid)), 1_000);
  return { figures, stop: () => clearInterval(timer) };
}

function median(figures: readonly number[]): number {
  return [...figures].sort((one, other) => one - other)[Math.floor(figures.length / 2)] ?? Number.NaN;
}

async function soak(redis: RedisServer, respite: Respite): Promise<boolean> {
  const misbehaving = Math.floor(clients / 10);
  const idle = clients - active - misbehaving;
  const task: Task = { port: respite.port, tls: values.tls, idle, active, misbehaving, seconds };
  await redis.ask('MSET', 'shared', 'shared', 'big', 'x'.repeat(256 * 1024));
  const crowd = fork(path.join(__dirname, 'crowd.ts'), {
    execArgv: ['-r', 'ts-node/register/transpile-only'],
  });
  try {
    const before = memoryOf(respite.pid);
    crowd.send(task);
    await wordFrom(crowd);
    const forIdle = (memoryOf(respite.pid) - before) / (idle + active) / 1024;
    console.log(`${idle + active} connected: ${forIdle.toFixed(1)} KB each (${MOST_FOR_IDLE} at most)`);
    const watching = watch(respite);
    crowd.send('begin');
    const word = await wordFrom(crowd);
    watching.stop();
    if (word.kind !== 'seen') throw new Error('the crowd has seen nothing');
    return report(word.seen, watching.figures) && forIdle <= MOST_FOR_IDLE;
  } finally {
    crowd.kill();
  }
}

function report(seen: Seen, figures: readonly number[]): boolean {
  const quarter = Math.ceil(figures.length / 4);
  const warm = median(figures.slice(quarter, 2 * quarter));
  const end = median(figures.slice(-quarter));
  const growth = (end - warm) / warm;
  console.log(`requests     ${seen.requests}, ${seen.failed} failed; ${seen.misdeeds} misdeeds beside them`);
  for (const told of seen.told) console.log(`  ${told}`);
  console.log(`idle         ${seen.lostIdle} lost their connection`);
  console.log(
    `latency      p50 ${seen.p50.toFixed(1)} ms, p99 ${seen.p99.toFixed(1)} ms, slowest ${seen.slowest.toFixed(0)} ms`,
  );
  console.log(
    `memory       ${(warm / MB).toFixed(0)} MB once warm, ${(end / MB).toFixed(0)} MB at the end (${(100 * growth).toFixed(1)} %), ${(Math.max(...figures) / MB).toFixed(0)} MB at most`,
  );
  return seen.failed === 0 && seen.lostIdle === 0 && growth <= MOST_GROWTH;
}

async function main(): Promise<void> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'respite-soak-'));
  try {
    await using redis = await RedisServer.start();
    const limits = [
      '--max-clients',
      `${clients + 100}`,
      '--client-output-limit',
      '1mb',
      '--http-port',
      'off',
    ];
    const flags = ['--redis', redis.url, ...limits, ...(await certificateFlags(folder))];
    await using respite = await Respite.start(flags);
    console.log(
      `${clients} clients${values.tls ? ' by TLS' : ''}: ${active} active, a tenth misbehaves; ${seconds} s`,
    );
    const good = await soak(redis, respite);
    for (const { level, msg } of respite.log) if (level !== 'info') console.log(`  log: ${msg}`);
    if (!good) process.exitCode = 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

void main();
