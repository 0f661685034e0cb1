import { getAndPttl, LONGEST_WRITTEN, MOST_WRITTEN, writeGetAndPttl } from '../../../src/coherence/fills';
import { roomOf } from '../../../src/resp/bytes';

test('the requests of a fill are the same as bytes and as a text, whatever the key', () => {
  const room = roomOf(Buffer.alloc(MOST_WRITTEN + 20));
  for (let length = 0; length <= LONGEST_WRITTEN; length += 1) {
    const key = String.fromCharCode(...Array.from({ length }, (_, at) => (at * 37 + length) & 255));
    room.bytes.fill('.');
    const end = writeGetAndPttl(key, room, 10);
    expect(room.bytes.latin1Slice(10, end)).toBe(getAndPttl(key));
    expect(room.bytes.latin1Slice(0, 10) + room.bytes.latin1Slice(end, end + 10)).toBe('.'.repeat(20));
    expect(end - 10).toBeLessThanOrEqual(MOST_WRITTEN);
  }
});
