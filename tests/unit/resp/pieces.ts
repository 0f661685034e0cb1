// Bytes for parsers, cut in every way that a network may cut them.

import fc from 'fast-check';

/** One character is one byte. */
export function bytes(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

export function byteByByte(whole: Buffer): Buffer[] {
  return Array.from(whole, (_, index) => whole.subarray(index, index + 1));
}

/** The two ways in which every parser test is run. */
export const arrivals: [string, (whole: Buffer) => Buffer[]][] = [
  ['whole', (whole) => [whole]],
  ['byte by byte', byteByByte],
];

/** Cuts at the given places; those outside are brought inside. */
export function cut(whole: Buffer, places: readonly number[]): Buffer[] {
  const inside = places.map((place) => place % (whole.length + 1)).sort((a, b) => a - b);
  const ends = [...inside, whole.length];
  return ends.map((end, index) => whole.subarray(inside[index - 1] ?? 0, end));
}

export const places = fc.array(fc.nat(), { maxLength: 12 });
