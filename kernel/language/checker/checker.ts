import { setImmediate as turn } from 'node:timers/promises';
import ts = require('typescript');
import type { Completions, DisplayData } from '../../protocol/index.js';
import type { CellDiagnostic, CompiledCell } from '../cell.js';
import type { Rewritten } from '../syntax/pieces.js';
import { MagicError, rewrite } from '../syntax/rewrite.js';
import { ambientMembers, Ambients } from './ambient.js';
import { asmPlace, completeAsm, inspectAsm } from './asm-text.js';
import { AsmWords } from './asm-words.js';
import { calledAt } from './calls.js';
import { completionType, magicCompletions, magicHelp, namedByMagic } from './completions.js';
import type { Declaration } from './declarations.js';
import { declarationsOf, declaring } from './declarations.js';
import { diagnosticsOf, namelessOf, reservedOf, withoutCellModules } from './diagnostics.js';
import type { Documentation } from './documentation.js';
import { DocumentationReader } from './documentation.js';
import { emitCell } from './emit.js';
import { Files } from './files.js';
import type { FileCompilation } from './files.js';
import { Names } from './names.js';
import type { PassedOn } from './passed-on.js';
import { passedOn } from './passed-on.js';
import { OWN_MODULE } from './own-types.js';
import type { ProjectOptions } from './project.js';
import { Project } from './project.js';
import { moduleNames, specifierPlace } from './specifiers.js';
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

/** Cell text as the type checker sees it: a header line with earlier names, the cell, its exports. */
interface Framed {
  readonly text: string;
  readonly headerLength: number;
}

/** What is known of a cell's text, with the names around it. */
interface Checked {
  readonly original: string;
  readonly diagnostics: readonly CellDiagnostic[];
  readonly passedOn: PassedOn;
  /** Its JavaScript, once it was wanted. */
  emitted?: ReturnType<typeof emitCell>;
}

/** Files that say types alone are found by the name of what they are about. */
const DECLARATIONS = /\.d\.[cm]?ts$/;

/** What a cell that is being run makes known. */
interface Pending {
  readonly declarations: readonly Declaration[];
  readonly ambient: ReadonlySet<string>;
}

const REMEMBERED_CELLS = 500;
/** Texts for which something is looked up before anybody asks, so that V8 has compiled what that takes. */
const REHEARSALS = 20;

/** Where completions were asked for: the names in scope, and the text around a word of which the cursor is at the end. */
interface Asked {
  readonly header: string;
  readonly before: string;
  readonly word: string;
  readonly after: string;
}

interface Listed extends Asked {
  /** In the order in which they are shown. */
  readonly entries: readonly ts.CompletionEntry[];
  /** Where in the text that begins what an entry replaces. */
  readonly from: number;
}

/** What a name means. */
interface Description {
  readonly signature: string;
  readonly documentation: Documentation;
}

/** Types, errors, completions and documentation of cells, each cell seeing the newest meaning of every earlier name. */
export class Checker {
  readonly #project: Project;
  readonly #names = new Names();
  readonly #ambients = new Ambients();
  readonly #magics: ProjectOptions['magics'];
  /** Names of the preludes that are not for people. */
  readonly #reserved = new Set<string>();
  readonly #asm: AsmWords;
  /** Names that cell magics have given their values, by magic. */
  readonly #named = new Map<string, Set<string>>();
  readonly #folder: string;
  readonly #ownModules: readonly string[];
  readonly #documentation: DocumentationReader;
  readonly #files: Files;
  /** What the cells that are being run declare, until {@link commit} says which of it came to be. */
  readonly #pending = new Map<number, Pending>();
  /** Checked cells, by their text with its header. */
  readonly #checked = new Map<string, Checked>();
  #lastListed: Listed | undefined;
  /** By all that it depends on: the version of the texts, and the position. */
  #lastDescribed: { readonly asked: string; readonly description: Description | undefined } | undefined;
  #cells = 0;

