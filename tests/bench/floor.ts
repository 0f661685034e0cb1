/** The floor under a hit: a server of the same shape in bare Node, which finds where each GET ends and knows one reply. */
import net from 'node:net';

const BYTES = Number(process.argv[2] ?? 16);
const ONE = `$${BYTES}\r\n${'x'.repeat(BYTES)}\r\n`;
/** Before the digits of the key's length: *2\r\n$3\r\nGET\r\n$ */
const LENGTH_AT = 14;
const ENTER = 0x0d;
const ZERO = 0x30;

let replies = Buffer.from(ONE.repeat(256));

/** One write for each read, like any server that gathers; nothing is copied, looked up or checked. */
function serve(socket: net.Socket): void {
  let held: Buffer | undefined;
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    const bytes = held ? Buffer.concat([held, chunk]) : chunk;
    let [at, gets] = [0, 0];
    for (let end = endOfGet(bytes, 0); end <= bytes.length; end = endOfGet(bytes, at)) {
      at = end;
      gets += 1;
    }
    held = at < bytes.length ? bytes.subarray(at) : undefined;
    if (gets > 0) socket.write(repliesTo(gets));
  });
}

/** Infinity when the bytes end before the length of the key does. */
function endOfGet(bytes: Buffer, start: number): number {
  let length = 0;
  for (let at = start + LENGTH_AT; at < bytes.length; at++) {
    const digit = bytes[at] ?? 0;
    if (digit === ENTER) return at + length + 4;
    length = length * 10 + digit - ZERO;
  }
  return Number.POSITIVE_INFINITY;
}

function repliesTo(gets: number): Buffer {
  while (replies.length < gets * ONE.length) replies = Buffer.concat([replies, replies]);
  return replies.subarray(0, gets * ONE.length);
}

const server = net.createServer(serve);
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address !== 'string') console.log(JSON.stringify({ port: address.port }));
});
process.on('SIGTERM', () => process.exit());
