// TLS on both ports and to Redis: who is let in, whom respite trusts, and certificates that change while it runs.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import net, { type AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { Authority, type Issued } from '../support/certificates';
import { RawClient } from '../support/raw-client';
import { RedisServer } from '../support/redis-server';
import { Respite } from '../support/respite';
import { eventually } from '../support/stage';
import { workersOf } from '../support/workers';

const authority = new Authority('authority');
const stranger = new Authority('stranger');
const HOSTS = ['localhost', '127.0.0.1'];

let redis: RedisServer;
let folder: string;

beforeAll(async () => {
  redis = await RedisServer.start();
  await redis.ask('SET', 'k', 'v');
  folder = await mkdtemp(path.join(os.tmpdir(), 'respite-tls-'));
  await save(authority.issue('first', HOSTS));
  await writeFile(file('ca'), authority.cert);
});

afterAll(async () => {
  await redis.stop();
  await rm(folder, { recursive: true, force: true });
});

function file(name: string): string {
  return path.join(folder, name);
}

async function save({ cert, key }: Issued): Promise<void> {
  await writeFile(file('cert'), cert);
  await writeFile(file('key'), key);
}

function flags(...more: string[]): string[] {
  return ['--redis', redis.url, '--tls-cert', file('cert'), '--tls-key', file('key'), ...more];
}

function secure(respite: Respite, options: tls.ConnectionOptions = {}): Promise<RawClient> {
  return RawClient.over(
    tls.connect({ port: respite.port, host: '127.0.0.1', ca: authority.cert, ...options }),
    'secureConnect',
  );
}

/** The body of an answer, or the error that there was instead. */
function askSecurely(respite: Respite, options: tls.ConnectionOptions = {}): Promise<string> {
  const where = { port: respite.httpPort, host: '127.0.0.1', path: '/get/k', agent: false };
  return new Promise((resolve) => {
    request({ ...where, ca: authority.cert, ...options }, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += String(chunk);
      });
      response.on('end', () => resolve(text));
    })
      .on('error', (problem) => resolve(problem.message))
      .end();
  });
}

/** What a client gets over RESP: an answer, or the end of its connection. */
async function getSecurely(respite: Respite, options: tls.ConnectionOptions = {}): Promise<string> {
  try {
    await using client = await secure(respite, options);
    return await client.askText('GET', 'k');
  } catch (problem) {
    return `refused: ${String(problem)}`;
  }
}

test.each(['TLSv1.2', 'TLSv1.3'] as const)('both ports speak %s', async (version) => {
  await using respite = await Respite.start(flags());
  const options = { minVersion: version, maxVersion: version };
  await using client = await secure(respite, options);
  expect(client.socket).toMatchObject({ authorized: true });
  expect((client.socket as tls.TLSSocket).getProtocol()).toBe(version);
  expect(await client.askText('GET', 'k')).toBe('$1\r\nv\r\n');
  client.send('GET k\r\n'.repeat(1000));
  for (const reply of await client.replies(1000)) expect(String(reply)).toBe('$1\r\nv\r\n');
  expect(await askSecurely(respite, options)).toBe('{"result":"v"}');
});

test('older versions are refused, and so is plain text; others are served', async () => {
  await using respite = await Respite.start(flags());
  const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
  expect(await getSecurely(respite, old)).toMatch(/^refused/);
  expect(await askSecurely(respite, old)).toMatch(/alert|protocol|version/i);
  for (const port of [respite.port, respite.httpPort]) {
    await using plain = await RawClient.connect(port);
    plain.send('*1\r\n$4\r\nPING\r\nGET /get/k HTTP/1.1\r\nHost: localhost\r\n\r\n');
    expect((await plain.rest()).toString('latin1')).not.toMatch(/PONG|result/);
  }
  expect(await getSecurely(respite)).toBe('$1\r\nv\r\n');
  expect(await askSecurely(respite)).toBe('{"result":"v"}');
});