  constructor(options: ProjectOptions) {
    this.#project = new Project(options);
    this.#magics = options.magics;
    this.#folder = options.folder;
    this.#ownModules = Object.keys(options.ownModules);
    this.#asm = new AsmWords(options.asmWords);
    this.#files = new Files(this.#project);
    this.#documentation = new DocumentationReader(this.#project.service);
    for (const prelude of options.preludes) {
      const { names, specifier } = this.#project.preludeExports(prelude);
      for (const name of names) {
        this.#names.addPrelude(name, specifier);
        if (name.startsWith('__')) this.#reserved.add(name);
      }
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
    this.#refresh();
    const source = parse(rewritten.text);
    const words = wordsOf(source);
    const reserved = declaring(
      source,
      [...this.#reserved].filter((name) => words.has(name)),
    );
    if (reserved !== undefined) return { ok: false, diagnostics: [reservedOf(reserved, source, rewritten)] };
    const declarations = declarationsOf(source);
    const { framed, emitted } = this.#frame(source, declarations, words);
    const checked = this.#check(framed, source, rewritten, words);
    const { diagnostics } = checked;
    const { stars, types } = checked.passedOn;
    const stops = mode === 'strict' || diagnostics.some(({ kind }) => kind === 'syntax');
    if (diagnostics.length > 0 && stops) {
      return { ok: false, diagnostics };
    }
    this.#project.add(cell, framed.text);
    const named = namedByMagic(code);
    if (named !== undefined)
      this.#named.set(named.magic, (this.#named.get(named.magic) ?? new Set()).add(named.name));
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
    const known = this.#checked.get(text);
    if (known?.original === rewritten.original) return known;
    const file = this.#project.set('next', text);
    this.#project.provide(words);
    const found = passedOn(this.#project.service, file, source);
    const diagnostics = [
      ...diagnosticsOf(this.#project.service, file, headerLength, rewritten),
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
    const missing = new Set(unset);
    const { declarations = [], ambient = new Set<string>() } = this.#pending.get(cell) ?? {};
    this.#ambients.add(this.#project.moduleOf(cell), ambient);
    for (const declaration of declarations) {
      if (declaration.scope === 'cell') this.#names.remove(declaration.name);
      else if (!missing.has(declaration.name)) this.#names.add(declaration, this.#project.moduleOf(cell));
    }
    this.#pending.delete(cell);
  }

  /** The TypeScript file that `specifier` means in the file `from`, or nothing when it means something else. */
  compileFile(specifier: string, from: string, mode: 'strict' | 'lenient'): FileCompilation | undefined {
    return this.#files.compile(specifier, from, mode);
  }

  /** Forgets what files said that have been edited. */
  #refresh(): void {
    if (!this.#project.refresh()) return;
    this.#checked.clear();
    this.#lastListed = undefined;
  }

  async complete(code: string, cursor: number): Promise<Completions> {
    const magics = magicCompletions(code, cursor, this.#magics, this.#named);
    if (magics !== undefined) return magics;
    const rewritten = this.#rewritten(code);
    if (rewritten === undefined) return { matches: [], start: cursor, end: cursor };
    const position = rewritten.toRewritten(cursor);
    const source = parse(rewritten.text);
    const place = asmPlace(source, position);
    if (place !== undefined) {
      await this.#asm.load();
      return completeAsm(place, cursor, this.#asm);
    }
    const specifier = specifierPlace(source, position);
    if (specifier !== undefined) {
      const names = moduleNames(specifier.typed, this.#folder, this.#ownModules);
      const matches = names.map((text) => ({ text, type: 'module' }));
      const start = rewritten.toOriginal(specifier.start);
      if (names.length > 0) return { matches, start, end: cursor };
      // Files come and go.
      this.#lastListed = undefined;
    }
    const { entries, from } = this.#listed(rewritten.text, position, source);
    const typed = rewritten.text.slice(from, position);
    const matches = entries
      .filter(({ name }) => name.startsWith(typed) && (specifier === undefined || !DECLARATIONS.test(name)))
      .map(({ name, insertText, kind }) => ({ text: insertText ?? name, type: completionType(kind) }));
    const unique = new Map(matches.map((match) => [match.text, match]));
    return { matches: [...unique.values()], start: rewritten.toOriginal(from), end: cursor };
  }

  /**
   * What could stand at a position, whatever has been typed of it, and where that begins. Whoever types a name on asks for
   * the same list with each letter.
   */
  #listed(text: string, position: number, source: ts.SourceFile): Listed {
    const start = wordStart(text, position);
    const [before, word, after] = [text.slice(0, start), text.slice(start, position), text.slice(position)];
    // Behind a dot stands the name of a member, which no name in scope is.
    const header = this.#header(source, before.endsWith('.') ? 'mentioned' : 'all');
    this.#refresh();
    const last = this.#lastListed;
    if (last !== undefined && isSameList(last, { header, before, word, after })) return last;
    const { file, headerLength } = this.#scratch(text, source, header, word);
    const found = this.#project.service.getCompletionsAtPosition(file, headerLength + position, {
      includeCompletionsWithInsertText: true,
      importModuleSpecifierEnding: 'js',
    });
    const replaced = found?.optionalReplacementSpan?.start ?? found?.entries[0]?.replacementSpan?.start;
    const from = replaced === undefined ? start : replaced - headerLength;
    const entries = (found?.entries ?? [])
      .filter(({ name }) => !name.startsWith('__') && !name.startsWith(OWN_MODULE))
      .sort((a, b) => a.sortText.localeCompare(b.sortText) || a.name.localeCompare(b.name));
    return (this.#lastListed = { entries, from, header, before, word, after });
  }

  async inspect(code: string, cursor: number, detail: 0 | 1): Promise<DisplayData | undefined> {
    const magic = magicHelp(code, cursor, this.#magics);
    if (magic !== undefined) return magic;
    const rewritten = this.#rewritten(code);
    if (rewritten === undefined) return undefined;
    const position = rewritten.toRewritten(cursor);
    const source = parse(rewritten.text);
    const place = asmPlace(source, position);
    if (place !== undefined) {
      await this.#asm.load();
      return inspectAsm(place, this.#asm);
    }
    const found = this.#described(rewritten.text, position, source);
    return found && shown(found, detail);
  }

  /** What the name at a position means. Whoever wants more detail asks for the same once more. */
  #described(text: string, position: number, source: ts.SourceFile): Description | undefined {
    this.#refresh();
    const { file, headerLength } = this.#scratch(text, source, this.#header(source, 'mentioned'));
    const asked = `${this.#project.version} ${position}`;
    if (this.#lastDescribed?.asked === asked) return this.#lastDescribed.description;
    // A cursor just behind a name, or behind the parenthesis after it, means that name; one amid arguments what is called.
    const called = calledAt(source, position);
    const offsets = [position, position - 1, wordStart(text, position) - 2, called].filter(
      (offset) => offset >= 0,
    );
    let description: Description | undefined;
    for (const offset of offsets) {
      const info = this.#project.service.getQuickInfoAtPosition(file, headerLength + offset);
      // A name that means nothing has a type, `any`, and is no kind of thing.
      if (info === undefined || info.kind === ts.ScriptElementKind.unknown) continue;
      description = {
        signature: signatureOf(info),
        documentation: this.#documentation.at(file, headerLength + offset),
      };
      break;
    }
    this.#lastDescribed = { asked, description };
    return description;
  }

  /** Nothing for a cell whose magic is not there, or not there yet. */
  #rewritten(code: string): Rewritten | undefined {
    try {
      return rewrite(code, this.#magics);
    } catch (error) {
      if (error instanceof MagicError) return undefined;
      throw error;
    }
  }

  /** Does the slow first work of a check before anybody waits for it. What is asked meanwhile comes before the rest. */
  async warmUp(): Promise<void> {
    const first = parse('const list = [1].map((x) => x + 1); console.log(list, process.cwd());');
    const file = this.#project.set('scratch', `${first.text}\nexport {};`);
    this.#project.provide(wordsOf(first));
    this.#project.service.getSemanticDiagnostics(file);
    await turn();
    while (this.#project.grow()) await turn();
    const all = parse(`${first.text} ${this.#names.names().join('; ')}`);
    this.#project.service.getSemanticDiagnostics(this.#scratch(all.text, all, this.#header(all, 'all')).file);
    await turn();
    for (let n = 0; n < REHEARSALS; n++) {
      const before = `${n}; Math.`;
      await this.complete(before, before.length);
      await turn();
      await this.inspect(`${before}max`, before.length, 0);
      await turn();
    }
  }

  /** Names that are in scope for a cell that is being written: all, or those that its text says. */
  #header(source: ts.SourceFile, which: 'all' | 'mentioned'): string {
    const declared = namesIn(declarationsOf(source));
    const words = wordsOf(source);
    const { checked } = this.#names.header((name) => which === 'all' || words.has(name), declared);
    return `${this.#ambients.header(ambientMembers(source))}${checked}\n`;
  }

  /**
   * A cell that is being written.
   * @param beginning of the name that stands before the cursor
   */
  #scratch(
    code: string,
    source: ts.SourceFile,
    header: string,
    beginning = '',
  ): { file: string; headerLength: number } {
    const file = this.#project.set('scratch', `${header}${code}\nexport {};`);
    this.#project.provide(wordsOf(source), beginning);
    return { file, headerLength: header.length };
  }

  #frame(
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

function parse(code: string): ts.SourceFile {
  return ts.createSourceFile('cell.ts', code, ts.ScriptTarget.ES2022, false, ts.ScriptKind.TS);
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

/** Whether at most the word has been typed on. A keyword is none: with it the text around it can mean something else. */
function isSameList(last: Asked, now: Asked): boolean {
  return (
    last.before === now.before &&
    last.after === now.after &&
    last.header === now.header &&
    (now.word === last.word || (now.word.startsWith(last.word) && isName(last.word) && isName(now.word)))
  );
}

function isName(word: string): boolean {
  const scanner = ts.createScanner(ts.ScriptTarget.ES2022, false, ts.LanguageVariant.Standard, word);
  return scanner.scan() === ts.SyntaxKind.Identifier && scanner.getTokenEnd() === word.length;
}

function wordStart(code: string, cursor: number): number {
  let start = cursor;
  while (start > 0 && /[\p{ID_Continue}$]/u.test(code[start - 1])) start--;
  return start;
}

function magicDiagnostic({ message, line, column, length }: MagicError): CellDiagnostic {
  return { kind: 'syntax', line, column, length, code: 0, message };
}

function signatureOf({ displayParts }: ts.QuickInfo): string {
  // A name of another cell is an import to TypeScript; to the reader it is just the name.
  return withoutCellModules(ts.displayPartsToString(displayParts))
    .replace(/^\(alias\) /, '')
    .replace(/\nimport [^\n]*$/, '');
}

function shown({ signature, documentation }: Description, detail: 0 | 1): DisplayData {
  const parts = [signature, documentation.text, detail === 1 ? documentation.tags : ''].filter(
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
