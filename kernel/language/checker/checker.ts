import ts from 'typescript';
import type { Completions, DisplayData } from '../../protocol/index.js';
import type { CellDiagnostic, CompiledCell } from '../cell.js';
import type { Declaration } from './declarations.js';
import { declarationsOf } from './declarations.js';
import { diagnosticsOf, withoutCellModules } from './diagnostics.js';
import { emitCell } from './emit.js';
import { Names } from './names.js';
import type { ProjectOptions } from './project.js';
import { Project } from './project.js';

export type Compilation =
  | { readonly ok: true; readonly cell: number; readonly compiled: CompiledCell }
  | { readonly ok: false; readonly diagnostics: readonly CellDiagnostic[] };

/** Cell text as the type checker sees it: a header line with earlier names, the cell, its exports. */
interface Framed {
  readonly text: string;
  readonly headerLength: number;
}

/** Types, errors, completions and documentation of cells, each cell seeing the newest meaning of every earlier name. */
export class Checker {
  readonly #project: Project;
  readonly #names = new Names();
  /** What the cells that are being run declare, until {@link commit} says which of it came to be. */
  readonly #pending = new Map<number, readonly Declaration[]>();
  #cells = 0;

  constructor(options: ProjectOptions) {
    this.#project = new Project(options);
    for (const { path } of options.preludes) {
      for (const name of this.#project.exportsOf(path)) this.#names.addPrelude(name, path);
    }
  }

  /** Checks a cell and compiles it when it has no errors. */
  compile(name: string, code: string): Compilation {
    const cell = ++this.#cells;
    const source = parse(code);
    const declarations = declarationsOf(source);
    const { framed, emitted } = this.#frame(source, declarations);
    const file = this.#project.set(cell, framed.text);
    const diagnostics = diagnosticsOf(this.#project.service, file, framed.headerLength);
    if (diagnostics.length > 0) {
      this.#project.delete(cell);
      return { ok: false, diagnostics };
    }
    this.#pending.set(cell, declarations);
    const values = declarations.filter(({ value }) => value).map((declaration) => declaration.name);
    return { ok: true, cell, compiled: { name, values, ...emitCell(source, emitted) } };
  }

  /**
   * Ends a cell's run: what it declared is in scope for later cells.
   * @param unset values that it did not come to set because it failed; their names keep their old meaning, if any
   */
  commit(cell: number, unset: readonly string[]): void {
    const missing = new Set(unset);
    for (const declaration of this.#pending.get(cell) ?? []) {
      if (!missing.has(declaration.name)) this.#names.add(declaration, this.#project.moduleOf(cell));
    }
    this.#pending.delete(cell);
  }

  complete(code: string, cursor: number): Completions {
    const { file, headerLength } = this.#scratch(code);
    const position = headerLength + cursor;
    const found = this.#project.service.getCompletionsAtPosition(file, position, {});
    const start = wordStart(code, cursor);
    const typed = code.slice(start, cursor);
    const matches = (found?.entries ?? [])
      .filter(({ name }) => name.startsWith(typed))
      .sort((a, b) => a.sortText.localeCompare(b.sortText) || a.name.localeCompare(b.name))
      .map(({ name, insertText }) => insertText ?? name);
    return { matches: [...new Set(matches)], start, end: cursor };
  }

  inspect(code: string, cursor: number, detail: 0 | 1): DisplayData | undefined {
    const { file, headerLength } = this.#scratch(code);
    // A cursor just behind a name, or behind the parenthesis after it, means that name.
    for (const offset of [cursor, cursor - 1, wordStart(code, cursor) - 2]) {
      if (offset < 0) continue;
      const info = this.#project.service.getQuickInfoAtPosition(file, headerLength + offset);
      if (info !== undefined) return describe(info, detail);
    }
    return undefined;
  }

  /** Does the slow first work of a check before anybody waits for it. */
  warmUp(): void {
    const names = this.#names.names().join('; ');
    const { file } = this.#scratch(
      `const list = [1].map((x) => x + 1); console.log(list, process.cwd()); ${names}`,
    );
    this.#project.service.getSemanticDiagnostics(file);
    this.complete('list.', 5);
  }

  /** A cell that is being written, with every name in scope. */
  #scratch(code: string): { file: string; headerLength: number } {
    const source = parse(code);
    const declared = new Set(declarationsOf(source).map(({ name }) => name));
    const { checked } = this.#names.header(() => true, declared);
    const header = `${checked}\n`;
    return { file: this.#project.set(0, `${header}${code}\nexport {};`), headerLength: header.length };
  }

  #frame(source: ts.SourceFile, declarations: readonly Declaration[]): { framed: Framed; emitted: string } {
    const mentioned = identifiersOf(source);
    const declared = new Set(declarations.map(({ name }) => name));
    const { checked, emitted } = this.#names.header((name) => mentioned.has(name), declared);
    const header = `${checked}\n`;
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

function parse(code: string): ts.SourceFile {
  return ts.createSourceFile('cell.ts', code, ts.ScriptTarget.ES2022, false, ts.ScriptKind.TS);
}

/** Names to list in the cell's `export {}`: its declarations except imports and what it exports by itself. */
function exportedNames(declarations: readonly Declaration[]): string[] {
  const names = declarations
    .filter(({ kind, exported }) => kind !== 'import' && !exported)
    .map(({ name }) => name);
  return [...new Set(names)];
}

function identifiersOf(source: ts.SourceFile): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) found.add(node.text);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function wordStart(code: string, cursor: number): number {
  let start = cursor;
  while (start > 0 && /[\p{ID_Continue}$]/u.test(code[start - 1])) start--;
  return start;
}

function describe(info: ts.QuickInfo, detail: 0 | 1): DisplayData {
  // A name of another cell is an import to TypeScript; to the reader it is just the name.
  const signature = withoutCellModules(ts.displayPartsToString(info.displayParts))
    .replace(/^\(alias\) /, '')
    .replace(/\nimport [^\n]*$/, '');
  const documentation = ts.displayPartsToString(info.documentation);
  const tags = (info.tags ?? []).map(({ name, text }) =>
    `@${name} ${ts.displayPartsToString(text)}`.trimEnd(),
  );
  const parts = [signature, documentation, ...(detail === 1 ? [tags.join('\n')] : [])].filter(
    (part) => part !== '',
  );
  return {
    data: {
      'text/plain': parts.join('\n\n'),
      'text/markdown': ['```typescript\n' + signature + '\n```', ...parts.slice(1)].join('\n\n'),
    },
    metadata: {},
  };
}
