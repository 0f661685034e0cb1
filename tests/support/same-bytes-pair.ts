// Two fresh servers that must answer alike: a redis-server, and the proxy in front of another redis-server.

import { execFileSync } from 'node:child_process';
import { command, RawClient } from './raw-client';
import { RedisServer } from './redis-server';
import { Respite } from './respite';
import type { Protocol, Script, Step } from './same-bytes-script';
import { splitReplies, whatCounts } from './same-bytes-script';
import { eventually } from './stage';
import { within } from './tether';

/** How long one answer may take: long enough for a busy machine, short enough that many failures end soon. */
const PATIENCE = 5000;

const FAILED = 'failed: ';

export class SameBytesPair {
  readonly redis: RedisServer;
  readonly target: { port: number };
  readonly #stop: () => Promise<unknown>;

  private constructor(redis: RedisServer, target: { port: number }, stop: () => Promise<unknown>) {
    this.redis = redis;
    this.target = target;
    this.#stop = stop;
  }

  /**
   * SAME_BYTES_TARGET=redis puts a second redis-server in the proxy's place: a difference that is seen then
   * is a line of the table whose answer is a matter of chance.
   */
  static async start(flags: string[] = [], args: string[] = []): Promise<SameBytesPair> {
    const [redis, backing] = await Promise.all([
      RedisServer.start({ args: [...debugArguments(), ...args] }),
      RedisServer.start({ args: [...debugArguments(), ...args] }),
    ]);
    const stopServers = () => Promise.all([redis.stop(), backing.stop()]);
    if (process.env.SAME_BYTES_TARGET === 'redis') return new SameBytesPair(redis, backing, stopServers);
    try {
      const respite = await Respite.start(['--redis', backing.url, '--http-port', 'off', ...flags]);
      return new SameBytesPair(redis, respite, () => respite.stop().finally(stopServers));
    } catch (error) {
      await stopServers();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.#stop();
  }

  /** Runs the same against both, at the same time: Redis's outcome first. */
  both<T>(run: (port: number) => Promise<T>): Promise<[T, T]> {
    return Promise.all([run(this.redis.port), run(this.target.port)]);
  }

  /** Holds one transcript against the other. What goes wrong with Redis itself is wrong in the table. */
  async compare(run: (port: number) => Promise<string[]>): Promise<void> {
    const [expected, answers] = await this.both(run);
    const mistake = expected.find((line) => line.startsWith(FAILED));
    if (mistake !== undefined) throw new Error(`Redis itself ${mistake}`);
    expect(answers).toEqual(expected);
  }
}

/** Redis 7 keeps DEBUG to itself unless it is told otherwise; older ones don't know the setting. */
function debugArguments(): string[] {
  const version = execFileSync('redis-server', ['--version']).toString();
  const major = Number(/v=(\d+)/.exec(version)?.[1] ?? 0);
  return major >= 7 ? ['--enable-debug-command', 'yes'] : [];
}

/** Empties the server, through the port that is being looked at: a cache before it must be empty as well. */
export async function emptied(port: number): Promise<void> {
  const client = await RawClient.connect(port);
  for (const words of [['FLUSHALL'], ['FUNCTION', 'FLUSH'], ['SCRIPT', 'FLUSH']]) await client.ask(...words);
  await client.close();
}

/** A client that has begun to speak the given version. */
async function connected(port: number, protocol: Protocol): Promise<RawClient> {
  const client = await RawClient.connect(port);
  if (protocol === 3) {
    client.send(command('HELLO', '3'));
    await client.reply(PATIENCE);
  }
  return client;
}

const BLOCKING = /^(BL|BR|BZ|XREAD)/;

/** Until then what another client sends may reach Redis first: they are two connections. */
async function untilBlocked(port: number): Promise<void> {
  const watcher = await RawClient.connect(port);
  try {
    await eventually('Redis has a client that is blocked', async () =>
      /^blocked_clients:[1-9]/m.test(await watcher.askText('INFO', 'clients')),
    );
  } finally {
    await watcher.close();
  }
}

/** Each command is sent when the answer to the one before it is there. One line for each answer. */
export async function inTurns(port: number, script: Script, protocol: Protocol): Promise<string[]> {
  const client = await connected(port, protocol);
  const other = await connected(port, protocol);
  const transcript: string[] = [];
  let blocks = false;
  try {
    for (const step of script.steps) {
      const speaker = step.by === 'other' ? other : client;
      if (step.by === 'other' && blocks) await untilBlocked(port);
      if (step.by === 'other' || step.bytes.length === 0) blocks = false;
      else blocks ||= step.replies === 0 && BLOCKING.test(step.text);
      if (step.bytes.length > 0) speaker.send(step.bytes);
      transcript.push(await answered(speaker, step));
    }
    if (!script.closes) client.send(command('QUIT'));
    transcript.push(`then: ${whatCounts(await client.rest(PATIENCE))}`);
  } catch (error) {
    // What was answered until then tells more than the error alone.
    transcript.push(FAILED + (error instanceof Error ? error.message : error));
  } finally {
    await Promise.all([client.close(), other.close()]);
  }
  return transcript;
}

async function answered(client: RawClient, step: Step): Promise<string> {
  try {
    return line(step, await client.replies(step.replies, PATIENCE));
  } catch (error) {
    throw new Error(`${step.text}: ${error instanceof Error ? error.message : error}`);
  }
}

/** All commands are sent in one write. One line for each answer. */
export async function inOnePipeline(port: number, script: Script, protocol: Protocol): Promise<string[]> {
  const client = await connected(port, protocol);
  const parts = script.steps.map((step) => step.bytes);
  client.send(Buffer.concat(script.closes ? parts : [...parts, command('QUIT')]));
  try {
    const replies = splitReplies(await client.rest(PATIENCE));
    const transcript = script.steps.map((step) => line(step, replies.splice(0, step.replies)));
    return [...transcript, `then: ${whatCounts(Buffer.concat(replies))}`];
  } catch (error) {
    return [FAILED + (error instanceof Error ? error.message : error)];
  } finally {
    await client.close();
  }
}

function line(step: Step, replies: Buffer[]): string {
  return `${step.by}: ${step.text} → ${replies.map((reply) => whatCounts(reply, step.rule)).join(' ')}`;
}

/** What came back for a stream that is sent in pieces, and that ends with QUIT. */
export async function inPieces(port: number, pieces: Buffer[]): Promise<Buffer> {
  const client = await RawClient.connect(port);
  try {
    for (const piece of pieces) {
      client.send(piece);
      await new Promise(setImmediate);
    }
    return await client.rest(PATIENCE);
  } finally {
    await client.close();
  }
}

/** The replies in it, one a line; of HELLO's answer the client's id does not count. */
export function asLines(bytes: Buffer): string[] {
  return splitReplies(bytes).map((reply) => whatCounts(reply).replace(/(\\nid\\r\\n:)\d+/, '$1#'));
}

/** What became of a connection: the bytes that came back, and whether it was closed. */
export interface Outcome {
  answer: string;
  closed: boolean;
}

/**
 * Sends the bytes and waits until nothing more comes for a while. `expected` is the outcome that is hoped for:
 * a server that answers later than that while is waited for, one that goes on answering is found out.
 */
export async function outcome(
  port: number,
  bytes: string,
  slowly: boolean,
  expected?: Outcome,
  attempts = 5,
): Promise<Outcome> {
  const client = await RawClient.connect(port);
  const reached = () =>
    expected === undefined ||
    (client.unread.length >= expected.answer.length && client.ended === expected.closed);
  try {
    if (slowly) await byteByByte(client, bytes);
    else client.send(bytes);
    await quiet(client);
    for (const end = Date.now() + PATIENCE; !reached() && Date.now() < end; ) await quiet(client);
    // A byte that was written just after the close makes Node drop an answer that it has not read yet.
    const spoilt = slowly && client.error !== undefined && attempts > 1;
    if (spoilt) return await outcome(port, bytes, slowly, expected, attempts - 1);
    return { answer: client.unread.toString('latin1'), closed: client.ended };
  } finally {
    await client.close();
  }
}

/** With a pause behind each byte, in which the server may close the connection. */
async function byteByByte(client: RawClient, bytes: string): Promise<void> {
  for (const byte of bytes) {
    if (client.ended) return;
    client.send(byte);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Until 100 ms have passed in which nothing came. */
async function quiet(client: RawClient): Promise<void> {
  for (let before = -1; before !== client.unread.length && !client.ended; ) {
    before = client.unread.length;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Makes a mistake, hears about it, and sends on regardless until the connection is gone for writing, too. */
export async function cutOff(port: number, mistake: string): Promise<string> {
  const client = await RawClient.connect(port);
  const answer = await client.send(mistake).rest(PATIENCE);
  const more = setInterval(() => client.send('x'.repeat(1000)), 5);
  try {
    await within(PATIENCE, 'the connection still takes bytes', client.closed);
    return answer.toString('latin1');
  } finally {
    clearInterval(more);
    await client.close();
  }
}
