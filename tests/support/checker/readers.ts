/** Every way of reading that a promise is made for, by sessions of every kind. */
import type { Actor, Role } from './actor';
import { type Answer, Failure } from './client';
import type { KeyHistory } from './history';
import { SHOWN } from './key-space';
import { viaOf } from './verbs';

/** Sends one GET and judges its answer the moment it is read. */
function get(actor: Actor, key = actor.stage.space.any(actor.random, actor.db)): Promise<void> {
  return many(actor, ['GET', key.name], [key], (answer) => [answer]);
}

function mget(actor: Actor, keys: readonly KeyHistory[]): Promise<void> {
  return many(actor, ['MGET', ...keys.map(({ name }) => name)], keys, (answer) =>
    Array.isArray(answer) ? answer : undefined,
  );
}

function mgetSome(actor: Actor): Promise<void> {
  return mget(actor, actor.stage.space.some(actor.random, actor.db, actor.random.between(2, 5)));
}

/** Keys that are only written together have to be read together: MGET is a snapshot. */
async function mgetPair(actor: Actor): Promise<void> {
  const { space, history } = actor.stage;
  const pair = space.pair(actor.random, actor.db);
  await many(actor, ['MGET', ...pair.map(({ name }) => name)], pair, (answer) => {
    if (!Array.isArray(answer)) return undefined;
    const [a, b] = answer;
    if (a !== b) history.complain('snapshot', `${actor.session.name} read ${pair[0].name}: ${a} and ${b}`);
    return answer;
  });
}

function many(
  actor: Actor,
  request: readonly string[],
  keys: readonly KeyHistory[],
  read: (answer: Answer) => readonly Answer[] | undefined,
): Promise<void> {
  const { history } = actor.stage;
  const pending = keys.map((key) => history.read(key, actor.session));
  return new Promise((resolve) => {
    actor.client.tell(request, (answer) => {
      if (answer instanceof Failure) actor.stage.failures.note(answer.text);
      else
        read(answer)?.forEach((value, index) => {
          if (typeof value === 'string' || value === null) pending[index]?.saw(value);
        });
      resolve();
    });
  });
}

/** A few at once, in one write; among them a write of its own now and then, which the reads behind it have to see. */
async function pipeline(actor: Actor): Promise<number> {
  const { random } = actor;
  const length = random.between(2, 16);
  const sent: Promise<unknown>[] = [];
  for (let i = 0; i < length; i++) {
    if (random.oneIn(3)) sent.push(mgetSome(actor));
    else if (random.oneIn(25)) sent.push(actor.client.ask('ECHO', 'between'));
    else if (random.oneIn(60)) sent.push(setAndGet(actor));
    else sent.push(get(actor));
  }
  await Promise.all(sent);
  return length;
}

function setAndGet(actor: Actor): Promise<unknown> {
  const { history, space } = actor.stage;
  const key = space.any(actor.random, actor.db);
  const value = space.value(actor.random);
  const pending = history.write([{ key, value }], viaOf(actor), actor.session);
  actor.client.tell(['SET', key.name, value], (answer) => {
    if (answer instanceof Failure) pending.lost();
    else pending.done();
  });
  return get(actor, key);
}

/** What EXEC has read may be newer than what the cache knows: the next read must not be older. */
async function transaction(actor: Actor): Promise<number> {
  const { client, random, stage } = actor;
  const keys = stage.space.some(random, actor.db, 2);
  const watched = random.oneIn(2) ? stage.space.any(random, actor.db) : undefined;
  const sent: Promise<unknown>[] = [];
  if (watched) sent.push(client.ask('WATCH', watched.name), get(actor, watched));
  sent.push(client.ask('MULTI'), ...keys.map(({ name }) => client.ask('GET', name)));
  const reads = keys.map((key) => stage.history.read(key, actor.session));
  await new Promise<void>((resolve) => {
    client.tell(['EXEC'], (answer) => {
      if (Array.isArray(answer))
        answer.forEach((value, index) => {
          if (typeof value === 'string' || value === null) reads[index]?.saw(value);
        });
      resolve();
    });
  });
  await Promise.all([...sent, ...keys.map((key) => get(actor, key))]);
  return 6;
}

/** Now this user or database, now that one; what was read under one is not to be read older under the other. */
async function changeIdentity(actor: Actor): Promise<number> {
  const answers = [changeOnce(actor)];
  // Nothing is read under the identity between the two.
  if (actor.random.oneIn(3)) answers.push(changeOnce(actor));
  const failed = (await Promise.all(answers)).find((answer) => answer instanceof Failure);
  if (failed) {
    actor.leave();
    return 1;
  }
  await pipeline(actor);
  await get(actor);
  return 8;
}

function changeOnce(actor: Actor): Promise<Answer> {
  const { client, random } = actor;
  switch (random.pick(['AUTH', 'SELECT', 'RESET', 'HELLO'])) {
    case 'AUTH':
      return client.ask('AUTH', ...random.pick(USERS));
    case 'HELLO':
      return client.ask('HELLO', random.pick([2, 3]), 'AUTH', ...random.pick(USERS));
    case 'RESET':
      actor.db = 0;
      return client.ask('RESET');
    default:
      actor.db = random.between(0, SHOWN - 1);
      return client.ask('SELECT', actor.db);
  }
}

const USERS = [
  ['default', 'any'],
  ['alice', 'secret'],
  ['bob', 'secret'],
] as const;

/** On a connection of its own to Redis, and then, after RESET, through the cache again. */
async function pinAndReset(actor: Actor): Promise<number> {
  const { client, random } = actor;
  await client.ask('HELLO', 3);
  if (random.oneIn(2)) await client.ask('CLIENT', 'TRACKING', 'ON');
  else client.push('SUBSCRIBE', 'nothing');
  const keys = actor.stage.space.some(random, 0, 4);
  actor.db = 0;
  for (const key of keys) await get(actor, key);
  if ((await client.ask('RESET')) instanceof Failure) return 1;
  for (const key of keys) await get(actor, key);
  return 10;
}

export function reader(role: Omit<Role, 'act'>, how: keyof typeof WAYS): Role {
  return { ...role, act: WAYS[how] };
}

const WAYS = {
  async gets(actor: Actor): Promise<number> {
    await get(actor);
    return 1;
  },
  async mgets(actor: Actor): Promise<number> {
    await (actor.random.oneIn(2) ? mgetPair(actor) : mgetSome(actor));
    if (actor.random.oneIn(2)) await get(actor);
    return 3;
  },
  pipeline,
  transaction,
  changeIdentity,
  pinAndReset,
};
