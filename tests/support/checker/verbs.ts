/** How a change is made and entered in the history: what the operations of the writers are put together from. */
import type { Actor } from './actor';
import { type Answer, Failure } from './client';
import type { KeyHistory, PendingWrite, Target, Via } from './history';
import { DATABASES } from './key-space';
import { appendix, padded } from './values';

export type Request = readonly (string | number)[];
export type Operation = (actor: Actor) => Promise<void>;

/** Done; certainly not done; or nobody can say. */
type Verdict = 'done' | 'refused' | 'unsure';
type Judge = (answers: readonly Answer[]) => Verdict;

/** What Redis or the proxy says when a command was not carried out. */
const NOT_CARRIED_OUT = /^(NOSCRIPT|BUSY |LOADING|ERR Function not found)|the command was not sent$/;

export function usually(answers: readonly Answer[]): Verdict {
  if (!answers.some(hasFailed)) return 'done';
  const [only] = answers;
  const refused = answers.length === 1 && only instanceof Failure && NOT_CARRIED_OUT.test(only.text);
  return refused ? 'refused' : 'unsure';
}

/** A flush may have been quicker than the second of two commands: that is no failure. */
const OVERTAKEN = /^ERR no such key/;

function noteFailures(actor: Actor, answers: readonly Answer[]): void {
  for (const answer of answers)
    if (answer instanceof Failure && !OVERTAKEN.test(answer.text)) actor.stage.failures.note(answer.text);
}

function hasFailed(answer: Answer): boolean {
  if (answer instanceof Failure) return true;
  return Array.isArray(answer) && answer.some(hasFailed);
}

/** The last answer says whether it was done at all: 0 or nil, it was not. */
export function ifAnswered(otherwise: Verdict): Judge {
  return (answers) => {
    const verdict = usually(answers);
    const last = answers.at(-1);
    return verdict === 'done' && (last === 0 || last === null) ? otherwise : verdict;
  };
}

/** Seen by the clients of all workers once it is answered; any other write only by those of its own. */
const FENCED = new Set(['EXEC', 'EVAL', 'EVALSHA', 'FCALL', 'FLUSHALL', 'FLUSHDB']);

/** What is promised of a write: that of another worker is like one that was made beside the proxy. */
export function viaOf({ stage, role }: Pick<Actor, 'stage' | 'role'>, request: Request = []): Via {
  return stage.apart && !FENCED.has(String(request[0])) ? 'beside' : role.via;
}

/** Sends requests as one pipeline; the write is judged by their answers. */
export async function write(
  actor: Actor,
  targets: readonly Target[],
  requests: readonly Request[],
  judge: Judge = usually,
): Promise<void> {
  const { client, stage, session } = actor;
  const pending = stage.history.write(targets, viaOf(actor, requests.at(-1)), session);
  const answers: Answer[] = [];
  await new Promise<void>((resolve) => {
    for (const request of requests) {
      client.tell(request, (answer) => {
        answers.push(answer);
        if (answers.length < requests.length) return;
        noteFailures(actor, answers);
        settle(
          pending,
          judge(answers),
          () => `${session.name} was told otherwise: ${tell(requests, answers)}`,
        );
        resolve();
      });
    }
  });
}

function tell(requests: readonly Request[], answers: readonly Answer[]): string {
  return `${requests.map(([name]) => name).join(', ')} got ${JSON.stringify(answers)}`;
}

/** At once, not a turn later: what is sent after the answer was read must see the write. */
export function settle(pending: PendingWrite, verdict: Verdict, told: () => string): void {
  if (verdict === 'done') pending.done();
  else if (verdict === 'refused') pending.refused(told());
  else pending.lost();
}

const anyKey = (actor: Actor) => actor.stage.space.any(actor.random, actor.db);
const newValue = (actor: Actor) => actor.stage.space.value(actor.random);
const briefly = (actor: Actor) => actor.random.between(5, 120);

/** One key, one new value. */
export function setting(
  requests: (key: KeyHistory, value: string, actor: Actor) => Request[],
  judge?: Judge,
): Operation {
  return (actor) => {
    const key = anyKey(actor);
    const value = newValue(actor);
    return write(actor, [{ key, value }], requests(key, value, actor), judge);
  };
}

