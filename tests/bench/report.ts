/** One row for each comparison, as a table to read and as JSON to keep. */

import { type Ratio, ratioOf, type Trial } from './compare';
import type { Contestant } from './contestants';

/** What is asked for: no less in `rate`, no more in `cpu` and in `figure`'s own direction. */
export interface Goals {
  /** At least so many times the other's commands a second. */
  readonly rate?: number;
  /** At most so many times the other's CPU for each command. */
  readonly cpu?: number;
  /** At most so many times the other's median time to an answer. */
  readonly p50?: number;
}

export interface Row {
  readonly part: string;
  readonly what: string;
  readonly against: string;
  readonly rate: Ratio;
  readonly cpu: Ratio;
  /** Of the Redis behind each. */
  readonly cpuBehind: Ratio;
  readonly p50: Ratio;
  readonly p99: Ratio;
  /** Of our own GETs, the share that Redis was asked. */
  readonly getsBehind: number;
  readonly goals: Goals;
}

/** A figure that is no comparison of loads: a share, a size, a time. */
export interface Figure {
  readonly part: string;
  readonly what: string;
  readonly told: string;
  readonly value: number;
  readonly goal?: string;
  readonly reached?: boolean;
}

/** A figure, and whether it is what is asked for. */
export function figureOf(
  part: string,
  what: string,
  value: number,
  { told, goal: wanted }: { told: string; goal?: readonly ['≥' | '≤', number, unit?: string] },
): Figure {
  if (wanted === undefined) return { part, what, told, value };
  const [sign, limit, unit = ''] = wanted;
  return { part, what, told, value, goal: `${sign} ${limit}${unit}`, reached: reaches(sign, limit, value) };
}

export interface Results {
  readonly rows: Row[];
  readonly figures: Figure[];
}

/** The first contestant against each of the others. */
export function rowsOf(
  part: string,
  what: string,
  contestants: readonly Contestant[],
  trials: readonly Trial[][],
  goals: Readonly<Record<string, Goals>> = {},
): Row[] {
  const own = trials[0] ?? [];
  const ratio = (other: readonly Trial[], of: (trial: Trial) => number) => ratioOf(own, other, of);
  return trials.slice(1).map((other, index) => {
    const against = contestants[index + 1]?.name ?? '';
    return {
      part,
      what,
      against,
      rate: ratio(other, (trial) => trial.rate),
      cpu: ratio(other, (trial) => trial.cpu),
      cpuBehind: ratio(other, (trial) => trial.cpuBehind),
      p50: ratio(other, (trial) => trial.p50),
      p99: ratio(other, (trial) => trial.p99),
      getsBehind: own.reduce((sum, trial) => sum + trial.getsBehind, 0) / own.length,
      goals: goals[against] ?? {},
    };
  });
}

const HEADS = [
  'part',
  'load',
  'against',
  'rate',
  'goal',
  'CPU',
  'goal',
  'commands/s',
  'CPU µs',
  'p50 ms',
  'p99 ms',
];

export function tableOf(rows: readonly Row[]): string {
  const lines = rows.map((row) => [
    row.part,
    row.what,
    row.against,
    spread(row.rate),
    goal('≥', row.goals.rate, row.rate.ratio.median),
    spread(row.cpu),
    goal('≤', row.goals.cpu, row.cpu.ratio.median),
    pair(row.rate, (rate) => `${Math.round(rate / 100) / 10}k`),
    pair(row.cpu, (cpu) => cpu.toFixed(1)),
    timed(row.p50, row.goals.p50),
    pair(row.p99, (time) => time.toFixed(2)),
  ]);
  return layOut([HEADS, HEADS.map((head) => '-'.repeat(head.length)), ...lines]);
}

export function figuresOf(figures: readonly Figure[]): string {
  return layOut([
    ['part', 'what', 'figure', 'asked for'],
    ['-', '-', '-', '-'],
    ...figures.map(({ part, what, told, goal: wanted, reached }) => [
      part,
      what,
      told,
      wanted === undefined ? '' : `${wanted}${reached ? '' : ' short'}`,
    ]),
  ]);
}

function spread({ ratio }: Ratio): string {
  return `${ratio.median.toFixed(2)} (${ratio.least.toFixed(2)}–${ratio.most.toFixed(2)})`;
}

function goal(sign: '≥' | '≤', wanted: number | undefined, got: number): string {
  if (wanted === undefined) return '';
  return `${sign} ${wanted.toFixed(1)}${reaches(sign, wanted, got) ? '' : ' short'}`;
}

export function reaches(sign: '≥' | '≤', wanted: number, got: number): boolean {
  return sign === '≥' ? got >= wanted : got <= wanted;
}

/** A ratio is told only where one is asked for. */
function timed(times: Ratio, wanted: number | undefined): string {
  const both = pair(times, (time) => time.toFixed(2));
  return wanted === undefined ? both : `${both} = ${spread(times)} ${goal('≤', wanted, times.ratio.median)}`;
}

function pair({ own, other }: Ratio, show: (figure: number) => string): string {
  return `${show(own)} : ${show(other)}`;
}

/** As a Markdown table, so that it can be kept as it is. */
export function layOut(lines: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const line of lines) {
    for (const [column, cell] of line.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  const padded = lines.map((line) =>
    line.map((cell, column) =>
      /^-+$/.test(cell) ? cell.padEnd(widths[column] ?? 0, '-') : cell.padEnd(widths[column] ?? 0),
    ),
  );
  return padded.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
