import fc from 'fast-check';
import { encodeCommand } from '../../../src/resp/encoder';
import { RequestFramer, type RequestLimits } from '../../../src/resp/request-framer';
import { parseRequest, splitInline } from '../../../src/resp/request-parser';
import { arrivals, byteByByte, bytes, cut, places } from './pieces';

interface Outcome {
  requests: string[][];
  problem: string;
  buffered: number;
}

/** Every request that the framer finds, decoded. */
function frameAll(framer: RequestFramer, chunks: Buffer[]): Outcome {
  const requests: string[][] = [];
  for (const chunk of chunks) {
    framer.push(chunk);
    for (; framer.next() === 'frame'; framer.skip()) requests.push(decode(framer));
  }
  return { requests, problem: framer.problem, buffered: framer.buffered };
}

function decode(framer: RequestFramer): string[] {
  const frame = framer.buffer.subarray(framer.start, framer.end);
  const args = framer.inline ? splitInline(frame) : parseRequest(frame);
  return (args ?? []).map((arg) => arg.toString('latin1'));
}

/** The pieces of the large frame that stands at the front, until there is none, joined. */
function takePieces(framer: RequestFramer): { taken: Buffer; last: boolean } {
  const taken: Buffer[] = [];
  for (;;) {
    const next = framer.nextPiece();
    if (next === undefined || next === 'broken') return { taken: Buffer.concat(taken), last: false };
    taken.push(next.piece);
    if (next.last) return { taken: Buffer.concat(taken), last: true };
  }
}

const GET = '*2\r\n$3\r\nGET\r\n$1\r\nk\r\n';
const LINE = 'x'.repeat(65_536);

const requests: [string, string, string[][]][] = [
  ['an array of bulks', GET, [['GET', 'k']]],
  [
    'a pipeline',
    GET + GET + GET,
    [
      ['GET', 'k'],
      ['GET', 'k'],
      ['GET', 'k'],
    ],
  ],
  ['an empty argument', '*2\r\n$3\r\nGET\r\n$0\r\n\r\n', [['GET', '']]],
  ['line ends and protocol bytes inside an argument', '*1\r\n$8\r\n\r\n*1\r\n$0\r\n', [['\r\n*1\r\n$0']]],
  ['NUL and high bytes inside an argument', '*1\r\n$3\r\n\0\xff\x80\r\n', [['\0\xff\x80']]],
  ['an inline request', 'SET k "a b"\r\n', [['SET', 'k', 'a b']]],
  ['an inline request that ends in \\n alone', 'PING\nPING\n', [['PING'], ['PING']]],
  ['an inline request of the longest length', `PING ${LINE.slice(5)}\n`, [['PING', LINE.slice(5)]]],
  ['inline and array requests together', `PING\r\n${GET}PING\r\n`, [['PING'], ['GET', 'k'], ['PING']]],
  ['an inline request of one empty argument', '""\r\n', [['']]],
  ['a type byte of another kind as an inline request', '+PING\r\n$4\r\n', [['+PING'], ['$4']]],
  ['blank lines between requests', `\r\n\n \t \r\n${GET}\r\n`, [['GET', 'k']]],
  ['*0 between requests', `*0\r\n${GET}*0\r\n`, [['GET', 'k']]],
  ['*-1 and other negative counts', `*-1\r\n*-10\r\n*-9223372036854775808\r\n${GET}`, [['GET', 'k']]],
  ['any byte behind the \\r of a line', '*2\rX$3\rYGET\r\n$1\rZk\r\n', [['GET', 'k']]],
  ['any two bytes behind an argument', '*2\r\n$3\r\nGETab$1\r\nkcd', [['GET', 'k']]],
];

