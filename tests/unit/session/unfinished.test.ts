import { Unfinished } from '../../../src/session/unfinished';

const MB = 1024 * 1024;

function crowd(limit: number) {
  let counted = 0;
  const closed: string[] = [];
  const unfinished = new Unfinished(limit, () => {
    counted += 1;
  });
  const client = (name: string) => ({ closeNow: () => closed.push(name) });
  return { unfinished, closed, client, counted: () => counted };
}

test('past the limit those are closed that have been silent longest, until it is kept', () => {
  const { unfinished, closed, client, counted } = crowd(3 * MB);
  const [a, b, c, d] = [client('a'), client('b'), client('c'), client('d')];
  for (const each of [a, b, c]) unfinished.note(each, MB);
  unfinished.note(a, MB);
  expect([closed, unfinished.total]).toEqual([[], 3 * MB]);
  unfinished.note(d, 2 * MB);
  expect([closed, unfinished.total, counted()]).toEqual([['b', 'c'], 3 * MB, 2]);
});

test('what has been dealt with counts no more, nor does who is gone', () => {
  const { unfinished, closed, client } = crowd(2 * MB);
  const [a, b] = [client('a'), client('b')];
  unfinished.note(a, 2 * MB);
  unfinished.note(a, 0);
  unfinished.note(b, 2 * MB);
  unfinished.forget(b);
  unfinished.forget(b);
  unfinished.note(a, 2 * MB);
  expect([closed, unfinished.total]).toEqual([[], 2 * MB]);
});

test('small remainders are not counted', () => {
  const { unfinished, client } = crowd(MB);
  for (let at = 0; at < 1_000; at += 1) unfinished.note(client('small'), 16 * 1024);
  expect(unfinished.total).toBe(0);
});
