// Reads the lines of the table into steps, and says what in an answer counts.

import { type Bytes, command, replyEnd, toBytes } from './raw-client';

export type Protocol = 2 | 3;
type Rule = 'digits' | 'unordered' | 'shape';

/** One line of a topic. */
export interface Step {
  text: string;
  by: 'client' | 'other';
  bytes: Buffer;
  /** How many replies (or pushes) follow. */
  replies: number;
  rule: Rule | undefined;
}

export interface Script {
  steps: Step[];
  /** The server ends the connection by itself: no QUIT is needed. */
  closes: boolean;
  /** Two clients take turns, so it can't be sent in one write. */
  turns: boolean;
}

const RULE = /\s~(?:x(\d+)(?:\/(\d+))?|v([23])|(digits|unordered|shape))$/;

export function readScript(lines: string, protocol: Protocol): Script {
  const steps: Step[] = [];
  let closes = false;
  for (const line of lines.split('\n').map((each) => each.trim())) {
    if (line === '' || line.startsWith('//')) continue;
    if (line === 'closed') closes = true;
    else steps.push(...readLine(line, protocol));
  }
  closes ||= steps.at(-1)?.text === 'QUIT';
  return { steps, closes, turns: steps.some((step) => step.by === 'other') };
}

function readLine(line: string, protocol: Protocol): Step[] {
  let text = line;
  let replies = 1;
  let rule: Rule | undefined;
  let match = RULE.exec(text);
  while (match) {
    const [whole, inBoth, inThree, only, named] = match;
    if (only !== undefined && Number(only) !== protocol) return [];
    if (inBoth !== undefined) replies = Number(protocol === 3 && inThree !== undefined ? inThree : inBoth);
    if (named !== undefined) rule = named as Rule;
    text = text.slice(0, -whole.length).trimEnd();
    match = RULE.exec(text);
  }
  const by = text.startsWith('other: ') ? 'other' : 'client';
  if (by === 'other') text = text.slice('other: '.length);
  // An inline command that is empty gets no answer.
  if (text === '>') replies = 0;
  return [{ text, by, bytes: readCommand(text), replies, rule }];
}

function readCommand(text: string): Buffer {
  if (text === 'await') return Buffer.alloc(0);
  if (text.startsWith('>')) return toBytes(`${text.slice(1).trimStart()}\r\n`);
  return command(...splitWords(text));
}

const WORD = /"((?:\\.|[^"\\])*)"|(\S+)/gs;
const ESCAPES: Record<string, string> = { n: '\n', r: '\r', t: '\t' };

/** Words as redis-cli takes them, reduced to what the table needs: "double quotes" with escapes. */
function splitWords(text: string): Bytes[] {
  return Array.from(text.matchAll(WORD), ([, quoted, plain]) => {
    if (plain !== undefined) return plain;
    return (quoted ?? '').replace(/\\(?:x([0-9a-f]{2})|(.))/gis, (_, hex?: string, char: string = '') =>
      hex === undefined ? (ESCAPES[char] ?? char) : String.fromCharCode(Number.parseInt(hex, 16)),
    );
  });
}

/** All whole replies in these bytes; what is left over comes last, as it is. */
export function splitReplies(bytes: Buffer): Buffer[] {
  const replies: Buffer[] = [];
  let at = 0;
  while (at < bytes.length) {
    const end = Math.min(replyEnd(bytes, at), bytes.length);
    replies.push(bytes.subarray(at, end));
    at = end;
  }
  return replies;
}

/** What counts of a reply, as text for a person to compare. */
export function whatCounts(reply: Buffer, rule?: Rule): string {
  if (rule === 'shape') return `${reply.toString('latin1', 0, 1)}…`;
  const text = rule === 'unordered' ? inOrder(reply) : reply.toString('latin1');
  return JSON.stringify(rule === 'digits' ? text.replace(/\d+/g, '#') : text);
}

function inOrder(reply: Buffer): string {
  const head = reply.toString('latin1', 0, reply.indexOf('\r\n') + 2);
  if (!'*~%>'.includes(head.charAt(0))) return reply.toString('latin1');
  const elements = splitReplies(reply.subarray(head.length)).map(inOrder);
  // The two halves of a map's entry stay together.
  const size = head.startsWith('%') ? 2 : 1;
  const entries = elements.flatMap((_, i) => (i % size === 0 ? [elements.slice(i, i + size).join('')] : []));
  return head + entries.sort().join('');
}
