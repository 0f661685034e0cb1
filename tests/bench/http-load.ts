/** The load over HTTP: wrk, with connections that stay open, for a whole number of seconds. */
import { ask } from '../support/http';
import type { Load, Seen } from './load';
import { needTool, runTool } from './tools';

const SECONDS = 1;

export function httpLoad(path: string, clients: number): Load {
  needTool('wrk');
  return {
    depth: 1,
    clients,
    async run(port) {
      const { status, text } = await ask(port, path);
      if (status !== 200) throw new Error(`${path} was answered by ${status}: ${text}`);
      const how = ['-t', '1', '-c', `${clients}`, '-d', `${SECONDS}`, '--latency'];
      return readWrk(await runTool('wrk', [...how, `http://127.0.0.1:${port}${path}`], 30_000));
    },
  };
}

const MILLISECONDS: Readonly<Record<string, number>> = { us: 1e-3, ms: 1, s: 1e3, m: 60e3 };

export function readWrk(output: string): Seen {
  const found = (pattern: RegExp) => pattern.exec(output)?.slice(1) ?? [];
  const time = (share: number) => {
    const [amount, unit = ''] = found(new RegExp(`^\\s+${share}%\\s+([\\d.]+)(\\w+)`, 'm'));
    return Number(amount) * (MILLISECONDS[unit] ?? Number.NaN);
  };
  const rate = Number(found(/^Requests\/sec:\s+([\d.]+)/m)[0]);
  const commands = Number(found(/^\s+(\d+) requests in /m)[0]);
  const seen = { rate, p50: time(50), p99: time(99), commands };
  const bad = /Non-2xx|Socket errors/.test(output) || Object.values(seen).some(Number.isNaN);
  if (bad) throw new Error(`wrk said ${JSON.stringify(output)}`);
  return seen;
}
