import { setImmediate as turn } from 'node:timers/promises';
import ts = require('typescript');
import type { Completions, DisplayData } from '../../protocol/index.js';
import type { CellDiagnostic, CompiledCell } from '../cell.js';
import type { Rewritten } from '../syntax/pieces.js';
import { MagicError, rewrite } from '../syntax/rewrite.js';
import { ambientMembers } from './ambient.js';
import { Assistant } from './assistant.js';
import { declarationsOf, declaring } from './declarations.js';
import { diagnosticsOf, namelessOf, reservedOf, withUsage } from './diagnostics.js';
import { emitCell } from './emit.js';
import type { FileCompilation } from './files.js';
import { Files } from './files.js';
import { parse } from './parse.js';
import type { PassedOn } from './passed-on.js';
import { passedOn } from './passed-on.js';
import type { ProjectOptions } from './project.js';
import { Project } from './project.js';
import type { Framed, MadeKnown } from './scope.js';
import { Scope } from './scope.js';
import { wordsOf } from './words.js';

export type Compilation =
  | {
      readonly ok: true;
      readonly cell: number;
      readonly compiled: CompiledCell;
      /** Errors of type that did not stop the cell, in lenient mode. */
      readonly warnings: readonly CellDiagnostic[];
    }
  | { readonly ok: false; readonly diagnostics: readonly CellDiagnostic[] };

/** What is known of a cell's text, with the names around it. */
interface Checked {
  readonly original: string;
  readonly diagnostics: readonly CellDiagnostic[];
  readonly passedOn: PassedOn;
  /** Its JavaScript, once it was wanted. */
  emitted?: ReturnType<typeof emitCell>;
}

const REMEMBERED_CELLS = 500;

/** Types, errors, completions and documentation of cells, each cell seeing the newest meaning of every earlier name. */
export class Checker {
  readonly #project: Project;
  readonly #scope = new Scope();
  readonly #assistant: Assistant;
  readonly #magics: ProjectOptions['magics'];
  readonly #files: Files;
  /** What the cells that are being run declare, until {@link commit} says which of it came to be. */
  readonly #pending = new Map<number, MadeKnown>();
  /** Checked cells, by their text with its header. */
  readonly #checked = new Map<string, Checked>();
  /** How often files had changed when they were checked. */
  #changes = 0;
  #cells = 0;

  constructor(options: ProjectOptions) {
    this.#project = new Project(options);
    this.#magics = options.magics;
    this.#files = new Files(this.#project);
    this.#assistant = new Assistant(options, this.#project, this.#scope);
    for (const prelude of options.preludes) {
      const { names, specifier } = this.#project.preludeExports(prelude);
      for (const name of names) this.#scope.addPrelude(name, specifier);
    }
  }

  /** Checks a cell and compiles it when it has no errors, or in `lenient` mode none of syntax. */
  compile(name: string, code: string, mode: 'strict' | 'lenient'): Compilation {
    const cell = ++this.#cells;
    let rewritten: Rewritten;
    try {
      rewritten = rewrite(code, this.#magics);
    } catch (error) {
      if (error instanceof MagicError) return { ok: false, diagnostics: [magicDiagnostic(error)] };
      throw error;
    }
    this.#project.refresh();
    const source = parse(rewritten.text);
    const words = wordsOf(source);
    const reserved = declaring(source, this.#scope.reservedIn(words));
    if (reserved !== undefined) return { ok: false, diagnostics: [reservedOf(reserved, source, rewritten)] };
    const declarations = declarationsOf(source);
    const { framed, emitted } = this.#scope.frame(source, declarations, words);
    const checked = this.#check(framed, source, rewritten, words);
    const { diagnostics } = checked;
    const { stars, types } = checked.passedOn;
    const stops = mode === 'strict' || diagnostics.some(({ kind }) => kind === 'syntax');
    if (diagnostics.length > 0 && stops) {
      return { ok: false, diagnostics };
    }
    this.#project.add(cell, framed.text);
    this.#assistant.ran(code);
    // What a cell says itself comes before what a module says.
    this.#pending.set(cell, {
      declarations: [...stars, ...declarations],
      ambient: ambientMembers(source),
    });
    const values = declarations
      .filter(({ name, value }) => value && !types.has(name))
      .map((declaration) => declaration.name);
    checked.emitted ??= emitCell(source, emitted, types, words);
    const compiled = { name, values, ...checked.emitted };
    return { ok: true, cell, compiled, warnings: diagnostics };
  }

  /**
   * Errors of a cell. One without, run again while the names in it mean what they meant, has none again, and the same
   * JavaScript: its text with the header says all that they depend on, as cells never change, until a file does.
   */
  #check(
    { text, headerLength }: Framed,
    source: ts.SourceFile,
    rewritten: Rewritten,
    words: ReadonlySet<string>,
  ): Checked {
    if (this.#changes !== this.#project.changes) this.#checked.clear();
    this.#changes = this.#project.changes;
    const known = this.#checked.get(text);
    if (known?.original === rewritten.original) return known;
    const file = this.#project.set('next', text);
    this.#project.provide(words);
    const found = passedOn(this.#project.service, file, source);
    const own = diagnosticsOf(this.#project.service, file, headerLength, rewritten);
    const diagnostics = [
      ...withUsage(own, rewritten, this.#magics),
      ...namelessOf(found.unknown, headerLength, rewritten),
    ];
    if (diagnostics.length > 0) {
      // What an import did not find may be there when the cell is run again.
      this.#project.forget('next');
      return { original: rewritten.original, diagnostics, passedOn: found };
    }
    if (this.#checked.size >= REMEMBERED_CELLS) this.#checked.clear();
    const checked = { original: rewritten.original, diagnostics, passedOn: found };
    this.#checked.set(text, checked);
    return checked;
  }

  /**
   * Ends a cell's run: what it declared is in scope for later cells.
   * @param unset values that it did not come to set because it failed; their names keep their old meaning, if any
   */
  commit(cell: number, unset: readonly string[]): void {
    const known = this.#pending.get(cell);
    if (known !== undefined) this.#scope.add(this.#project.moduleOf(cell), known, new Set(unset));
    this.#pending.delete(cell);
  }

  /** The TypeScript file that `specifier` means in the file `from`, or nothing when it means something else. */
  compileFile(specifier: string, from: string, mode: 'strict' | 'lenient'): FileCompilation | undefined {
    return this.#files.compile(specifier, from, mode);
  }

  complete(code: string, cursor: number): Promise<Completions> {
    return this.#assistant.complete(code, cursor);
  }

  inspect(code: string, cursor: number, detail: 0 | 1): Promise<DisplayData | undefined> {
    return this.#assistant.inspect(code, cursor, detail);
  }

  /** Does the slow first work of a check before anybody waits for it. What is asked meanwhile comes before the rest. */
  async warmUp(): Promise<void> {
    const first = parse('const list = [1].map((x) => x + 1); console.log(list, process.cwd());');
    const file = this.#project.set('scratch', `${first.text}\nexport {};`);
    this.#project.provide(wordsOf(first));
    this.#project.service.getSemanticDiagnostics(file);
    await turn();
    while (this.#project.grow()) await turn();
    await this.#assistant.rehearse(first.text);
  }
}

function magicDiagnostic({ message, line, column, length }: MagicError): CellDiagnostic {
  return { kind: 'syntax', line, column, length, code: 0, message };
}
