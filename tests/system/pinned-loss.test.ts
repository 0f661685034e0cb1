import { ChaosRelay } from '../support/chaos-relay';
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
