import { ChaosRelay } from '../support/chaos-relay';
import { RedisServer } from '../support/redis-server';
import { Respite } from '../support/respite';

describe('a subscriber who is done with it', () => {
  test('is an ordinary client again after RESET, also when the answer comes in single bytes', async () => {
    await using redis = await RedisServer.start();
    await using relay = await ChaosRelay.start(redis);
    await using respite = await Respite.start(['--redis', relay.url, '--http-port', 'off']);
    await using client = await respite.client();
    await client.ask('SUBSCRIBE', 'channel');
    relay.splitting = true;
    expect(await client.askText('RESET')).toBe('+RESET\r\n');
    expect(await client.askText('SET', 'k', 'v')).toBe('+OK\r\n');
    expect(await client.askText('GET', 'k')).toBe('$1\r\nv\r\n');
  });
});
