import { dirname, join } from 'node:path';
import ts = require('typescript');

const REFERENCE = /^\/\/\/ <reference lib="([^"]+)" ?\/>$/gm;

/**
 * The declarations of the language itself as one file. TypeScript has some sixty, and goes through all files of a program
 * whenever a text has changed: what several of them declare, as `Array`, it also puts together anew each time.
 */
export class Library {
  /** Path of the one file. */
  readonly file: string;
  readonly #folder: string;
  readonly #text: string;
  /** Files that it holds the text of. Packages refer to them by name: to the program they are empty. */
  readonly #held = new Set<string>();

  /** @param names as in the compiler option `lib` of `tsconfig.json` */
  constructor(names: readonly string[]) {
    this.#folder = dirname(ts.getDefaultLibFilePath({}));
    this.file = join(this.#folder, 'lib.virtual.d.ts');
    this.#text = names.map((name) => this.#read(name)).join('\n');
  }

  textOf(file: string): string | undefined {
    if (file === this.file) return this.#text;
    return this.#held.has(file) ? '' : undefined;
  }

  /** What a file refers to, and then the file. */
  #read(name: string): string {
    const file = join(this.#folder, `lib.${name}.d.ts`);
    if (this.#held.has(file)) return '';
    this.#held.add(file);
    const text = ts.sys.readFile(file);
    if (text === undefined) throw new Error(`TypeScript has no library ${name}: ${file} is not there`);
    const references = [...text.matchAll(REFERENCE)].map(([, referred]) => this.#read(referred));
    return [...references, text.replaceAll(REFERENCE, '')].join('\n');
  }
}
