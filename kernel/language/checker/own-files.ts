import { dirname, join, sep } from 'node:path';
import type { Prelude } from '../cell.js';
import { OWN_MODULE, OwnTypes } from './own-types.js';

/** Characters of one file. Some tens of milliseconds go into reading it, and what a cell asks can wait that long. */
const LENGTH = 64 * 1024;

/**
 * The types of our own modules as files of the program. Many cells do without them, so that they join it when the first
 * cell needs one of them, and otherwise one file after another while nothing is asked.
 */
export class OwnFiles {
  readonly #folder: string;
  readonly #types: OwnTypes;
  /** Modules found elsewhere than npm would look: specifier, file with the declarations. */
  readonly #modules: Readonly<Record<string, string>>;
  #texts: readonly string[] | undefined;
  #count = 0;

  /** @param modules by specifier: file of the compiled module */
  constructor(preludes: readonly Prelude[], modules: Readonly<Record<string, string>>) {
    this.#modules = Object.fromEntries(
      Object.entries(modules).map(([name, path]) => [name, declarationFile(path)]),
    );
    const roots = [...preludes.map(({ path }) => declarationFile(path)), ...Object.values(this.#modules)];
    this.#folder = commonFolder(roots);
    this.#types = new OwnTypes(this.#folder, roots);
  }

  /** What a prelude exports, of values and of types, and the specifier that cells import it by. */
  exportsOf({ path }: Prelude): { names: readonly string[]; specifier: string } {
    const file = declarationFile(path);
    return { names: this.#types.exportsOf(file), specifier: this.#types.specifierOf(file) };
  }

  /** Whether a specifier means one of these modules. Then all of them are wanted, unless one of them imports it. */
  imported(specifier: string, from: string): boolean {
    if (!specifier.startsWith(OWN_MODULE) && !Object.hasOwn(this.#modules, specifier)) return false;
    if (!this.has(from)) this.#count = this.#all.length;
    return true;
  }

  /** Wants one more file. @returns whether there was one */
  grow(): boolean {
    if (this.#count === this.#all.length) return false;
    this.#count++;
    return true;
  }

  /** How many files the program is to hold now; it only grows. */
  get size(): number {
    return this.#count;
  }

  /** Files that the program is to hold now. */
  files(): string[] {
    return Array.from({ length: this.#count }, (_, n) => this.#fileOf(n));
  }

  has(file: string): boolean {
    return this.textOf(file) !== undefined;
  }

  textOf(file: string): string | undefined {
    const [, n] = FILE.exec(file) ?? [];
    return n !== undefined && file === this.#fileOf(Number(n)) ? this.#all[Number(n)] : undefined;
  }

  #fileOf(n: number): string {
    return join(this.#folder, `own-types-${n}.virtual.d.ts`);
  }

  get #all(): readonly string[] {
    return (this.#texts ??= this.#types.texts(this.#modules, LENGTH));
  }
}

const FILE = /own-types-(\d+)\.virtual\.d\.ts$/;

function declarationFile(path: string): string {
  return join(path.replace(/\.js$/, '.d.ts'));
}

/** The folder that holds all of these files. */
function commonFolder(paths: readonly string[]): string {
  const [first = [], ...others] = paths.map((path) => dirname(path).split(sep));
  const end = first.findIndex((part, index) => others.some((other) => other[index] !== part));
  return `${(end < 0 ? first : first.slice(0, end)).join(sep)}${sep}`;
}
