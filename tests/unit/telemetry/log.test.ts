import { PassThrough } from 'node:stream';
import { createLog } from '../../../src/telemetry/log';

function logged(
  options: Parameters<typeof createLog>[0],
  write: (log: ReturnType<typeof createLog>) => void,
): string {
  let text = '';
  const lines = new PassThrough({ encoding: 'utf8' });
  lines.on('data', (line: string) => {
    text += line;
  });
  const log = createLog(options, lines);
  write(log);
  return text;
}

describe('the log', () => {
  test('is one line of JSON for each entry, with the level by name and the time for people', () => {
    const line = logged({ logLevel: 'info', logPretty: false }, (log) =>
      log.info({ port: 6380 }, 'listening'),
    );
    expect(line.match(/\n/g)).toHaveLength(1);
    expect(JSON.parse(line)).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      pid: process.pid,
      port: 6380,
      msg: 'listening',
    });
  });

  test('says nothing below its level, and nothing at all when silent', () => {
    expect(logged({ logLevel: 'warn', logPretty: false }, (log) => log.info('no'))).toBe('');
    expect(logged({ logLevel: 'silent', logPretty: false }, (log) => log.fatal('no'))).toBe('');
  });

  test.each([true, false])('never shows a secret (pretty: %p)', (logPretty) => {
    const text = logged({ logLevel: 'info', logPretty }, (log) => {
      log.info({ password: 'hush', requirepass: 'hush', token: 'hush' }, 'flat');
      log.info(
        { redis: { host: 'h', password: 'hush' }, options: { redis: { password: 'hush' } } },
        'nested',
      );
      log.child({ httpToken: 'hush' }).info('child');
    });
    expect(text).toContain('nested');
    expect(text).not.toContain('hush');
  });

  test('is for people when asked', () => {
    const text = logged({ logLevel: 'info', logPretty: true }, (log) =>
      log.info({ port: 6380 }, 'listening'),
    );
    expect(text).toMatch(/INFO.*listening/);
  });
});
