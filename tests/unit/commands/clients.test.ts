import {
  type ClientFace,
  describeClient,
  newFace,
  parseKillFilter,
  parseListFilter,
} from '../../../src/commands/clients';

const NOW = 100_000;

function face(over: Partial<ClientFace> = {}): ClientFace {
  return { ...newFace(7, '127.0.0.1:5000', '127.0.0.1:6380', 12, 40_500), ...over };
}

function words(line: string): Buffer[] {
  return line.split(' ').map((word) => Buffer.from(word, 'latin1'));
}

const known = (name: string) => name === 'default' || name === 'bob';

describe('CLIENT LIST', () => {
  test('a line has the fields of Redis 7.0 in their order', () => {
    const names = describeClient(face(), NOW)
      .split(' ')
      .map((field) => field.split('=')[0]);
    expect(names.join(' ')).toBe(
      'id addr laddr fd name age idle flags db sub psub ssub multi qbuf qbuf-free argv-mem multi-mem rbs rbp obl ' +
        'oll omem tot-mem events cmd user redir resp lib-name lib-ver',
    );
  });

  test('a line tells what the client is and does', () => {
    const line = describeClient(
      face({
        name: 'worker',
        user: 'bob',
        db: 3,
        protocol: 3,
        lastUsedAt: 98_999,
        lastCommand: 'client|list',
        queued: 2,
        libName: 'ioredis',
        libVersion: '6.0.0',
        bufferedOut: 10,
      }),
      NOW,
    );
    for (const field of [
      'id=7 addr=127.0.0.1:5000 laddr=127.0.0.1:6380 fd=12 name=worker age=59 idle=1 flags=x db=3',
      'multi=2',
      'oll=1 omem=10 tot-mem=10 events=rw cmd=client|list user=bob redir=-1 resp=3 lib-name=ioredis lib-ver=6.0.0',
    ]) {
      expect(line).toContain(field);
    }
  });

  test.each<[Partial<ClientFace>, string]>([
    [{}, 'N'],
    [{ kind: 'pubsub' }, 'P'],
    [{ kind: 'monitor' }, 'O'],
    [{ blocked: true }, 'b'],
    [{ tracking: true, noEvict: true }, 'te'],
    [{ queued: 0, noTouch: true }, 'xT'],
  ])('%j has the flags %s', (over, flags) => {
    expect(describeClient(face(over), NOW)).toContain(` flags=${flags} `);
  });

  test('before the first command there is none', () => {
    expect(describeClient(face(), NOW)).toContain(' cmd=NULL ');
  });

  test('a clock that is read late never shows a negative age', () => {
    expect(describeClient(face(), 0)).toContain(' age=0 idle=0 ');
  });
});

describe('the filter of CLIENT KILL', () => {
  function matches(line: string, over: Partial<ClientFace> = {}): boolean {
    const filter = parseKillFilter(words(`CLIENT KILL ${line}`), known);
    if ('refused' in filter) throw new Error(filter.refused);
    return filter.matches(face(over), 1, NOW);
  }

  function refusal(line: string): string {
    const filter = parseKillFilter(words(`CLIENT KILL ${line}`), known);
    return 'refused' in filter ? filter.refused : 'none';
  }

  test.each<[string, Partial<ClientFace>, boolean]>([
    ['127.0.0.1:5000', {}, true],
    ['127.0.0.1:5000', { id: 1 }, true],
    ['127.0.0.1:50', {}, false],
    ['ADDR 127.0.0.1:5000', {}, true],
    ['addr 127.0.0.1:5001', {}, false],
    ['LADDR 127.0.0.1:6380', {}, true],
    ['LADDR 127.0.0.1:6381', {}, false],
    ['ID 7', {}, true],
    ['ID 8', {}, false],
    ['ID 9223372036854775807', {}, false],
    ['TYPE normal', {}, true],
    ['TYPE normal', { kind: 'monitor' }, true],
    ['TYPE normal', { kind: 'pubsub' }, false],
    ['TYPE PUBSUB', { kind: 'pubsub' }, true],
    ['TYPE master', {}, false],
    ['TYPE slave', {}, false],
    ['USER bob', { user: 'bob' }, true],
    ['USER bob', {}, false],
    ['MAXAGE 59', {}, true],
    ['MAXAGE 60', {}, false],
    ['SKIPME yes', {}, true],
    ['SKIPME yes', { id: 1 }, false],
    ['TYPE normal', { id: 1 }, false],
    ['SKIPME no', { id: 1 }, true],
    ['ID 7 ADDR 127.0.0.1:5000 SKIPME no', {}, true],
    ['ID 7 ADDR 127.0.0.1:5001', {}, false],
  ])('%s and %j: %s', (line, over, expected) => {
    expect(matches(line, over)).toBe(expected);
  });

  test.each([
    ['ID 0', 'client-id should be greater than 0'],
    ['ID -1', 'client-id should be greater than 0'],
    ['ID x', 'client-id should be greater than 0'],
    ['ID 07', 'client-id should be greater than 0'],
    ['ID 9223372036854775808', 'client-id should be greater than 0'],
    ['TYPE foo', "Unknown client type 'foo'"],
    ['USER nobody', "No such user 'nobody'"],
    ['MAXAGE x', 'maxage is not an integer or out of range'],
    ['MAXAGE 0', 'maxage should be greater than 0'],
    ['SKIPME maybe', 'syntax error'],
    ['FOO bar', 'syntax error'],
    ['ID 7 ADDR', 'syntax error'],
  ])('%s is refused: %s', (line, expected) => {
    expect(refusal(line)).toBe(expected);
  });

  test('only the old style is answered with OK', () => {
    const style = (line: string) => parseKillFilter(words(`CLIENT KILL ${line}`), known);
    expect(style('a:1')).toMatchObject({ oldStyle: true });
    expect(style('ADDR a:1')).toMatchObject({ oldStyle: false });
  });
});

describe('the filter of CLIENT LIST', () => {
  test('without options it is everybody', () => {
    expect(parseListFilter(words('CLIENT LIST'))).toEqual({ by: 'all' });
  });

  test('by type and by ids', () => {
    const filter = parseListFilter(words('CLIENT LIST type PubSub'));
    if (!('by' in filter) || filter.by !== 'type') throw new Error('no type filter');
    expect(filter.matches(face({ kind: 'pubsub' }))).toBe(true);
    expect(filter.matches(face())).toBe(false);
    expect(parseListFilter(words('CLIENT LIST ID 7 3 7'))).toEqual({ by: 'id', ids: [7n, 3n, 7n] });
  });

  test.each([
    ['TYPE', 'syntax error'],
    ['TYPE normal x', 'syntax error'],
    ['TYPE foo', "Unknown client type 'foo'"],
    ['ID', 'syntax error'],
    ['ID 1 x', 'Invalid client ID'],
    ['FOO', 'syntax error'],
    ['FOO bar', 'syntax error'],
  ])('%s is refused: %s', (line, refused) => {
    expect(parseListFilter(words(`CLIENT LIST ${line}`))).toEqual({ refused });
  });
});
