/** The key that is dealt with now, turned from a string into bytes once: for hashing, comparing and storing alike. */
import { hashOfKey } from './key-hash';

const FIRST_ROOM = 1024;
/** Room for a longer key than this is given back when a short one follows. */
const MOST_ROOM = 64 * 1024;

export class KeyAtHand {
  /** Its bytes are view[0, length). */
  view = new DataView(new ArrayBuffer(FIRST_ROOM));
  length = 0;
  #room = FIRST_ROOM;
  #key: string | undefined;
  #hash = 0;
  #salt: number | undefined;

  /** Puts the key, one byte for each character, where `view` and `hash` speak of it. */
  take(key: string): void {
    if (key === this.#key) return;
    this.#makeRoom(key.length);
    const { view } = this;
    const { length } = key;
    const whole = length - (length & 3);
    for (let at = 0; at < whole; at += 4) {
      const low = key.charCodeAt(at) | (key.charCodeAt(at + 1) << 8);
      view.setInt32(at, low | (key.charCodeAt(at + 2) << 16) | (key.charCodeAt(at + 3) << 24), true);
    }
    for (let at = whole; at < length; at += 1) view.setUint8(at, key.charCodeAt(at));
    this.length = length;
    this.#key = key;
    this.#salt = undefined;
  }

  hash(salt: number): number {
    if (salt !== this.#salt) {
      this.#hash = hashOfKey(this.view, 0, this.length, salt);
      this.#salt = salt;
    }
    return this.#hash;
  }

  #makeRoom(length: number): void {
    const wasted = this.#room > MOST_ROOM && length <= FIRST_ROOM;
    if (length <= this.#room && !wasted) return;
    this.#room = Math.max(FIRST_ROOM, length);
    this.view = new DataView(new ArrayBuffer(this.#room));
  }
}

/** The one of this process: whoever deals with a key next finds it as bytes, hashed even. Nobody keeps it meanwhile. */
export const keyAtHand = new KeyAtHand();
