import { ChaosRelay } from '../support/chaos-relay';
import { command } from '../support/raw-client';
import { RedisServer } from '../support/redis-server';
import { Respite } from '../support/respite';

describe('a client with a connection of its own to Redis', () => {
  test('is told when there is none to be had, and its connection ends', async () => {
    await using redis = await RedisServer.start();
    await using relay = await ChaosRelay.start(redis);
    await using respite = await Respite.start(['--redis', relay.url, '--http-port', 'off']);
    await relay.refuse();
    relay.cut();
    await using lost = await respite.client();
    while (!(await lost.askText('GET', 'k')).startsWith('-')) await new Promise(setImmediate);
    lost.send('HELLO 3\r\n');
    expect(String(await lost.reply())).toMatch(/^-/);
    lost.send('SUBSCRIBE channel\r\n');
    expect(String(await lost.rest())).toMatch(/^-/);
  });
});

describe('a client whose transaction is lost with its connection to Redis', () => {
  test.each([
    ['behind MULTI', ['MULTI'], ['APPEND', 'k', '-'], ['RENAME', 'k', 'other']],
    ['behind a queued command', ['MULTI', 'APPEND k -'], ['RENAME', 'k', 'other']],
    ['behind WATCH', ['WATCH k'], ['MULTI'], ['SET', 'k', 'not to be']],
    ['behind WATCH, and it reads', ['WATCH k'], ['GET', 'k']],
  ] as const)('is told, and its connection ends: %s', async (_when, before, ...behind) => {
    await using redis = await RedisServer.start();
    await using respite = await Respite.start(['--redis', redis.url, '--http-port', 'off']);
    await redis.ask('SET', 'k', 'kept');
    await using client = await respite.client();
    for (const line of before) expect(await client.askText(...line.split(' '))).toMatch(/^\+/);
    await redis.ask('CLIENT', 'KILL', 'TYPE', 'normal');
    // One error, or one for each: the loss may be noticed between any two of them.
    client.send(Buffer.concat(behind.map((words) => command(...words))));
    expect(String(await client.rest())).toMatch(/^(-ERR respite: [^\r]*\r\n)+$/);
    expect([await redis.askText('GET', 'k'), await redis.askText('EXISTS', 'other')]).toEqual([
      '$4\r\nkept\r\n',
      ':0\r\n',
    ]);
  });

  test('so is one whose MULTI finds no Redis', async () => {
    await using redis = await RedisServer.start();
    await using relay = await ChaosRelay.start(redis);
    await using respite = await Respite.start(['--redis', relay.url, '--http-port', 'off']);
    await relay.refuse();
    relay.cut();
    await using client = await respite.client();
    client.send(Buffer.concat([command('MULTI'), command('SET', 'k', 'v')]));
    expect(String(await client.rest())).toMatch(/^(-ERR respite: [^\r]*\r\n)+$/);
  });

  test('goes on when it has ended before', async () => {
    await using redis = await RedisServer.start();
    await using respite = await Respite.start(['--redis', redis.url, '--http-port', 'off']);
    await using client = await respite.client();
    for (const words of [['WATCH', 'k'], ['MULTI'], ['SET', 'k', 'v'], ['EXEC']]) await client.ask(...words);
    await redis.ask('CLIENT', 'KILL', 'TYPE', 'normal');
    while (!(await client.askText('GET', 'k')).startsWith('$')) await new Promise(setImmediate);
    expect(await client.askText('SET', 'k', 'w')).toBe('+OK\r\n');
  });
});
