/** Every way of changing a key that Redis offers, each with what it does to the keys' history. */
import type { Actor, Role } from './actor';
import {
  append,
  expiring,
  flushing,
  flushingAndSetting,
  fresh,
  ifAnswered,
  keepingExpiry,
  type Operation,
  otherDatabase,
  type Request,
  removePair,
  removing,
  setting,
  settingElsewhere,
  settingFor,
  settingLarge,
  settingMany,
  settingPair,
  transaction,
  write,
} from './verbs';

const SET = "redis.call('set', ARGV[1], ARGV[2])";
const SET_ELSEWHERE = `redis.call('select', ARGV[3]) ${SET}`;
const FLUSH_AND_SET = `redis.call('flushall') ${SET}`;
const SET_MANY = "for i = 1, #ARGV, 2 do redis.call('set', ARGV[i], ARGV[i + 1]) end";
/** So that MOVE finds the key here, and not there. */
const PREPARE_MOVE =
  "redis.call('set', ARGV[1], ARGV[2]) redis.call('select', ARGV[3]) redis.call('del', ARGV[1])";
const LIBRARY = `#!lua name=checker
redis.register_function('checker_set', function(keys, args) return redis.call('set', args[1], args[2]) end)`;

type Assignments = Parameters<Parameters<typeof settingMany>[0]>[0];

const flat = (targets: Assignments) => targets.flatMap(({ key, value }) => [key.name, value]);
const mset = (targets: Assignments): Request => ['MSET', ...flat(targets)];

/** As an old value that was dumped comes back. */
function restoring(px: number, ...options: string[]): Operation {
  return async (actor) => {
    const { space } = actor.stage;
    const value = space.value(actor.random);
    const own = fresh(actor);
    const [, dump] = await Promise.all([
      actor.client.ask('SET', own, value, 'PX', 1_000),
      actor.client.ask('DUMP', own),
    ]);
    if (typeof dump !== 'string') return;
    const key = space.any(actor.random, actor.db);
    const target = px > 0 ? { key, value, px } : { key, value };
    await write(actor, [target], [['RESTORE', key.name, px, dump, 'REPLACE', ...options]]);
  };
}

async function setByHash(actor: Actor): Promise<void> {
  const sha = await actor.client.ask('SCRIPT', 'LOAD', SET);
  if (typeof sha === 'string') await setting((key, value) => [['EVALSHA', sha, 0, key.name, value]])(actor);
}

async function setByFunction(actor: Actor): Promise<void> {
  const loaded = await actor.client.ask('FUNCTION', 'LOAD', 'REPLACE', LIBRARY);
  if (typeof loaded === 'string')
    await setting((key, value) => [['FCALL', 'checker_set', 0, key.name, value]])(actor);
}

/** The key is there in this database, then in the other; at once, or it could be somebody else's value that goes there. */
const move: Operation = (actor) => {
  const { space } = actor.stage;
  const here = space.any(actor.random, actor.db);
  const there = space.sibling(here, otherDatabase(actor));
  const value = space.value(actor.random);
  const targets = [{ key: here, value }, { key: here }, { key: there }, { key: there, value }];
  const prepare = ['EVAL', PREPARE_MOVE, 0, here.name, value, there.db];
  return write(actor, targets, transaction(prepare, ['MOVE', here.name, there.db]));
};

/** Not a write: what is kept is forgotten. */
const purge: Operation = async (actor) => {
  if (actor.role.via !== 'proxy') return;
  const keys = actor.stage.space.some(actor.random, actor.db, 3).map(({ name }) => name);
  await actor.client.ask('RESPITE', 'PURGE', ...(actor.random.oneIn(10) ? ['ALL'] : keys));
};

type Weighed = readonly [weight: number, name: string, operation: Operation];

const ORDINARY: readonly Weighed[] = [
  [20, 'SET', setting(({ name }, value) => [['SET', name, value]])],
  [8, 'SET PX', settingFor(({ name }, value, px) => ['SET', name, value, 'PX', px])],
  [4, 'PSETEX', settingFor(({ name }, value, px) => ['PSETEX', name, px, value])],
  [4, 'GETSET', setting(({ name }, value) => [['GETSET', name, value]])],
  [3, 'SET … GET', setting(({ name }, value) => [['SET', name, value, 'GET']])],
  [3, 'SET NX', setting(({ name }, value) => [['SET', name, value, 'NX']], ifAnswered('refused'))],
  [3, 'SET KEEPTTL', keepingExpiry(({ name }, value) => ['SET', name, value, 'KEEPTTL'])],
  [4, 'APPEND', append],
  [6, 'MSET', settingMany((targets) => [mset(targets)])],
  [2, 'MSETNX', settingMany((targets) => [['MSETNX', ...flat(targets)]], ifAnswered('refused'))],
  [6, 'MSET of a pair', settingPair((targets) => [mset(targets)])],
  [1, 'DEL of a pair', removePair],
  [4, 'DEL', removing(({ name }) => [['DEL', name]])],
  [2, 'UNLINK', removing(({ name }) => [['UNLINK', name]])],
  [2, 'GETDEL', removing(({ name }) => [['GETDEL', name]])],
  [1, 'PEXPIRE in the past', removing(({ name }) => [['PEXPIRE', name, -1]])],
  [1, 'EXPIREAT in the past', removing(({ name }) => [['EXPIREAT', name, 1]])],
  [1, 'GETEX in the past', removing(({ name }) => [['GETEX', name, 'PXAT', 1]])],
  [3, 'PEXPIRE', expiring(({ name }, px) => ['PEXPIRE', name, px])],
  [3, 'GETEX', expiring(({ name }, px) => ['GETEX', name, 'PX', px])],
  [1, 'PERSIST', expiring(({ name }) => ['PERSIST', name], true)],
  [1, 'GETEX PERSIST', expiring(({ name }) => ['GETEX', name, 'PERSIST'], true)],
  [2, 'RESTORE', restoring(0)],
  [1, 'RESTORE with an expiry', restoring(80)],
  [1, 'a value over --max-value', settingLarge(5_000, 20_000)],
  [0.03, 'a request over a megabyte', settingLarge(1_050_000, 1_200_000)],
  [1, 'PURGE', purge],
];

