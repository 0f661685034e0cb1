/** Every way of changing a key that Redis offers, each with what it does to the keys' history. */
import type { Actor, Role } from './actor';
import { type Answer, Failure } from './client';
import type { KeyHistory, PendingWrite, Target } from './history';
import { DATABASES } from './key-space';

type Request = readonly (string | number)[];
type Operation = (actor: Actor) => Promise<void>;

const SET = "redis.call('set', ARGV[1], ARGV[2])";
const SET_ELSEWHERE = `redis.call('select', ARGV[3]) ${SET}`;
const FLUSH_AND_SET = `redis.call('flushall') ${SET}`;
const LIBRARY = `#!lua name=checker
redis.register_function('checker_set', function(keys, args) return redis.call('set', args[1], args[2]) end)`;

/** Sends requests as one pipeline; the write is done when all are answered well. */
async function write(actor: Actor, targets: readonly Target[], requests: readonly Request[]): Promise<void> {
  const { client, stage, session, role } = actor;
  const pending = stage.history.write(targets, role.via, session);
  let missing = requests.length;
  let failed = false;
  await new Promise<void>((resolve) => {
    for (const request of requests) {
      client.tell(request, (answer) => {
        // COPY answers 0 when a flush was quicker than it.
        failed ||= hasFailed(answer) || (request[0] === 'COPY' && answer === 0);
        missing -= 1;
        if (missing > 0) return;
        settle(actor, pending, answer, failed);
        resolve();
      });
    }
  });
}

/** At once, not a turn later: what is sent after the answer was read must see the write. */
function settle(actor: Actor, pending: PendingWrite, answer: Answer, failed: boolean): void {
  const { stage } = actor;
  if (!failed) {
    pending.done();
    return;
  }
  stage.failures += 1;
  if (answer instanceof Failure && /^(NOSCRIPT|ERR Function not found)/.test(answer.text)) pending.refused();
  else pending.lost();
}

function hasFailed(answer: Answer): boolean {
  if (answer instanceof Failure) return true;
  return Array.isArray(answer) && answer.some(hasFailed);
}

/** One key, one new value. */
function setting(requests: (key: KeyHistory, value: string, actor: Actor) => Request[]): Operation {
  return (actor) => {
    const key = actor.stage.space.any(actor.random, actor.db);
    const value = actor.stage.space.value(actor.random);
    return write(actor, [{ key, value }], requests(key, value, actor));
  };
}

/** The same, and it expires. */
function settingFor(request: (key: KeyHistory, value: string, px: number) => Request): Operation {
  return (actor) => {
    const key = actor.stage.space.any(actor.random, actor.db);
    const value = actor.stage.space.value(actor.random);
    const px = actor.random.between(5, 120);
    return write(actor, [{ key, value, px }], [request(key, value, px)]);
  };
}

function removing(requests: (key: KeyHistory, actor: Actor) => Request[]): Operation {
  return (actor) => {
    const key = actor.stage.space.any(actor.random, actor.db);
    return write(actor, [{ key }], requests(key, actor));
  };
}

function settingMany(
  requests: (targets: readonly Required<Pick<Target, 'key' | 'value'>>[]) => Request[],
): Operation {
  return (actor) => {
    const { space } = actor.stage;
    const keys = space.some(actor.random, actor.db, actor.random.between(2, 5));
    const targets = keys.map((key) => ({ key, value: space.value(actor.random) }));
    return write(actor, targets, requests(targets));
  };
}

/** Both keys of a pair at once. */
const setPair: Operation = (actor) => {
  const keys = actor.stage.space.pair(actor.random, actor.db);
  const value = actor.stage.space.value(actor.random);
  const [a, b] = keys.map((key) => key.name);
  const targets = keys.map((key) => ({ key, value }));
  return write(actor, targets, [['MSET', a ?? '', value, b ?? '', value]]);
};

const removePair: Operation = (actor) => {
  const keys = actor.stage.space.pair(actor.random, actor.db);
  return write(
    actor,
    keys.map((key) => ({ key })),
    [['DEL', ...keys.map(({ name }) => name)]],
  );
};

