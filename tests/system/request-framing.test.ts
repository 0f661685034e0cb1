// The request framer beside a real Redis: the same bytes, the same requests, the same refusals in the same words.

import fc from 'fast-check';
import { encodeCommand } from '../../src/resp/encoder';
import { RequestFramer } from '../../src/resp/request-framer';
import { parseRequest, splitInline } from '../../src/resp/request-parser';
import { RedisServer } from '../support/redis-server';

const PING = '*1\r\n$4\r\nPING\r\n';
const LINE = 'x'.repeat(65_536);

const hostile = [
  // Taken
  PING + PING,
  'PING\r\nPING\nPING\n',
  "ECHO \"a b\"\r\nECHO 'a\\'b'\r\n",
  'ECHO "\\x41\\n\\q\\x4"\r\n',
  'ECHO a\x0bb\r\n\x0b\x0cPING\r\n',
  'ECHO a"b c"\r\n',
  '""\r\n',
  '*2\rX$4\rYECHOab$2\rZhicd',
  '*2\r\n$4\r\nECHO\r\n$6\r\n\r\n\0\xff*1\r\n',
  '*2\r\n$4\r\nECHO\r\n$0\r\n\r\n',
  '+PING\r\n',
  '$4\r\nPING\r\n',
  ' \r \r\nPING\r\r\n',
  'POST / HTTP/1.1\r\nHost: localhost\r\n\r\n',
  // Swallowed
  `*0\r\n*-1\r\n*-10\r\n*-9223372036854775808\r\n${PING}`,
  `\r\n\n\r\n  \t \r\n${PING}`,
  `*0\rX${PING}`,
  // Waited for
  '*1',
  '*1\r',
  '*x\r',
  '*1\r\n$4\r\nPING\r',
  '*1\r\n+PING',
  '*2147483647\r\n$4\r\nPING\r\n',
  '*1\r\n$536870912\r\nPING\r\n',
  'PING\0\r\nPING\r\n',
  `*1\0\r\n${PING}`,
  `*1\r\n\0$4\r\n${PING}`,
  '\0',
  LINE,
  // Refused
  '*01\r\n',
  '*+1\r\n',
  '*-0\r\n',
  '*-01\r\n',
  '*00\r\n',
  '*\r\n',
  '*-\r\n',
  '*1 \r\n',
  '* 1\r\n',
  '*1\n$4\nPING\n\r\n',
  '*abc\r\n',
  '*2147483648\r\n',
  '*9223372036854775807\r\n',
  '*9223372036854775808\r\n',
  '*18446744073709551617\r\n',
  '*-9223372036854775809\r\n',
  `*${'1'.repeat(20)}\r\n`,
  `*${'1'.repeat(30)}\r\n`,
  '*1\r\n$05\r\nhello\r\n',
  '*1\r\n$+4\r\nPING\r\n',
  '*1\r\n$-0\r\n',
  '*1\r\n$-1\r\n',
  '*1\r\n$\r\n',
  '*1\r\n$4 \r\nPING\r\n',
  '*1\r\n$536870913\r\n',
  '*1\r\n$18446744073709551620\r\nPING\r\n',
  '*1\r\n+PING\r\n',
  '*1\r\n:4\r\n',
  '*1\r\n\r\n',
  '*1\r\n\n\r\n',
  '*1\r\n\xff\r\n',
  '*2\r\n$4\r\nPING\r\n*1\r\n$1\r\na\r\n',
  '*2\r\n$4\r\nECHO\r\n$2\r\nabcd\r\n',
  'ECHO "a\r\n',
  "ECHO 'a\r\n",
  'ECHO "a"b\r\n',
  `${PING}*1\r\n$x\r\n${PING}`,
  `${LINE}x`,
  `*${LINE}`,
  `*1\r\n$${LINE}`,
  `*1\r\n${LINE}x`,
  `a\0${LINE}`,
];

const beforeAuthentication = [
  '*11\r\n',
  '*10\r\n$4\r\nPING\r\n',
  '*1\r\n$16385\r\n',
  '*1\r\n$16384\r\n',
  '*011\r\n',
  '*-11\r\n',
  PING,
  `AUTH secret\r\n${PING}`,
];

let open: RedisServer;
let guarded: RedisServer;

beforeAll(async () => {
  [open, guarded] = await Promise.all([
    RedisServer.start(),
    RedisServer.start({ args: ['--requirepass', 'secret'] }),
  ]);
});

afterAll(async () => {
  await Promise.all([open.stop(), guarded.stop()]);
});

/** All that Redis says to the bytes of one client that then leaves. */
async function answerOf(redis: RedisServer, sent: Buffer): Promise<string> {
  const client = await redis.client();
  client.send(sent).halfClose();
  const answer = await client.rest();
  await client.close();
  return answer.toString('latin1');
}

/** What our framer makes of the bytes: the requests it found, written plainly, and the words of its refusal. */
function understanding(sent: Buffer, authenticated: boolean): { plain: Buffer; refusal: string } {
  const framer = new RequestFramer();
  framer.authenticated = authenticated;
  const requests: Buffer[] = [];
  framer.push(sent);
  for (; framer.next() === 'frame'; framer.skip()) {
    const frame = framer.buffer.subarray(framer.start, framer.end);
    requests.push(encodeCommand((framer.inline ? splitInline(frame) : parseRequest(frame)) ?? []));
  }
  return {
    plain: Buffer.concat(requests),
    refusal: framer.problem === '' ? '' : `-ERR ${framer.problem}\r\n`,
  };
}

/** Redis must say the same to what was sent and to what was understood. */
async function compare(redis: RedisServer, sent: string, authenticated = true): Promise<void> {
  const raw = Buffer.from(sent, 'latin1');
  const { plain, refusal } = understanding(raw, authenticated);
  const [expected, got] = await Promise.all([answerOf(redis, raw), answerOf(redis, plain)]);
  expect(got + refusal).toBe(expected);
}

test.each(
  hostile.map((sent) => [sent.length > 80 ? `${sent.slice(0, 60)}… (${sent.length} bytes)` : sent, sent]),
)('Redis and the framer agree on %j', async (_, sent) => {
  await compare(open, sent);
});

test.each(beforeAuthentication)('they agree on %j before authentication', async (sent) => {
  await compare(guarded, sent, false);
});

test('they agree on bytes that nobody thought of', async () => {
  const fragment = fc.constantFrom(
    ...['*', '$', '1', '2', '4', '-', '0', '\r', '\n', '\r\n', ' ', '"', "'", '\\', 'x41', 'a', '\xff'],
    ...['*1\r\n', '*2\r\n', '$1\r\n', '$4\r\n', 'PING', 'ECHO', 'ECHO a\r\n', PING],
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fragment, { maxLength: 25 }), async (parts) => {
      await compare(open, parts.join(''));
    }),
    { numRuns: 300 },
  );
});
