/** Holds what src/README.md says about the rooms of src: who may import whom, and that no import forms a circle. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

const ROOT = path.resolve(__dirname, '../../src');

/** From the ground up. An import leads further down, or stays in its room; rooms of one floor do not know each other. */
const FLOORS: readonly (readonly string[])[] = [
  ['errors', 'clock', 'version'],
  // What a URL says is needed to check the flags, so it lies below the rest of its folder.
  ['upstream/address'],
  ['config'],
  ['telemetry'],
  ['resp'],
  ['cache', 'upstream'],
  ['coherence'],
  ['commands'],
  ['session'],
  ['http'],
  ['proxy'],
  ['workers'],
  ['main', 'index'],
];

interface Import {
  /** Paths below src, without extension. */
  readonly from: string;
  readonly to: string;
}

const files = readdirSync(ROOT, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
  .map((file) => file.slice(0, -'.ts'.length).split(path.sep).join('/'));

/** What a file names in import and export statements, types included. */
function namedBy(file: string): string[] {
  const source = readFileSync(path.join(ROOT, `${file}.ts`), 'utf8');
  return ts.preProcessFile(source).importedFiles.map(({ fileName }) => fileName);
}

const imports: Import[] = files.flatMap((from) =>
  namedBy(from)
    .filter((name) => name.startsWith('.'))
    .map((name) => ({ from, to: path.posix.join(path.posix.dirname(from), name) })),
);

function roomOf(file: string): string {
  return file === 'upstream/address' ? file : (file.split('/', 1)[0] ?? file);
}

function floorOf(file: string): number {
  return FLOORS.findIndex((rooms) => rooms.includes(roomOf(file)));
}

function show({ from, to }: Import): string {
  return `${from} → ${to}`;
}

/** The first circle that is met going down from each file, as the files along it. */
function findCircle(): string[] | undefined {
  const done = new Set<string>();
  const visit = (file: string, way: readonly string[]): string[] | undefined => {
    if (way.includes(file)) return [...way.slice(way.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const { from, to } of imports) {
      const circle = from === file ? visit(to, [...way, file]) : undefined;
      if (circle) return circle;
    }
    done.add(file);
    return undefined;
  };
  for (const file of files) {
    const circle = visit(file, []);
    if (circle) return circle;
  }
  return undefined;
}

describe('imports in src', () => {
  test('every file has its floor, and every import leads to a file', () => {
    expect(imports.length).toBeGreaterThan(files.length);
    expect(files.filter((file) => floorOf(file) < 0)).toEqual([]);
    expect(imports.filter(({ to }) => !files.includes(to)).map(show)).toEqual([]);
  });

  test('lead down, or stay in their room', () => {
    const wrong = imports.filter(
      ({ from, to }) => roomOf(from) !== roomOf(to) && floorOf(to) >= floorOf(from),
    );
    expect(wrong.map(show)).toEqual([]);
  });

  test('form no circle, not even of types', () => {
    expect(findCircle()).toBeUndefined();
  });

  test.each([
    ['resp', []],
    ['cache', ['resp/bytes']],
  ])('of %s lead out of its room to %j alone, and to no socket', (room, allowed) => {
    const inRoom = files.filter((file) => roomOf(file) === room);
    const outside = imports.filter(({ from, to }) => roomOf(from) === room && roomOf(to) !== room);
    expect(outside.filter(({ to }) => !allowed.includes(to)).map(show)).toEqual([]);
    expect(inRoom.flatMap(namedBy)).not.toContain('node:net');
  });
});

describe('src/README.md', () => {
  const tour = readFileSync(path.join(ROOT, 'README.md'), 'utf8');
  /** What it says of one room, from its name in bold to the next one. */
  const sectionOf = (room: string) =>
    tour.split(/^(?=\*\*|## )/m).find((part) => part.startsWith(`**[${room}/]`));
  const rooms = new Set(
    files.filter((file) => file.includes('/')).map((file) => file.split('/', 1)[0] ?? ''),
  );

  test.each([...rooms])('names every file of %s, and none that is not there', (room) => {
    const named = [...(sectionOf(room) ?? '').matchAll(/`([a-z-]+)\.ts`/g)].map(
      ([, name]) => `${room}/${name}`,
    );
    expect(named.sort()).toEqual(files.filter((file) => file.startsWith(`${room}/`)).sort());
  });

  test('names every file that stands in no room', () => {
    const alone = files.filter((file) => !file.includes('/'));
    expect(alone.filter((file) => !tour.includes(`[${file}.ts](${file}.ts)`))).toEqual([]);
  });
});