/** Into the other database. */
function settingElsewhere(requests: (key: KeyHistory, value: string, actor: Actor) => Request[]): Operation {
  return (actor) => {
    const key = actor.stage.space.any(actor.random, (actor.db + 1) % DATABASES);
    const value = actor.stage.space.value(actor.random);
    return write(actor, [{ key, value }], requests(key, value, actor));
  };
}

/** PEXPIRE and GETEX. */
function expiring(request: (key: KeyHistory, px: number) => Request): Operation {
  return async (actor) => {
    const { history, space } = actor.stage;
    const key = space.any(actor.random, actor.db);
    const px = actor.random.between(5, 120);
    const pending = history.expire(key, px, actor.role.via);
    await new Promise<void>((resolve) => {
      actor.client.tell(request(key, px), (answer) => {
        if (answer instanceof Failure) pending.lost();
        else pending.done(answer !== null && answer !== 0);
        resolve();
      });
    });
  };
}

function flushing(name: string): Operation {
  return (actor) => write(actor, gone(actor, name === 'FLUSHDB' ? actor.db : undefined), [[name]]);
}

function gone(actor: Actor, db?: number): Target[] {
  return [...actor.stage.history.keys(db)].map((key) => ({ key }));
}

/** Everything goes, and one key is there again, with no moment between: sent in one piece, or inside one script. */
function flushingAndSetting(request: (key: KeyHistory, value: string) => Request[]): Operation {
  return (actor) => {
    const key = actor.stage.space.any(actor.random, actor.db);
    const value = actor.stage.space.value(actor.random);
    const targets = gone(actor).filter((target) => target.key !== key);
    return write(actor, [...targets, { key, value }], request(key, value));
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

const transaction = (...requests: Request[]): Request[] => [['MULTI'], ...requests, ['EXEC']];
const fresh = (actor: Actor) => actor.stage.space.private();

type Weighed = readonly [weight: number, name: string, operation: Operation];

const ORDINARY: readonly Weighed[] = [
  [20, 'SET', setting(({ name }, value) => [['SET', name, value]])],
  [8, 'SET PX', settingFor(({ name }, value, px) => ['SET', name, value, 'PX', px])],
  [4, 'PSETEX', settingFor(({ name }, value, px) => ['PSETEX', name, px, value])],
  [4, 'GETSET', setting(({ name }, value) => [['GETSET', name, value]])],
  [
    6,
    'MSET',
    settingMany((targets) => [['MSET', ...targets.flatMap(({ key, value }) => [key.name, value])]]),
  ],
  [6, 'MSET of a pair', setPair],
  [1, 'DEL of a pair', removePair],
  [4, 'DEL', removing(({ name }) => [['DEL', name]])],
  [2, 'UNLINK', removing(({ name }) => [['UNLINK', name]])],
  [2, 'GETDEL', removing(({ name }) => [['GETDEL', name]])],
  [3, 'PEXPIRE', expiring(({ name }, px) => ['PEXPIRE', name, px])],
  [3, 'GETEX', expiring(({ name }, px) => ['GETEX', name, 'PX', px])],
];

const INDIRECT: readonly Weighed[] = [
  [12, 'EVAL', setting(({ name }, value) => [['EVAL', SET, 0, name, value]])],
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
        ['DEL', own],
      ];
    }),
  ],
  [
    3,
    'COPY to the other database',
    settingElsewhere((key, value, actor) => {
      const own = fresh(actor);
      return [
        ['SET', own, value],
        ['COPY', own, key.name, 'DB', key.db, 'REPLACE'],
        ['DEL', own],
      ];
    }),
  ],
];

const TRANSACTIONS: readonly Weighed[] = [
  [6, 'MULTI SET', setting(({ name }, value) => transaction(['SET', name, value]))],
  [
    4,
    'MULTI SETs',
    settingMany((targets) => transaction(...targets.map(({ key, value }) => ['SET', key.name, value]))),
  ],
  [2, 'MULTI DEL', removing(({ name }) => transaction(['DEL', name]))],
  [2, 'MULTI EVAL', setting(({ name }, value) => transaction(['EVAL', SET, 0, name, value]))],
];

const FLUSHES: readonly Weighed[] = [
  [1, 'FLUSHALL', flushing('FLUSHALL')],
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
      const { writes } = actor.stage;
      writes.set(name, (writes.get(name) ?? 0) + 1);
      await operation(actor);
      return 1;
    },
  };
}
