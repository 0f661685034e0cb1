/** What the routes take and give, for /openapi.json. */

const result = {
  type: 'object',
  description: 'What Redis answered: text, a number, null, or a list of these.',
  properties: { result: {} },
};

export const problem = {
  type: 'object',
  properties: { error: { type: 'string' } },
};

const command = {
  type: 'array',
  minItems: 1,
  items: {},
  description: 'A command and its arguments: ["SET", "key", "value"]',
  example: ['SET', 'key', 'value'],
};

const results = {
  type: 'array',
  items: { type: 'object', properties: { result: {}, error: { type: 'string' } } },
};

const BYTES_OF_VALUE = { schema: { type: 'string', format: 'binary' } };

/** A value, in the form that was asked for. */
const value = {
  description: 'The value, or null; asked with Accept: application/octet-stream, its bytes',
  headers: {
    'X-Cache': { type: 'string', description: 'HIT, MISS or STALE' },
    Age: { type: 'integer', description: 'seconds since it was stored in memory' },
    ETag: { type: 'string' },
  },
  content: { 'application/json': { schema: result }, 'application/octet-stream': BYTES_OF_VALUE },
};

const ERRORS = {
  400: { description: 'A bad request, or an error of Redis', ...problem },
  401: { description: 'No token, or a wrong one', ...problem },
  403: { description: 'Made by a page of another site, or under a foreign host name', ...problem },
  429: { description: 'Over a limit; Retry-After tells how many seconds to wait', ...problem },
  502: { description: 'The answer is larger than what is held for one client', ...problem },
  503: { description: 'The backing Redis cannot be reached', ...problem },
};

const FORMATS = {
  type: 'object',
  properties: {
    'upstash-encoding': { type: 'string', description: 'base64: strings of the answer come in base64' },
    'upstash-response-format': {
      type: 'string',
      description: 'resp2: the answer comes in the Redis protocol',
    },
  },
};

export const commandSchema = {
  tags: ['commands'],
  summary: 'One command',
  description:
    'Each segment of the path is one argument; a slash inside an argument is written %2F. A body is one more argument, parameters of the query follow it: POST /set/key?EX=60',
  headers: FORMATS,
  params: {
    type: 'object',
    properties: { command: { type: 'string', description: 'its name' }, '*': { type: 'string' } },
  },
  response: { 200: result, 404: { description: 'Redis knows no such command', ...problem }, ...ERRORS },
};

export const jsonCommandSchema = {
  tags: ['commands'],
  summary: 'One command as a JSON array',
  headers: FORMATS,
  response: { 200: result, ...ERRORS },
};

export const pipelineSchema = {
  tags: ['commands'],
  summary: 'Commands one after the other, in one round trip',
  headers: FORMATS,
  response: { 200: results, ...ERRORS },
};

export const multiExecSchema = {
  tags: ['commands'],
  summary: 'Commands as one transaction: all of them, with nothing in between, or none',
  headers: FORMATS,
  response: { 200: results, ...ERRORS },
};

const JSON_BODY = ['application/json'];
const BYTES = { body: { type: 'string', format: 'binary' }, consumes: ['application/octet-stream'] };

/** Bodies are bytes to the routes, so they are described here, for POST and PUT, and checked there. */
export const BODIES: Readonly<Record<string, { body: unknown; consumes: readonly string[] }>> = {
  '/': { body: command, consumes: JSON_BODY },
  '/pipeline': { body: { type: 'array', items: command }, consumes: JSON_BODY },
  '/multi-exec': { body: { type: 'array', items: command }, consumes: JSON_BODY },
  '/:command/*': BYTES,
  '/shelf/:key': BYTES,
};

export const valueSchema = {
  tags: ['values'],
  summary: 'The value of a key, from memory when it is there',
  headers: {
    type: 'object',
    properties: {
      ...FORMATS.properties,
      'if-none-match': { type: 'string', description: 'the ETag of a value that the client has' },
    },
  },
  params: {
    type: 'object',
    properties: { key: { type: 'string', description: 'percent-encoded: a slash is %2F' } },
  },
  response: {
    200: value,
    304: { description: 'The value is still the one of If-None-Match', type: 'null' },
    404: { description: 'The key does not exist, asked with Accept: application/octet-stream', ...problem },
    ...ERRORS,
  },
};

export const healthSchema = {
  tags: ['operations'],
  summary: 'Whether respite is alive',
  response: { 200: { type: 'object', properties: { status: { type: 'string' } } } },
};

export const readySchema = {
  tags: ['operations'],
  summary: 'Whether the backing Redis can be reached',
  response: { 200: { type: 'object', properties: { status: { type: 'string' } } }, 503: problem },
};

const EVENTS = {
  200: { description: 'Events for as long as the client listens', type: 'string' },
  ...ERRORS,
};

export const subscribeSchema = {
  tags: ['events'],
  summary: 'Messages as server-sent events: data: message,CHANNEL,PAYLOAD',
  produces: ['text/event-stream'],
  response: EVENTS,
};

export const monitorSchema = {
  tags: ['events'],
  summary: 'All commands that Redis carries out, as server-sent events',
  produces: ['text/event-stream'],
  response: EVENTS,
};

export const metricsSchema = {
  tags: ['operations'],
  summary: 'The figures for Prometheus, of all workers together',
  produces: ['text/plain'],
  response: { 200: { type: 'string' } },
};

export const openapiSchema = {
  tags: ['operations'],
  summary: 'This description',
  response: { 200: { type: 'object' } },
};

const shelfKey = { type: 'object', properties: { key: { type: 'string', description: 'percent-encoded' } } };

export const shelfReadSchema = {
  tags: ['shelf'],
  summary: 'An item of the shelf',
  params: shelfKey,
  headers: FORMATS,
  response: { 200: value, 404: { description: 'There is no such item', ...problem }, ...ERRORS },
};

export const shelfWriteSchema = {
  tags: ['shelf'],
  summary: 'Puts the body on the shelf; when it is full, the item least often read from Redis goes',
  params: shelfKey,
  response: { 201: result, 409: { description: 'The key exists', ...problem }, ...ERRORS },
};

export const fetchSchema = {
  tags: ['values'],
  summary: 'A document from the cache, from Redis, or from its origin',
  querystring: {
    type: 'object',
    required: ['url', 'key'],
    properties: {
      url: { type: 'string', description: 'where the document is, if Redis does not have it' },
      key: { type: 'string', description: 'its key in Redis' },
      params: { type: 'string', description: 'a JSON object that becomes the query of the url' },
      ttl: { type: 'string', description: 'how long Redis keeps it: 30, 500ms, 5m, 1h' },
    },
  },
  response: {
    ...ERRORS,
    200: { description: 'The document, with the content type that the origin gave it', type: 'string' },
    502: { description: 'The origin fails, or sends too much', ...problem },
    504: { description: 'The origin is too slow', ...problem },
  },
};