const refusals: [string, string, string][] = [
  ['a count with a leading zero', '*01\r\n', 'invalid multibulk length'],
  ['a count with a plus', '*+1\r\n', 'invalid multibulk length'],
  ['no count', '*\r\n', 'invalid multibulk length'],
  ['minus zero', '*-0\r\n', 'invalid multibulk length'],
  ['a minus alone', '*-\r\n', 'invalid multibulk length'],
  ['a count that is no number', '*abc\r\n', 'invalid multibulk length'],
  ['a count with a space', '*1 \r\n', 'invalid multibulk length'],
  ['a line feed inside a count', '*1\n$4\r\n', 'invalid multibulk length'],
  ['a count over INT_MAX', '*2147483648\r\n', 'invalid multibulk length'],
  ['a count over 64 bits', '*9223372036854775808\r\n', 'invalid multibulk length'],
  ['a count under 64 bits', '*-9223372036854775809\r\n', 'invalid multibulk length'],
  ['a count of very many digits', `*${'9'.repeat(60)}\r\n`, 'invalid multibulk length'],
  ['a length with a leading zero', '*1\r\n$05\r\nhello\r\n', 'invalid bulk length'],
  ['a length with a plus', '*1\r\n$+5\r\n', 'invalid bulk length'],
  ['no length', '*1\r\n$\r\n', 'invalid bulk length'],
  ['a negative length', '*1\r\n$-1\r\n', 'invalid bulk length'],
  ['a length over 512 MB', '*1\r\n$536870913\r\n', 'invalid bulk length'],
  ['a status where an argument belongs', '*1\r\n+PING\r\n', "expected '$', got '+'"],
  ['an array inside an array', '*1\r\n*1\r\n$4\r\nPING\r\n', "expected '$', got '*'"],
  ['an empty line where an argument belongs', '*1\r\n\r\n', "expected '$', got ' '"],
  ['a line feed where an argument belongs', '*1\r\n\n\r\n', "expected '$', got ' '"],
  ['an open double quote', 'GET "k\r\n', 'unbalanced quotes in request'],
  ['an open single quote', "GET 'k\r\n", 'unbalanced quotes in request'],
  ['a closing quote in front of a letter', 'GET "k"k\r\n', 'unbalanced quotes in request'],
  ['an inline request without an end', `${LINE}x`, 'too big inline request'],
  ['an inline request with a NUL in it', `a\0\r\n${LINE}`, 'too big inline request'],
  ['a count without an end', `*${LINE}`, 'too big mbulk count string'],
  ['a NUL inside a count', `*1\0\r\n${LINE}`, 'too big mbulk count string'],
  ['a length without an end', `*1\r\n$${LINE}`, 'too big bulk count string'],
  ['anything without an end where an argument belongs', `*1\r\n${LINE}x`, 'too big bulk count string'],
];

const beginnings: [string, string][] = [
  ['a line of the longest length without its end', LINE],
  ['a count without its \\n', '*1\r'],
  ['a wrong count without its \\n', '*x\r'],
  ['a length without its \\n', '*1\r\n$5\r'],
  ['a wrong argument without its line end', '*1\r\n+PING'],
  ['an argument without the two bytes behind it', '*1\r\n$4\r\nPING\r'],
  ['a million announced arguments', '*1000000\r\n$1\r\na\r\n'],
  ['a line with a NUL in it', 'PING\0\r\nPING\r\n'],
];

describe.each(arrivals)('requests that arrive %s', (_, arrive) => {
  test.each(requests)('%s', (_, input, expected) => {
    const outcome = frameAll(new RequestFramer(), arrive(bytes(input)));
    expect(outcome).toEqual({ requests: expected, problem: '', buffered: 0 });
  });

  test.each(refusals)('%s is refused', (_, input, problem) => {
    const outcome = frameAll(new RequestFramer(), arrive(bytes(GET + input)));
    expect(outcome).toEqual({ requests: [['GET', 'k']], problem: `Protocol error: ${problem}`, buffered: 0 });
  });

  test.each(beginnings)('%s has to wait', (_, input) => {
    const outcome = frameAll(new RequestFramer(), arrive(bytes(GET + input)));
    expect(outcome).toEqual({ requests: [['GET', 'k']], problem: '', buffered: input.length });
  });

  test.each([
    ['more than 10 arguments', '*11\r\n', 'unauthenticated multibulk length'],
    ['an argument over 16 KB', '*1\r\n$16385\r\n', 'unauthenticated bulk length'],
    ['a count that is wrong for all', '*011\r\n', 'invalid multibulk length'],
  ])('%s is refused before authentication', (_, input, problem) => {
    const framer = new RequestFramer();
    framer.authenticated = false;
    expect(frameAll(framer, arrive(bytes(input))).problem).toBe(`Protocol error: ${problem}`);
  });

  test('10 arguments of 16 KB are fine before authentication', () => {
    const framer = new RequestFramer();
    framer.authenticated = false;
    const args = Array.from({ length: 10 }, () => 'x'.repeat(16_384));
    expect(frameAll(framer, arrive(encodeCommand(args))).requests).toEqual([args]);
  });
});

