/** Bytes that clients should not send, made at random from a seed: a corpus, and what can be done to its lines. */
import { readFileSync } from 'node:fs';
import path from 'node:path';

const CORPUS = path.resolve(__dirname, '../corpus/requests.txt');

/** One line of the corpus is one sequence of bytes, with the escapes of a string of JavaScript. */
export function readCorpus(): Buffer[] {
  const lines = readFileSync(CORPUS, 'utf8').split('\n');
  return lines.filter((line) => line !== '' && !line.startsWith('# ')).map(bytesOf);
}

function bytesOf(line: string): Buffer {
  const text = line.replace(/\\(x[0-9a-f]{2}|.)/g, (_, code: string) => {
    if (code.startsWith('x')) return String.fromCharCode(Number.parseInt(code.slice(1), 16));
    return { r: '\r', n: '\n', t: '\t', '0': '\0' }[code] ?? code;
  });
  return Buffer.from(text, 'latin1');
}

/** The other way, for a message from which a failure can be repeated. */
export function readable(bytes: Buffer): string {
  return JSON.stringify(bytes.toString('latin1'));
}

/** Whole numbers below `below`. */
export type Dice = (below: number) => number;

export function dice(seed: number): Dice {
  let state = seed | 0;
  return (below) => {
    // mulberry32
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

function pick<T>(roll: Dice, from: readonly T[]): T {
  const one = from[roll(from.length)];
  if (one === undefined) throw new Error('nothing to pick from');
  return one;
}

const CUTTING = [
  '\r\n',
  '\r',
  '\n',
  '\0',
  '*',
  '$',
  '-1',
  '*0\r\n',
  '$0\r\n\r\n',
  '"',
  "'",
  ' ',
  '\xff',
  '9999999999',
];

/** What can be done to bytes, each in its own way. */
const MUTATIONS: readonly ((bytes: Buffer, roll: Dice, corpus: readonly Buffer[]) => Buffer)[] = [
  (bytes) => bytes,
  (bytes) => bytes,
  (bytes, roll) => bytes.subarray(0, roll(bytes.length + 1)),
  (bytes, roll) => bytes.subarray(roll(bytes.length + 1)),
  (bytes, roll) => {
    const changed = Buffer.from(bytes);
    if (changed.length > 0) changed[roll(changed.length)] = roll(256);
    return changed;
  },
  (bytes, roll) => {
    const at = roll(bytes.length + 1);
    return Buffer.concat([
      bytes.subarray(0, at),
      Buffer.from(pick(roll, CUTTING), 'latin1'),
      bytes.subarray(at),
    ]);
  },
  (bytes, roll) => {
    const at = roll(bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.min(bytes.length, at + 1 + roll(4)))]);
  },
  (bytes, roll, corpus) => Buffer.concat([bytes, pick(roll, corpus)]),
  (_, roll) => Buffer.from(Array.from({ length: roll(60) }, () => roll(256))),
];

/** What one client sends in its life. */
export function hostileStream(roll: Dice, corpus: readonly Buffer[]): Buffer {
  const parts = Array.from({ length: 1 + roll(4) }, () =>
    pick(roll, MUTATIONS)(pick(roll, corpus), roll, corpus),
  );
  return Buffer.concat(parts);
}

/** The same bytes in pieces: whole, two or three, or one byte each. */
export function pieces(roll: Dice, bytes: Buffer): Buffer[] {
  const kind = roll(4);
  if (kind === 0 || bytes.length === 0) return [bytes];
  if (kind === 1 && bytes.length < 400) return Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
  const cuts = [0, roll(bytes.length), roll(bytes.length), bytes.length].sort((a, b) => a - b);
  return cuts.slice(1).map((end, index) => bytes.subarray(cuts[index] ?? 0, end));
}
