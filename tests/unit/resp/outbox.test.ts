import { Arena, Outbox, type OutgoingBytes } from '../../../src/resp/outbox';

/** Takes what is written, at once or not until `catchUp`; looks at the bytes only then, as the system does. */
class Sink implements OutgoingBytes {
  readonly said: string[] = [];
  writableLength = 0;
  #pending: Buffer[] = [];

  constructor(private slow = false) {}

  get text(): string {
    return this.said.join('');
  }

  write(bytes: Buffer): void {
    this.#pending.push(bytes);
    this.writableLength += bytes.length;
    if (!this.slow) this.catchUp();
  }

  catchUp(): void {
    for (const bytes of this.#pending) this.said.push(bytes.toString('latin1'));
    this.#pending = [];
    this.writableLength = 0;
  }

  cork(): void {
    this.said.push('<');
  }

  uncork(): void {
    this.said.push('>');
  }
}

function put(outbox: Outbox, word: string): void {
  outbox.append(Buffer.from(word, 'latin1'), 0, word.length);
}

function written(outbox: Outbox): string {
  const sink = new Sink();
  outbox.writeTo(sink);
  return sink.text;
}

test('gathers small pieces into one write, in order', () => {
  const outbox = new Outbox(new Arena());
  put(outbox, 'one ');
  outbox.appendLatin1('tw\xf6 ');
  const room = outbox.reserve(10);
  outbox.commit(room.bytes.latin1Write('three', outbox.reserved));
  expect(outbox.size).toBe(13);
  const sink = new Sink();
  outbox.writeTo(sink);
  expect(sink.said).toEqual(['one tw\xf6 three']);
  outbox.writeTo(sink);
  expect([outbox.size, sink.said.length]).toEqual([0, 1]);
});

test('what follows on itself in one chunk leaves as one, copied when it is short, as it is when it is long', () => {
  const outbox = new Outbox(new Arena());
  const chunk = Buffer.from('0123456789'.repeat(500));
  for (let at = 0; at < 100; at += 10) outbox.append(chunk, at, at + 10);
  put(outbox, '-');
  for (let at = 1_000; at < 5_000; at += 10) outbox.append(chunk, at, at + 10);
  expect(outbox.size).toBe(100 + 1 + 4_000);
  const sink = new Sink();
  outbox.writeTo(sink);
  expect(sink.said).toEqual(['<', `${'0123456789'.repeat(10)}-`, '0123456789'.repeat(400), '>']);
});

test('parts of one chunk that do not follow on each other are kept apart', () => {
  const outbox = new Outbox(new Arena());
  const chunk = Buffer.from('one two three four');
  outbox.append(chunk, 0, 3);
  outbox.append(chunk, 8, 13);
  outbox.append(chunk, 13, 18);
  outbox.append(chunk, 3, 8);
  outbox.appendLatin1('.');
  outbox.append(chunk, 0, 3);
  const room = outbox.reserve(1);
  outbox.commit(room.bytes.latin1Write('!', outbox.reserved));
  outbox.append(chunk, 4, 7);
  expect(written(outbox)).toBe('onethree four two .one!two');
});

test('hands a large piece over as it is, between the small ones, between cork and uncork', () => {
  const outbox = new Outbox(new Arena());
  const large = Buffer.alloc(100_000, 'L');
  put(outbox, 'before');
  outbox.append(large, 0, large.length);
  put(outbox, 'behind');
  const sink = new Sink();
  outbox.writeTo(sink);
  expect(sink.said).toEqual(['<', 'before', large.toString(), 'behind', '>']);
});

test('outboxes that take turns in one arena keep their bytes apart, however slowly their sockets take them', () => {
  const arena = new Arena();
  const ends = [new Sink(), new Sink(true), new Sink()].map((sink) => ({ sink, outbox: new Outbox(arena) }));
  const expected = ['', '', ''];
  for (let turn = 0; turn < 60_000; turn += 1) {
    const which = (turn * 7) % 3;
    const word = `${turn};`;
    const end = ends[which];
    if (!end) throw new Error('there are three');
    put(end.outbox, word);
    expected[which] += word;
    if (turn % 11 === 0) end.outbox.writeTo(end.sink);
    if (turn % 1_009 === 0) end.sink.catchUp();
  }
  for (const { sink, outbox } of ends) {
    outbox.writeTo(sink);
    sink.catchUp();
  }
  expect(ends.map(({ sink }) => sink.text.replaceAll(/[<>]/g, ''))).toEqual(expected);
});

test('a slab is written over once the system has all of it, and not before', () => {
  const arena = new Arena();
  const [quick, slow] = [new Outbox(arena), new Outbox(arena)];
  const { slab } = arena;
  for (let turn = 0; turn < 5_000; turn += 1) {
    put(quick, 'twenty bytes of rest');
    quick.writeTo(new Sink());
  }
  expect([arena.slab === slab, arena.used]).toEqual([true, 0]);
  const reader = new Sink(true);
  put(slow, 'kept');
  slow.writeTo(reader);
  for (let turn = 0; turn < 10_000; turn += 1) {
    put(quick, 'twenty bytes of rest');
    quick.writeTo(new Sink());
  }
  expect(arena.slab === slab).toBe(false);
  reader.catchUp();
  expect(reader.text).toBe('kept');
});

test('what was thrown away takes no place', () => {
  const arena = new Arena();
  const outbox = new Outbox(arena);
  put(outbox, 'nobody');
  outbox.appendPiece(Buffer.from('wants it'));
  put(outbox, 'at all');
  outbox.discard();
  expect([outbox.size, arena.used, written(outbox)]).toEqual([0, 0, '']);
});
