/** GET /subscribe/CHANNEL, /psubscribe/PATTERN and /monitor: streams of events that last as long as the client listens. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { pathArguments, splitUrl } from './arguments';
import type { Desk } from './desk';
import { commandOf } from './encoding';
import { EventStream } from './event-stream';
import { monitorSchema, subscribeSchema } from './schemas';

const PATHS = [
  ['/subscribe/:channel', subscribeSchema],
  ['/psubscribe/:pattern', subscribeSchema],
  ['/monitor', monitorSchema],
] as const;

export function registerSubscribe(app: FastifyInstance, desk: Desk): void {
  for (const [url, schema] of PATHS) {
    // The SDK asks by POST. HEAD would wait for a body that never comes.
    app.route({
      method: ['GET', 'POST'],
      url,
      schema,
      exposeHeadRoute: false,
      handler: (request, reply) => stream(desk, request, reply),
    });
  }
}

async function stream(desk: Desk, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { socket } = request.raw;
  await desk.charge(socket, 1);
  const events = new EventStream(desk.house, desk.placeOf(socket), reply.raw);
  desk.streams.add(events);
  try {
    events.begin(commandOf(pathArguments(splitUrl(request.originalUrl).path)));
    await events.ended;
  } finally {
    desk.streams.delete(events);
  }
  return reply.hijack();
}