test('with --tls-ca, clients must show a certificate that it has signed', async () => {
  await using respite = await Respite.start(flags('--tls-ca', file('ca')));
  for (const shown of [{}, stranger.issue('other'), new Authority('authority').issue('same name')]) {
    expect(await getSecurely(respite, shown)).toMatch(/^refused/);
    expect(await askSecurely(respite, shown)).not.toContain('result');
  }
  const known = authority.issue('client');
  expect(await getSecurely(respite, known)).toBe('$1\r\nv\r\n');
  expect(await askSecurely(respite, known)).toBe('{"result":"v"}');
  expect((await respite.stop()).code).toBe(0);
});

test('who begins a handshake and does not go on keeps nobody out, and is cut off in the end', async () => {
  await using respite = await Respite.start(flags('--max-clients', '5'));
  const silent = await Promise.all(Array.from({ length: 20 }, () => RawClient.connect(respite.port)));
  for (const client of silent) client.send('\x16\x03\x01');
  const cutOff = () => silent.filter((each) => each.ended);
  await eventually('those past the limit are cut off', () => cutOff().length >= 15);
  const held = silent.filter((each) => !each.ended);
  await held[0]?.reset();
  await eventually('served', async () => (await getSecurely(respite)) === '$1\r\nv\r\n');
  expect(cutOff().length).toBeLessThan(20);
  await eventually('all are cut off', () => cutOff().length === 20, 15_000);
  await Promise.all(silent.map((each) => each.close()));
});

describe('SIGHUP', () => {
  const issuer = (client: RawClient) => (client.socket as tls.TLSSocket).getPeerCertificate().subject.CN;

  async function shownBy(respite: Respite): Promise<string> {
    await using client = await secure(respite);
    return String(issuer(client));
  }

  test('new certificates are shown to new clients, and nobody loses a connection', async () => {
    await save(authority.issue('first', HOSTS));
    await using respite = await Respite.start(flags());
    await using before = await secure(respite);
    await before.ask('MULTI');
    await save(authority.issue('second', HOSTS));
    respite.signal('SIGHUP');
    await respite.logged(({ msg }) => msg === 'the certificates were read again');
    expect(await shownBy(respite)).toBe('second');
    expect(await askSecurely(respite)).toBe('{"result":"v"}');
    expect(issuer(before)).toBe('first');
    expect(await before.askText('PING')).toBe('+QUEUED\r\n');
    expect(await before.askText('EXEC')).toBe('*1\r\n+PONG\r\n');
  });

  test.each([
    ['no certificate', async () => writeFile(file('cert'), 'nonsense')],
    ['a key that is not the one of the certificate', async () => writeFile(file('key'), stranger.key)],
    ['a file that is gone', async () => rm(file('key'))],
  ])('%s: one line says so, and the old ones stay in use', async (_name, spoil) => {
    await save(authority.issue('first', HOSTS));
    await using respite = await Respite.start(flags());
    await using before = await secure(respite);
    await spoil();
    respite.signal('SIGHUP');
    const line = await respite.logged(({ level }) => level === 'error');
    expect(line.msg).toBe('the certificates that were read before stay in use');
    expect(String(line.problem)).toMatch(/--tls-(cert|key)/);
    expect(await shownBy(respite)).toBe('first');
    expect(await askSecurely(respite)).toBe('{"result":"v"}');
    expect(await before.askText('PING')).toBe('+PONG\r\n');
    await save(authority.issue('third', HOSTS));
    respite.signal('SIGHUP');
    await respite.logged(({ msg }) => msg === 'the certificates were read again');
    expect(await shownBy(respite)).toBe('third');
    expect(respite.log.filter(({ level }) => level === 'error')).toHaveLength(1);
  });

  test('new certificates reach all workers, and those that take the place of one', async () => {
    await save(authority.issue('first', HOSTS));
    await using respite = await Respite.start(flags('--workers', '2'));
    await using one = await secure(respite);
    await using other = await secure(respite);
    await save(authority.issue('second', HOSTS));
    respite.signal('SIGHUP');
    await respite.logged(({ msg }) => msg === 'the certificates were read again');
    await using third = await secure(respite);
    await using fourth = await secure(respite);
    expect([one, other, third, fourth].map(issuer)).toEqual(['first', 'first', 'second', 'second']);
    expect(await askSecurely(respite)).toBe('{"result":"v"}');
    expect(await one.askText('PING')).toBe('+PONG\r\n');
    for (const { pid } of workersOf(respite)) process.kill(pid, 'SIGKILL');
    const isBack = ({ msg }: { msg: string }) => msg === 'a worker has taken its place';
    await eventually('both are back', () => respite.log.filter(isBack).length === 2);
    expect([await shownBy(respite), await shownBy(respite)]).toEqual(['second', 'second']);
  });

  test('a new CA for clients holds for those who come', async () => {
    await save(authority.issue('first', HOSTS));
    await writeFile(file('ca'), authority.cert);
    await using respite = await Respite.start(flags('--tls-ca', file('ca')));
    expect(await getSecurely(respite, authority.issue('client'))).toBe('$1\r\nv\r\n');
    await writeFile(file('ca'), stranger.cert);
    respite.signal('SIGHUP');
    await respite.logged(({ msg }) => msg === 'the certificates were read again');
    await writeFile(file('ca'), authority.cert);
    expect(await getSecurely(respite, authority.issue('client'))).toMatch(/^refused/);
    expect(await getSecurely(respite, stranger.issue('client'))).toBe('$1\r\nv\r\n');
    expect(await askSecurely(respite, stranger.issue('client'))).toBe('{"result":"v"}');
  });
});

