// Large values and long pipelines pass through, and the proxy does not grow by them.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { command, type RawClient } from '../support/raw-client';
import { bulk, eventually, Stage } from '../support/stage';

const MB = 1024 * 1024;
const LARGEST = 512 * MB;

let stage: Stage;
beforeAll(async () => {
  // The readers here hash what they get, which takes longer than sending it.
  stage = await Stage.start();
});
afterAll(() => stage.stop());

/** Of the proxy, in bytes. */
function residentMemory(): number {
  const status = readFileSync(`/proc/${stage.respite.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

function largestMemory(): () => number {
  let largest = 0;
  const timer = setInterval(() => {
    largest = Math.max(largest, residentMemory());
  }, 20);
  return () => {
    clearInterval(timer);
    return largest;
  };
}

/** No two pieces are alike, so that one that is lost, doubled or misplaced shows. */
function pieceAt(at: number): Buffer {
  const piece = Buffer.alloc(MB, at % 251);
  piece.writeUInt32LE(at, 0);
  piece.writeUInt32LE(at * 7, MB - 4);
  return piece;
}

async function sendPieces(client: RawClient, bytes: number): Promise<string> {
  const hash = createHash('sha1');
  for (let at = 0; at * MB < bytes; at += 1) {
    const piece = pieceAt(at).subarray(0, Math.min(MB, bytes - at * MB));
    hash.update(piece);
    if (!client.socket.write(piece)) await new Promise((resolve) => client.socket.once('drain', resolve));
  }
  client.socket.write('\r\n');
  return hash.digest('hex');
}

/** Takes a bulk reply as it comes, past the client, which would hold all of it. */
function hashOfReply(client: RawClient, bytes: number): Promise<string> {
  const hash = createHash('sha1');
  const header = `$${bytes}\r\n`;
  let seen = 0;
  client.socket.removeAllListeners('data');
  return new Promise((resolve, reject) => {
    client.socket.on('end', () => reject(new Error(`ended after ${seen} bytes`)));
    client.socket.on('data', (chunk) => {
      const from = Math.max(0, Math.min(chunk.length, header.length - seen));
      const to = Math.min(chunk.length, header.length + bytes - seen);
      if (to > from) hash.update(chunk.subarray(from, to));
      seen += chunk.length;
      if (seen === header.length + bytes + 2) resolve(hash.digest('hex'));
    });
  });
}

test('a value of 512 MB is written in a fraction of its own memory, and read back whole', async () => {
  await using writer = await stage.client();
  await using reader = await stage.client();
  await using other = await stage.client();
  const before = residentMemory();
  const stopWatching = largestMemory();
  const setting = (async () => {
    writer.send(`*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$${LARGEST}\r\n`);
    return sendPieces(writer, LARGEST);
  })();
  // Meanwhile nobody else waits for long.
  for (let at = 0; at < 20; at += 1) expect(await other.askText('ECHO', 'x')).toBe(bulk('x'));
  const sent = await setting;
  expect(String(await writer.reply(30_000))).toBe('+OK\r\n');
  expect(stopWatching() - before).toBeLessThan(LARGEST / 4);
  expect(await stage.redis.askText('STRLEN', 'big')).toBe(`:${LARGEST}\r\n`);
  for (let round = 0; round < 2; round += 1) {
    await using fresh = await stage.client();
    const received = hashOfReply(fresh, LARGEST);
    fresh.send(command('GET', 'big'));
    expect(await received).toBe(sent);
  }
  const received = hashOfReply(reader, LARGEST);
  reader.send('GETRANGE big 0 -1\r\n');
  expect(await received).toBe(sent);
  expect(await stage.ask('RESPITE', 'INSPECT', 'big')).toBe('$-1\r\n');
  await stage.redis.ask('DEL', 'big');
}, 60_000);

test('ten thousand commands in one write are answered in their order', async () => {
  await using client = await stage.client();
  await stage.ask('SET', 'k', 'v');
  const lines: string[] = [];
  const expected: string[] = [];
  for (let at = 0; at < 2500; at += 1) {
    lines.push(`ECHO ${at}\r\n`, 'GET k\r\n', 'INCR n\r\n', `GET none${at % 100}\r\n`);
    expected.push(bulk(`${at}`), bulk('v'), `:${at + 1}\r\n`, '$-1\r\n');
  }
  client.send(lines.join(''));
  expect(Buffer.concat(await client.replies(10_000)).toString()).toBe(expected.join(''));
  // And ten thousand reads, most of which memory answers.
  client.send('GET k\r\nGET none1\r\n'.repeat(5_000));
  expect(Buffer.concat(await client.replies(10_000)).toString()).toBe(`${bulk('v')}$-1\r\n`.repeat(5_000));
  // And ten thousand misses.
  client.send(
    Array.from({ length: 10_000 }, (_, at) => command('GET', `miss${at}`))
      .map(String)
      .join(''),
  );
  expect(Buffer.concat(await client.replies(10_000)).toString()).toBe('$-1\r\n'.repeat(10_000));
});

test('a client that writes faster than it reads is not read from without end', async () => {
  await using client = await stage.client();
  const stopWatching = largestMemory();
  const before = residentMemory();
  client.pause();
  await stage.ask('SET', 'kb', 'x'.repeat(1024));
  const burst = 'GET kb\r\nECHO x\r\n'.repeat(1000);
  let blocked = false;
  // 160 MB of replies, were they all made.
  for (let at = 0; at < 150; at += 1) blocked = !client.socket.write(burst) || blocked;
  client.resume();
  const size = (bulk('x'.repeat(1024)).length + bulk('x').length) * 150_000;
  let seen = 0;
  client.socket.removeAllListeners('data');
  await new Promise<void>((resolve) =>
    client.socket.on('data', (chunk) => {
      seen += chunk.length;
      if (seen >= size) resolve();
    }),
  );
  expect(seen).toBe(size);
  expect(stopWatching() - before).toBeLessThan(400 * MB);
}, 60_000);

test('binary keys and values of every size near a limit come back as they went', async () => {
  await using client = await stage.client();
  for (const size of [0, 1, 2047, 2048, 2049, 16_383, 16_384, 65_535, 65_536, MB - 1, MB, MB + 1, 3 * MB]) {
    const value = Buffer.alloc(size);
    for (let at = 0; at < size; at += 1) value[at] = (at * 31 + size) & 0xff;
    const key = Buffer.concat([Buffer.from([0, 255, 13, 10]), Buffer.from(`${size}`)]);
    expect(String(await client.ask('SET', key, value))).toBe('+OK\r\n');
    const framed = Buffer.concat([Buffer.from(`$${size}\r\n`), value, Buffer.from('\r\n')]);
    for (let round = 0; round < 3; round += 1)
      expect((await client.ask('GET', key)).equals(framed)).toBe(true);
    const many = await client.ask('MGET', key, 'none', key);
    expect(many.equals(Buffer.concat([Buffer.from('*3\r\n'), framed, Buffer.from('$-1\r\n'), framed]))).toBe(
      true,
    );
  }
});

test('a key of many megabytes is a key', async () => {
  await using client = await stage.client();
  const key = Buffer.alloc(5 * MB, 'k');
  expect(String(await client.ask('SET', key, 'v'))).toBe('+OK\r\n');
  expect(await client.askText('GET', key)).toBe(bulk('v'));
  expect(await client.askText('GET', key)).toBe(bulk('v'));
  expect(await client.askText('DEL', key)).toBe(':1\r\n');
  expect(await client.askText('GET', key)).toBe('$-1\r\n');
});

test('a large write that breaks off does nothing, and leaves nobody out of step', async () => {
  for (let round = 0; round < 5; round += 1) {
    const client = await stage.client();
    client.send(`*3\r\n$3\r\nSET\r\n$4\r\nhalf\r\n$${20 * MB}\r\n`);
    client.socket.write(Buffer.alloc(3 * MB));
    await eventually('on its way', () => client.socket.writableLength === 0);
    if (round % 2) await client.reset();
    else await client.close();
    expect(await stage.ask('EXISTS', 'half')).toBe(':0\r\n');
  }
});

test('an element that is pushed in a large command is there for all', async () => {
  await using client = await stage.client();
  const elements = Array.from({ length: 5_000 }, (_, at) => `element-${at}`.padEnd(1000, '.'));
  expect(await client.askText('RPUSH', 'long', ...elements)).toBe(':5000\r\n');
  const all = (await client.ask('LRANGE', 'long', 0, -1)).toString();
  expect(all.startsWith(`*5000\r\n${bulk(elements[0] ?? '')}`)).toBe(true);
  expect(all.endsWith(bulk(elements[4_999] ?? ''))).toBe(true);
});

test('a large write while Redis is away is answered by an error, and what follows is, too', async () => {
  await using away = await Stage.start({ relayed: true });
  await using client = await away.client();
  await away.relay.refuse();
  away.relay.cut('rst');
  await eventually('it is noticed', async () => (await away.figure('upstream')) === 'down');
  for (let round = 0; round < 3; round += 1) {
    expect(await client.askText('SET', 'k', Buffer.alloc(3 * MB))).toMatch(/^-ERR respite: /);
    expect(await client.askText('ECHO', 'x')).toMatch(/^-ERR respite: /);
  }
  await away.relay.accept();
  await eventually('it is there again', async () => (await client.askText('ECHO', 'x')) === bulk('x'));
  expect(await client.askText('SET', 'k', Buffer.alloc(3 * MB))).toBe('+OK\r\n');
});
