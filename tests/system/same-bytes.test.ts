// The proxy answers with the very bytes that Redis would have sent: one byte stream to both, the answers compared.

import fc from 'fast-check';
import { type Framing, framings, framingsBeforeAuth } from '../support/same-bytes-framings';
import {
  asLines,
  cutOff,
  emptied,
  inOnePipeline,
  inPieces,
  inTurns,
  outcome,
  SameBytesPair,
} from '../support/same-bytes-pair';
import { type Protocol, readScript } from '../support/same-bytes-script';
import { cuts, piecesOf, sequences, streamOf } from '../support/same-bytes-sequences';
import { behindPassword, type Topic, topics } from '../support/same-bytes-table';

const PROTOCOLS: Protocol[] = [2, 3];
const SECRET = ['--requirepass', 'secret'];

/** Starts the two servers for all tests of the block that it is called in. */
function withPair(flags: string[] = [], redisArguments: string[] = []): () => SameBytesPair {
  let pair: SameBytesPair | undefined;
  beforeAll(async () => {
    pair = await SameBytesPair.start(flags, redisArguments);
  });
  afterAll(() => pair?.stop());
  return () => {
    if (pair === undefined) throw new Error('the servers did not start');
    return pair;
  };
}

function holdsTopic(pair: () => SameBytesPair, topic: Topic, protocol: Protocol, empty = emptied): void {
  const script = readScript(topic.lines, protocol);
  it(`${topic.title}: one at a time in RESP${protocol}`, async () => {
    await pair().both(empty);
    await pair().compare((port) => inTurns(port, script, protocol));
  });
  if (script.turns) return;
  it(`${topic.title}: all in one pipeline in RESP${protocol}`, async () => {
    await pair().both(empty);
    await pair().compare((port) => inOnePipeline(port, script, protocol));
  });
}

describe('a table of commands is answered as by Redis', () => {
  const pair = withPair();
  for (const topic of topics) for (const protocol of PROTOCOLS) holdsTopic(pair, topic, protocol);

  it('ten thousand commands in one write are answered as by Redis', async () => {
    const turn = (i: number) =>
      [`SET k${i % 7} ${i}`, `GET k${i % 7}`, `GET k${i % 5}`, 'INCR n', `MGET k1 n k${i % 11}`][i % 5] ?? '';
    const script = readScript(Array.from({ length: 10_000 }, (_, i) => turn(i)).join('\n'), 2);
    await pair().both(emptied);
    await pair().compare((port) => inOnePipeline(port, script, 2));
  });
});

describe('a server that wants a password is passed through as it is', () => {
  const pair = withPair([], SECRET);
  // Nobody may empty it without the password, and every conversation leaves the same behind.
  const nothing = async () => {};
  holdsTopic(pair, behindPassword, 2, nothing);

  it('what a client may send before the password is limited as by Redis', async () => {
    await holdFramings(pair(), framingsBeforeAuth, false);
  });
});

describe.each(['tracking', 'ttl'])('with --coherence %s', (mode) => {
  const pair = withPair(['--coherence', mode]);

  it('generated sequences are answered as by Redis, with a cold cache and a warm one', async () => {
    const property = fc.asyncProperty(sequences, cuts, async (sequence, at) => {
      await pair().both(emptied);
      const pieces = piecesOf(streamOf(sequence), at);
      for (const _pass of ['cold', 'warm']) {
        const [expected, answer] = await pair().both((port) => inPieces(port, pieces));
        expect(asLines(answer)).toEqual(asLines(expected));
      }
    });
    // A failure prints the seed, the path and the smallest sequence that still fails.
    await fc.assert(property, { seed: 20_240_607, numRuns: 200, interruptAfterTimeLimit: 40_000 });
  }, 60_000);
});

describe('wrong and odd framings', () => {
  const pair = withPair();

  it.each([
    ['in one piece', false],
    ['byte by byte', true],
  ])(
    'sent %s get the same answer and the same end as from Redis',
    async (_, slowly) => {
      await pair().both(emptied);
      await holdFramings(pair(), framings, slowly);
    },
    60_000,
  );

  it('a client that goes on sending after its mistake is cut off', async () => {
    const [expected, answer] = await pair().both((port) => cutOff(port, '*x\r\n'));
    expect(expected).toBe('-ERR Protocol error: invalid multibulk length\r\n');
    expect(answer).toBe(expected);
  });
});

async function holdFramings(pair: SameBytesPair, all: Framing[], slowly: boolean): Promise<void> {
  const chosen = slowly ? all.filter((framing) => framing.bytes.length < 500) : all;
  const told = async (port: number, framing: Framing, expected?: string) => {
    const hoped = expected === undefined ? undefined : JSON.parse(expected);
    return JSON.stringify(await outcome(port, framing.bytes, slowly, hoped));
  };
  // In small groups: the reference's outcome is known by its silence, which a busy machine could fake.
  const lines: [expected: string[], answers: string[]] = [[], []];
  for (let i = 0; i < chosen.length; i += 40) {
    const group = chosen.slice(i, i + 40);
    const expected = await Promise.all(group.map((framing) => told(pair.redis.port, framing)));
    const answers = await Promise.all(group.map((each, n) => told(pair.target.port, each, expected[n])));
    group.forEach((framing, n) => {
      const ends = framing.onlyClose === true ? /"closed":\w+/ : /.*/s;
      lines[0].push(`${framing.title} → ${ends.exec(expected[n] ?? '')}`);
      lines[1].push(`${framing.title} → ${ends.exec(answers[n] ?? '')}`);
    });
  }
  expect(lines[1]).toEqual(lines[0]);
}
