/** The forms in which a client may have its answer, and the body as it came. */
import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { TextEncoding } from './encoding';
import { HttpProblem } from './problem';

export const JSON_TYPE = 'application/json; charset=utf-8';
export const OCTETS = 'application/octet-stream';

export function bodyOf(request: FastifyRequest): Buffer | undefined {
  return Buffer.isBuffer(request.body) ? request.body : undefined;
}

/** What the headers of a request say about the form of its answer. */
export interface Form {
  /** The bytes of the Redis protocol. */
  readonly resp: boolean;
  readonly encoding: TextEncoding;
}

/** Asked before anything is carried out: a form that there is not gets 400, as Upstash has it. */
export function formOf({ headers }: { readonly headers: IncomingHttpHeaders }): Form {
  const { 'upstash-response-format': format = 'json', 'upstash-encoding': encoding } = headers;
  if (format !== 'json' && format !== 'resp2')
    throw new HttpProblem(400, `Upstash-Response-Format is ${JSON.stringify(format)}: give json or resp2`);
  const base64 = encoding === 'base64';
  if (base64 && format === 'resp2')
    throw new HttpProblem(400, 'Upstash-Encoding: base64 means nothing for Upstash-Response-Format: resp2');
  return { resp: format === 'resp2', encoding: base64 ? 'base64' : 'utf8' };
}

export function sendJson(reply: FastifyReply, json: string | Buffer): FastifyReply {
  return reply.header('content-type', JSON_TYPE).send(json);
}

export function sendResp(reply: FastifyReply, frames: readonly Buffer[]): FastifyReply {
  return reply.header('content-type', OCTETS).send(Buffer.concat(frames));
}
