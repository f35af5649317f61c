import { setImmediate as turn } from 'node:timers/promises';
import ts = require('typescript');
import type { Completions, DisplayData } from '../../protocol/index.js';
import type { Rewritten } from '../syntax/pieces.js';
import { MagicError, rewrite } from '../syntax/rewrite.js';
import { asmPlace, completeAsm, inspectAsm } from './asm-text.js';
import { AsmWords } from './asm-words.js';
import { calledAt } from './calls.js';
import { completionType, magicCompletions, magicHelp, namedByMagic } from './completions.js';
import { withoutCellModules } from './diagnostics.js';
import type { Documentation } from './documentation.js';
import { DocumentationReader } from './documentation.js';
import { OWN_MODULE } from './own-types.js';
import { parse } from './parse.js';
import type { Project, ProjectOptions } from './project.js';
import type { Scope } from './scope.js';
import { moduleNames, specifierPlace } from './specifiers.js';
import { wordsOf } from './words.js';

/** Files that say types alone are found by the name of what they are about. */
const DECLARATIONS = /\.d\.[cm]?ts$/;

/** Texts for which something is looked up before anybody asks, so that V8 has compiled what that takes. */
const REHEARSALS = 20;

/** Where completions were asked for: the names in scope, and the text around a word of which the cursor is at the end. */
interface Asked {
  readonly header: string;
  readonly before: string;
  readonly word: string;
  readonly after: string;
  /** How often files had changed. */
  readonly changes: number;
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

/** Completion and documentation of cells that are being written. */
export class Assistant {
  readonly #documentation: DocumentationReader;
  readonly #asm: AsmWords;
  /** Names that cell magics have given their values, by magic. */
  readonly #named = new Map<string, Set<string>>();
  #lastListed: Listed | undefined;
  /** By all that it depends on: the version of the texts, and the position. */
  #lastDescribed: { readonly asked: string; readonly description: Description | undefined } | undefined;

  constructor(
    private readonly options: ProjectOptions,
    private readonly project: Project,
    private readonly scope: Scope,
  ) {
    this.#documentation = new DocumentationReader(project.service);
    this.#asm = new AsmWords(options.asmWords);
  }

  /** Notes a cell that is run. */
  ran(code: string): void {
    const named = namedByMagic(code);
    if (named === undefined) return;
    this.#named.set(named.magic, (this.#named.get(named.magic) ?? new Set()).add(named.name));
  }

  async complete(code: string, cursor: number): Promise<Completions> {
    const magics = magicCompletions(code, cursor, this.options.magics, this.#named);
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
      const { folder, ownModules } = this.options;
      const names = moduleNames(specifier.typed, folder, Object.keys(ownModules));
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
    const header = this.scope.header(source, before.endsWith('.') ? 'mentioned' : 'all');
    this.project.refresh();
    const { changes } = this.project;
    const last = this.#lastListed;
    if (last !== undefined && isSameList(last, { header, before, word, after, changes })) return last;
    const { file, headerLength } = this.#scratch(text, source, header, word);
    const found = this.project.service.getCompletionsAtPosition(file, headerLength + position, {
      includeCompletionsWithInsertText: true,
      importModuleSpecifierEnding: 'js',
    });
    const replaced = found?.optionalReplacementSpan?.start ?? found?.entries[0]?.replacementSpan?.start;
    const place = replaced === undefined ? start : replaced - headerLength;
    // Amid the folders of a path, TypeScript lists the files that could stand behind all of them.
    const entries = (place > position ? [] : (found?.entries ?? []))
      .filter(({ name }) => !name.startsWith('__') && !name.startsWith(OWN_MODULE))
      .sort((a, b) => a.sortText.localeCompare(b.sortText) || a.name.localeCompare(b.name));
    const from = Math.min(place, position);
    return (this.#lastListed = { entries, from, header, before, word, after, changes });
  }

  async inspect(code: string, cursor: number, detail: 0 | 1): Promise<DisplayData | undefined> {
    const magic = magicHelp(code, cursor, this.options.magics);
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
    this.project.refresh();
    const { file, headerLength } = this.#scratch(text, source, this.scope.header(source, 'mentioned'));
    const asked = `${this.project.version} ${position}`;
    if (this.#lastDescribed?.asked === asked) return this.#lastDescribed.description;
    // A cursor just behind a name, or behind the parenthesis after it, means that name; one amid arguments what is called.
    const called = calledAt(source, position);
    const offsets = [position, position - 1, wordStart(text, position) - 2, called].filter(
      (offset) => offset >= 0,
    );
    let description: Description | undefined;
    for (const offset of offsets) {
      const info = this.project.service.getQuickInfoAtPosition(file, headerLength + offset);
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
      return rewrite(code, this.options.magics);
    } catch (error) {
      if (error instanceof MagicError) return undefined;
      throw error;
    }
  }

  /** Lists and looks up much before anybody asks. @param text of a cell that has been checked */
  async rehearse(text: string): Promise<void> {
    const all = parse(`${text} ${this.scope.names().join('; ')}`);
    const { file } = this.#scratch(all.text, all, this.scope.header(all, 'all'));
    this.project.service.getSemanticDiagnostics(file);
    await turn();
    for (let n = 0; n < REHEARSALS; n++) {
      const before = `${n}; Math.`;
      await this.complete(before, before.length);
      await turn();
      await this.inspect(`${before}max`, before.length, 0);
      await turn();
    }
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
    const file = this.project.set('scratch', `${header}${code}\nexport {};`);
    this.project.provide(wordsOf(source), beginning);
    return { file, headerLength: header.length };
  }
}

/** Whether at most the word has been typed on. A keyword is none: with it the text around it can mean something else. */
function isSameList(last: Asked, now: Asked): boolean {
  return (
    last.before === now.before &&
    last.after === now.after &&
    last.header === now.header &&
    last.changes === now.changes &&
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
