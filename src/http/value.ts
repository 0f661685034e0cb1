/** GET /get/KEY: a value as JSON or as the bytes it is, with where it came from, how old it is, and a tag to ask again. */
import * as crypto from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { decodePercent, splitUrl } from './arguments';
import type { Source } from './caller';
import type { Desk } from './desk';
import { bulkValue, commandOf, encodeFrame, type TextEncoding } from './encoding';
import { type Form, formOf, OCTETS, sendJson, sendResp } from './formats';
import { HttpProblem } from './problem';
import { orProblem } from './redis-errors';
import { valueSchema } from './schemas';

const GET = Buffer.from('GET');
const NIL = Buffer.from('$-1\r\n');

/** A value on its way to a client. */
export interface Found {
  /** GET's answer in RESP2: a bulk string or nil. */
  readonly frame: Buffer;
  readonly source: Source;
  /** Seconds since it was stored; undefined when it has just been read. */
  readonly age: number | undefined;
}

export function registerValue(app: FastifyInstance, desk: Desk): void {
  app.get('/get/:key', { schema: valueSchema }, async (request, reply) => {
    const form = formOf(request);
    const { path } = splitUrl(request.originalUrl);
    const found = await readValue(desk, request, decodePercent(path.slice('/get/'.length)));
    return sendValue(request, reply, found, form);
  });
}

export async function readValue(desk: Desk, request: FastifyRequest, key: Buffer): Promise<Found> {
  const { socket } = request.raw;
  desk.charge(socket, 1);
  const recalled = desk.connections.idle(socket)?.recall(key);
  if (recalled)
    return { frame: recalled.frame ?? NIL, source: 'HIT', age: desk.secondsSince(recalled.storedAt) };
  const caller = desk.connections.borrow(socket);
  try {
    const [frame] = await caller.ask([commandOf([GET, key])]);
    if (!frame) throw new HttpProblem(503, 'the command was not answered');
    const { source } = caller;
    const age = source === 'MISS' ? undefined : desk.secondsSince(caller.storedAt);
    return { frame: orProblem(frame), source, age };
  } finally {
    desk.connections.giveBack(socket, caller);
  }
}

export function sendValue(
  request: FastifyRequest,
  reply: FastifyReply,
  found: Found,
  { resp, encoding }: Form,
): FastifyReply {
  const { frame, source, age } = found;
  reply.header('x-cache', source);
  if (age !== undefined) reply.header('age', age);
  if (resp) return sendResp(reply, [frame]);
  const { accept } = request.headers;
  const raw = accept?.includes(OCTETS) ?? false;
  const value = bulkValue(frame);
  if (raw && !value) throw new HttpProblem(404, 'there is no such key');
  const tag = tagOf(frame, raw ? 'raw' : encoding);
  reply.header('etag', tag).header('vary', 'accept, upstash-encoding');
  if (matches(request.headers['if-none-match'], tag)) return reply.code(304).send();
  if (raw)
    return reply.header('content-type', OCTETS).header('x-content-type-options', 'nosniff').send(value);
  return sendJson(reply, encodeFrame(frame, encoding));
}

/** Each form of a value has a tag of its own. */
function tagOf(frame: Buffer, form: TextEncoding | 'raw'): string {
  return `"${digest(frame)}-${form[0]}"`;
}

/** At one go where Node can (20.12): it takes a third of the time. */
function digest(frame: Buffer): string {
  const atOneGo: typeof crypto.hash | undefined = crypto.hash;
  if (atOneGo) return atOneGo('sha1', frame, 'base64url');
  return crypto.createHash('sha1').update(frame).digest('base64url');
}

function matches(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  return header.split(',').some((one) => one.trim().replace(/^W\//, '') === tag);
}
