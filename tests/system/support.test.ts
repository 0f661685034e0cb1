import { access } from 'node:fs/promises';
import { ChaosRelay } from '../support/chaos-relay';
import { Mutant } from '../support/mutant';
import { RawClient } from '../support/raw-client';
import { RedisServer } from '../support/redis-server';
import { Respite } from '../support/respite';
import { endingOf, spawnTethered, within } from '../support/tether';

describe('the tools of the system tests', () => {
  let redis: RedisServer;

  beforeAll(async () => {
    redis = await RedisServer.start();
  });

  afterAll(() => redis.stop());

  test('a redis-server starts, tells its version, answers, and starts again on the same port', async () => {
    expect(redis.version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(redis.atLeast(6)).toBe(true);
    expect(await redis.askText('SET', 'a', '1')).toBe('+OK\r\n');
    await redis.restart();
    expect(await redis.askText('GET', 'a')).toBe('$-1\r\n');
  });

  test('a frozen redis-server takes connections and answers once it thaws', async () => {
    redis.freeze();
    await using client = await redis.client();
    client.send('PING\r\n');
    await expect(client.reply(50)).rejects.toThrow('still waiting for a whole reply');
    redis.thaw();
    expect((await client.reply()).toString()).toBe('+PONG\r\n');
  });

  test('a raw client tells replies apart, whatever their type', async () => {
    await using client = await redis.client();
    client.send('HELLO 3\r\nPING\r\nEVAL "return {1,{2,\'x\'},false}" 0\r\nGET nothing\r\n');
    const frames = await client.replies(4);
    expect(frames[0]?.toString()).toContain('proto');
    expect(frames.slice(1).map(String)).toEqual([
      '+PONG\r\n',
      '*3\r\n:1\r\n*2\r\n:2\r\n$1\r\nx\r\n_\r\n',
      '_\r\n',
    ]);
    client.halfClose();
    await client.closed;
  });

  test('a relay passes bytes on, counts them, and splits them into single ones', async () => {
    await using relay = await ChaosRelay.start(redis);
    await using client = await RawClient.connect(relay);
    expect(await client.askText('PING')).toBe('+PONG\r\n');
    expect(relay.counters).toEqual({ connections: 1, up: 14, down: 7 });
    relay.splitting = true;
    expect(await client.askText('ECHO', 'pieces')).toBe('$6\r\npieces\r\n');
  });

  test('a relay hangs in one direction and releases what it held', async () => {
    await using relay = await ChaosRelay.start(redis);
    await using client = await RawClient.connect(relay);
    relay.hang('down');
    client.send('PING\r\n');
    await expect(client.reply(50)).rejects.toThrow('still waiting');
    relay.release();
    expect((await client.reply()).toString()).toBe('+PONG\r\n');
  });

  test('a relay delays each way', async () => {
    await using relay = await ChaosRelay.start(redis);
    await using client = await RawClient.connect(relay);
    await client.ask('PING');
    relay.slow(30);
    const before = performance.now();
    await client.ask('PING');
    expect(performance.now() - before).toBeGreaterThan(58);
  });

  test('a relay cuts connections with FIN or RST, refuses new ones and takes them again', async () => {
    await using relay = await ChaosRelay.start(redis);
    await using polite = await RawClient.connect(relay);
    await polite.ask('PING');
    relay.cut('fin');
    await polite.rest();
    expect(polite.error).toBeUndefined();

    await using rude = await RawClient.connect(relay);
    await rude.ask('PING');
    relay.cut('rst');
    await rude.closed;
    expect(rude.error).toMatchObject({ code: 'ECONNRESET' });

    await relay.refuse();
    await expect(RawClient.connect(relay)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await relay.accept();
    await using again = await RawClient.connect(relay);
    expect(await again.askText('PING')).toBe('+PONG\r\n');
    expect(relay.counters.connections).toBe(3);
  });

  test('a relay leads new connections to another server', async () => {
    await using other = await RedisServer.start({ args: ['--requirepass', 'secret'] });
    await using relay = await ChaosRelay.start(redis);
    relay.retarget(other);
    await using client = await RawClient.connect(relay);
    expect(await client.askText('GET', 'a')).toMatch(/^-NOAUTH/);
  });

  test('a mutant is the built program with one text replaced, and leaves nothing behind', async () => {
    const version = { file: 'version.js', find: "? manifest.version : ''", replace: "? '9.9.9' : ''" };
    const mutant = await Mutant.make([version]);
    try {
      await using program = await Respite.start(['--redis', redis.url], {}, mutant.program);
      await using client = await program.client();
      expect(await client.askText('INFO', 'respite')).toContain('9.9.9');
    } finally {
      await mutant.remove();
    }
    await expect(access(mutant.program)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('a mutant is not made when its text is not there exactly once', async () => {
    const nowhere = { file: 'version.js', find: 'no such text', replace: '' };
    await expect(Mutant.make([nowhere])).rejects.toThrow('dist/version.js has 0 times');
    const often = { file: 'version.js', find: 'manifest', replace: '' };
    await expect(Mutant.make([often])).rejects.toThrow(/has \d+ times, not once: "manifest"/);
  });

  test('a program ends with the test run even when the group of both is hung up, and it stays at that', async () => {
    const script = `
      process.on('SIGHUP', () => console.log('stays'));
      setInterval(() => undefined, 1000);
      console.log('up');
    `;
    const program = spawnTethered(process.execPath, ['-e', script], { detached: true });
    const ended = endingOf(program);
    const said = () => new Promise((resolve) => program.stdout?.once('data', (text) => resolve(`${text}`)));
    expect(await within(10_000, 'not up', said())).toBe('up\n');
    process.kill(-(program.pid ?? 0), 'SIGHUP');
    expect(await within(10_000, 'not told', said())).toBe('stays\n');
    const tether = program.stdio[3];
    if (tether && 'destroy' in tether) tether.destroy();
    expect(await within(10_000, 'it goes on', ended)).toEqual({ code: null, signal: 'SIGKILL' });
  });
});
