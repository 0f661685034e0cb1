import { PlainNames } from '../../../src/commands/plain-names';

const names = new PlainNames<string>();
for (const name of ['get', 'set', 'incr', 'lpush', 'zincrby', 'hincrbys', 'longername', 'json.set', 'a1'])
  names.add(name, name);

function find(text: string): string | undefined {
  const bytes = Buffer.from(`..${text}..`, 'latin1');
  return names.find(bytes, 2, bytes.length - 2);
}

test('finds short names in upper and lower case', () => {
  const found = ['get', 'GET', 'SeT', 'Incr', 'LPUSH', 'ZIncrBy', 'HINCRBYS'].map(find);
  expect(found).toEqual(['get', 'get', 'set', 'incr', 'lpush', 'zincrby', 'hincrbys']);
});

test('what is longer, or has other bytes than letters, goes the long way', () => {
  for (const name of [
    'longername',
    'json.set',
    'a1',
    '',
    'ge',
    'gett',
    'get\0',
    '\x07et',
    'get ',
    'g@t',
    '\xe7et',
  ])
    expect(find(name)).toBeUndefined();
});

test('two names that fall on one number are both left to the long way', () => {
  const few = new PlainNames<string>();
  few.add('set', 'one');
  few.add('set', 'other');
  expect(few.find(Buffer.from('set'), 0, 3)).toBeUndefined();
});
