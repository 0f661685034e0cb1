/** Commands over HTTP by the conventions of Upstash: in the path, as JSON in the body, in pipelines and transactions. */
import { randomBytes } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Command } from '../commands/conversation';
import type { CommandRow } from '../commands/table';
import { parseCommand, parseCommands, pathArguments, queryArguments, splitUrl } from './arguments';
import type { Desk } from './desk';
import { commandOf, encodeFrame, encodeFrames, encodeTransaction, errorText, isError } from './encoding';
import { bodyOf, formOf, sendJson, sendResp } from './formats';
import { HttpProblem } from './problem';
import { orProblem, statusOfError } from './redis-errors';
import { commandSchema, jsonCommandSchema, multiExecSchema, pipelineSchema } from './schemas';

const MULTI = commandOf([Buffer.from('MULTI')]);
const EXEC = commandOf([Buffer.from('EXEC')]);
/** Where a command goes that no single answer belongs to. */
const OTHER_WAYS: Readonly<Record<string, string>> = {
  subscribe: 'GET /subscribe/CHANNEL',
  psubscribe: 'GET /psubscribe/PATTERN',
  monitor: 'GET /monitor',
};

export function registerRest(app: FastifyInstance, desk: Desk): void {
  const rest = new Rest(desk);
  for (const method of ['GET', ['POST', 'PUT']])
    app.route({
      method,
      url: '/:command/*',
      schema: commandSchema,
      handler: (request, reply) => rest.onPath(request, reply),
    });
  app.post('/', { schema: jsonCommandSchema }, (request, reply) => rest.onCommand(request, reply));
  app.post('/pipeline', { schema: pipelineSchema }, (request, reply) => rest.onPipeline(request, reply));
  app.post('/multi-exec', { schema: multiExecSchema }, (request, reply) =>
    rest.onTransaction(request, reply),
  );
}

class Rest {
  readonly #desk: Desk;
  readonly #begun = randomBytes(6).toString('base64url');
  #answered = 0;

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  async onPath(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { path, query } = splitUrl(request.originalUrl);
    const args = pathArguments(path);
    const body = bodyOf(request);
    if (body) args.push(body);
    if (query !== '') args.push(...queryArguments(query));
    return this.#answerOne(request, reply, args, 404);
  }

  async onCommand(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    this.#nameState(reply);
    return this.#answerOne(request, reply, parseCommand(bodyOf(request)), 400);
  }

  async onPipeline(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const form = formOf(request);
    const commands = parseCommands(bodyOf(request)).map((args) => this.#command(args));
    const { socket } = request.raw;
    await this.#desk.charge(socket, commands.length);
    const frames = await this.#desk.execute(socket, commands, form);
    this.#nameState(reply);
    if (form.resp) return sendResp(reply, [Buffer.from(`*${frames.length}\r\n`), ...frames]);
    return sendJson(reply, encodeFrames(frames, form.encoding));
  }

  /** All of them or none: what Redis refuses to queue makes it refuse the whole. The answer is JSON in any case. */
  async onTransaction(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const form = { ...formOf(request), resp: false };
    const commands = parseCommands(bodyOf(request)).map((args) => this.#commandToQueue(args));
    const { socket } = request.raw;
    await this.#desk.charge(socket, commands.length);
    const frames = await this.#desk.execute(socket, [MULTI, ...commands, EXEC], form);
    const [begun] = frames;
    const result = frames.at(-1);
    if (!begun || !result) throw new HttpProblem(503, 'the transaction was not answered');
    orProblem(begun);
    if (isError(result)) throw refusedTransaction(result, frames.slice(1, -1));
    const text = encodeTransaction(result, form.encoding);
    if (text === undefined) throw new HttpProblem(400, 'the transaction was not carried out');
    this.#nameState(reply);
    return sendJson(reply, text);
  }

  async #answerOne(
    request: FastifyRequest,
    reply: FastifyReply,
    args: readonly Buffer[],
    statusOfUnknown: number,
  ): Promise<FastifyReply> {
    const form = formOf(request);
    const command = this.#commandAlone(args);
    const { socket } = request.raw;
    await this.#desk.charge(socket, 1);
    const [frame] = await this.#desk.execute(socket, [command], form);
    if (!frame) throw new HttpProblem(503, 'the command was not answered');
    if (isError(frame)) reply.code(statusOf(errorText(frame), statusOfUnknown));
    if (form.resp) return sendResp(reply, [frame]);
    return sendJson(reply, encodeFrame(frame, form.encoding));
  }

  /**
   * The SDK gives this back with its next request, to be shown nothing older. Here nothing ever is: a name that is
   * new each time is all that it wants.
   */
  #nameState(reply: FastifyReply): void {
    this.#answered += 1;
    reply.header('upstash-sync-token', `${this.#begun}-${this.#answered}`);
  }

  #command(args: readonly Buffer[]): Command {
    const row = this.#desk.house.backing.table.find(args);
    const name = nameOf(row, args);
    if (row.route === 'pinned' && row.name !== 'unknown') throw needsConnection(name);
    if (row.name === 'client|reply' || row.name === 'hello')
      throw new HttpProblem(
        400,
        `${name} is about a connection of the Redis protocol: it means nothing here`,
      );
    return commandOf(args);
  }

  /** Nothing that a request begins is left for the next one to go on with. */
  #commandAlone(args: readonly Buffer[]): Command {
    const row = this.#desk.house.backing.table.find(args);
    if (row.transaction)
      throw new HttpProblem(400, `${nameOf(row, args)} means nothing by itself: ask for POST /multi-exec`);
    return this.#command(args);
  }

  #commandToQueue(args: readonly Buffer[]): Command {
    const row = this.#desk.house.backing.table.find(args);
    const isPlain = row.route !== 'identity' && row.route !== 'local' && row.transaction === undefined;
    if (!isPlain) throw new HttpProblem(400, `${nameOf(row, args)} cannot stand in a transaction`);
    return this.#command(args);
  }
}

function nameOf(row: CommandRow, args: readonly Buffer[]): string {
  const name = row.name.startsWith('unknown') ? (args[0]?.toString() ?? '') : row.name;
  return name.replace('|', ' ').toUpperCase();
}

function needsConnection(name: string): HttpProblem {
  const other = OTHER_WAYS[name.toLowerCase()];
  return new HttpProblem(400, `${name} has more than one answer${other ? `: ask for ${other}` : ''}`);
}

function statusOf(text: string, statusOfUnknown: number): number {
  return text.startsWith('ERR unknown command') ? statusOfUnknown : statusOfError(text);
}

/** What could not be queued says more than EXECABORT does. */
function refusedTransaction(result: Buffer, queued: readonly Buffer[]): HttpProblem {
  const text = errorText(result);
  const first = queued.find(isError);
  const cause = first && !text.includes(errorText(first)) ? ` (${errorText(first)})` : '';
  return new HttpProblem(statusOfError(text), `${text}${cause}`);
}
