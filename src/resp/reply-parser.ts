/** Decodes whole replies, RESP2 and RESP3, for the few places that have to understand one. */

import {
  BANG,
  COLON,
  COMMA,
  DOLLAR,
  EQUALS,
  GREATER,
  HASH,
  MINUS,
  PAREN,
  PERCENT,
  PIPE,
  PLUS,
  STAR,
  TILDE,
  UNDERSCORE,
} from './bytes';

export type Reply =
  | { type: 'status'; text: string }
  | { type: 'error'; text: string }
  /** A bigint when a number could not hold it exactly. */
  | { type: 'integer'; value: number | bigint }
  /** A slice of the frame: copy what is kept longer. */
  | { type: 'bulk'; value: Buffer }
  | { type: 'nil' }
  | { type: 'double'; value: number }
  | { type: 'boolean'; value: boolean }
  | { type: 'bignumber'; text: string }
  | { type: 'verbatim'; format: string; value: Buffer }
  | { type: 'array'; items: Reply[] }
  | { type: 'set'; items: Reply[] }
  | { type: 'push'; items: Reply[] }
  | { type: 'map'; entries: [Reply, Reply][] };

export interface ParsedReply {
  reply: Reply;
  /** The index just past the reply. */
  end: number;
  /** Pushes that stood inside the reply, in their order. */
  pushes: Reply[];
}

/** An aggregate whose elements are being read. */
interface OpenAggregate {
  readonly kind: number;
  readonly size: number;
  readonly items: Reply[];
  /** An inner push or an attribute: no element of what is around it. */
  readonly aside: boolean;
}

/**
 * The reply that begins at `at`, decoded without recursion: replies may nest deeper than the stack is high.
 * The frame must hold it whole, as ReplyFramer found it. Attributes are dropped.
 */
export function parseReply(frame: Buffer, at = 0): ParsedReply {
  return new ReplyReader(frame, at, Number.POSITIVE_INFINITY).read();
}

/** The same for replies whose shape is known: undefined for one that nests as none of those does. */
export function parseShallow(frame: Buffer, at = 0): ParsedReply | undefined {
  try {
    return new ReplyReader(frame, at, SHALLOW).read();
  } catch (problem) {
    if (problem instanceof RangeError) return undefined;
    throw problem;
  }
}

const SHALLOW = 32;

class ReplyReader {
  readonly #frame: Buffer;
  readonly #open: OpenAggregate[] = [];
  readonly #pushes: Reply[] = [];
  readonly #deepest: number;
  #at: number;

  constructor(frame: Buffer, at: number, deepest: number) {
    this.#frame = frame;
    this.#at = at;
    this.#deepest = deepest;
  }

  read(): ParsedReply {
    let reply: Reply | undefined;
    while (reply === undefined) {
      const scalar = this.#readValue();
      reply = scalar === undefined ? this.#closeWhole() : this.#add(scalar);
    }
    return { reply, end: this.#at, pushes: this.#pushes };
  }

  /** One value, or undefined when it was the beginning of an aggregate. */
  #readValue(): Reply | undefined {
    const kind = this.#frame[this.#at];
    const line = this.#readLine();
    switch (kind) {
      case PLUS:
        return { type: 'status', text: line };
      case MINUS:
        return { type: 'error', text: line };
      case COLON:
        return { type: 'integer', value: readInteger(line) };
      case UNDERSCORE:
        return { type: 'nil' };
      case COMMA:
        return { type: 'double', value: readDouble(line) };
      case HASH:
        return { type: 'boolean', value: line === 't' };
      case PAREN:
        return { type: 'bignumber', text: line };
      case DOLLAR:
      case EQUALS:
      case BANG:
        return this.#readBulk(kind, Number(line));
      case STAR:
      case TILDE:
      case GREATER:
      case PERCENT:
      case PIPE:
        return this.#openAggregate(kind, Number(line));
      default:
        throw notWhole();
    }
  }

  #readLine(): string {
    const start = this.#at + 1;
    const cr = this.#frame.indexOf('\r\n', start);
    if (cr < 0) throw notWhole();
    const end = cr + 1;
    this.#at = end + 1;
    return this.#frame.toString('utf8', start, end - 1);
  }

  #readBulk(kind: number, size: number): Reply {
    if (size < 0) return { type: 'nil' };
    const start = this.#at;
    if (start + size + 2 > this.#frame.length) throw notWhole();
    this.#at = start + size + 2;
    const value = this.#frame.subarray(start, start + size);
    if (kind === BANG) return { type: 'error', text: value.toString() };
    if (kind === DOLLAR) return { type: 'bulk', value };
    return { type: 'verbatim', format: value.toString('latin1', 0, 3), value: value.subarray(4) };
  }

  #openAggregate(kind: number, length: number): Reply | undefined {
    if (length < 0) return { type: 'nil' };
    if (this.#open.length >= this.#deepest) throw new RangeError('expected a reply that nests less');
    const size = kind === PERCENT || kind === PIPE ? 2 * length : length;
    const aside = kind === PIPE || (kind === GREATER && this.#open.length > 0);
    this.#open.push({ kind, size, items: [], aside });
    return undefined;
  }

  /** Puts a value where it belongs; the outermost one is the result. */
  #add(value: Reply): Reply | undefined {
    const around = this.#open.at(-1);
    if (around === undefined) return value;
    around.items.push(value);
    return this.#closeWhole();
  }

  /** Closes all aggregates that are whole now. */
  #closeWhole(): Reply | undefined {
    for (let last = this.#open.at(-1); last !== undefined; last = this.#open.at(-1)) {
      if (last.items.length < last.size) return undefined;
      this.#open.pop();
      const value = aggregate(last);
      const around = this.#open.at(-1);
      if (last.kind === PIPE) continue;
      if (last.aside) this.#pushes.push(value);
      else if (around === undefined) return value;
      else around.items.push(value);
    }
    return undefined;
  }
}

function aggregate({ kind, items }: OpenAggregate): Reply {
  switch (kind) {
    case PERCENT:
      return { type: 'map', entries: pairs(items) };
    case TILDE:
      return { type: 'set', items };
    case GREATER:
      return { type: 'push', items };
    default:
      return { type: 'array', items };
  }
}

function pairs(items: readonly Reply[]): [Reply, Reply][] {
  const entries: [Reply, Reply][] = [];
  let key: Reply | undefined;
  for (const item of items) {
    if (key === undefined) {
      key = item;
    } else {
      entries.push([key, item]);
      key = undefined;
    }
  }
  return entries;
}

/** NaN when it is none: what a server sends must not be able to throw here. */
function readInteger(text: string): number | bigint {
  const value = Number(text);
  return Number.isSafeInteger(value) || !INTEGER.test(text) ? value : BigInt(text);
}

const INTEGER = /^[+-]?[0-9]+$/;

function readDouble(text: string): number {
  if (text === 'inf') return Number.POSITIVE_INFINITY;
  return text === '-inf' ? Number.NEGATIVE_INFINITY : Number(text);
}

function notWhole(): RangeError {
  return new RangeError('expected one whole reply, got a part of one or other bytes');
}

/** Whether the reply that begins at `start` is a nil, which RESP2 and RESP3 write differently. */
export function isNil(chunk: Buffer, start: number): boolean {
  return chunk[start] === UNDERSCORE || (chunk[start] === DOLLAR && chunk[start + 1] === MINUS);
}
