// What those who run respite ask by HTTP: the figures, by port, and the description of the routes.

import { ask } from '../support/http';
import { RedisServer } from '../support/redis-server';
import { Respite } from '../support/respite';

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
