/**
 * The shelf: a bounded, write-once collection kept in Redis, where the item least often read from Redis makes room.
 *
 * An item is a plain string at its own key. Beside the items stand two keys: a hash that tells when each item came, and
 * a sorted set in which each item has a score, how often it was read, and a name that begins with when it came: so
 * equals stand in the order of their coming.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { decodePercent, splitUrl } from './arguments';
import type { Caller } from './caller';
import type { Desk } from './desk';
import { commandOf } from './encoding';
import { bodyOf, formOf, sendJson } from './formats';
import { HttpProblem } from './problem';
import { orProblem } from './redis-errors';
import { shelfReadSchema, shelfWriteSchema } from './schemas';
import { readValue, sendValue } from './value';

const ORDER_KEY = 'respite:shelf:order';
const RANKS_KEY = 'respite:shelf:ranks';
const COUNT_KEY = 'respite:shelf:count';

/**
 * One step: is it there, is there room, who goes, store. Before anybody has to go, items that were deleted by any way
 * are taken out of the ranking: EXISTS of many keys at once tells whether there are such. On a shelf of up to a thousand
 * all are looked at; on a larger one a thousand of the lowest rank and a thousand others, each time the next ones, so
 * that a post takes the same time however large the shelf is. A script is atomic, so that several processes may share
 * the shelf.
 */
const PUT = `
local order, ranks, count, item = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local size, value = tonumber(ARGV[1]), ARGV[2]
local function forget(key)
  local place = redis.call('HGET', order, key)
  if place then
    redis.call('ZREM', ranks, place .. key)
    redis.call('HDEL', order, key)
  end
end
if redis.call('EXISTS', item) == 1 then return 0 end
forget(item)
local function prune(from)
  local keys = redis.call('ZRANGE', ranks, from, from + 999)
  for at, member in ipairs(keys) do keys[at] = string.sub(member, 17) end
  if #keys == 0 or redis.call('EXISTS', unpack(keys)) == #keys then return end
  for _, key in ipairs(keys) do
    if redis.call('EXISTS', key) == 0 then forget(key) end
  end
end
local items = redis.call('ZCARD', ranks)
if items >= size then
  prune(0)
  local others = math.ceil(items / 1000) - 1
  if others > 0 then prune((tonumber(redis.call('GET', count) or 0) % others + 1) * 1000) end
end
while redis.call('ZCARD', ranks) >= size do
  local last = redis.call('ZRANGE', ranks, 0, 0)[1]
  local key = string.sub(last, 17)
  redis.call('DEL', key)
  redis.call('ZREM', ranks, last)
  redis.call('HDEL', order, key)
end
redis.call('SET', item, value)
local place = string.format('%016d', redis.call('INCR', count))
redis.call('HSET', order, item, place)
redis.call('ZADD', ranks, 0, place .. item)
return 1
`;

/** One more reading of an item that is on the shelf. */
const COUNT_READING = `
local place = redis.call('HGET', KEYS[1], KEYS[3])
if place then redis.call('ZINCRBY', KEYS[2], 1, place .. KEYS[3]) end
return 0
`;

export class Shelf {
  readonly #desk: Desk;
  readonly #size: number;
  #caller: Caller | undefined;
  /** The end of the queue of writes: one is applied at a time, in order of arrival. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(desk: Desk, size: number) {
    this.#desk = desk;
    this.#size = size;
  }

  /** False: the key exists. What has arrived is done, whether or not its client still waits. */
  put(key: Buffer, value: Buffer): Promise<boolean> {
    const done = this.#last.then(() => this.#putNow(key, value));
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #putNow(key: Buffer, value: Buffer): Promise<boolean> {
    const keys = [ORDER_KEY, RANKS_KEY, COUNT_KEY].map((name) => Buffer.from(name));
    const reply = await this.#run(PUT, [...keys, key], [Buffer.from(String(this.#size)), value]);
    return reply.toString() === ':1\r\n';
  }

  async countReading(key: Buffer): Promise<void> {
    const caller = this.#desk.open('shelf');
    try {
      await this.#run(COUNT_READING, [Buffer.from(ORDER_KEY), Buffer.from(RANKS_KEY), key], [], caller);
    } finally {
      caller.leave();
    }
  }

  close(): void {
    this.#caller?.leave();
    this.#caller = undefined;
  }

  async #run(script: string, keys: Buffer[], args: Buffer[], caller = this.#writer()): Promise<Buffer> {
    const head = ['EVAL', script, String(keys.length)].map((text) => Buffer.from(text));
    const [frame] = await caller.ask([commandOf([...head, ...keys, ...args])]);
    if (!frame) throw new HttpProblem(503, 'the shelf was not answered');
    return orProblem(frame);
  }

  #writer(): Caller {
    this.#caller ??= this.#desk.open('shelf');
    return this.#caller;
  }
}

export function registerShelf(app: FastifyInstance, desk: Desk, size: number | undefined): Shelf | undefined {
  if (size === undefined) {
    app.all('/shelf/:key', { schema: { hide: true } }, async () => {
      throw new HttpProblem(404, 'there is no shelf: start respite with --shelf-size N');
    });
    return undefined;
  }
  const shelf = new Shelf(desk, size);
  app.get('/shelf/:key', { schema: shelfReadSchema }, (request, reply) => read(desk, shelf, request, reply));
  app.post('/shelf/:key', { schema: shelfWriteSchema }, (request, reply) =>
    write(desk, shelf, request, reply),
  );
  return shelf;
}

async function write(
  desk: Desk,
  shelf: Shelf,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  await desk.charge(request.raw.socket, 1);
  const stored = await shelf.put(keyOf(request), bodyOf(request) ?? Buffer.alloc(0));
  if (!stored) throw new HttpProblem(409, 'this key exists, and what is on the shelf is not written again');
  return sendJson(reply.code(201), '{"result":"OK"}');
}

/** Readings that memory answers do not count: they cost Redis nothing. */
async function read(
  desk: Desk,
  shelf: Shelf,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const key = keyOf(request);
  const form = formOf(request);
  const found = await readValue(desk, request, key, form);
  if (found.frame.latin1Slice(0, 3) === '$-1') throw new HttpProblem(404, 'there is no such item');
  if (found.source === 'MISS') await shelf.countReading(key);
  return sendValue(desk, request, reply, found, form);
}

function keyOf(request: FastifyRequest): Buffer {
  return decodePercent(splitUrl(request.originalUrl).path.slice('/shelf/'.length));
}
