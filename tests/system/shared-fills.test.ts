import { ChaosRelay } from '../support/chaos-relay';
import { command, type RawClient } from '../support/raw-client';
import { RedisServer } from '../support/redis-server';
import { Respite } from '../support/respite';

describe('a reader who shares the answer to a GET that somebody else has asked', () => {
  let redis: RedisServer;
  let relay: ChaosRelay;
  let respite: Respite;
  let first: RawClient;
  let second: RawClient;

  beforeAll(async () => {
    redis = await RedisServer.start();
    relay = await ChaosRelay.start(redis);
    respite = await Respite.start(['--redis', relay.url, '--http-port', 'off']);
    first = await respite.client();
    second = await respite.client();
  });

  afterAll(async () => {
    await respite.kill();
    await relay.stop();
    await redis.stop();
  });

  afterEach(() => relay.release());

  /** Redis has answered, and the answer is on its way. */
  async function answered(name: 'get' | 'mget', calls: number): Promise<void> {
    const counted = `cmdstat_${name}:calls=${calls},`;
    while (!(await redis.askText('INFO', 'commandstats')).includes(counted)) await new Promise(setImmediate);
  }

  test('does not get an older value by GET than by the MGET in front of it', async () => {
    await redis.ask('SET', 'k', 'old');
    await first.ask('GET', 'other');
    await redis.ask('CONFIG', 'RESETSTAT');
    relay.hang('down');
    first.send(command('GET', 'k'));
    await answered('get', 1);
    await redis.ask('SET', 'k', 'new');
    second.send(Buffer.concat([command('MGET', 'k', 'missing'), command('GET', 'k')]));
    await answered('mget', 1);
    relay.release();
    expect(String(await first.reply())).toBe('$3\r\nold\r\n');
    const replies = await second.replies(2);
    expect(replies.map(String)).toEqual(['*2\r\n$3\r\nnew\r\n$-1\r\n', '$3\r\nnew\r\n']);
  });

  test('does not get a value that expired before he asked', async () => {
    await redis.ask('CONFIG', 'RESETSTAT');
    await redis.ask('SET', 'brief', 'value', 'PX', 60);
    relay.hang('down');
    first.send(command('GET', 'brief'));
    await answered('get', 1);
    while ((await redis.askText('EXISTS', 'brief')) === ':1\r\n') await new Promise(setImmediate);
    second.send(command('GET', 'brief'));
    // A sign that the proxy has read the GET: commands of other clients come after it.
    const info = await respite.client();
    while (!/joined_fills:1/.test(await info.askText('INFO', 'respite'))) await new Promise(setImmediate);
    relay.release();
    expect(String(await first.reply())).toBe('$5\r\nvalue\r\n');
    expect(String(await second.reply())).toBe('$-1\r\n');
    await info.close();
  });
});