/** A value of so many bytes. */
export function settingLarge(least: number, most: number): Operation {
  return (actor) => {
    const key = anyKey(actor);
    const value = padded(actor.stage.space.values.next(), actor.random.between(least, most));
    return write(actor, [{ key, value }], [['SET', key.name, value]]);
  };
}

/** The same, and it expires. */
export function settingFor(request: (key: KeyHistory, value: string, px: number) => Request): Operation {
  return (actor) => {
    const key = anyKey(actor);
    const value = newValue(actor);
    const px = briefly(actor);
    return write(actor, [{ key, value, px }], [request(key, value, px)]);
  };
}

/** What was there stays in front of it, or its expiry stays. */
export function keepingExpiry(request: (key: KeyHistory, value: string) => Request): Operation {
  return (actor) => {
    const key = anyKey(actor);
    const value = newValue(actor);
    return write(actor, [{ key, value, keepsExpiry: true }], [request(key, value)]);
  };
}

export const append: Operation = keepingExpiry(({ name }, value) => ['APPEND', name, appendix(value)]);

export function removing(requests: (key: KeyHistory, actor: Actor) => Request[]): Operation {
  return (actor) => {
    const key = anyKey(actor);
    return write(actor, [{ key }], requests(key, actor));
  };
}

export type Assignment = Required<Pick<Target, 'key' | 'value'>>;

export function settingMany(
  requests: (targets: readonly Assignment[]) => Request[],
  judge?: Judge,
): Operation {
  return (actor) => {
    const { space } = actor.stage;
    const keys = space.some(actor.random, actor.db, actor.random.between(2, 5));
    const targets = keys.map((key) => ({ key, value: space.value(actor.random) }));
    return write(actor, targets, requests(targets), judge);
  };
}

/** Both keys of a pair at once. */
export function settingPair(requests: (targets: readonly Assignment[]) => Request[]): Operation {
  return (actor) => {
    const value = newValue(actor);
    const targets = actor.stage.space.pair(actor.random, actor.db).map((key) => ({ key, value }));
    return write(actor, targets, requests(targets));
  };
}

export const removePair: Operation = (actor) => {
  const keys = actor.stage.space.pair(actor.random, actor.db);
  const targets = keys.map((key) => ({ key }));
  return write(actor, targets, [['DEL', ...keys.map(({ name }) => name)]]);
};

export const otherDatabase = (actor: Actor) => (actor.db + 1) % DATABASES;

/** Into the other database. */
export function settingElsewhere(
  requests: (key: KeyHistory, value: string, actor: Actor) => Request[],
  judge?: Judge,
): Operation {
  return (actor) => {
    const key = actor.stage.space.any(actor.random, otherDatabase(actor));
    const value = newValue(actor);
    return write(actor, [{ key, value }], requests(key, value, actor), judge);
  };
}

/** PEXPIRE and GETEX; `px` is not used by those that take an expiry away. */
export function expiring(request: (key: KeyHistory, px: number) => Request, persists = false): Operation {
  return async (actor) => {
    const key = anyKey(actor);
    const px = briefly(actor);
    const pending = actor.stage.history.expire(key, persists ? undefined : px, viaOf(actor));
    await new Promise<void>((resolve) => {
      actor.client.tell(request(key, px), (answer) => {
        if (answer instanceof Failure) pending.lost();
        else pending.done(answer !== null && answer !== 0);
        resolve();
      });
    });
  };
}

export function gone(actor: Actor, db?: number): Target[] {
  return [...actor.stage.history.keys(db)].map((key) => ({ key }));
}

export function flushing(...words: string[]): Operation {
  return (actor) => write(actor, gone(actor, words[0] === 'FLUSHDB' ? actor.db : undefined), [words]);
}

/** Everything goes, and one key is there again, with no moment between: sent in one piece, or inside one script. */
export function flushingAndSetting(request: (key: KeyHistory, value: string) => Request[]): Operation {
  return (actor) => {
    const key = anyKey(actor);
    const value = newValue(actor);
    const targets = gone(actor).filter((target) => target.key !== key);
    return write(actor, [...targets, { key, value }], request(key, value));
  };
}

export const transaction = (...requests: Request[]): Request[] => [['MULTI'], ...requests, ['EXEC']];

/** The name of a key that nobody else uses. */
export const fresh = (actor: Actor) => actor.stage.space.private();
