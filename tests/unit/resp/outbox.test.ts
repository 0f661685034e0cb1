import { Arena, Outbox, writeAll } from '../../../src/resp/outbox';

const text = (pieces: readonly Buffer[]) => Buffer.concat(pieces).toString('latin1');

function put(outbox: Outbox, word: string): void {
  outbox.append(Buffer.from(word, 'latin1'), 0, word.length);
}

test('gathers small pieces into one, in order', () => {
  const outbox = new Outbox(new Arena());
  put(outbox, 'one ');
  outbox.appendLatin1('tw\xf6 ');
  const room = outbox.reserve(10);
  outbox.commit(room.latin1Write('three', outbox.reserved));
  expect(outbox.size).toBe(13);
  const pieces = outbox.takeOut();
  expect(pieces).toHaveLength(1);
  expect(text(pieces)).toBe('one tw\xf6 three');
  expect([outbox.size, outbox.takeOut()]).toEqual([0, []]);
});

test('copies what is small: its owner may write to it again', () => {
  const outbox = new Outbox(new Arena());
  const chunk = Buffer.from('xxabcxx');
  outbox.append(chunk, 2, 5);
  chunk.fill('-');
  expect(text(outbox.takeOut())).toBe('abc');
});

test('hands a large piece over as it is, between the small ones', () => {
  const outbox = new Outbox(new Arena());
  const large = Buffer.alloc(100_000, 'L');
  put(outbox, 'before');
  outbox.append(large, 0, large.length);
  put(outbox, 'behind');
  const pieces = outbox.takeOut();
  expect(pieces.map((piece) => piece.length)).toEqual([6, 100_000, 6]);
  expect(pieces[1]?.buffer).toBe(large.buffer);
});

test('outboxes that take turns in one arena keep their bytes apart', () => {
  const arena = new Arena();
  const outboxes = [new Outbox(arena), new Outbox(arena), new Outbox(arena)];
  const expected = ['', '', ''];
  for (let turn = 0; turn < 30_000; turn += 1) {
    const which = (turn * 7) % 3;
    const word = `${turn};`;
    const outbox = outboxes[which];
    if (outbox) put(outbox, word);
    expected[which] += word;
  }
  expect(outboxes.map((outbox) => outbox.size)).toEqual(expected.map((each) => each.length));
  expect(outboxes.map((outbox) => text(outbox.takeOut()))).toEqual(expected);
});

test('what was taken out stays as it is when the arena goes on', () => {
  const arena = new Arena();
  const [first, second] = [new Outbox(arena), new Outbox(arena)];
  put(first, 'kept');
  const pieces = first.takeOut();
  for (let turn = 0; turn < 5_000; turn += 1) put(second, 'twenty bytes of rest');
  expect(text(pieces)).toBe('kept');
  expect(second.size).toBe(100_000);
});

test('several pieces are written between cork and uncork, one alone is not', () => {
  const said: string[] = [];
  const socket = {
    write: (bytes: Buffer) => said.push(bytes.toString()),
    cork: () => said.push('cork'),
    uncork: () => said.push('uncork'),
  };
  writeAll(socket, []);
  writeAll(socket, [Buffer.from('a')]);
  writeAll(socket, [Buffer.from('b'), Buffer.from('c')]);
  expect(said).toEqual(['a', 'cork', 'b', 'c', 'uncork']);
});
