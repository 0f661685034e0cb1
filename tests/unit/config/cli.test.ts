import { readFileSync } from 'node:fs';
import path from 'node:path';
import { flagOf, parseArguments, variableOf } from '../../../src/config/cli';
import { defaults, type Options } from '../../../src/config/options';
import { OptionError } from '../../../src/errors';

function optionsOf(argv: string[], env: Record<string, string> = {}): Options {
  const invocation = parseArguments(argv, env);
  if (invocation.kind !== 'run') throw new Error('it only tells');
  return invocation.options;
}

function told(flag: string): string {
  const invocation = parseArguments([flag], {});
  return invocation.kind === 'tell' ? invocation.text : '';
}

/** The message of the refusal; that it is one line is checked for every one. */
function refusalOf(argv: string[], env: Record<string, string> = {}): string {
  try {
    parseArguments(argv, env);
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    expect(error.message).not.toContain('\n');
    return error.message;
  }
  return 'accepted';
}

describe('the command line', () => {
  test('flags become options', () => {
    const argv =
      '--redis redis://u:p@h:1/2 --host ::1 --port 7000 --http-host 0.0.0.0 --http-port off --ttl 10 ' +
      '--negative-ttl=0 --max-keys 5 --max-memory 1gb --max-value 10kb --coherence ttl --stale-if-error 1h ' +
      '--max-clients 7 --client-timeout 1m --client-output-limit 1mb --rate-limit 9 --upstream-connections 3 ' +
      '--upstream-timeout 250ms --workers 4 --requirepass secret --http-token token --origin-allow a.example ' +
      '--origin-allow b.example --http-allow-host C.example --shelf-size 12 --log-level debug --log-pretty';
    expect(optionsOf(argv.split(' '))).toMatchObject({
      redis: { kind: 'tcp', host: 'h', port: 1, username: 'u', password: 'p', db: 2 },
      host: '::1',
      port: 7000,
      httpHost: '0.0.0.0',
      httpPort: undefined,
      ttl: 10_000,
      negativeTtl: 0,
      maxKeys: 5,
      maxMemory: 1024 ** 3,
      maxValue: 10_240,
      coherence: 'ttl',
      staleIfError: 3_600_000,
      maxClients: 7,
      clientTimeout: 60_000,
      clientOutputLimit: 1024 ** 2,
      rateLimit: 9,
      upstreamConnections: 3,
      upstreamTimeout: 250,
      workers: 4,
      requirepass: 'secret',
      httpToken: 'token',
      originAllow: ['a.example', 'b.example'],
      httpAllowHost: ['c.example'],
      shelfSize: 12,
      logLevel: 'debug',
      logPretty: true,
    });
  });

  test('each flag has a variable, and wins over it', () => {
    const env = {
      RESPITE_TTL: '1m',
      RESPITE_MAX_KEYS: '9',
      RESPITE_HTTP_PORT: 'off',
      RESPITE_LOG_PRETTY: 'yes',
      RESPITE_ORIGIN_ALLOW: 'a.example, b.example',
    };
    expect(optionsOf(['--max-keys', '3'], env)).toMatchObject({
      ttl: 60_000,
      maxKeys: 3,
      httpPort: undefined,
      logPretty: true,
      originAllow: ['a.example', 'b.example'],
    });
  });

  test('REDIS_URL names the Redis too, behind --redis and RESPITE_REDIS', () => {
    const REDIS_URL = 'redis://plain';
    const RESPITE_REDIS = 'redis://own';
    expect(optionsOf([], { REDIS_URL }).redis).toMatchObject({ host: 'plain' });
    expect(optionsOf([], { REDIS_URL, RESPITE_REDIS }).redis).toMatchObject({ host: 'own' });
    expect(optionsOf(['--redis', 'redis://flag'], { REDIS_URL, RESPITE_REDIS }).redis).toMatchObject({
      host: 'flag',
    });
    expect(optionsOf([], {}).redis).toBeUndefined();
  });

  test('an empty variable is as if it were not set', () => {
    expect(optionsOf([], { RESPITE_TTL: '', REDIS_URL: '' })).toMatchObject({
      ttl: 300_000,
      redis: undefined,
    });
  });

  test.each([
    [['--port', 'abc'], '--port "abc" is not accepted: give a whole number from 0 to 65535'],
    [['--port', '-1'], '--port "-1" is not accepted'],
    [['--port='], '--port "" is not accepted'],
    [['--ttl', 'soon'], '--ttl "soon" is not a duration: give seconds'],
    [['--max-keys', '17000000'], 'from 1 to 16000000'],
    [['--port'], "option '--port <port>' argument missing; respite --help tells the flags"],
    [['--prot', '1'], "unknown option '--prot' (Did you mean --port?); respite --help tells the flags"],
    [['-x'], "unknown option '-x'"],
    [['6379'], '"6379" does not belong to any flag'],
    [['--log-pretty', 'yes'], '"yes" does not belong to any flag'],
    [['--tls-ca', __filename], '--tls-ca'],
    [
      ['--requirepass', 'hush', '--requirepass-file', __filename],
      '--requirepass and --requirepass-file are both given',
    ],
  ])('%p is refused', (argv, why) => {
    expect(refusalOf(argv)).toContain(why);
  });

  test('a refusal names the variable that a value came from', () => {
    expect(refusalOf([], { RESPITE_TTL: 'x' })).toContain('RESPITE_TTL "x" is not a duration');
    expect(refusalOf([], { REDIS_URL: 'x' })).toContain('REDIS_URL "x" is not the URL of a Redis');
  });

  test.each([
    [['--redis', 'redis://u:hush@h:x']],
    [['--redis', 'hush@h']],
    [['redis://u:hush@h']],
    [['--requirepas=hush']],
    [["--requirepas=it's hush"]],
    [['--requirepass', 'hush', '--requirepass-file', __filename]],
    [['--requirepass', 'hush', '--port', 'x']],
  ])('%p is refused without showing the password', (argv) => {
    const message = refusalOf(argv);
    expect(message).not.toBe('accepted');
    expect(message).not.toContain('hush');
  });

  test('--version tells the version of package.json', () => {
    const manifest = JSON.parse(readFileSync(path.join(__dirname, '../../../package.json'), 'utf8'));
    expect(told('--version')).toBe(`${manifest.version}\n`);
  });

  test('--help tells every flag that the options know, with its default, in lines that fit a terminal', () => {
    const text = told('--help');
    for (const [option, standard] of Object.entries(defaults)) {
      const flag = text
        .split(/\n(?= {2}-)/)
        .find((part) => part.includes(`${flagOf(option as keyof Options)} `));
      expect(flag).toBeDefined();
      if (typeof standard === 'string' || typeof standard === 'number') {
        expect(flag?.replace(/\s+/g, ' ')).toContain(`(default: ${standard})`);
      }
    }
    for (const flag of ['--redis ', '--redis-ca', '--requirepass-file', '--http-token-file', '--tls-key']) {
      expect(text).toContain(flag);
    }
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(102);
  });

  test('flags and variables are named after the options', () => {
    expect(flagOf('clientOutputLimit')).toBe('--client-output-limit');
    expect(variableOf('clientOutputLimit')).toBe('RESPITE_CLIENT_OUTPUT_LIMIT');
  });
});
