import { execFileSync } from 'node:child_process';
import path from 'node:path';

const ROOT = path.resolve(__dirname, '../../..');

/** What V8 says of String.prototype once these were loaded. */
function isQuickAfter(...modules: readonly string[]): boolean {
  const script = `${modules.map((name) => `require(${JSON.stringify(name)});`).join('')}
    console.log(%HasFastProperties(String.prototype));`;
  const flags = ['--allow-natives-syntax', '-r', 'ts-node/register/transpile-only'];
  return (
    execFileSync(process.execPath, [...flags, '-e', script], { cwd: ROOT })
      .toString()
      .trim() === 'true'
  );
}

test('methods of strings are as quick with ioredis loaded as without it', () => {
  expect(isQuickAfter(path.join(ROOT, 'src/upstream/backing.ts'))).toBe(true);
});
