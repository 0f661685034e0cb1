/** Replies of Redis as Upstash's REST interface writes them: JSON, with strings in base64 if asked for, or raw RESP2. */
import { byteAt, CR, DOLLAR, LF, MINUS } from '../resp/bytes';
import { encodeCommand } from '../resp/encoder';
import { parseReply, type Reply } from '../resp/reply-parser';

export type TextEncoding = 'utf8' | 'base64';

const NIL = '{"result":null}';

/** `{"result": …}` or `{"error": "…"}` for one whole reply. */
export function encodeFrame(frame: Buffer, encoding: TextEncoding): string {
  if (frame[0] === DOLLAR && encoding === 'utf8') return encodeBulk(frame);
  const { reply } = parseReply(frame);
  return reply.type === 'error' ? encodeError(reply.text) : `{"result":${encodeResult(reply, encoding)}}`;
}

export function encodeError(text: string): string {
  return `{"error":${JSON.stringify(text)}}`;
}

/** The commonest reply, without a tree made of it. */
function encodeBulk(frame: Buffer): string {
  if (frame[1] === MINUS) return NIL;
  return `{"result":${JSON.stringify(frame.toString('utf8', bulkStart(frame), frame.length - 2))}}`;
}

/** Where the value of a bulk string begins; it ends two bytes before the frame does. */
export function bulkStart(frame: Buffer): number {
  let at = 1;
  while (byteAt(frame, at) !== LF) at += 1;
  return at + 1;
}

/** The value of a bulk string's frame, or undefined for nil and whatever is no bulk string. */
export function bulkValue(frame: Buffer): Buffer | undefined {
  if (frame[0] !== DOLLAR || frame[1] === MINUS) return undefined;
  return frame.subarray(bulkStart(frame), frame.length - 2);
}

export function isError(frame: Buffer): boolean {
  return frame[0] === MINUS;
}

/** The text of an error's frame. */
export function errorText(frame: Buffer): string {
  const end = frame.indexOf(CR);
  return frame.toString('utf8', 1, end < 0 ? frame.length : end);
}

/** The SDK takes a bare OK for itself, and everything else for base64. */
function encodeResult(reply: Reply, encoding: TextEncoding): string {
  if (reply.type === 'status' && reply.text === 'OK') return '"OK"';
  return encodeReply(reply, encoding);
}

/** An aggregate that is being written. */
interface OpenList {
  readonly items: readonly Reply[];
  readonly texts: string[];
}

/** Without recursion: a script can return lists that nest deeper than the stack is high. */
export function encodeReply(reply: Reply, encoding: TextEncoding): string {
  const open: OpenList[] = [];
  for (let current: Reply | undefined = reply; ; ) {
    let text: string | undefined;
    if (current) {
      const items = itemsOf(current);
      if (items) open.push({ items, texts: [] });
      else text = encodeScalar(current, encoding);
    }
    for (let list = open.at(-1); ; list = open.at(-1)) {
      if (!list) return text ?? 'null';
      if (text !== undefined) list.texts.push(text);
      if (list.texts.length < list.items.length) {
        current = list.items[list.texts.length];
        break;
      }
      open.pop();
      text = `[${list.texts.join(',')}]`;
    }
  }
}

/** The elements of an aggregate; maps are flat lists, as RESP2 has them. */
function itemsOf(reply: Reply): readonly Reply[] | undefined {
  switch (reply.type) {
    case 'array':
    case 'set':
    case 'push':
      return reply.items;
    case 'map':
      return reply.entries.flat();
    default:
      return undefined;
  }
}

function encodeScalar(reply: Reply, encoding: TextEncoding): string {
  switch (reply.type) {
    case 'status':
    case 'bignumber':
      return encodeText(Buffer.from(reply.text), encoding);
    case 'error':
      return encodeText(Buffer.from(reply.text), encoding);
    case 'bulk':
    case 'verbatim':
      return encodeText(reply.value, encoding);
    case 'integer':
      return String(reply.value);
    case 'double':
      return Number.isFinite(reply.value)
        ? String(reply.value)
        : encodeText(Buffer.from(String(reply.value)), encoding);
    case 'boolean':
      return reply.value ? '1' : '0';
    default:
      return 'null';
  }
}

function encodeText(value: Buffer, encoding: TextEncoding): string {
  return encoding === 'base64' ? `"${value.toString('base64')}"` : JSON.stringify(value.toString());
}

/** The result of a transaction, one object for each of its commands. */
export function encodeTransaction(frame: Buffer, encoding: TextEncoding): string | undefined {
  const { reply } = parseReply(frame);
  if (reply.type !== 'array') return undefined;
  return `[${reply.items.map((item) => encodeItem(item, encoding)).join(',')}]`;
}

function encodeItem(item: Reply, encoding: TextEncoding): string {
  return item.type === 'error' ? encodeError(item.text) : `{"result":${encodeResult(item, encoding)}}`;
}

/** A command as a conversation takes it. */
export function commandOf(args: readonly Buffer[]): { raw: Buffer; args: readonly Buffer[] } {
  return { raw: encodeCommand(args), args };
}
