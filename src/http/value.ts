/** GET /get/KEY: a value as JSON or as the bytes it is, with where it came from, how old it is, and a tag to ask again. */
import * as crypto from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { decodePercent, splitUrl } from './arguments';
import { answerAtOnce, type WholeAnswer } from './at-once';
import { type Source, tooLarge } from './caller';
import type { Desk } from './desk';
import { bulkValue, commandOf, encodeFrame, type TextEncoding } from './encoding';
import { type Form, formOf, JSON_TYPE, OCTETS } from './formats';
import { HttpProblem, problemBody } from './problem';
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
    const found = await readValue(desk, request, keyOf(request.originalUrl), form);
    return sendValue(desk, request, reply, found, form);
  });
}

/**
 * A value that memory has, ahead of the router and its hooks: the same answer in half the time. False: nothing has been
 * done, and the route does it all; it says what is wrong, too. Whoever calls has checked that the client may ask.
 */
export function answerFromMemory(desk: Desk, request: IncomingMessage, response: ServerResponse): boolean {
  const caller = desk.limitsRates ? undefined : desk.connections.idle(request.socket);
  if (!caller) return false;
  const form = formOf(request);
  const recalled = caller.recall(keyOf(request.url ?? ''));
  if (!recalled) return false;
  const found: Found = {
    frame: recalled.frame ?? NIL,
    source: 'HIT',
    age: desk.secondsSince(recalled.storedAt),
  };
  answerAtOnce(response, answerOf(desk, request.headers, form, found), desk.keepAlive);
  return true;
}

export async function readValue(
  desk: Desk,
  request: FastifyRequest,
  key: Buffer,
  { resp }: Form,
): Promise<Found> {
  const { socket } = request.raw;
  await desk.charge(socket, 1);
  const recalled = desk.connections.idle(socket)?.recall(key);
  if (recalled)
    return { frame: recalled.frame ?? NIL, source: 'HIT', age: desk.secondsSince(recalled.storedAt) };
  const caller = desk.connections.borrow(socket);
  try {
    const whole = resp || wantsOctets(request.headers);
    const [frame] = await caller.ask([commandOf([GET, key])], whole ? undefined : desk.json);
    if (!frame) throw new HttpProblem(503, 'the command was not answered');
    const { source } = caller;
    const age = source === 'MISS' ? undefined : desk.secondsSince(caller.storedAt);
    return { frame: orProblem(frame), source, age };
  } finally {
    desk.connections.giveBack(socket, caller);
  }
}

export function sendValue(
  desk: Desk,
  request: FastifyRequest,
  reply: FastifyReply,
  found: Found,
  form: Form,
): FastifyReply {
  const { status, headers, body } = answerOf(desk, request.headers, form, found);
  reply.code(status).headers(headers);
  return status === 304 ? reply.send() : reply.send(body);
}

function answerOf(
  desk: Desk,
  asked: IncomingHttpHeaders,
  { resp, encoding }: Form,
  found: Found,
): WholeAnswer {
  const { frame, source, age } = found;
  const headers: Record<string, string | number> = { 'x-cache': source };
  if (age !== undefined) headers.age = age;
  if (resp) return { status: 200, headers: { ...headers, 'content-type': OCTETS }, body: frame };
  const raw = wantsOctets(asked);
  const value = bulkValue(frame);
  if (raw && !value) {
    headers['content-type'] = JSON_TYPE;
    return { status: 404, headers, body: problemBody('there is no such key') };
  }
  if (!raw && frame.length > desk.json.bytes) throw tooLarge(desk.json);
  const tag = tagOf(frame, raw ? 'raw' : encoding);
  headers.etag = tag;
  headers.vary = 'accept, upstash-encoding';
  if (matches(asked['if-none-match'], tag)) return { status: 304, headers, body: '' };
  if (raw && value) {
    headers['content-type'] = OCTETS;
    headers['x-content-type-options'] = 'nosniff';
    return { status: 200, headers, body: value };
  }
  headers['content-type'] = JSON_TYPE;
  return { status: 200, headers, body: encodeFrame(frame, encoding) };
}

function wantsOctets({ accept }: IncomingHttpHeaders): boolean {
  return accept?.includes(OCTETS) ?? false;
}

function keyOf(url: string): Buffer {
  return decodePercent(splitUrl(url).path.slice('/get/'.length));
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
