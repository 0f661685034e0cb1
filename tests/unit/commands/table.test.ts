import { keysOf } from '../../../src/commands/keys';
import { type CommandReply, type CommandRow, CommandTable, UNKNOWN } from '../../../src/commands/table';

/** Entries as Redis 6.2 sends them: without key specifications, without subcommands, without the flag `blocking`. */
const REDIS_6: CommandReply[] = [
  ['get', 2, ['readonly', 'fast'], 1, 1, 1, []],
  ['mget', -2, ['readonly', 'fast'], 1, -1, 1, []],
  ['set', -3, ['write', 'denyoom'], 1, 1, 1, []],
  ['mset', -3, ['write', 'denyoom'], 1, -1, 2, []],
  ['sort', -2, ['write', 'denyoom', 'movablekeys'], 1, 1, 1, []],
  ['copy', -3, ['write', 'denyoom'], 1, 2, 1, []],
  ['zunionstore', -4, ['write', 'denyoom', 'movablekeys'], 1, 1, 1, []],
  ['blpop', -3, ['write', 'noscript'], 1, -2, 1, []],
  ['xread', -4, ['readonly', 'movablekeys'], 0, 0, 0, []],
  ['xreadgroup', -7, ['write', 'movablekeys'], 0, 0, 0, []],
  ['xgroup', -2, ['write', 'denyoom'], 2, 2, 1, []],
  ['xinfo', -2, ['readonly', 'random'], 2, 2, 1, []],
  ['object', -2, ['readonly', 'random'], 2, 2, 1, []],
  ['memory', -2, ['readonly', 'random', 'movablekeys'], 0, 0, 0, []],
  ['client', -2, ['admin', 'noscript', 'random', 'loading', 'stale'], 0, 0, 0, []],
  ['config', -2, ['admin', 'noscript', 'loading', 'stale'], 0, 0, 0, []],
  ['acl', -2, ['admin', 'noscript', 'loading', 'stale'], 0, 0, 0, []],
  ['script', -2, ['noscript', 'may_replicate'], 0, 0, 0, []],
  ['pubsub', -2, ['pubsub', 'random', 'loading', 'stale'], 0, 0, 0, []],
  ['slowlog', -2, ['admin', 'random', 'loading', 'stale'], 0, 0, 0, []],
  ['module', -2, ['admin', 'noscript'], 0, 0, 0, []],
  ['debug', -2, ['admin', 'noscript', 'loading', 'stale'], 0, 0, 0, []],
  ['eval', -3, ['noscript', 'may_replicate', 'movablekeys'], 0, 0, 0, []],
  ['wait', 3, ['noscript'], 0, 0, 0, []],
  ['info', -1, ['random', 'loading', 'stale'], 0, 0, 0, []],
  ['post', -1, ['readonly', 'loading', 'stale'], 0, 0, 0, []],
  ['host:', -1, ['readonly', 'loading', 'stale'], 0, 0, 0, []],
];

/** Entries as Redis 7 sends them for a module, and for a command under another name. */
const OTHERS: CommandReply[] = [
  ['json.set', -4, ['write', 'denyoom', 'module'], 1, 1, 1, [], [], [], []],
  ['json.get', -2, ['readonly', 'module'], 1, 1, 1, [], [], [], []],
  ['ft.config', -2, ['admin', 'module'], 0, 0, 0, [], [], [], []],
  ['ft.info', 2, ['module'], 0, 0, 0, [], [], [], []],
  ['other-select', 2, ['loading', 'stale', 'fast'], 0, 0, 0, [], [], [], []],
  ['other-auth', -2, ['noscript', 'loading', 'stale', 'fast', 'no_auth'], 0, 0, 0, [], [], [], []],
  [
    'client',
    -2,
    [],
    0,
    0,
    0,
    [],
    [],
    [],
    [
      ['client|id', 2, ['noscript', 'loading', 'stale'], 0, 0, 0, [], [], [], []],
      ['client|newfangled', 3, ['noscript', 'loading', 'stale'], 0, 0, 0, [], [], [], []],
      ['client|help', 2, ['loading', 'stale'], 0, 0, 0, [], [], [], []],
    ],
  ],
];

function words(line: string): Buffer[] {
  return line.split(' ').map((word) => Buffer.from(word, 'latin1'));
}

function finder(reply: CommandReply[]): (line: string) => CommandRow {
  const table = CommandTable.from(reply);
  return (line) => table.find(words(line));
}

const six = finder(REDIS_6);
const others = finder(OTHERS);
const empty = finder([]);

function routeAndEffect({ route, effect }: CommandRow): string {
  return `${route} ${effect}`;
}

test('names are found without regard to case, whole, and as bytes', () => {
  for (const name of ['get', 'GET', 'gEt']) expect(six(`${name} k`).route).toBe('get');
  for (const name of ['ge', 'gett', 'get\0', 'g\xc5t', 'client|id', ''])
    expect(six(`${name} k`)).toBe(UNKNOWN);
  expect(CommandTable.from(REDIS_6).find([])).toBe(UNKNOWN);
  expect(CommandTable.from(REDIS_6).find([Buffer.alloc(1000, 'g')])).toBe(UNKNOWN);
});

test('an unknown command is pinned and fenced', () => {
  expect(routeAndEffect(six('NOSUCH a b'))).toBe('pinned fence');
});

