/** Hashes keys, the same whether they come as latin1 strings or as bytes. */
import { randomInt } from 'node:crypto';

/** Another one in each process: nobody outside can choose keys that all fall into one chain. */
const SEED = randomInt(2 ** 32) | 0;

/** Jenkins' one-at-a-time, which V8 uses for its own strings; `salt` sets generations apart. */
export function hashOfKey(key: string, salt: number): number {
  let hash = SEED ^ Math.imul(salt, 0x9e3779b1);
  for (let i = 0; i < key.length; i++) {
    hash = (hash + key.charCodeAt(i)) | 0;
    hash = (hash + (hash << 10)) | 0;
    hash ^= hash >>> 6;
  }
  return finished(hash);
}

export function hashOfBytes(bytes: Buffer, start: number, end: number, salt: number): number {
  let hash = SEED ^ Math.imul(salt, 0x9e3779b1);
  for (let i = start; i < end; i++) {
    hash = (hash + (bytes[i] ?? 0)) | 0;
    hash = (hash + (hash << 10)) | 0;
    hash ^= hash >>> 6;
  }
  return finished(hash);
}

function finished(sum: number): number {
  let hash = (sum + (sum << 3)) | 0;
  hash ^= hash >>> 11;
  return (hash + (hash << 15)) | 0;
}