describe('rediss://', () => {
  /** TLS in front of the redis-server. */
  async function tunnel(shown: Issued): Promise<tls.Server> {
    const server = tls.createServer({ ...shown }, (socket) => {
      const inner = net.connect(redis.port, '127.0.0.1');
      socket.on('error', () => inner.destroy());
      inner.on('error', () => socket.destroy());
      socket.on('close', () => inner.destroy());
      inner.on('close', () => socket.destroy());
      socket.pipe(inner).pipe(socket);
    });
    server.on('tlsClientError', () => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  const portOf = (server: tls.Server) => (server.address() as AddressInfo).port;

  test('is verified: the right authority and the right name', async () => {
    await using server = await tunnel(authority.issue('redis', HOSTS));
    for (const host of HOSTS) {
      const url = `rediss://${host}:${portOf(server)}`;
      await using respite = await Respite.start([
        '--redis',
        url,
        '--redis-ca',
        file('ca'),
        '--http-port',
        'off',
      ]);
      await using client = await respite.client();
      expect(await client.askText('GET', 'k')).toBe('$1\r\nv\r\n');
      expect(respite.log.filter(({ level }) => level !== 'info')).toEqual([]);
    }
  });

  test.each([
    ['another authority', stranger.issue('redis', HOSTS), /unable to verify|self-signed|unable to get/],
    ['another name', authority.issue('redis', ['redis.example']), /altnames|does not match/],
    ['a client certificate of nobody', new Authority('redis'), /self-signed|unable to/],
  ])('%s: the log says what is wrong, and so does every answer', async (_name, shown, why) => {
    await using server = await tunnel(shown);
    const url = `rediss://user:hidden@127.0.0.1:${portOf(server)}`;
    await using respite = await Respite.start(['--redis', url, '--redis-ca', file('ca')]);
    await using client = await respite.client();
    for (const words of [
      ['GET', 'k'],
      ['SET', 'x', 'y'],
      ['WATCH', 'k'],
    ])
      expect(await client.askText(...words)).toMatch(
        /^-ERR respite: cannot reach the backing Redis at 127.0.0.1:\d+ \(TLS\)/,
      );
    expect(await client.askText('GET', 'k')).toMatch(why);
    const warning = await respite.logged(({ level }) => level === 'warn');
    expect(String(warning.problem)).toMatch(why);
    expect(respite.stdout).not.toContain('hidden');
  });
});
