/** `make profile`: where the time of a hit, a miss and a SET goes, in microseconds, against the floor in the same run. */
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { warmUp } from './compare';
import { type Contestant, Contestants, fillStrings } from './contestants';
import {
  byRoom,
  type CpuProfile,
  GARBAGE,
  READING,
  type Spent,
  spent,
  type Window,
  WRITING,
} from './cpu-profile';
import { commandLoad, type Load } from './load';
import { forgetMap, machineCodeOf, PERF_FLAGS, PerfRecording, roomsOf } from './perf';
import { layOut } from './report';
import { findTool, howToGet, insistOnRedis } from './tools';
import { mainThreadOf } from './usage';

const OUT = path.join(__dirname, 'out/profiles');
const DEPTHS = [1, 16, 100];
const GET = ['GET', 'key:__rand_int__'];
const LOADS = {
  hits: { command: GET, keys: 1_000, bytes: 16, flags: [] },
  values: { command: GET, keys: 1_000, bytes: 1_000, flags: [] },
  // So few of them are kept that hardly any is met again.
  misses: { command: GET, keys: 200_000, bytes: 16, flags: ['--max-keys', '1000'] },
  sets: { command: ['SET', 'key:__rand_int__', 'x'.repeat(16)], keys: 1_000, bytes: 16, flags: [] },
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

/** What one server did at one depth, in microseconds for each command, and where. */
type Rooms = Map<string, number>;

/** One server at one depth, over all rounds, seen by V8's profiler. */
class Sitting {
  readonly #windows: Window[] = [];
  #commands = 0;
  #cpu = 0;
  #waited = 0;

  async watch({ port, pid }: Contestant, load: Load, count: number): Promise<void> {
    const [before, from] = [mainThreadOf(pid), now()];
    const { commands } = await load.run(port, count);
    this.#windows.push([from, now()]);
    const after = mainThreadOf(pid);
    this.#commands += commands;
    this.#cpu += after.cpu - before.cpu;
    this.#waited += after.waited - before.waited;
  }

  spent(profile: CpuProfile): Spent[] {
    return spent(profile, this.#windows, this.#cpu, this.#waited).map((place) => ({
      ...place,
      micros: place.micros / this.#commands,
    }));
  }
}

/** The same, seen by perf: it knows the kernel, too, and goes by the time on the CPU. */
class PerfSitting {
  readonly #rooms: Rooms = new Map();
  readonly #machineCode: Rooms = new Map();
  #commands = 0;
  #cpu = 0;