describe('a frame', () => {
  test('tells where its first argument lies and how many there are', () => {
    const framer = new RequestFramer();
    frameAll(framer, [bytes('PING\r\n')]);
    framer.push(bytes('*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n'));
    expect(framer.next()).toBe('frame');
    expect(framer.buffer.toString('latin1', framer.nameStart, framer.nameEnd)).toBe('SET');
    expect(framer.count).toBe(3);
    expect(framer.inline).toBe(false);
  });

  test.each([
    [GET, true],
    ['*1\rX$4\r\nPING\r\n', false],
    ['*1\r\n$4\rXPING\r\n', false],
    ['*1\r\n$4\r\nPINGX\n', false],
    ['*1\r\n$4\r\nPING\rX', false],
    ['PING\n', true],
  ])('%j is tidy: %j', (input, tidy) => {
    for (const [, arrive] of arrivals) {
      const framer = new RequestFramer();
      for (const chunk of arrive(bytes(input))) framer.push(chunk);
      expect(framer.next()).toBe('frame');
      expect(framer.tidy).toBe(tidy);
    }
  });

  test('stays until it is skipped, whatever is pushed meanwhile', () => {
    const framer = new RequestFramer();
    framer.push(bytes('PING\r\n*1\r\n$4\r\nPI'));
    framer.next();
    framer.skip();
    framer.push(bytes('NG\r\n'));
    for (let push = 0; push < 50; push += 1) {
      expect(framer.next()).toBe('frame');
      expect(decode(framer)).toEqual(['PING']);
      expect(framer.buffer.toString('latin1', framer.nameStart, framer.nameEnd)).toBe('PING');
      framer.push(bytes('*1\r\n$50\r\n'));
      framer.push(bytes('x'.repeat(52)));
    }
    framer.skip();
    expect(framer.next()).toBe('frame');
    expect(decode(framer)).toEqual(['x'.repeat(50)]);
  });

  test('that was handed out stays as it was, whatever comes later', () => {
    const framer = new RequestFramer();
    const frames: Buffer[] = [];
    const sent = Array.from({ length: 200 }, (_, index) =>
      encodeCommand(['SET', `${index}`, 'v'.repeat(index)]),
    );
    for (const chunk of cut(
      Buffer.concat(sent),
      Array.from({ length: 300 }, (_, i) => i * 97),
    )) {
      framer.push(chunk);
      for (; framer.next() === 'frame'; framer.skip())
        frames.push(framer.buffer.subarray(framer.start, framer.end));
    }
    expect(frames).toEqual(sent);
  });
});

describe('what a framer holds', () => {
  test('is nothing when all was consumed', () => {
    const framer = new RequestFramer();
    frameAll(framer, [bytes(GET)]);
    expect(framer.buffer.length).toBe(0);
  });

  test('is no whole read buffer for the sake of a few bytes', () => {
    const framer = new RequestFramer();
    frameAll(framer, [bytes(`${GET.repeat(3000)}*2\r\n$3`)]);
    expect(framer.buffered).toBe(6);
    expect(framer.buffer.length).toBeLessThan(1024);
    expect(frameAll(framer, [bytes('\r\nGET\r\n$1\r\nk\r\n')]).requests).toEqual([['GET', 'k']]);
  });

  test('grows with what has come, not with what is announced', () => {
    const framer = new RequestFramer({ streamAbove: 1_000_000_000 });
    frameAll(framer, byteByByte(bytes('*2147483647\r\n$536870912\r\nabc')));
    expect(framer.buffer.length).toBeLessThan(2048);
  });

  test('is nothing once it has refused, and takes no more', () => {
    const framer = new RequestFramer();
    frameAll(framer, [bytes('*x\r\n'), bytes(GET)]);
    expect(framer.next()).toBe('broken');
    expect(framer.nextPiece()).toBe('broken');
    expect([framer.buffered, framer.buffer.length]).toEqual([0, 0]);
  });

  test('is scanned once: 900 KB in single bytes take no time', () => {
    const framer = new RequestFramer();
    const frame = encodeCommand(['SET', 'k', Buffer.alloc(900_000, 'x')]);
    const begun = performance.now();
    expect(frameAll(framer, byteByByte(frame)).requests).toHaveLength(1);
    expect(frameAll(framer, byteByByte(bytes(`${'"x" '.repeat(16_000)}\r\n`))).requests).toHaveLength(1);
    // A framer that began anew with each byte would be busy for minutes.
    expect(performance.now() - begun).toBeLessThan(10_000);
  });
});

