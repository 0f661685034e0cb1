import { TransactionState } from '../../../src/commands/transaction';

function begun(): TransactionState {
  const transaction = new TransactionState('keys');
  transaction.onSent('multi');
  transaction.onReply('multi', '+OK');
  return transaction;
}

test('EXEC drops what was queued to be changed', () => {
  const transaction = begun();
  transaction.onQueued('keys', ['a', 'b']);
  transaction.onQueued('none');
  transaction.onQueued('keys', ['c']);
  expect([transaction.effectOfExec, transaction.keysOfExec]).toEqual(['keys', ['a', 'b', 'c']]);
});

test.each([
  ['a fence, where keys are not known', [['keys', undefined]], 'fence'],
  ['a fence for a script', [['fence', []]], 'fence'],
  [
    'the strongest of all',
    [
      ['fence', []],
      ['flush', []],
      ['keys', ['a']],
    ],
    'flush',
  ],
  ['what settings need', [['settings', []]], 'acl'],
] as const)('EXEC does %s', (_what, queued, effect) => {
  const transaction = begun();
  for (const [each, keys] of queued) transaction.onQueued(each, keys);
  expect(transaction.effectOfExec).toBe(effect);
});

test('more keys than can be kept take a fence', () => {
  const transaction = begun();
  for (let at = 0; at < 20_000; at += 1) transaction.onQueued('keys', [`${at}`]);
  expect(transaction.effectOfExec).toBe('fence');
  expect(transaction.keysOfExec.length).toBeLessThanOrEqual(10_000);
});

test('a refused MULTI is forgotten when everything is answered, with what was sent behind it', () => {
  const transaction = new TransactionState('keys');
  transaction.onSent('multi');
  transaction.onQueued('keys', ['a']);
  transaction.onReply('multi', '-ERR wrong number of arguments');
  transaction.onSettled();
  expect([transaction.announced, transaction.keysOfExec]).toEqual([false, []]);
});

test('one that Redis queues for is not', () => {
  const transaction = begun();
  transaction.onQueued('keys', ['a']);
  transaction.onSettled();
  expect([transaction.announced, transaction.plain, transaction.keysOfExec]).toEqual([true, false, ['a']]);
});

test('the reply to EXEC ends that transaction, and not the one sent behind it', () => {
  const transaction = begun();
  transaction.onQueued('keys', ['a']);
  transaction.onSent('exec');
  transaction.onSent('multi');
  transaction.onQueued('keys', ['b']);
  transaction.onReply('exec', '*1');
  expect([transaction.announced, transaction.keysOfExec]).toEqual([true, ['b']]);
});
