/** Reads a .cpuprofile of Node's: how long each function, and each room of the program, was on the CPU. */

export interface CallFrame {
  readonly functionName: string;
  /** A file, node:net and the like, or nothing for what V8 and Node bring along in machine code. */
  readonly url: string;
}

export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: CallFrame;
    readonly children?: readonly number[];
  }[];
  /** Microseconds of the monotonic clock, the one that process.hrtime tells. */
  readonly startTime: number;
  readonly endTime: number;
  /** Which node was seen, and the microseconds since the sample before. */
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** From and to, in microseconds of the same clock. */
export type Window = readonly [number, number];

/** Where a moment went. */
export interface Place {
  readonly room: string;
  readonly name: string;
}

export interface Spent extends Place {
  readonly micros: number;
}

export const WRITING = 'kernel, libuv: writing';
export const READING = 'kernel, libuv: reading, polling';
export const GARBAGE = 'garbage collector';
export const NODE = "Node's sockets and streams";

/** Node's own that does the caller's work: bytes, and the time of day. */
const HELPERS = new Set([
  'node:buffer',
  'node:internal/buffer',
  'node:internal/perf/performance',
  'node:internal/perf/utils',
]);
const WRITES = new Set(['writeBuffer', 'writev', 'writeLatin1String', 'writeUtf8String', 'writeAsciiString']);

/** Microseconds for each node within the windows: a sample stands for the time until the next one. */
export function selfTimes(profile: CpuProfile, windows: readonly Window[]): Map<number, number> {
  const times = new Map<number, number>();
  let at = profile.startTime;
  profile.samples.forEach((node, index) => {
    at += profile.timeDeltas[index] ?? 0;
    const until = at + (profile.timeDeltas[index + 1] ?? profile.endTime - at);
    const inside = windows.reduce((sum, [from, to]) => sum + overlap(at, until, from, to), 0);
    if (inside > 0) times.set(node, (times.get(node) ?? 0) + inside);
  });
  return times;
}

function overlap(from: number, to: number, start: number, end: number): number {
  return Math.max(0, Math.min(to, end) - Math.max(from, start));
}

/**
 * What the main thread's CPU time went to, the greatest first. A sample is taken by the clock on the wall, so what is
 * seen is scaled by the share of its time that a thread that could run did run. The profiler knows nothing of reading: it
 * sees that, like waiting, as idle, and so it is what the CPU time leaves when all that was seen is taken off.
 */
export function spent(
  profile: CpuProfile,
  windows: readonly Window[],
  cpu: number,
  waitedForCpu: number,
): Spent[] {
  const place = placesOf(profile);
  const sums = new Map<string, Spent>();
  let left = cpu;
  const add = ({ room, name }: Place, micros: number) => {
    const key = `${room} ${name}`;
    sums.set(key, { room, name, micros: (sums.get(key)?.micros ?? 0) + micros });
    left -= micros;
  };
  for (const [node, time] of selfTimes(profile, windows)) {
    const found = place(node);
    if (found !== 'idle') add(found, (time * cpu) / (cpu + waitedForCpu));
  }
  add({ room: READING, name: '(not seen by the profiler)' }, Math.max(0, left));
  return [...sums.values()].sort((a, b) => b.micros - a.micros);
}

export function byRoom(all: readonly Spent[]): Map<string, number> {
  const rooms = new Map<string, number>();
  for (const { room, micros } of all) rooms.set(room, (rooms.get(room) ?? 0) + micros);
  return rooms;
}

function placesOf(profile: CpuProfile): (node: number) => Place | 'idle' {
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const parents = new Map<number, number>();
  for (const { id, children = [] } of profile.nodes) for (const child of children) parents.set(child, id);
  const nothing: CallFrame = { functionName: '(root)', url: '' };
  const roomFor = (node: number | undefined): string => {
    if (node === undefined) return 'other';
    const frame = frames.get(node) ?? nothing;
    // Machine code and what Buffers do is counted to whoever calls for it.
    return isHelper(frame) ? roomFor(parents.get(node)) : roomOf(frame.url);
  };
  return (node) => {
    const { functionName, url } = frames.get(node) ?? nothing;
    if (url === '' && functionName === '(idle)') return 'idle';
    const own = roomOfNative(functionName, url);
    if (own !== undefined) return { room: own, name: functionName };
    const name = functionName === '' ? '(anonymous)' : functionName;
    return { room: roomFor(node), name: isHelper({ functionName, url }) ? `${name} (Node's own)` : name };
  };
}

function roomOfNative(name: string, url: string): string | undefined {
  if (url !== '') return undefined;
  if (WRITES.has(name)) return WRITING;
  if (name === '(program)') return READING;
  if (name === '(garbage collector)') return GARBAGE;
  return undefined;
}

function isHelper({ url }: CallFrame): boolean {
  return url === '' || HELPERS.has(url);
}

/** A file of the program, or the part of Node that it comes from. */
export function roomOf(url: string): string {
  if (url.startsWith('node:')) return NODE;
  const library = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1];
  if (library !== undefined) return library;
  return /\/dist\/(.+)\.js$/.exec(url)?.[1] ?? /([^/]+)$/.exec(url)?.[1] ?? url;
}
