/** How the value of an option is read, each kind by its own function: it gives the value or says what is accepted. */
import { readFileSync } from 'node:fs';
import { OptionError } from '../errors';

/** Takes text as on a command line, or what a program would pass. Throws an OptionError that begins with the value. */
export type Reader<T> = (value: unknown) => T;

const MILLISECONDS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const BYTES: Record<string, number> = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3, tb: 1024 ** 4 };
const YEAR = 365 * 86_400_000;

/** Milliseconds; a number is milliseconds already, and text without a unit is seconds. */
export function duration(least: number): Reader<number> {
  const from = least === 0 ? 'from 0' : `from ${least}ms`;
  const accepted = `give seconds, or a number with a unit, such as 500ms, 30s, 5m or 1h, ${from} to 365d`;
  return (value) => {
    const ms = typeof value === 'number' ? value : withUnit(value, MILLISECONDS, 's');
    if (ms === undefined || !(ms >= least && ms <= YEAR))
      throw refusal(value, `is not a duration: ${accepted}`);
    return ms;
  };
}

/** Bytes, a whole number of them. */
export function size(most: number): Reader<number> {
  const accepted = `give bytes, or a number with a unit, such as 512kb, 64mb or 1gb, from 1b to ${inBytes(most)}`;
  return (value) => {
    const bytes = typeof value === 'number' ? value : withUnit(value, BYTES, 'b');
    const whole = bytes === undefined ? undefined : Math.floor(bytes);
    if (whole === undefined || !(whole >= 1 && whole <= most)) {
      throw refusal(value, `is not a size: ${accepted}`);
    }
    return whole;
  };
}

export function integer(least: number, most: number): Reader<number> {
  return (value) => {
    const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
    if (typeof number !== 'number' || !Number.isInteger(number) || number < least || number > most) {
      throw refusal(value, `is not accepted: give a whole number from ${least} to ${most}`);
    }
    return number;
  };
}

export function oneOf<T extends string>(...choices: T[]): Reader<T> {
  return (value) => {
    const choice = choices.find((known) => known === value);
    if (choice === undefined) throw refusal(value, `is not accepted: give ${enumerate(choices)}`);
    return choice;
  };
}

/** What the reader takes, or `off`: undefined then. */
export function orOff<T>(read: Reader<T>): Reader<T | undefined> {
  return (value) => {
    if (value === 'off') return undefined;
    try {
      return read(value);
    } catch (error) {
      throw error instanceof OptionError ? new OptionError(`${error.message}, or off`) : error;
    }
  };
}

export const flag: Reader<boolean> = (value) => {
  const text = String(value).toLowerCase();
  if (['true', '1', 'yes', 'on'].includes(text)) return true;
  if (['false', '0', 'no', 'off'].includes(text)) return false;
  throw refusal(value, 'is not accepted: give true or false');
};

/** A name or an address to listen on. An IPv6 address may stand in brackets. */
export const host: Reader<string> = (value) => {
  const name = typeof value === 'string' ? value.replace(/^\[(.*)\]$/, '$1') : '';
  if (!/^[\w.:%-]+$/.test(name)) throw refusal(value, 'is not a host: give a name or an IP address');
  return name;
};

/** Host names, in lower case; text may hold several, with commas between. */
export const hosts: Reader<readonly string[]> = (value) => {
  const names = typeof value === 'string' ? value.split(',') : value;
  if (!Array.isArray(names)) throw refusal(value, 'is not a list of hosts');
  return names.map((name) => {
    const trimmed = typeof name === 'string' ? name.trim().toLowerCase() : '';
    if (/^[\w.-]+$/.test(trimmed) || /^\[?[0-9a-f:.]+\]?$/.test(trimmed)) return trimmed;
    throw refusal(name, 'is not a host: give a name or an IP address alone, without scheme, port or path');
  });
};

/** A password or token: its text is never shown. */
export const secret: Reader<string> = (value) => {
  if (typeof value !== 'string' || value === '')
    throw new OptionError('is empty: give some text, or leave it out');
  return value;
};

/** The same, kept in a file; the line end that editors leave at the end is not part of it. */
export const secretFile: Reader<string> = (value) => {
  const text = file(value)
    .toString()
    .replace(/\r?\n$/, '');
  if (text === '') throw refusal(value, 'is an empty file: give one with the secret as its only line');
  return text;
};

/** What a file holds: its path, or in a program also the bytes themselves. */
export const file: Reader<Buffer> = (value) => {
  if (Buffer.isBuffer(value)) return value;
  if (typeof value !== 'string' || value === '') throw refusal(value, 'is not the path of a file');
  try {
    return readFileSync(value);
  } catch (error) {
    const why = typeof error === 'object' && error !== null && 'code' in error ? error.code : error;
    throw refusal(value, `cannot be read (${why}): give the path of a file`);
  }
};

export function refusal(value: unknown, why: string): OptionError {
  const text = JSON.stringify(value) ?? String(value);
  return new OptionError(`${text.length > 80 ? `${text.slice(0, 80)}…` : text} ${why}`);
}

function withUnit(value: unknown, units: Record<string, number>, assumed: string): number | undefined {
  if (typeof value !== 'string') return undefined;
  const [, number, unit] = /^(\d+(?:\.\d+)?)([a-z]*)$/i.exec(value.trim()) ?? [];
  const factor = units[unit?.toLowerCase() || assumed];
  return number === undefined || factor === undefined ? undefined : Number(number) * factor;
}

/** The largest unit in which the number is whole. */
function inBytes(bytes: number): string {
  const fits = Object.entries(BYTES).filter(([, factor]) => bytes % factor === 0);
  const [unit, factor] = fits.at(-1) ?? ['b', 1];
  return `${bytes / factor}${unit}`;
}

function enumerate(choices: readonly string[]): string {
  return `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`;
}
