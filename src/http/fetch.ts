/** GET /fetch: a document from the cache, from Redis, or from its origin on the web, which is then stored in Redis. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { duration } from '../config/values';
import { OptionError } from '../errors';
import { queryBytes, splitUrl } from './arguments';
import type { Source } from './caller';
import type { Desk } from './desk';
import { bulkValue, commandOf, errorText, isError } from './encoding';
import type { Document, Origin } from './origin';
import { HttpProblem } from './problem';
import { orProblem } from './redis-errors';
import { fetchSchema } from './schemas';

export interface FetchParts {
  readonly desk: Desk;
  /** Undefined: no host may be asked. */
  readonly origin: Origin | undefined;
  /** Milliseconds that a document is kept for, unless the request says otherwise. */
  readonly ttl: number;
}

/** What has been asked for. */
interface Wanted {
  readonly key: Buffer;
  readonly url: URL;
  readonly ttl: number;
}

interface Fetched extends Document {
  readonly from: 'cache' | 'redis' | 'origin';
  readonly source: Source;
  readonly stored: boolean;
}

const TYPE_PREFIX = Buffer.from('respite:type:');
const OCTETS = 'application/octet-stream';
const GET = Buffer.from('GET');
const SET = Buffer.from('SET');
const PX = Buffer.from('PX');
const MULTI = commandOf([Buffer.from('MULTI')]);
const EXEC = commandOf([Buffer.from('EXEC')]);
const readDuration = duration(1);

export function registerFetch(app: FastifyInstance, { desk, origin, ttl }: FetchParts): void {
  if (!origin) {
    app.get('/fetch', { schema: { hide: true } }, async () => {
      throw new HttpProblem(404, 'there is no /fetch: start respite with --origin-allow HOST');
    });
    return;
  }
  const fetcher = new Fetcher(desk, origin);
  app.get('/fetch', { schema: fetchSchema }, async (request, reply) => {
    await desk.charge(request.raw.socket, 1);
    return send(reply, await fetcher.find(readQuery(request, origin, ttl)));
  });
}

export class Fetcher {
  readonly #desk: Desk;
  readonly #origin: Origin;
  /** Who asks for a document that is being fetched waits for it, by key. */
  readonly #underWay = new Map<string, Promise<Fetched>>();

  constructor(desk: Desk, origin: Origin) {
    this.#desk = desk;
    this.#origin = origin;
  }

  find(wanted: Wanted): Promise<Fetched> {
    const name = wanted.key.latin1Slice();
    const underWay = this.#underWay.get(name);
    if (underWay) return underWay;
    const found = this.#find(wanted).finally(() => this.#underWay.delete(name));
    this.#underWay.set(name, found);
    return found;
  }

  /** With a caller of its own: the client who asked first may leave, and others go on waiting. */
  async #find(wanted: Wanted): Promise<Fetched> {
    const caller = this.#desk.open('fetch');
    try {
      const [type] = await caller.ask([commandOf([GET, typeKey(wanted.key)])]);
      const [frame] = await caller.ask([commandOf([GET, wanted.key])]);
      if (!frame || !type) throw new HttpProblem(503, 'Redis has not answered');
      const body = bulkValue(orProblem(frame));
      if (!body) return await this.#fetch(wanted);
      const { source } = caller;
      return {
        body,
        type: bulkValue(type)?.toString('latin1') ?? OCTETS,
        from: source === 'MISS' ? 'redis' : 'cache',
        source,
        stored: true,
      };
    } finally {
      caller.leave();
    }
  }

  async #fetch(wanted: Wanted): Promise<Fetched> {
    const document = await this.#origin.fetch(wanted.url);
    const problem = await this.#store(wanted, document);
    if (problem !== undefined)
      this.#desk.log.warn({ url: wanted.url.href, problem }, 'what was fetched could not be stored');
    return { ...document, from: 'origin', source: 'MISS', stored: problem === undefined };
  }

  /** The document and its type, both or none. What Redis says against it is not the client's trouble. */
  async #store({ key, ttl }: Wanted, { body, type }: Document): Promise<string | undefined> {
    const expiry = [PX, Buffer.from(String(ttl))];
    const caller = this.#desk.open('fetch');
    try {
      const frames = await caller.ask([
        MULTI,
        commandOf([SET, key, body, ...expiry]),
        commandOf([SET, typeKey(key), Buffer.from(type, 'latin1'), ...expiry]),
        EXEC,
      ]);
      const refusal = frames.find(isError);
      return refusal && errorText(refusal);
    } catch (problem) {
      return problem instanceof Error ? problem.message : String(problem);
    } finally {
      caller.leave();
    }
  }
}

function typeKey(key: Buffer): Buffer {
  return Buffer.concat([TYPE_PREFIX, key]);
}

function send(reply: FastifyReply, { body, type, source, from, stored }: Fetched): FastifyReply {
  reply.header('x-cache', source).header('x-respite-from', from);
  if (!stored) reply.header('x-respite-stored', 'no');
  // The document is somebody else's: a browser shows it as what it says it is, and lets it do nothing here.
  return reply
    .header('content-type', safeType(type))
    .header('x-content-type-options', 'nosniff')
    .header('content-security-policy', "default-src 'none'; sandbox")
    .send(body);
}

/** It may have been written by anybody who may write to Redis. */
function safeType(type: string): string {
  return /^[\x20-\x7e]{1,256}$/.test(type) ? type : OCTETS;
}

function readQuery(request: FastifyRequest, origin: Origin, ttl: number): Wanted {
  const { query } = splitUrl(request.originalUrl);
  const url = queryBytes(query, 'url')?.toString();
  const key = queryBytes(query, 'key');
  if (!url || !key || key.length === 0)
    throw new HttpProblem(400, '/fetch wants url and key: /fetch?url=https%3A%2F%2F…&key=K');
  const checked = origin.check(url);
  addParams(checked, queryBytes(query, 'params')?.toString());
  return { key, url: checked, ttl: readTtl(queryBytes(query, 'ttl')?.toString()) ?? ttl };
}

function readTtl(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  try {
    return Math.ceil(readDuration(text));
  } catch (problem) {
    if (problem instanceof OptionError) throw new HttpProblem(400, `ttl ${problem.message}`);
    throw problem;
  }
}

/** `{"page": 2, "tag": ["a", "b"]}` becomes `?page=2&tag=a&tag=b`. */
function addParams(url: URL, json: string | undefined): void {
  if (json === undefined) return;
  const params = parse(json);
  if (typeof params !== 'object' || params === null || Array.isArray(params)) throw badParams();
  for (const [name, value] of Object.entries(params))
    for (const one of Array.isArray(value) ? value : [value]) {
      if (!['string', 'number', 'boolean'].includes(typeof one)) throw badParams();
      url.searchParams.append(name, String(one));
    }
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw badParams();
  }
}

function badParams(): HttpProblem {
  return new HttpProblem(400, 'params is no JSON object of texts, numbers, true and false: {"page": 2}');
}
