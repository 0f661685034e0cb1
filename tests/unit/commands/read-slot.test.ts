import type { FillReader } from '../../../src/coherence/fill-register';
import { type ReadDesk, ReadSlot } from '../../../src/commands/read-slot';
import { roomOf } from '../../../src/resp/bytes';
import { createStats } from '../../../src/telemetry/stats';
import { put, storeOf } from '../cache/support';

/** A desk whose clock goes on by a millisecond each time that somebody looks at it. */
function deskAt(start: number, key: string, deadline: number) {
  let time = start;
  const partition = storeOf().partition();
  put(partition, key, 'value', { deadline });
  const delivered: string[] = [];
  const asked: string[] = [];
  const askings: number[] = [];
  const target = roomOf(Buffer.alloc(1024));
  const nothing = () => undefined;
  const tracker = {
    partition,
    limits: { ttl: 1000, negativeTtl: 1000, maxValue: 1000 },
    answersAt: () => true,
    answersStaleAt: () => false,
    fill(name: string, _reader: FillReader, asking: number) {
      asked.push(name);
      askings.push(asking);
    },
    fillMany: () => asked.push('many'),
  };
  const desk: ReadDesk = {
    link: { tracker, unrestricted: true },
    protocol: 2,
    stats: createStats(),
    lastMget: 0,
    outlet: {
      reserve: () => target,
      reserved: 0,
      commit: (size) => delivered.push(target.bytes.latin1Slice(0, size)),
      append: (chunk, from, to) => delivered.push(chunk.latin1Slice(from, to)),
      appendPiece: nothing,
      slow: false,
    },
    now: () => time++,
    settle: nothing,
    onFilled: nothing,
    onRemembered: nothing,
    rethinkBehind: nothing,
    rereadBehind: nothing,
    sendAround: nothing,
    sendAlone: nothing,
    dropKeys: nothing,
    breakOff: nothing,
  };
  return { desk, delivered, asked, lastAsking: () => askings.at(-1) ?? 0 };
}

/** Reads a key whose entry ends `ahead` milliseconds after the read was planned. */
function readNearTheEnd(ahead: number): { delivered: string[]; asked: string[] } {
  const { desk, delivered, asked } = deskAt(1000, 'k', 1000 + ahead);
  const slot = new ReadSlot(desk, ['k'], false);
  slot.plan(desk.now());
  slot.settle();
  return { delivered, asked };
}

test('an entry that expires while it is looked at is delivered whole, or asked for', () => {
  for (let ahead = 1; ahead <= 8; ahead += 1) {
    const { delivered, asked } = readNearTheEnd(ahead);
    expect([delivered, asked]).toEqual(delivered.length > 0 ? [['$5\r\nvalue\r\n'], []] : [[], ['k']]);
  }
});

test('what came in pieces ahead of its turn, and is asked anew, is not done with until the new answer is there', () => {
  const { desk, delivered, asked, lastAsking } = deskAt(1000, 'other', 2000);
  const slot = new ReadSlot(desk, ['k'], false);
  const [first, second] = [Buffer.from('$3\r\nold\r\n'), Buffer.from('$3\r\nnew\r\n')];
  slot.plan(desk.now());
  slot.onPiece(lastAsking(), first, true);
  slot.rethink();
  expect([slot.settle(), asked, delivered]).toEqual([false, ['k', 'k'], []]);
  slot.onPiece(lastAsking(), first.subarray(0, 4), false);
  slot.rethink();
  slot.onAnswer(lastAsking(), second, 0, second.length, desk.now());
  expect([slot.settle(), delivered]).toEqual([true, ['$3\r\nnew\r\n']]);
});
