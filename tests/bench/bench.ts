/** `make bench`: measures respite against other servers and against itself, each comparison interleaved, in one run. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { Plan } from './compare';
import { clients } from './parts/clients';
import { coherence } from './parts/coherence';
import { far } from './parts/far';
import { fences } from './parts/fences';
import { growth } from './parts/growth';
import { hits } from './parts/hits';
import { http } from './parts/http';
import { memory } from './parts/memory';
import { misses } from './parts/misses';
import { passed } from './parts/passed';
import { workers } from './parts/workers';
import { pictureOf } from './picture';
import { type Figure, figuresOf, type Results, type Row, tableOf } from './report';
import { findTool, howToGet, insistOnRedis, NotThere, TOOLS } from './tools';

const OUT = path.join(__dirname, 'out');
const PARTS = { hits, misses, passed, far, http, fences, coherence, clients, workers, growth, memory };

// Broken off: the servers end with us, each held by a tether.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130));

type PartName = keyof typeof PARTS;

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '0.4' },
  },
});

const plan: Plan = { rounds: Number(values.rounds), seconds: Number(values.seconds) };
const names = values.only === '' ? Object.keys(PARTS) : values.only.split(',');
const unknown = names.find((name) => !isPart(name));
if (unknown !== undefined) fail(`there is no part ${unknown}: ${Object.keys(PARTS).join(', ')}`);
if (!(Number.isInteger(plan.rounds) && plan.rounds > 0 && plan.seconds > 0)) {
  fail('rounds is a whole number and seconds a number, both above 0');
}

function isPart(name: string): name is PartName {
  return Object.hasOwn(PARTS, name);
}

function fail(message: string): never {
  console.error(`bench: ${message}`);
  process.exit(2);
}

function loadAverage(): string {
  return os
    .loadavg()
    .map((load) => load.toFixed(1))
    .join(' ');
}

function versions(): Record<string, string> {
  const said = (program: string, args: string[]) =>
    execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  return {
    node: process.version,
    redis: /v=([\d.]+)/.exec(said('redis-server', ['--version']))?.[1] ?? 'unknown',
    commit: commit(),
    respite: said(process.execPath, [path.resolve(__dirname, '../../dist/main.js'), '--version']).trim(),
    cpu: `${os.cpus().length} × ${os.cpus()[0]?.model ?? 'unknown'}`,
    kernel: `${os.type()} ${os.release()}`,
  };
}

/** What was measured, where this is a clone. */
function commit(): string {
  const how = ['-C', __dirname, 'describe', '--always', '--dirty'];
  const { stdout } = spawnSync('git', how, { encoding: 'utf8' });
  return stdout?.trim() || 'unknown';
}

/** A part that fails does not take the others' figures with it. */
async function measure(name: PartName): Promise<Results> {
  try {
    return await PARTS[name](plan);
  } catch (error) {
    if (error instanceof NotThere) {
      console.log(`${name} is left out: ${error.message}`);
    } else {
      console.error(`${name} failed:`, error);
      process.exitCode = 1;
    }
    return { rows: [], figures: [] };
  }
}

async function main(): Promise<void> {
  insistOnRedis();
  const startedAt = new Date();
  const machine = versions();
  const loadBefore = loadAverage();
  const described = Object.entries(machine)
    .map(([what, version]) => `${what} ${version}`)
    .join(', ');
  console.log(described);
  console.log(`${plan.rounds} rounds, trials of ${plan.seconds} s; load average before: ${loadBefore}`);
  if ((os.loadavg()[0] ?? 0) > os.cpus().length / 4) {
    console.log(
      'This machine is busy with other work, and its share differs from trial to trial: look at the spread.',
    );
  }
  for (const tool of TOOLS) if (tool !== 'perf' && findTool(tool) === undefined) console.log(howToGet(tool));
  const rows: Row[] = [];
  const figures: Figure[] = [];
  for (const name of names.filter(isPart)) {
    process.stderr.write(`… ${name}\n`);
    const results = await measure(name);
    rows.push(...results.rows);
    figures.push(...results.figures);
  }
  const seconds = Math.round((Date.now() - startedAt.getTime()) / 1_000);
  const loadAfter = loadAverage();
  if (rows.length > 0) {
    console.log("\nRatios are respite's figure by the other's: median (least–most) of the rounds.\n");
    console.log(tableOf(rows));
  }
  if (figures.length > 0) console.log(`\n${figuresOf(figures)}`);
  mkdirSync(OUT, { recursive: true });
  const file = path.join(OUT, startedAt.toISOString().replaceAll(':', '-'));
  const whole = { startedAt, seconds, machine, plan, loadBefore, loadAfter, rows, figures };
  writeFileSync(`${file}.json`, `${JSON.stringify(whole, null, 2)}\n`);
  writeFileSync(`${file}.svg`, pictureOf(`${startedAt.toISOString()}, ${described}`, rows, figures));
  console.log(
    `\n${seconds} s; load average after: ${loadAfter}; kept in ${path.relative(process.cwd(), file)}.json and .svg`,
  );
}

void main();