describe.each(arrivals)('a large frame that arrives %s', (_, arrive) => {
  const value = 'v'.repeat(5000);
  const limits: Partial<RequestLimits> = { streamAbove: 1000, streamFrom: 0 };
  const set = encodeCommand(['SET', 'k', value, 'EX', '10']);

  /** Pushes until the framer says something. */
  function pushUntilStep(framer: RequestFramer, chunks: Buffer[]): string {
    while (framer.next() === 'more') framer.push(chunks.shift() ?? bytes(''));
    return framer.next();
  }

  test('comes out in pieces with the same bytes, and the next one behind it', () => {
    const framer = new RequestFramer(limits);
    const [head, ...rest] = cut(Buffer.concat([set, bytes(GET)]), [100]);
    const chunks = [...arrive(head ?? bytes('')), ...rest.flatMap(arrive)];
    expect(pushUntilStep(framer, chunks)).toBe('large');
    let { taken, last } = takePieces(framer);
    while (!last) {
      framer.push(chunks.shift() ?? bytes(''));
      const more = takePieces(framer);
      taken = Buffer.concat([taken, more.taken]);
      last = more.last;
    }
    expect(taken).toEqual(set);
    expect(frameAll(framer, [...chunks, bytes('')]).requests).toEqual([['GET', 'k']]);
    expect(framer.buffered).toBe(0);
  });

  test('is known to be large when enough of it has come, not when it is announced', () => {
    const framer = new RequestFramer({ streamAbove: 1000, streamFrom: 600 });
    for (const chunk of arrive(set.subarray(0, 599))) framer.push(chunk);
    expect([framer.next(), framer.buffered]).toEqual(['more', 599]);
    framer.push(set.subarray(599, 600));
    expect(framer.next()).toBe('large');
    expect(takePieces(framer)).toEqual({ taken: set.subarray(0, 600), last: false });
  });

  test('tells the arguments that are whole when it is found to be large', () => {
    const framer = new RequestFramer(limits);
    const chunks = arrive(set.subarray(0, 100));
    expect(pushUntilStep(framer, chunks)).toBe('large');
    expect(framer.next()).toBe('large');
    expect(framer.largeArguments().map(String)).toEqual(['SET', 'k']);
    takePieces(framer);
    expect(framer.largeArguments()).toEqual([]);
  });

  test('may have no whole argument, or many', () => {
    const first = new RequestFramer(limits);
    expect(pushUntilStep(first, arrive(bytes('*1\r\n$1001\r\n')))).toBe('large');
    expect(first.largeArguments()).toEqual([]);
    const many = new RequestFramer(limits);
    expect(pushUntilStep(many, arrive(bytes(`*999\r\n${'$1\r\nk\r\n'.repeat(150)}`)))).toBe('large');
    expect(many.largeArguments().length).toBeGreaterThan(140);
  });

  test('that is skipped is dropped as it arrives', () => {
    const framer = new RequestFramer(limits);
    const chunks = arrive(set.subarray(0, 100));
    expect(pushUntilStep(framer, chunks)).toBe('large');
    framer.skip();
    const rest = Buffer.concat([...chunks, set.subarray(100), bytes(GET)]);
    expect(frameAll(framer, arrive(rest))).toEqual({ requests: [['GET', 'k']], problem: '', buffered: 0 });
  });

  test('that goes wrong later on is refused, skipped or not', () => {
    for (const skipped of [true, false]) {
      const framer = new RequestFramer(limits);
      const wrong = bytes(`*3\r\n$2000\r\n${'x'.repeat(2000)}\r\n+OK\r\n`);
      expect(pushUntilStep(framer, arrive(wrong.subarray(0, 1500)))).toBe('large');
      if (skipped) framer.skip();
      for (const chunk of arrive(wrong.subarray(framer.buffered))) framer.push(chunk);
      if (!skipped) takePieces(framer);
      if (!skipped) expect(framer.nextPiece()).toBe('broken');
      expect(framer.next()).toBe('broken');
      expect(framer.problem).toBe("Protocol error: expected '$', got '+'");
    }
  });

  test('that is whole already is a frame like others', () => {
    const framer = new RequestFramer(limits);
    framer.push(set);
    expect(framer.next()).toBe('frame');
    expect(decode(framer)).toEqual(['SET', 'k', value, 'EX', '10']);
  });
});

