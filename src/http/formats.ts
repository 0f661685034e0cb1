/** The forms in which a client may have its answer, and the body as it came. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { TextEncoding } from './encoding';

export const JSON_TYPE = 'application/json; charset=utf-8';

export function bodyOf(request: FastifyRequest): Buffer | undefined {
  return Buffer.isBuffer(request.body) ? request.body : undefined;
}

export function encodingOf(request: FastifyRequest): TextEncoding {
  return request.headers['upstash-encoding'] === 'base64' ? 'base64' : 'utf8';
}

export function wantsResp(request: FastifyRequest): boolean {
  return request.headers['upstash-response-format'] === 'resp2';
}

export function sendJson(reply: FastifyReply, json: string): FastifyReply {
  return reply.header('content-type', JSON_TYPE).send(json);
}

export function sendResp(reply: FastifyReply, frames: readonly Buffer[]): FastifyReply {
  return reply.header('content-type', 'application/octet-stream').send(Buffer.concat(frames));
}