test.each([
  ['GET k', 'get none'],
  ['MGET k l', 'mget none'],
  ['SET k v', 'shared keys'],
  ['MSET k v', 'shared keys'],
  ['ZUNIONSTORE d 1 a', 'shared fence'],
  ['XREADGROUP GROUP g c STREAMS a >', 'exclusive fence'],
  ['XREAD STREAMS a 0', 'exclusive none'],
  ['XGROUP CREATE k g $', 'shared keys'],
  ['XINFO STREAM k', 'shared none'],
  ['OBJECT ENCODING k', 'shared none'],
  ['MEMORY USAGE k', 'shared none'],
  ['BLPOP k 0', 'exclusive keys'],
  ['WAIT 0 0', 'exclusive none'],
  ['CLIENT', 'shared none'],
  ['CLIENT ID', 'local none'],
  ['CLIENT SETINFO lib-name x', 'local none'],
  ['CLIENT MAINT_NOTIFICATIONS ON', 'local none'],
  ['CLIENT UNBLOCK 5', 'exclusive none'],
  ['CLIENT TRACKING ON', 'pinned none'],
  ['CLIENT NOSUCH', 'pinned fence'],
  ['CONFIG GET x', 'shared none'],
  ['CONFIG SET x y', 'exclusive settings'],
  ['ACL WHOAMI', 'shared none'],
  ['ACL SETUSER bob', 'exclusive acl'],
  ['ACL LOAD', 'exclusive acl'],
  ['ACL LIST', 'exclusive none'],
  ['SCRIPT LOAD x', 'shared none'],
  ['SCRIPT KILL', 'exclusive none'],
  ['SCRIPT DEBUG YES', 'pinned none'],
  ['SCRIPT NOSUCH', 'pinned fence'],
  ['PUBSUB CHANNELS', 'shared none'],
  ['SLOWLOG GET', 'shared none'],
  ['MODULE LOAD x', 'exclusive modules'],
  ['MODULE LIST', 'exclusive none'],
  ['DEBUG RELOAD', 'exclusive flush'],
  ['DEBUG SLEEP 0', 'exclusive none'],
  ['DEBUG POPULATE 5', 'exclusive fence'],
  ['EVAL x 0', 'script fence'],
  ['INFO', 'shared none'],
  ['INFO server', 'shared none'],
  ['INFO respite', 'local none'],
  ['info RESPITE', 'local none'],
  ['INFO respite server', 'shared none'],
  ['RESPITE', 'local none'],
  ['RESPITE STATS', 'local none'],
  ['POST / HTTP/1.1', 'pinned none'],
  ['Host: localhost', 'pinned none'],
])('with the table of Redis 6, %s is %s', (line, expected) => {
  expect(routeAndEffect(six(line))).toBe(expected);
});

test('what blocks is known by name where Redis has no flag for it', () => {
  for (const line of ['BLPOP k 0', 'XREAD STREAMS a 0', 'XREADGROUP GROUP g c STREAMS a >', 'WAIT 1 0']) {
    expect(six(line).blocking).toBe(true);
  }
  expect(six('SET k v').blocking).toBe(false);
});

test('the words of a transaction carry their part in it', () => {
  for (const name of ['multi', 'exec', 'discard', 'watch', 'unwatch']) {
    const row = empty(`${name} k`);
    expect(row.transaction).toBe(name);
    expect(routeAndEffect(row)).toBe(name === 'exec' ? 'exclusive fence' : 'exclusive none');
  }
  expect(six('SET k v').transaction).toBeUndefined();
});

test('a command whose own words decide tells its keys only when it can', () => {
  const keys = (line: string) => keysOf(six(line), words(line));
  expect(keys('SORT k LIMIT 0 5')).toEqual(['k']);
  expect(keys('SORT k store d')).toBeUndefined();
  expect(keys('COPY a b REPLACE')).toEqual(['a', 'b']);
  expect(keys('COPY a b DB 1')).toBeUndefined();
});

test.each([
  ['JSON.SET k . 1', 'shared fence'],
  ['JSON.GET k', 'shared none'],
  ['FT.CONFIG GET x', 'exclusive fence'],
  ['FT.INFO x', 'exclusive fence'],
  ['OTHER-SELECT 1', 'pinned fence'],
  ['OTHER-AUTH secret', 'pinned fence'],
  ['CLIENT NEWFANGLED x', 'pinned fence'],
  ['CLIENT NOSUCH', 'exclusive none'],
  ['CLIENT NO-TOUCH ON', 'local none'],
  ['CLIENT HELP', 'shared none'],
])('of modules, renamed and new commands, %s is %s', (line, expected) => {
  expect(routeAndEffect(others(line))).toBe(expected);
});

test('without any table respite still knows what it answers itself, and treats the rest with care', () => {
  expect(empty('GET k').route).toBe('get');
  expect(empty('HELLO 3').route).toBe('identity');
  expect(empty('CLIENT ID').route).toBe('local');
  expect(empty('INFO respite').route).toBe('local');
  expect(routeAndEffect(empty('PING'))).toBe('shared none');
  expect(routeAndEffect(empty('FLUSHALL'))).toBe('shared flush');
  expect(routeAndEffect(empty('SET k v'))).toBe('pinned fence');
  expect(routeAndEffect(empty('BLPOP k 0'))).toBe('exclusive fence');
});

test('all rows have one shape', () => {
  const shape = Object.keys(UNKNOWN);
  for (const line of ['GET k', 'SET k v', 'EXEC', 'CLIENT ID', 'BLPOP k 0', 'NOSUCH']) {
    expect(Object.keys(six(line))).toEqual(shape);
  }
});

test('nonsense in the table is passed over', () => {
  const table = CommandTable.from([null, 5, 'get', [], ['x'], { a: 1 }] as CommandReply[]);
  expect(table.find(words('x'))).toBe(UNKNOWN);
});
