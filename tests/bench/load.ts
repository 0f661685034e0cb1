/** The load: redis-benchmark for single commands, and bare sockets for what it cannot send. */
import net from 'node:net';
import { command, RawClient } from '../support/raw-client';
import { within } from '../support/tether';
import { needTool, runTool } from './tools';

/** What the client's side of one trial saw. */
export interface Figures {
  /** Commands a second. */
  readonly rate: number;
  /** Milliseconds from sending a pipeline to its last reply. */
  readonly p50: number;
  readonly p99: number;
}

export interface Seen extends Figures {
  /** How many were really sent. */
  readonly commands: number;
}

export interface Shape {
  readonly depth: number;
  readonly clients: number;
  /** How many commands warm a server up; unless told otherwise, as many as a server on this machine does at once. */
  readonly warmUp?: number;
}

export interface Load extends Shape {
  /** Sends about so many commands; throws when it is answered by an error. */
  run(port: number, count: number): Promise<Seen>;
}

export interface CommandShape {
  readonly depth: number;
  readonly keys?: number;
  readonly clients?: number;
  readonly warmUp?: number;
  /** Of the client's: one may be slower than two servers. */
  readonly threads?: number;
}

const PATIENCE = 120_000;

/** One command again and again; `__rand_int__` in it becomes a number below `keys`. */
export function commandLoad(
  command: readonly string[],
  { keys = 1, clients = 50, threads = 1, ...shape }: CommandShape,
): Load {
  needTool('redis-benchmark');
  const parallel = threads > 1 ? ['--threads', `${threads}`] : [];
  const how = [
    ...parallel,
    '-c',
    `${clients}`,
    '-P',
    `${shape.depth}`,
    '-r',
    `${keys}`,
    '--csv',
    '--precision',
    '3',
  ];
  return {
    ...shape,
    clients,
    async run(port, count) {
      await refuseErrors(port, command);
      const args = ['-h', '127.0.0.1', '-p', `${port}`, ...how, '-n', `${count}`, ...command];
      return { ...readCsv(await runTool('redis-benchmark', args, PATIENCE)), commands: count };
    },
  };
}

/** redis-benchmark counts an error as a reply like any other. */
async function refuseErrors(port: number, command: readonly string[]): Promise<void> {
  const client = await RawClient.connect(port);
  const reply = await client.askText(...command.map((arg) => arg.replace('__rand_int__', '000000000000')));
  await client.close();
  if (reply.startsWith('-')) throw new Error(`${command[0]} was answered by ${reply.trim()}`);
}

/** The columns are "test","rps","avg","min","p50","p95","p99","max"; a command may have commas and quotes in it. */
export function readCsv(output: string): Figures {
  const last = output.trim().split('\n').at(-1) ?? '';
  const [rate, , , p50, , p99] = [...last.matchAll(/"([\d.]+)"/g)].slice(-7).map((found) => Number(found[1]));
  if (rate === undefined || p50 === undefined || p99 === undefined) {
    throw new Error(`redis-benchmark said ${JSON.stringify(output)}`);
  }
  return { rate, p50, p99 };
}

const SET = ['SET', 'key:1', 'x'.repeat(16)];

/** MULTI, one command that is answered by +OK, EXEC: one transaction counts as one command. */
export function transactionLoad(depth: number, clients: number, inside: readonly string[] = SET): Load {
  const one = Buffer.concat([command('MULTI'), command(...inside), command('EXEC')]).toString();
  const reply = '+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n';
  const batch = { request: Buffer.from(one.repeat(depth)), reply: Buffer.from(reply.repeat(depth)) };
  return {
    depth,
    clients,
    async run(port, count) {
      const batches = Math.max(1, Math.round(count / depth / clients));
      const times: number[] = [];
      const sockets = await Promise.all(Array.from({ length: clients }, () => connect(port)));
      const from = performance.now();
      const all = Promise.all(sockets.map((socket) => converse(socket, batch, batches, times)));
      await within(PATIENCE, 'transactions are not answered', all);
      const seconds = (performance.now() - from) / 1_000;
      for (const socket of sockets) socket.destroy();
      times.sort((a, b) => a - b);
      const at = (share: number) => times[Math.floor(share * (times.length - 1))] ?? Number.NaN;
      const commands = batches * depth * clients;
      return { rate: commands / seconds, p50: at(0.5), p99: at(0.99), commands };
    },
  };
}

function connect(port: number): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
    socket.once('connect', () => resolve(socket));
    socket.once('error', reject);
  });
}

interface Batch {
  readonly request: Buffer;
  readonly reply: Buffer;
}

/** Sends a batch when the one before is answered, and holds every byte of the replies against what has to come. */
function converse(
  socket: net.Socket,
  { request, reply }: Batch,
  count: number,
  times: number[],
): Promise<void> {
  let left = count;
  let at = 0;
  let sentAt = 0;
  return new Promise((resolve, reject) => {
    const send = () => {
      sentAt = performance.now();
      socket.write(request);
    };
    socket.once('error', reject);
    socket.on('data', (chunk) => {
      const expected = reply.subarray(at, at + chunk.length);
      if (!chunk.equals(expected)) reject(new Error(`not the reply: ${chunk.latin1Slice(0, 200)}`));
      at += chunk.length;
      if (at < reply.length) return;
      at = 0;
      times.push(performance.now() - sentAt);
      left -= 1;
      if (left === 0) resolve();
      else send();
    });
    send();
  });
}
