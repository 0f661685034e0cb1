/** Clients that are connected and do nothing: `idle.ts PORT COUNT` prints a line once all of them are. */
import net from 'node:net';

const [port = 0, count = 0] = process.argv.slice(2).map(Number);
/** So many are on their way at once: a queue of connections that are not accepted yet is short. */
const AT_ONCE = 100;

function connect(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('data', (reply) => {
      if (reply.toString() === '+PONG\r\n') resolve();
      else reject(new Error(reply.toString()));
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed')));
  });
}

async function main(): Promise<void> {
  for (let left = count; left > 0; left -= AT_ONCE) {
    await Promise.all(Array.from({ length: Math.min(left, AT_ONCE) }, connect));
  }
  console.log(count);
}

void main();
