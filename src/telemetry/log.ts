/** The log: JSON lines on standard output, or lines for people; secrets never get into it. */
import type { Writable } from 'node:stream';
import pino, { type DestinationStream, type Logger } from 'pino';
import pretty from 'pino-pretty';
import type { LogLevel } from '../config/options';

export type Log = Logger;

export interface LogOptions {
  readonly logLevel: LogLevel;
  readonly logPretty: boolean;
}

const SECRETS = ['password', 'requirepass', 'httpToken', 'token', 'authorization'];

/** `destination` is for tests; it is standard output otherwise. */
export function createLog(options: LogOptions, destination?: Writable): Log {
  return pino(
    {
      level: options.logLevel,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // At the top of a line, and in an object that stands in it.
      redact: { paths: SECRETS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: '***' },
    },
    options.logPretty
      ? prettyStream(destination)
      : (destination ?? pino.destination({ dest: 1, sync: true })),
  );
}

// In this thread and at once: the last line before an exit is the one that matters.
function prettyStream(destination: Writable | undefined): DestinationStream {
  return pretty({
    destination: destination ?? 1,
    sync: true,
    ignore: 'pid',
    translateTime: 'SYS:HH:MM:ss.l',
  });
}
