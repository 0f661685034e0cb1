/** Holds what comes on the control connection to what was asked there, before ioredis, which has no limits, sees it. */
import type { Socket } from 'node:net';
import { GREATER } from '../resp/bytes';
import { ReplyFramer } from '../resp/reply-framer';

/** COMMAND takes some hundred kilobytes; ACL LIST of ten thousand users a few megabytes. */
const LONGEST = 64 * 1024 * 1024;

/**
 * From here on the socket ends at the first byte that is no reply, at a push, which nobody asked for, and at a reply
 * without end. A chunk has to be looked at before it can be read, and `push` is where a stream takes it in.
 */
export function guardReplies(socket: Socket): void {
  const framer = new ReplyFramer();
  const take = socket.push.bind(socket);
  let size = 0;
  socket.push = (chunk: Buffer | null, encoding?: BufferEncoding) => {
    const problem = chunk === null ? undefined : problemOf(chunk);
    if (problem === undefined) return take(chunk, encoding);
    socket.destroy(new Error(`the backing server sent ${problem}`));
    return false;
  };

  function problemOf(chunk: Buffer): string | undefined {
    for (let at = 0; at < chunk.length; ) {
      const next = framer.scan(chunk, at);
      if (framer.problem !== '') return `what is no Redis protocol: ${framer.problem}`;
      if (framer.type === GREATER) return 'a push that nobody asked for';
      size += next - at;
      if (size > LONGEST) return 'a reply without end';
      if (framer.complete) size = 0;
      at = next;
    }
    return undefined;
  }
}
