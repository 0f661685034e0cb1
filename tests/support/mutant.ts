/** The built program with a mistake put in on purpose: shows that a test would find it. */
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';

const ROOT = path.resolve(__dirname, '../..');
const OUT = path.join(ROOT, 'tests/out');

/** One exact replacement in a compiled file. */
export interface Mutation {
  /** Below dist: 'coherence/tracker.js'. */
  file: string;
  /** As the compiled file has it, line ends and all; found exactly once, or the mutant is not made. */
  find: string;
  replace: string;
}

export class Mutant {
  /** For Respite.start(flags, env, program). */
  readonly program: string;
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
    this.program = path.join(folder, 'dist/main.js');
  }

  /** Copies dist and applies the mutations in turn. Build before: what is mutated is what was compiled last. */
  static async make(mutations: readonly Mutation[]): Promise<Mutant> {
    await mkdir(OUT, { recursive: true });
    // Below the repository, where node_modules is found by its usual way upwards.
    const mutant = new Mutant(await mkdtemp(path.join(OUT, 'mutant-')));
    try {
      await mutant.#copy();
      for (const mutation of mutations) await mutant.#apply(mutation);
      return mutant;
    } catch (error) {
      await mutant.remove();
      throw error;
    }
  }

  /** May be called more than once. */
  remove(): Promise<void> {
    return rm(this.#folder, { recursive: true, force: true });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.remove();
  }

  async #copy(): Promise<void> {
    const runs = (name: string) => !name.endsWith('.d.ts') && !name.endsWith('.map');
    await cp(path.join(ROOT, 'dist'), path.join(this.#folder, 'dist'), { recursive: true, filter: runs });
    // A link, not a copy: jest would take two packages of one name for a mistake.
    await symlink(path.join(ROOT, 'package.json'), path.join(this.#folder, 'package.json'));
  }

  async #apply({ file, find, replace }: Mutation): Promise<void> {
    const where = path.join(this.#folder, 'dist', file);
    const pieces = (await readFile(where, 'utf8')).split(find);
    if (pieces.length !== 2) {
      throw new Error(`dist/${file} has ${pieces.length - 1} times, not once: ${JSON.stringify(find)}`);
    }
    await writeFile(where, pieces.join(replace));
  }
}
