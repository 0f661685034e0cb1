#!/usr/bin/env node
/** The program: arguments and environment become a running proxy; signals and failures become an exit code. */
import { parseArguments } from './config/cli';
import { OptionError, RespiteError } from './errors';
import { RespiteProxy } from './proxy';
import { createLog, type Log } from './telemetry/log';
import { Supervisor } from './workers/supervisor';

const BAD_OPTION = 2;
const FAILED = 1;

async function main(): Promise<void> {
  const invocation = parseArguments(process.argv.slice(2), process.env);
  if (invocation.kind === 'tell') {
    process.stdout.write(invocation.text);
    return;
  }
  const { options } = invocation;
  const log = createLog(options);
  const proxy = options.workers > 1 ? new Supervisor(options, log) : new RespiteProxy(options, log);
  stopOnSignals(proxy, log);
  endOnMistakes(proxy, log);
  await proxy.start();
  if (invocation.options.tlsCert) renewOnSignal(proxy, log);
  const failure = await proxy.failed;
  log.fatal(failure);
  proxy.stopNow();
  process.exit(FAILED);
}

/** A mistake of ours: nobody knows what state is left, so the process says what it was and ends. Others start it anew. */
function endOnMistakes(proxy: RespiteProxy | Supervisor, log: Log): void {
  process.on('uncaughtException', (problem, origin) => {
    log.fatal({ err: problem, origin }, 'a mistake in respite itself: it ends here');
    process.stderr.write(`respite: ${problem.stack ?? problem.message}\n`);
    proxy.stopNow();
    process.exit(FAILED);
  });
}

/** The first signal drains; a second one does not wait. */
function stopOnSignals(proxy: RespiteProxy | Supervisor, log: Log): void {
  let stopping = false;
  const onSignal = (signal: NodeJS.Signals) => {
    if (stopping) {
      proxy.stopNow();
      process.exit(FAILED);
    }
    stopping = true;
    log.info({ signal }, 'stopping: answers in flight are delivered first');
    void proxy.stop().finally(() => process.exit(0));
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}

/** SIGHUP: the files of the command line are read again; when they will not do, what was read before stays in use. */
function renewOnSignal(proxy: RespiteProxy | Supervisor, log: Log): void {
  process.on('SIGHUP', () => {
    try {
      const again = parseArguments(process.argv.slice(2), process.env);
      if (again.kind === 'run') proxy.renewCertificates(again.options);
      log.info('the certificates were read again');
    } catch (problem) {
      const why = problem instanceof Error ? problem.message : String(problem);
      log.error({ problem: why }, 'the certificates that were read before stay in use');
    }
  });
}

main().catch((problem: unknown) => {
  const message =
    problem instanceof RespiteError
      ? problem.message
      : String(problem instanceof Error ? problem.stack : problem);
  process.stderr.write(`respite: ${message}\n`);
  process.exit(problem instanceof OptionError ? BAD_OPTION : FAILED);
});
