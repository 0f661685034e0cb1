/** A row of numbers for each slot: all that is known of an entry but its key and its value. */

/**
 * A row is as long as a line of the processor's cache. Among a million entries each line that is touched has to be
 * fetched from the machine's memory, and that is what a hit takes there: columns of their own would be eight of them.
 * What each hit looks at stands in front, since a row may begin 16 bytes behind the line's beginning.
 *
 *     ints    0     1     2           3        4       5     6         7     8, 9      10, 11   12, 13     14, 15
 *             chain hash  generation  segment  offset  next  previous  use   (float 4) lengths  (float 6)  (float 7)
 *     floats                                                                 deadline           stored at  Redis's deadline
 */
export const ROW_BYTES = 64;
/** A row begins at slot << INTS among the ints, at slot << FLOATS among the floats: a product would be checked for -0. */
export const INTS = 4;
export const FLOATS = 3;

/** The next slot of the chain in the hash table. */
export const CHAIN = 0;
export const HASH = 1;
export const GENERATION = 2;
/** Where the record of key and value lies. */
export const SEGMENT = 3;
export const OFFSET = 4;
/** The neighbours in the order of use. */
export const NEXT = 5;
export const PREVIOUS = 6;
/** How often the entry was hit, and by what it was filled. */
export const USE = 7;
export const KEY_LENGTH = 10;
export const VALUE_LENGTH = 11;

export const DEADLINE = 4;
export const STORED_AT = 6;
export const REDIS_DEADLINE = 7;

export class Rows {
  /** Another one after each `reserve`. */
  ints = new Int32Array(0);
  /** The same bytes. */
  floats = new Float64Array(0);

  /** Makes room for slots below `capacity`; new rows are full of zeros. */
  reserve(capacity: number): void {
    if (capacity << INTS <= this.ints.length) return;
    const larger = new ArrayBuffer(capacity * ROW_BYTES);
    const ints = new Int32Array(larger);
    ints.set(this.ints);
    this.ints = ints;
    this.floats = new Float64Array(larger);
  }
}
