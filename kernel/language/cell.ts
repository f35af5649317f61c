/** A module that every cell can use without importing it: each of its exports is a name in scope. */
export interface Prelude {
  /** File of the compiled module; its declarations (`.d.ts`) lie beside it. */
  readonly path: string;
}

/** An import of a cell, to be loaded before the cell runs. */
export interface StaticImport {
  /** What `__imported` is called with for it. */
  readonly key: string;
  readonly specifier: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Whether it is `import x = require('module')`, which gives a CommonJS module's own value. */
  readonly required: boolean;
}

/** Text that compilation inserted into a cell; lines and columns count from 0 and exclude earlier insertions. */
export interface Insertion {
  readonly line: number;
  readonly column: number;
  readonly length: number;
}

/** A cell ready to run. */
export interface CompiledCell {
  /** Name in stack traces. */
  readonly name: string;
  /** JavaScript: the body of an async function that sees `SURROUNDINGS`. */
  readonly code: string;
  /** Source map, version 3, from `code` to the cell with its insertions, one line below a generated first line. */
  readonly sourceMap: string;
  /** Other names that the code has for some of its surroundings, because its text uses theirs. */
  readonly renamed: Readonly<Partial<Record<Surrounding, string>>>;
  readonly insertions: readonly Insertion[];
  readonly imports: readonly StaticImport[];
  /** Names of values that the cell declares. */
  readonly values: readonly string[];
}

/** A TypeScript file that a cell imports, ready to run as a cell is. */
export interface CompiledFile extends Pick<CompiledCell, 'code' | 'sourceMap' | 'imports' | 'renamed'> {
  readonly path: string;
}

/**
 * What compiled code takes from its surroundings. `exports` is the scope that all cells share; `__imported` gives what a
 * static import is of, and `__star` exports all of one.
 */
export const SURROUNDINGS = [
  ...(['exports', 'require', '__filename', '__dirname'] as const),
  ...(['__imported', '__meta', '__import', '__star', '__await', '__each', '__result'] as const),
] as const;
export type Surrounding = (typeof SURROUNDINGS)[number];

/** An error found before anything ran; lines and columns count from 1. */
export interface CellDiagnostic {
  readonly kind: 'syntax' | 'type';
  readonly line: number;
  readonly column: number;
  readonly length: number;
  readonly code: number;
  readonly message: string;
}