const INDIRECT: readonly Weighed[] = [
  [12, 'EVAL', setting(({ name }, value) => [['EVAL', SET, 0, name, value]])],
  [2, 'EVAL of many', settingMany((targets) => [['EVAL', SET_MANY, 0, ...flat(targets)]])],
  [2, 'EVAL of a pair', settingPair((targets) => [['EVAL', SET_MANY, 0, ...flat(targets)]])],
  [3, 'EVALSHA', setByHash],
  [3, 'FCALL', setByFunction],
  [
    3,
    'EVAL in the other database',
    settingElsewhere((key, value) => [['EVAL', SET_ELSEWHERE, 0, key.name, value, key.db]]),
  ],
  [
    3,
    'RENAME to',
    setting(({ name }, value, actor) => {
      const own = fresh(actor);
      return [
        ['SET', own, value],
        ['RENAME', own, name],
      ];
    }),
  ],
  [
    2,
    'RENAME away',
    removing(({ name }, actor) => transaction(['APPEND', name, '-'], ['RENAME', name, fresh(actor)])),
  ],
  [
    2,
    'COPY',
    setting(({ name }, value, actor) => {
      const own = fresh(actor);
      return [
        ['SET', own, value],
        ['COPY', own, name, 'REPLACE'],
      ];
    }, ifAnswered('unsure')),
  ],
  [
    3,
    'COPY to the other database',
    settingElsewhere((key, value, actor) => {
      const own = fresh(actor);
      return [
        ['SET', own, value],
        ['COPY', own, key.name, 'DB', key.db, 'REPLACE'],
      ];
    }, ifAnswered('unsure')),
  ],
  [3, 'MOVE to the other database', move],
];

const TRANSACTIONS: readonly Weighed[] = [
  [6, 'MULTI SET', setting(({ name }, value) => transaction(['SET', name, value]))],
  [
    4,
    'MULTI SETs',
    settingMany((targets) => transaction(...targets.map(({ key, value }) => ['SET', key.name, value]))),
  ],
  [2, 'MULTI of a pair', settingPair((targets) => transaction(mset(targets)))],
  [2, 'MULTI DEL', removing(({ name }) => transaction(['DEL', name]))],
  [2, 'MULTI EVAL', setting(({ name }, value) => transaction(['EVAL', SET, 0, name, value]))],
  [
    3,
    'WATCH MULTI SET',
    setting(
      ({ name }, value) => [['WATCH', name], ['GET', name], ...transaction(['SET', name, value])],
      ifAnswered('refused'),
    ),
  ],
];

const FLUSHES: readonly Weighed[] = [
  [1, 'FLUSHALL', flushing('FLUSHALL')],
  [1, 'FLUSHALL ASYNC', flushing('FLUSHALL', 'ASYNC')],
  [1, 'FLUSHDB', flushing('FLUSHDB')],
  [
    1,
    'FLUSHALL and SET',
    flushingAndSetting(({ name }, value) => transaction(['FLUSHALL'], ['SET', name, value])),
  ],
];

/** Only Redis knows that they flush. */
const HIDDEN_FLUSHES: readonly Weighed[] = [
  [
    1,
    'EVAL of FLUSHALL and SET',
    flushingAndSetting(({ name }, value) => [['EVAL', FLUSH_AND_SET, 0, name, value]]),
  ],
];

/** How much of what a writer does. */
export interface Mix {
  readonly ordinary: number;
  readonly indirect: number;
  readonly transactions: number;
  readonly flushes: number;
  readonly hiddenFlushes: number;
}

export const NOTHING: Mix = { ordinary: 0, indirect: 0, transactions: 0, flushes: 0, hiddenFlushes: 0 };

export const EVERYTHING: Mix = {
  ordinary: 60,
  indirect: 25,
  transactions: 14,
  flushes: 0.2,
  hiddenFlushes: 0.1,
};

/** What a writer does before it goes on with a connection of its own, one in so many times. */
const RECONNECTS = 300;

export function writer(role: Omit<Role, 'act'>, mix: Mix = EVERYTHING): Role {
  const groups: [number, readonly Weighed[]][] = [
    [mix.ordinary, ORDINARY],
    [mix.indirect, INDIRECT],
    [mix.transactions, TRANSACTIONS],
    [mix.flushes, FLUSHES],
    [mix.hiddenFlushes, HIDDEN_FLUSHES],
  ];
  return {
    ...role,
    async act(actor) {
      const group = actor.random.weigh(groups);
      const [name, operation] = actor.random.weigh(group.map(([weight, ...what]) => [weight, what] as const));
      actor.note(name);
      await operation(actor);
      if (actor.random.oneIn(RECONNECTS)) actor.leave();
      return 1;
    },
  };
}
