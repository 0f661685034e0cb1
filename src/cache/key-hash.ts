/** Hashes keys, so that nobody who does not know this process's secret can choose many that fall into one chain. */
import { randomInt } from 'node:crypto';

const SECRET = randomInt(2 ** 32) | 0;
const SECOND_SECRET = randomInt(2 ** 32) | 0;

const CLOSING_ROUNDS = 3;

/**
 * HalfSipHash-1-3, which Linux has for its own tables, of the key view[start, end); `salt` sets generations apart.
 * A sum that is quicker, such as Jenkins' or Murmur's, has keys that collide whatever its seed is.
 */
export function hashOfKey(view: DataView, start: number, end: number, salt: number): number {
  const first = SECRET ^ Math.imul(salt, 0x9e3779b1);
  let a = first;
  let b = SECOND_SECRET;
  let c = 0x6c796765 ^ first;
  let d = 0x74656462 ^ SECOND_SECRET;
  const whole = end - start - ((end - start) & 3);
  const lastWord = wordOfRest(view, start + whole, end) | ((end - start) << 24);
  for (let at = 0; at <= whole + 4 * CLOSING_ROUNDS; at += 4) {
    const word = at < whole ? view.getInt32(start + at, true) : at === whole ? lastWord : 0;
    d ^= word;
    a = (a + b) | 0;
    b = ((b << 5) | (b >>> 27)) ^ a;
    a = (a << 16) | (a >>> 16);
    c = (c + d) | 0;
    d = ((d << 8) | (d >>> 24)) ^ c;
    a = (a + d) | 0;
    d = ((d << 7) | (d >>> 25)) ^ a;
    c = (c + b) | 0;
    b = ((b << 13) | (b >>> 19)) ^ c;
    c = (c << 16) | (c >>> 16);
    a ^= word;
    if (at === whole) c ^= 0xff;
  }
  return b ^ d;
}

function wordOfRest(view: DataView, from: number, end: number): number {
  let word = 0;
  for (let at = end - 1; at >= from; at -= 1) word = (word << 8) | view.getUint8(at);
  return word;
}
