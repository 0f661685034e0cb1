import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import pino from 'pino';
import { EmbeddedError } from '../../src/errors';
import { type EmbeddedRedis, startEmbedded } from '../../src/upstream/embedded';
import { RawClient } from '../support/raw-client';
import { endingOf, spawnTethered, within } from '../support/tether';

const log = pino({ level: 'silent' });

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function eventually(what: string, holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`still not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe('the embedded redis-server', () => {
  test('answers on a unix socket that is its user’s alone, and on no port', async () => {
    const redis = await startEmbedded(log);
    try {
      expect(redis.version).toMatch(/^\d+\.\d+\.\d+$/);
      expect(statSync(path.dirname(redis.path)).mode & 0o777).toBe(0o700);
      expect(statSync(redis.path).mode & 0o077).toBe(0);
      await using client = await RawClient.connect(redis);
      expect(await client.askText('CONFIG', 'GET', 'port')).toBe('*2\r\n$4\r\nport\r\n$1\r\n0\r\n');
      expect(await client.askText('INFO', 'server')).toContain(`process_id:${redis.pid}\r\n`);
    } finally {
      await redis.stop();
    }
  });

  test('writes nothing to disk, whatever is written into it', async () => {
    const redis = await startEmbedded(log);
    try {
      await using client = await RawClient.connect(redis);
      for (let i = 0; i < 100; i++) await client.ask('SET', `key${i}`, 'value');
      expect(readdirSync(path.dirname(redis.path))).toEqual(['redis.sock']);
    } finally {
      await redis.stop();
    }
  });

  test('is gone once stopped, its folder too, and stop may be called again', async () => {
    const redis = await startEmbedded(log);
    await redis.stop();
    await redis.stop();
    expect(await redis.exited).toBe(0);
    expect(isRunning(redis.pid)).toBe(false);
    expect(existsSync(path.dirname(redis.path))).toBe(false);
  });

  test('is stopped even when it is busy with a script', async () => {
    const redis = await startEmbedded(log);
    await using client = await RawClient.connect(redis);
    client.send('EVAL "while true do end" 0\r\n');
    await eventually('busy', () => client.socket.bytesWritten > 0);
    await redis.stop();
    expect(isRunning(redis.pid)).toBe(false);
  });

  test('says when it ends by itself, and cleans up behind it', async () => {
    const redis = await startEmbedded(log);
    process.kill(redis.pid, 'SIGKILL');
    expect(await redis.exited).toBeNull();
    expect(existsSync(path.dirname(redis.path))).toBe(false);
    await redis.stop();
  });

  test('two of them do not meet', async () => {
    const [one, other] = await Promise.all([startEmbedded(log), startEmbedded(log)]);
    try {
      await using first = await RawClient.connect(one);
      await using second = await RawClient.connect(other);
      await first.ask('SET', 'key', 'first');
      expect(await second.askText('GET', 'key')).toBe('$-1\r\n');
    } finally {
      await Promise.all([one.stop(), other.stop()]);
    }
  });

  test.each(['SIGKILL', 'SIGTERM'] as const)(
    'does not outlive a program that ends by %s without stopping it',
    async (signal) => {
      const script = `
        const { startEmbedded } = require('./dist/upstream/embedded');
        startEmbedded(require('pino')({ level: 'silent' })).then((redis) => console.log(JSON.stringify(redis)));
      `;
      const root = path.resolve(__dirname, '../..');
      const program = spawnTethered(process.execPath, ['-e', script], { cwd: root });
      const ended = endingOf(program);
      const output = new Promise<string>((resolve) =>
        program.stdout?.once('data', (said) => resolve(`${said}`)),
      );
      const redis: EmbeddedRedis = JSON.parse(await within(15_000, 'not started', output));
      expect(isRunning(redis.pid)).toBe(true);

      program.kill(signal);
      await ended;
      await eventually('redis-server is gone', () => !isRunning(redis.pid));
      await eventually('its folder is gone', () => !existsSync(path.dirname(redis.path)));
    },
  );

  test('says what to do when there is no redis-server', async () => {
    const known = process.env.PATH;
    process.env.PATH = '/nowhere';
    try {
      const failure = startEmbedded(log);
      await expect(failure).rejects.toBeInstanceOf(EmbeddedError);
      await expect(failure).rejects.toThrow(/no redis-server on PATH.*--redis redis:\/\/host:6379/);
    } finally {
      process.env.PATH = known;
    }
  });
});
