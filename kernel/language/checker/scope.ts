import type ts from 'typescript';
import { ambientMembers, Ambients } from './ambient.js';
import type { Declaration } from './declarations.js';
import { declarationsOf } from './declarations.js';
import { Names } from './names.js';
import { wordsOf } from './words.js';

/** Cell text as the type checker sees it: a header line with earlier names, the cell, its exports. */
export interface Framed {
  readonly text: string;
  readonly headerLength: number;
}

/** What a cell that is being run makes known. */
export interface MadeKnown {
  readonly declarations: readonly Declaration[];
  readonly ambient: ReadonlySet<string>;
}

/** What cells have made known: the surroundings of the next one. */
export class Scope {
  readonly #names = new Names();
  readonly #ambients = new Ambients();
  /** Names of the preludes that are not for people. */
  readonly #reserved: string[] = [];

  /** A name exported by a prelude module. */
  addPrelude(name: string, module: string): void {
    this.#names.addPrelude(name, module);
    if (name.startsWith('__')) this.#reserved.push(name);
  }

  /** Those of some words that no cell may declare. */
  reservedIn(words: ReadonlySet<string>): string[] {
    return this.#reserved.filter((name) => words.has(name));
  }

  names(): readonly string[] {
    return this.#names.names();
  }

  /**
   * Adds what a cell has made known.
   * @param unset values that it did not come to set; their names keep their old meaning, if any
   */
  add(module: string, { declarations, ambient }: MadeKnown, unset: ReadonlySet<string>): void {
    this.#ambients.add(module, ambient);
    for (const declaration of declarations) {
      if (declaration.scope === 'cell') this.#names.remove(declaration.name);
      else if (!unset.has(declaration.name)) this.#names.add(declaration, module);
    }
  }

  /** Names that are in scope for a cell that is being written: all, or those that its text says. */
  header(source: ts.SourceFile, which: 'all' | 'mentioned'): string {
    const declared = namesIn(declarationsOf(source));
    const words = wordsOf(source);
    const { checked } = this.#names.header((name) => which === 'all' || words.has(name), declared);
    return `${this.#ambients.header(ambientMembers(source))}${checked}\n`;
  }

  /** A cell with its surroundings, for the type checker and for the emitter. */
  frame(
    source: ts.SourceFile,
    declarations: readonly Declaration[],
    mentioned: ReadonlySet<string>,
  ): { framed: Framed; emitted: string } {
    const declared = namesIn(declarations);
    const { checked, emitted } = this.#names.header((name) => mentioned.has(name), declared);
    const header = `${this.#ambients.header(ambientMembers(source))}${checked}\n`;
    const exported = exportedNames(declarations);
    return {
      framed: {
        text: `${header}${source.text}\nexport { ${exported.join(', ')} };`,
        headerLength: header.length,
      },
      emitted,
    };
  }
}

/** Names to list in the cell's `export {}`: its declarations except imports and what it exports by itself. */
function exportedNames(declarations: readonly Declaration[]): string[] {
  const names = declarations
    .filter(({ kind, exported, scope }) => kind !== 'import' && !exported && scope !== 'cell')
    .map(({ name }) => name);
  return [...new Set(names)];
}

/** Names that a cell has of its own. */
function namesIn(declarations: readonly Declaration[]): ReadonlySet<string> {
  return new Set(declarations.filter(({ scope }) => scope !== 'later').map(({ name }) => name));
}
