/** Commands as HTTP carries them: segments of a path, parameters behind it, and JSON in a body. */
import { isUtf8 } from 'node:buffer';
import { HttpProblem } from './problem';

const PERCENT_ESCAPE = /^[0-9a-fA-F]{2}/;

/** The path of a URL and what stands behind its question mark. */
export function splitUrl(url: string): { path: string; query: string } {
  const at = url.indexOf('?');
  return at < 0 ? { path: url, query: '' } : { path: url.slice(0, at), query: url.slice(at + 1) };
}

/** Each segment is one argument, byte by byte: `/set/a%2Fb/%FF`. */
export function pathArguments(path: string): Buffer[] {
  return path.slice(1).split('/').map(decodePercent);
}

/** `?EX=100&NX`: each name is an argument, and each value that is not empty. `_token` is none. */
export function queryArguments(query: string): Buffer[] {
  const args: Buffer[] = [];
  for (const pair of query.split('&')) {
    const at = pair.indexOf('=');
    const name = at < 0 ? pair : pair.slice(0, at);
    const value = at < 0 ? '' : pair.slice(at + 1);
    if (name === '' || name === '_token') continue;
    args.push(decodeQuery(name));
    if (value !== '') args.push(decodeQuery(value));
  }
  return args;
}

/** The value of one parameter, the first of its name. */
export function queryBytes(query: string, wanted: string): Buffer | undefined {
  for (const pair of query.split('&')) {
    if (pair.startsWith(`${wanted}=`)) return decodeQuery(pair.slice(wanted.length + 1));
  }
  return undefined;
}

function decodeQuery(text: string): Buffer {
  return decodePercent(text.replaceAll('+', ' '));
}

/** Node gives the URL with one character for each byte. */
export function decodePercent(text: string): Buffer {
  if (!text.includes('%')) return Buffer.from(text, 'latin1');
  const [first = '', ...escaped] = text.split('%');
  let bytes = first;
  for (const part of escaped) {
    if (!PERCENT_ESCAPE.test(part))
      throw new HttpProblem(400, `%${part.slice(0, 2)} is no percent escape: write %25 for a percent sign`);
    bytes += String.fromCharCode(Number.parseInt(part.slice(0, 2), 16)) + part.slice(2);
  }
  return Buffer.from(bytes, 'latin1');
}

/** `["SET", "key", "value"]` */
export function parseCommand(body: Buffer | undefined): Buffer[] {
  return argumentsOf(parseJson(body), 'the body');
}

/** `[["SET", "key", "value"], ["GET", "key"]]` */
export function parseCommands(body: Buffer | undefined): Buffer[][] {
  const commands = parseJson(body);
  if (!Array.isArray(commands))
    throw new HttpProblem(
      400,
      `the body is ${kindOf(commands)}: give a JSON array of commands, each an array`,
    );
  return commands.map((command, index) => argumentsOf(command, `command ${index}`));
}

function argumentsOf(command: unknown, what: string): Buffer[] {
  if (!Array.isArray(command))
    throw new HttpProblem(400, `${what} is ${kindOf(command)}: give a JSON array such as ["GET", "key"]`);
  if (command.length === 0) throw new HttpProblem(400, `${what} is an empty array: give a command`);
  return command.map((argument, index) => argumentOf(argument, `argument ${index} of ${what}`));
}

function argumentOf(argument: unknown, what: string): Buffer {
  if (typeof argument === 'string') return Buffer.from(argument);
  if (typeof argument === 'boolean') return Buffer.from(String(argument));
  throw new HttpProblem(400, `${what} is ${kindOf(argument)}: give a string, a number, true or false`);
}

function parseJson(body: Buffer | undefined): unknown {
  if (!body || body.length === 0) throw new HttpProblem(400, 'the body is empty: give a JSON array');
  if (!isUtf8(body)) throw new HttpProblem(400, 'the body is not valid UTF-8');
  const text = body.toString();
  try {
    const value: unknown = JSON.parse(text);
    return holdsNumber(value) ? JSON.parse(quoteNumbers(text)) : value;
  } catch (problem) {
    throw new HttpProblem(
      400,
      `the body is not JSON: ${problem instanceof Error ? problem.message : String(problem)}`,
    );
  }
}

function holdsNumber(value: unknown): boolean {
  if (!Array.isArray(value)) return false;
  return value.some(
    (item) =>
      typeof item === 'number' || (Array.isArray(item) && item.some((one) => typeof one === 'number')),
  );
}

/** A number is the argument that was written: 12345678901234567890 has more digits than a double holds. */
function quoteNumbers(json: string): string {
  return json.replace(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g, (token) =>
    token.startsWith('"') ? token : `"${token}"`,
  );
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : `${typeof value === 'object' ? 'an' : 'a'} ${typeof value}`;
}
