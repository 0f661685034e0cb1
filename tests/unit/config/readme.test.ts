import { readFileSync } from 'node:fs';
import path from 'node:path';
import { FLAGS, flagOf, parseArguments, variableOf } from '../../../src/config/cli';
import { defaults, type OptionName } from '../../../src/config/options';

/** The rows of the README's table of flags, each as its cells. */
function rowsOfReadme(): string[][] {
  const readme = readFileSync(path.join(__dirname, '../../../README.md'), 'utf8');
  const [, table = ''] = /\| flag +\| variable .*\n\|[-| ]+\n((?:\|.*\n)+)/.exec(readme) ?? [];
  return table
    .trimEnd()
    .split('\n')
    .map((row) => row.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll('\\|', '|')))
    .map((cells) => cells.slice(1, -1));
}

function defaultOf(option: OptionName): string {
  const standard: unknown = option in defaults ? defaults[option as keyof typeof defaults] : undefined;
  if (standard === undefined || (Array.isArray(standard) && standard.length === 0)) return 'none';
  return standard === false ? 'off' : `\`${standard}\``;
}

function wordsOfHelp(): string {
  const told = parseArguments(['--help'], {});
  return told.kind === 'tell' ? told.text.replace(/\s+/g, ' ') : '';
}

describe("the README's table of flags", () => {
  test('has every flag of the command line in its order, with its variable and its default', () => {
    const expected = FLAGS.map(({ option, takes }) => [
      takes === undefined ? `\`${flagOf(option)}\`` : `\`${flagOf(option)} <${takes}>\``,
      option === 'redis' ? `\`${variableOf(option)}\` or \`REDIS_URL\`` : `\`${variableOf(option)}\``,
      defaultOf(option),
    ]);
    expect(rowsOfReadme().map((cells) => cells.slice(0, 3))).toEqual(expected);
  });

  test('begins each meaning with the words of --help', () => {
    const help = wordsOfHelp();
    const meanings = rowsOfReadme().map(([, , , meaning = '']) => meaning);
    expect(meanings.map((meaning, at) => meaning.slice(0, FLAGS[at]?.help.length))).toEqual(
      FLAGS.map((flag) => flag.help),
    );
    for (const flag of FLAGS) expect(help).toContain(flag.help);
  });
});
