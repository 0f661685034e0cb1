/** What those who run respite ask: whether it is alive, whether Redis can be reached, and what the routes are. */
import type { FastifyInstance } from 'fastify';
import { createMetrics } from '../telemetry/metrics';
import type { Desk } from './desk';
import { commandOf, errorText, isError } from './encoding';
import { HttpProblem } from './problem';
import { statusOfError } from './redis-errors';
import { healthSchema, metricsSchema, openapiSchema, readySchema } from './schemas';

const PING = commandOf([Buffer.from('PING')]);
const NOBODY_KNOWN =
  'Unauthorized: Redis asks for a password; set --http-token, or a user and password in --redis';
const ALIVE = { status: 'ok' };
const READY = { status: 'ready' };

export interface OperationsParts {
  readonly desk: Desk;
  /** How long Redis may take to answer before it counts as not there. */
  readonly timeout: number;
  /** Whoever gets here has shown a token. */
  readonly guarded: boolean;
}

export function registerOperations(app: FastifyInstance, { desk, timeout, guarded }: OperationsParts): void {
  app.get('/healthz', { schema: healthSchema }, async () => ALIVE);
  app.get('/readyz', { schema: readySchema }, async () => {
    await ping(desk, timeout);
    return READY;
  });
  const metrics = createMetrics(() => desk.house.survey());
  app.get('/metrics', { schema: metricsSchema }, async (_request, reply) => {
    // Redis wants a password, so nobody here has shown one to anybody.
    if (!guarded && desk.house.backing.asksForPassword) throw new HttpProblem(401, NOBODY_KNOWN);
    return reply.header('content-type', metrics.contentType).send(await metrics.read());
  });
  app.get('/openapi.json', { schema: openapiSchema }, async () => app.swagger());
}

/** A question of its own: what is known of the connection may be a second old. */
async function ping(desk: Desk, timeout: number): Promise<void> {
  const caller = desk.open('readyz');
  const timer = desk.house.clock.after(timeout, () =>
    caller.abandon(new HttpProblem(503, `the backing Redis has not answered for ${timeout} ms`)),
  );
  try {
    const [frame] = await caller.ask([PING]);
    // Any answer will do, -NOAUTH and -BUSY too: the server is there.
    if (!frame || !isError(frame)) return;
    const text = errorText(frame);
    if (statusOfError(text) === 503) throw new HttpProblem(503, text);
  } finally {
    timer.stop();
    caller.leave();
  }
}
