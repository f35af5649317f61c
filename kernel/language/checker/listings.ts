import ts = require('typescript');
import { OWN_MODULE } from './own-types.js';
import type { Project } from './project.js';
import type { Scope } from './scope.js';
import { scratch, wordStart } from './scratch.js';

/** Where completions were asked for: the names in scope, and the text around a word of which the cursor is at the end. */
interface Asked {
  readonly header: string;
  readonly before: string;
  readonly word: string;
  readonly after: string;
  /** How often files had changed. */
  readonly changes: number;
}

export interface Listed extends Asked {
  /** In the order in which they are shown. */
  readonly entries: readonly ts.CompletionEntry[];
  /** Where in the text that begins what an entry replaces. */
  readonly from: number;
}

/** What TypeScript lists for completion. */
export class Listings {
  #last: Listed | undefined;

  constructor(
    private readonly project: Project,
    private readonly scope: Scope,
  ) {}

  /**
   * What could stand at a position, whatever has been typed of it, and where that begins. Whoever types a name on asks for
   * the same list with each letter.
   */
  at(source: ts.SourceFile, position: number): Listed {
    const { text } = source;
    const start = wordStart(text, position);
    const [before, word, after] = [text.slice(0, start), text.slice(start, position), text.slice(position)];
    // Behind a dot stands the name of a member, which no name in scope is.
    const header = this.scope.header(source, before.endsWith('.') ? 'mentioned' : 'all');
    this.project.refresh();
    const { changes } = this.project;
    const last = this.#last;
    if (last !== undefined && isSameList(last, { header, before, word, after, changes })) return last;
    const file = scratch(this.project, source, header, word);
    const found = this.project.service.getCompletionsAtPosition(file, header.length + position, {
      includeCompletionsWithInsertText: true,
      importModuleSpecifierEnding: 'js',
    });
    const replaced = found?.optionalReplacementSpan?.start ?? found?.entries[0]?.replacementSpan?.start;
    const place = replaced === undefined ? start : replaced - header.length;
    // Amid the folders of a path, TypeScript lists the files that could stand behind all of them.
    const entries = (place > position ? [] : (found?.entries ?? []))
      .filter(({ name }) => !name.startsWith('__') && !name.startsWith(OWN_MODULE))
      .sort((a, b) => a.sortText.localeCompare(b.sortText) || a.name.localeCompare(b.name));
    const from = Math.min(place, position);
    return (this.#last = { entries, from, header, before, word, after, changes });
  }

  /** Has the next list made anew, whatever has been typed. */
  forget(): void {
    this.#last = undefined;
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