describe('whatever comes', () => {
  const arg = fc.oneof(fc.uint8Array({ maxLength: 30 }), fc.constant(new Uint8Array(3000)));
  const word = fc.stringMatching(/^[a-zA-Z0-9:]{1,12}$/);
  const arrayFrame = fc.array(arg, { minLength: 1, maxLength: 6 }).map((args) => {
    const buffers = args.map((each) => Buffer.from(each));
    return { sent: encodeCommand(buffers), request: [buffers.map((each) => each.toString('latin1'))] };
  });
  const inlineFrame = fc
    .tuple(fc.array(word, { minLength: 1, maxLength: 5 }), fc.constantFrom('\r\n', '\n', ' \r\n'))
    .map(([words, end]) => ({ sent: bytes(words.join(' ') + end), request: [words] }));
  const blank = fc
    .constantFrom('\r\n', '\n', '  \r\n', '*0\r\n', '*-1\r\n', '*-10\r\n')
    .map((sent) => ({ sent: bytes(sent), request: [] as string[][] }));
  const frames = fc.array(fc.oneof(arrayFrame, inlineFrame, blank), { maxLength: 12 });

  test('the same frames are found, wherever the bytes are cut', () => {
    fc.assert(
      fc.property(frames, places, (sequence, cuts) => {
        const sent = Buffer.concat(sequence.map((frame) => frame.sent));
        const outcome = frameAll(new RequestFramer(), cut(sent, cuts));
        const expected = sequence.flatMap((frame) => frame.request);
        expect(outcome).toEqual({ requests: expected, problem: '', buffered: 0 });
      }),
    );
  });

  test('large frames lose no byte, wherever the bytes are cut', () => {
    fc.assert(
      fc.property(frames, places, (sequence, cuts) => {
        const framer = new RequestFramer({ streamAbove: 20, streamFrom: 0 });
        const sent = Buffer.concat(
          sequence.filter((frame) => frame.request.length > 0).map((frame) => frame.sent),
        );
        const out: Buffer[] = [];
        for (const chunk of cut(sent, cuts)) {
          framer.push(chunk);
          for (let step = framer.next(); step === 'frame' || step === 'large'; step = framer.next()) {
            if (step === 'frame') out.push(Buffer.from(framer.buffer.subarray(framer.start, framer.end)));
            if (step === 'frame') framer.skip();
            else if (!drain(framer, out)) break;
          }
        }
        expect(Buffer.concat(out)).toEqual(sent);
        expect(framer.buffered).toBe(0);
      }),
    );
  });

  function drain(framer: RequestFramer, out: Buffer[]): boolean {
    const { taken, last } = takePieces(framer);
    out.push(taken);
    return last;
  }

  const fragments = [
    '*',
    '$',
    '1',
    '2',
    '-',
    '0',
    '9',
    '\r',
    '\n',
    '\r\n',
    '\0',
    ' ',
    '"',
    "'",
    'a',
    '*1\r\n',
    '$1\r\n',
    '\xff',
  ];
  const noise = fc
    .array(
      fc.oneof(
        fc.constantFrom(...fragments),
        fc.uint8Array({ maxLength: 5 }).map((raw) => Buffer.from(raw).toString('latin1')),
      ),
      { maxLength: 60 },
    )
    .map((parts) => bytes(parts.join('')));

  test('garbage comes to the same end, wherever it is cut, and holds no more than it is long', () => {
    fc.assert(
      fc.property(noise, places, (garbage, cuts) => {
        const framer = new RequestFramer({ maxInline: 20 });
        const inPieces = frameAll(framer, cut(garbage, cuts));
        const inBytes = frameAll(new RequestFramer({ maxInline: 20 }), byteByByte(garbage));
        expect(inPieces).toEqual(inBytes);
        expect(framer.buffer.length).toBeLessThanOrEqual(2 * garbage.length + 1024);
      }),
      { numRuns: 500 },
    );
  });

  test('endless garbage costs bounded memory', () => {
    const beginning = fc.constantFrom(
      '',
      '*',
      '*9\r\n',
      '*9\r\n$',
      '*1000000\r\n',
      '*2\r\n$500000000\r\n',
      '"',
      'a\0',
    );
    fc.assert(
      fc.property(beginning, noise, (begin, garbage) => {
        const limits = { maxInline: 500, streamAbove: 2000, streamFrom: 1000 };
        const framer = new RequestFramer(limits);
        framer.push(bytes(begin));
        for (let round = 0; round < 100; round += 1) {
          framer.push(garbage);
          for (let step = framer.next(); step === 'frame' || step === 'large'; step = framer.next()) {
            if (step === 'large' && !takePieces(framer).last) break;
            framer.skip();
          }
          expect(framer.buffer.length).toBeLessThanOrEqual(2 * (limits.streamAbove + garbage.length) + 1024);
        }
      }),
    );
  });
});
