// What those who run respite ask by HTTP: the figures, by port, and the description of the routes.

import { ask } from '../support/http';
import { RedisServer } from '../support/redis-server';
import { Respite } from '../support/respite';

interface Operation {
  readonly responses: Readonly<Record<string, { readonly description?: string }>>;
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: { readonly content: object };
}

interface Description {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

test('/metrics tells the time to an answer by the port that it was given at', async () => {
  await using redis = await RedisServer.start();
  await using respite = await Respite.start(['--redis', redis.url]);
  const counts = async () => {
    const { text } = await ask(respite, '/metrics');
    const count = (labels: string) =>
      Number(new RegExp(`^respite_answer_seconds_count\\{${labels}\\} (\\d+)$`, 'm').exec(text)?.[1]);
    return ['resp', 'http'].map((port) =>
      ['hit', 'miss', 'passed'].map((outcome) => count(`port="${port}",outcome="${outcome}"`)),
    );
  };
  expect(await counts()).toEqual([
    [0, 0, 0],
    [0, 0, 0],
  ]);
  // One hit in 64 is measured, and one command in 16 that passes through.
  await ask(respite, '/get/a');
  for (let i = 0; i < 64; i++) await ask(respite, '/get/a');
  for (let i = 0; i < 16; i++) await ask(respite, '/strlen/a');
  expect(await counts()).toEqual([
    [0, 0, 0],
    [1, 1, 1],
  ]);
  const client = await respite.client();
  for (let i = 0; i < 64; i++) await client.ask('GET', 'a');
  await client.ask('GET', 'b');
  for (let i = 0; i < 32; i++) await client.ask('STRLEN', 'a');
  expect(await counts()).toEqual([
    [1, 1, 2],
    [1, 1, 1],
  ]);
  await client.close();
});

describe('/openapi.json', () => {
  let respite: Respite;
  let description: Description;

  beforeAll(async () => {
    respite = await Respite.start(['--shelf-size', '3', '--origin-allow', 'localhost']);
    description = (await ask(respite, '/openapi.json')).json as Description;
  });

  afterAll(() => respite.stop());

  test('describes every route with its methods', () => {
    const routes = Object.entries(description.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method} ${path}`),
    );
    expect(routes.sort()).toEqual([
      'get /fetch',
      'get /get/{key}',
      'get /healthz',
      'get /metrics',
      'get /monitor',
      'get /openapi.json',
      'get /psubscribe/{pattern}',
      'get /readyz',
      'get /shelf/{key}',
      'get /subscribe/{channel}',
      'get /{command}/{*}',
      'post /',
      'post /monitor',
      'post /multi-exec',
      'post /pipeline',
      'post /psubscribe/{pattern}',
      'post /shelf/{key}',
      'post /subscribe/{channel}',
      'post /{command}/{*}',
      'put /{command}/{*}',
    ]);
  });

  test('is OpenAPI 3: what a path names is a parameter, and every response has a description', () => {
    expect(description).toMatchObject({
      openapi: expect.stringMatching(/^3\.0\.\d$/),
      info: { title: 'respite', version: expect.stringMatching(/^\d+\.\d+\.\d+/) },
    });
    for (const [path, operations] of Object.entries(description.paths))
      for (const [method, { parameters = [], responses, requestBody }] of Object.entries(operations)) {
        const named = [...path.matchAll(/\{([^}]+)\}/g)].map(([, name]) => name);
        const given = parameters.filter((one) => one.in === 'path').map(({ name }) => name);
        expect([path, method, given]).toEqual([path, method, named]);
        expect(Object.keys(responses)).toContainEqual(expect.stringMatching(/^20[01]$/));
        for (const { description: words } of Object.values(responses)) expect(words).toMatch(/\w/);
        expect([path, method, requestBody !== undefined && method === 'get']).toEqual([path, method, false]);
      }
  });

  test('says which body a command, a pipeline and an item of the shelf come in', () => {
    const types = (path: string) =>
      Object.keys(description.paths[path]?.post?.requestBody?.content ?? { none: true });
    expect(types('/')).toEqual(['application/json']);
    expect(types('/pipeline')).toEqual(['application/json']);
    expect(types('/{command}/{*}')).toEqual(['application/octet-stream']);
    expect(types('/shelf/{key}')).toEqual(['application/octet-stream']);
  });
});