  async watch({ port, pid }: Contestant, load: Load, count: number, file: string): Promise<void> {
    const recording = await PerfRecording.start(pid, file);
    if (!recording) return;
    const before = mainThreadOf(pid);
    const { commands } = await load.run(port, count);
    this.#cpu += mainThreadOf(pid).cpu - before.cpu;
    this.#commands += commands;
    const script = await recording.stop();
    addTo(this.#rooms, roomsOf(script, pid));
    addTo(this.#machineCode, machineCodeOf(script, pid));
  }

  rooms(): Rooms {
    return this.#inMicros(this.#rooms);
  }

  machineCode(): Rooms {
    return this.#inMicros(this.#machineCode);
  }

  #inMicros(samples: Rooms): Rooms {
    const all = [...this.#rooms.values()].reduce((sum, seen) => sum + seen, 0);
    const each = this.#cpu / this.#commands / all;
    return new Map([...samples].map(([name, seen]) => [name, seen * each]));
  }
}

function addTo(sums: Rooms, more: Rooms): void {
  for (const [name, value] of more) sums.set(name, (sums.get(name) ?? 0) + value);
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

interface Measured {
  /** By V8, of respite, at each depth. */
  readonly functions: Spent[][];
  /** Of respite and of the floor, at each depth. */
  readonly own: Rooms[];
  readonly floor: Rooms[];
  /** Of respite, by perf. */
  readonly machineCode?: Rooms[];
}

/** One turn: a server, what it is asked, and who looks on. */
interface Turn {
  readonly server: Contestant;
  readonly load: Load;
  readonly watch: (count: number) => Promise<void>;
}

async function measure(name: LoadName): Promise<Measured> {
  const { command, keys, bytes, flags } = LOADS[name];
  const sittings = depths.map(() => ({ own: new Sitting(), floor: new Sitting() }));
  const perfs = depths.map(() => ({ own: new PerfSitting(), floor: new PerfSitting() }));
  const withPerf = findTool('perf') !== undefined;
  {
    await using servers = new Contestants((redis) => fillStrings(redis, keys, bytes));
    const own = await servers.respite({ flags, nodeFlags: profiled(name) });
    const floor = await servers.floor(bytes, profiled(`${name}-floor`));
    const seen = withPerf
      ? {
          own: await servers.respite({ flags, nodeFlags: PERF_FLAGS }),
          floor: await servers.floor(bytes, PERF_FLAGS),
        }
      : undefined;
    for (const [nth, depth] of depths.entries()) {
      const [sitting, perf] = [sittings[nth], perfs[nth]];
      if (!sitting || !perf) continue;
      // The floor understands nothing but GET: what a SET costs is held against the same.
      const [load, get] = [commandLoad(command, { depth, keys }), commandLoad(GET, { depth, keys })];
      const file = (whose: string) => path.join(OUT, `${whose}-${depth}.perf`);
      const turns: Turn[] = [
        { server: own, load, watch: (count) => sitting.own.watch(own, load, count) },
        { server: floor, load: get, watch: (count) => sitting.floor.watch(floor, get, count) },
      ];
      if (seen) {
        turns.push(
          { server: seen.own, load, watch: (count) => perf.own.watch(seen.own, load, count, file(name)) },
          {
            server: seen.floor,
            load: get,
            watch: (count) => perf.floor.watch(seen.floor, get, count, file(`${name}-floor`)),
          },
        );
      }
      await takeTurns(turns);
    }
    for (const { pid } of Object.values(seen ?? {})) forgetMap(pid);
  }
  const profile = readProfile(name);
  const functions = sittings.map(({ own }) => own.spent(profile));
  if (withPerf) {
    return {
      functions,
      own: perfs.map(({ own }) => own.rooms()),
      floor: perfs.map(({ floor }) => floor.rooms()),
      machineCode: perfs.map(({ own }) => own.machineCode()),
    };
  }
  const floorProfile = readProfile(`${name}-floor`);
  return {
    functions,
    own: functions.map(byRoom),
    floor: sittings.map(({ floor }) => byRoom(floor.spent(floorProfile))),
  };
}

async function takeTurns(turns: readonly Turn[]): Promise<void> {
  const counts: number[] = [];
  for (const { server, load } of turns) counts.push(await warmUp(server, load, plan));
  for (let round = 0; round < plan.rounds; round++)
    for (const [nth, { watch }] of turns.entries()) await watch(counts[nth] ?? 0);
}

function roomTable(load: string, { own, floor }: Measured): string {
  const none: Rooms = new Map();
  const columns = depths.flatMap((depth, nth) => [
    { head: `${load}, depth ${depth}`, rooms: own[nth] ?? none },
    { head: 'floor', rooms: floor[nth] ?? none },
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

/** What perf sees better is left out where perf was there. */
function functionTables(load: string, { functions, machineCode }: Measured): string {
  const elsewhere = machineCode ? [WRITING, READING, GARBAGE] : [];
  return depths
    .map((depth, nth) => {
      const places = (functions[nth] ?? []).filter(({ room }) => !elsewhere.includes(room));
      const all = places.reduce((sum, { micros }) => sum + micros, 0);
      const lines = places
        .slice(0, Number(values.top))
        .map(({ room, name, micros }) => [show(micros), `${((100 * micros) / all).toFixed(1)}%`, room, name]);
      return table(
        [`${load}, depth ${depth}`, machineCode ? 'share of JavaScript' : 'share', 'room', 'function'],
        lines,
      );
    })
    .join('\n\n');
}

function machineCodeTables(load: string, machineCode: readonly Rooms[]): string {
  return depths
    .map((depth, nth) => {
      const all = [...(machineCode[nth] ?? [])].sort(([, a], [, b]) => b - a);
      const lines = all.slice(0, Number(values.top)).map(([name, micros]) => [show(micros), name]);
      return table([`${load}, depth ${depth}`, "machine code of V8's, Node's, and libc's"], lines);
    })
    .join('\n\n');
}

function table(heads: readonly string[], lines: readonly (readonly string[])[]): string {
  return layOut([heads, heads.map((head) => '-'.repeat(head.length)), ...lines]);
}

function show(micros: number): string {
  return micros === 0 ? '' : micros.toFixed(3);
}

async function main(): Promise<void> {
  insistOnRedis();
  mkdirSync(OUT, { recursive: true });
  if (findTool('perf') === undefined) console.log(`${howToGet('perf')}: what the kernel takes is estimated`);
  for (const load of values.load.split(',')) {
    if (!isLoad(load)) throw new Error(`there is no load ${load}: ${Object.keys(LOADS).join(', ')}`);
    process.stderr.write(`… ${load}\n`);
    const seen = await measure(load);
    console.log(`\n${roomTable(load, seen)}\n\n${functionTables(load, seen)}`);
    if (seen.machineCode) console.log(`\n${machineCodeTables(load, seen.machineCode)}`);
  }
  console.log(
    `\nThe profiles are in ${path.relative(process.cwd(), OUT)}: a browser's developer tools open them.`,
  );
}

void main();
