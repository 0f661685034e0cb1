/** The ratios as a picture: a dot for each median, a line from the least to the most, a notch where it is asked to be. */
import type { Ratio } from './compare';
import { type Figure, type Row, reaches } from './report';

type Sign = '≥' | '≤';

interface Mark {
  readonly ratio: Ratio;
  readonly sign: Sign;
  readonly goal: number | undefined;
}

const LINE = 20;
const HEAD = 108;
const PANEL = 330;
const GAP = 50;
const FOOT = 40;
/** About as wide as a letter of this size is at most, whatever the font. */
const LETTER = 6.7;
const TICKS = [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50];
const GOOD = '#1a7f4b';
const SHORT = '#c4462d';
const PLAIN = '#4a6fa5';
const FAINT = '#e3e6ea';

export function pictureOf(title: string, rows: readonly Row[], figures: readonly Figure[]): string {
  const asked = figures.filter(({ goal }) => goal !== undefined);
  const height = HEAD + rows.length * LINE + FOOT + asked.length * LINE;
  const left = labelWidth(rows);
  const right = left + PANEL + GAP;
  const width = right + PANEL + GAP;
  const parts = rows.map(
    (row, index) => `${divider(rows, index, width)}
${label(row, left, lineAt(index))}
${markOf({ ratio: row.rate, sign: '≥', goal: row.goals.rate }, left, lineAt(index))}
${markOf({ ratio: row.cpu, sign: '≤', goal: row.goals.cpu }, right, lineAt(index))}`,
  );
  const below = HEAD + rows.length * LINE;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12" fill="#222">
<rect width="100%" height="100%" fill="#fff"/>
<text x="16" y="28" font-size="18" font-weight="600">respite against the others, in one run</text>
<text x="16" y="48" fill="#667">${safe(title)}</text>
${legend()}
${panel('throughput: more is better →', left, below)}
${panel('← CPU for each command: less is better', right, below)}
${parts.join('\n')}
${asked.map((figure, index) => figureLine(figure, below + FOOT + index * LINE)).join('\n')}
</svg>
`;
}

function labelWidth(rows: readonly Row[]): number {
  const letters = rows.map(({ part, what, against }) => part.length + what.length + against.length + 4);
  return Math.round(30 + LETTER * Math.max(40, ...letters));
}

function lineAt(index: number): number {
  return HEAD + index * LINE + LINE / 2;
}

/** Where on a panel a ratio stands: its logarithm, so that half and double are as far from one. */
export function placeOf(ratio: number): number {
  const [least = 1] = TICKS;
  const most = TICKS.at(-1) ?? 1;
  const inside = Math.min(most, Math.max(least, ratio));
  return (PANEL * Math.log(inside / least)) / Math.log(most / least);
}

function panel(title: string, left: number, below: number): string {
  const lines = TICKS.map((tick) => {
    const x = (left + placeOf(tick)).toFixed(1);
    const colour = tick === 1 ? '#9aa3ad' : FAINT;
    return `<line x1="${x}" x2="${x}" y1="${HEAD - 4}" y2="${below}" stroke="${colour}"/>
<text x="${x}" y="${HEAD - 10}" text-anchor="middle" fill="#667" font-size="10">${tick}</text>`;
  });
  return `<text x="${left + PANEL / 2}" y="${HEAD - 28}" text-anchor="middle" font-weight="600">${title}</text>
${lines.join('\n')}`;
}

function legend(): string {
  const entries = [
    [GOOD, 'as asked'],
    [SHORT, 'short of it'],
    [PLAIN, 'nothing asked'],
  ] as const;
  const dots = entries.map(
    ([colour, text], index) =>
      `<circle cx="${22 + index * 110}" cy="66" r="4.5" fill="${colour}"/><text x="${32 + index * 110}" y="70">${text}</text>`,
  );
  return `${dots.join('')}<path d="M352 59v14" stroke="#222" stroke-width="2"/><text x="360" y="70">asked</text>`;
}

function divider(rows: readonly Row[], index: number, width: number): string {
  if (index === 0 || rows[index]?.part === rows[index - 1]?.part) return '';
  const y = HEAD + index * LINE;
  return `<line x1="16" x2="${width - 16}" y1="${y}" y2="${y}" stroke="#b9c0c8"/>`;
}

function label({ part, what, against }: Row, left: number, y: number): string {
  return `<text x="16" y="${y + 4}"><tspan font-weight="600">${safe(part)}</tspan> ${safe(what)}</text>
<text x="${left - 14}" y="${y + 4}" text-anchor="end" fill="#667" font-size="11">${safe(against)}</text>`;
}

function markOf({ ratio: { ratio }, sign, goal }: Mark, left: number, y: number): string {
  if (!Number.isFinite(ratio.median)) return '';
  const at = (value: number) => (left + placeOf(value)).toFixed(1);
  const colour = goal === undefined ? PLAIN : reaches(sign, goal, ratio.median) ? GOOD : SHORT;
  const notch =
    goal === undefined ? '' : `<path d="M${at(goal)} ${y - 7}v14" stroke="#222" stroke-width="2"/>`;
  return `<line x1="${at(ratio.least)}" x2="${at(ratio.most)}" y1="${y}" y2="${y}" stroke="${colour}" stroke-width="3" stroke-opacity="0.35" stroke-linecap="round"/>
${notch}<circle cx="${at(ratio.median)}" cy="${y}" r="4.5" fill="${colour}"><title>${ratio.median.toFixed(2)} (${ratio.least.toFixed(2)}–${ratio.most.toFixed(2)})</title></circle>`;
}

function figureLine({ part, what, told, goal, reached }: Figure, y: number): string {
  const colour = reached ? GOOD : SHORT;
  return `<circle cx="22" cy="${y}" r="4.5" fill="${colour}"/><text x="34" y="${y + 4}"><tspan font-weight="600">${safe(part)}</tspan> ${safe(what)}: <tspan font-weight="600">${safe(told)}</tspan> (asked: ${safe(goal ?? '')})</text>`;
}

function safe(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
