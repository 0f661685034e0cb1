/** `make profile`: where the time of a hit, a miss and a SET goes, in microseconds, against the floor in the same run. */
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { warmUp } from './compare';
import { type Contestant, Contestants, fillStrings } from './contestants';
import { byRoom, type CpuProfile, type Spent, spent, type Window } from './cpu-profile';
import { commandLoad, type Load } from './load';
import { layOut } from './report';
import { mainThreadOf } from './usage';

const OUT = path.join(__dirname, 'out/profiles');
const DEPTHS = [1, 16, 100];
const GET = ['GET', 'key:__rand_int__'];
const LOADS = {
  hits: { command: GET, keys: 1_000, flags: [] },
  // So few of them are kept that hardly any is met again.
  misses: { command: GET, keys: 200_000, flags: ['--max-keys', '1000'] },
  sets: { command: ['SET', 'key:__rand_int__', 'x'.repeat(16)], keys: 1_000, flags: [] },
};

type LoadName = keyof typeof LOADS;

const { values } = parseArgs({
  options: {
    load: { type: 'string', default: Object.keys(LOADS).join(',') },
    depth: { type: 'string', default: DEPTHS.join(',') },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '0.5' },
    top: { type: 'string', default: '16' },
  },
});
const depths = values.depth.split(',').map(Number);
const plan = { rounds: Number(values.rounds), seconds: Number(values.seconds) };

/** One server at one depth, over all rounds. Times in microseconds, of its main thread. */
class Sitting {
  readonly #windows: Window[] = [];
  #commands = 0;
  #cpu = 0;
  #waited = 0;

  async watch({ port, pid }: Contestant, load: Load, count: number): Promise<void> {
    const [before, from] = [mainThreadOf(pid), now()];
    await load.run(port, count);
    this.#windows.push([from, now()]);
    const after = mainThreadOf(pid);
    this.#commands += count;
    this.#cpu += after.cpu - before.cpu;
    this.#waited += after.waited - before.waited;
  }

  /** For each command. */
  spent(profile: CpuProfile): Spent[] {
    return spent(profile, this.#windows, this.#cpu, this.#waited).map((place) => ({
      ...place,
      micros: place.micros / this.#commands,
    }));
  }
}

/** Microseconds of the clock that the profiler goes by. */
function now(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}

/** Written when the process ends. */
function profiled(name: string): string[] {
  return [
    '--cpu-prof',
    '--cpu-prof-interval=400',
    `--cpu-prof-dir=${OUT}`,
    `--cpu-prof-name=${name}.cpuprofile`,
  ];
}

function readProfile(name: string): CpuProfile {
  return JSON.parse(readFileSync(path.join(OUT, `${name}.cpuprofile`), 'utf8'));
}

function isLoad(name: string): name is LoadName {
  return Object.hasOwn(LOADS, name);
}

/** What respite, and then the floor, spent at each depth. */
async function measure(name: LoadName): Promise<Spent[][][]> {
  const { command, keys, flags } = LOADS[name];
  const names = [name, `${name}-floor`];
  const sittings = names.map(() => depths.map(() => new Sitting()));
  {
    await using servers = new Contestants((redis) => fillStrings(redis, keys, 16));
    const all = [
      await servers.respite({ flags, nodeFlags: profiled(name) }),
      await servers.floor(16, profiled(`${name}-floor`)),
    ];
    for (const [nth, depth] of depths.entries()) {
      // The floor understands nothing but GET: what a SET costs is held against the same.
      const loads = [command, GET].map((words) => commandLoad(words, { depth, keys }));
      const turns = [];
      for (const [who, server] of all.entries()) {
        const [load, sitting] = [loads[who], sittings[who]?.[nth]];
        if (load && sitting) turns.push({ server, load, sitting, count: await warmUp(server, load, plan) });
      }
      for (let round = 0; round < plan.rounds; round++)
        for (const { server, load, sitting, count } of turns) await sitting.watch(server, load, count);
    }
  }
  return names.map((file, who) => {
    const profile = readProfile(file);
    return (sittings[who] ?? []).map((sitting) => sitting.spent(profile));
  });
}

function roomTable(load: string, [own = [], floor = []]: readonly Spent[][][]): string {
  const columns = depths.flatMap((depth, nth) => [
    { head: `${load}, depth ${depth}`, rooms: byRoom(own[nth] ?? []) },
    { head: 'floor', rooms: byRoom(floor[nth] ?? []) },
  ]);
  const totals = columns.map(({ rooms }) => [...rooms.values()].reduce((sum, micros) => sum + micros, 0));
  const names = [...new Set(columns.flatMap(({ rooms }) => [...rooms.keys()]))];
  const most = (name: string) =>
    Math.max(...columns.map(({ rooms }, nth) => (rooms.get(name) ?? 0) / (totals[nth] ?? 1)));
  const lines = names
    .filter((name) => most(name) >= 0.01)
    .sort((a, b) => most(b) - most(a))
    .map((name) => [name, ...columns.map(({ rooms }) => show(rooms.get(name) ?? 0))]);
  const heads = ['µs for each command', ...columns.map(({ head }) => head)];
  return table(heads, [...lines, ['**all of it**', ...totals.map(show)]]);
}

function functionTables(load: string, [own = []]: readonly Spent[][][]): string {
  const tables = depths.map((depth, nth) => {
    const places = own[nth] ?? [];
    const all = places.reduce((sum, { micros }) => sum + micros, 0);
    const lines = places
      .slice(0, Number(values.top))
      .map(({ room, name, micros }) => [show(micros), `${((100 * micros) / all).toFixed(1)}%`, room, name]);
    return table([`${load}, depth ${depth}`, 'share', 'room', 'function'], lines);
  });
  return tables.join('\n\n');
}

function table(heads: readonly string[], lines: readonly (readonly string[])[]): string {
  return layOut([heads, heads.map((head) => '-'.repeat(head.length)), ...lines]);
}

function show(micros: number): string {
  return micros === 0 ? '' : micros.toFixed(3);
}

async function main(): Promise<void> {
  mkdirSync(OUT, { recursive: true });
  for (const load of values.load.split(',')) {
    if (!isLoad(load)) throw new Error(`there is no load ${load}: ${Object.keys(LOADS).join(', ')}`);
    process.stderr.write(`… ${load}\n`);
    const seen = await measure(load);
    console.log(`\n${roomTable(load, seen)}\n\n${functionTables(load, seen)}`);
  }
  console.log(
    `\nThe profiles are in ${path.relative(process.cwd(), OUT)}: a browser's developer tools open them.`,
  );
}

void main();
