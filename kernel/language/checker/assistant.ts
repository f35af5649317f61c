import { setImmediate as turn } from 'node:timers/promises';
import type { Completions, DisplayData } from '../../protocol/index.js';
import type { Rewritten } from '../syntax/pieces.js';
import { MagicError, rewrite } from '../syntax/rewrite.js';
import { asmPlace, completeAsm, inspectAsm } from './asm-text.js';
import { AsmWords } from './asm-words.js';
import { Descriptions, shown } from './descriptions.js';
import { Listings } from './listings.js';
import { completionType, magicCompletions, magicHelp, namedByMagic } from './completions.js';
import { parse } from './parse.js';
import type { Project, ProjectOptions } from './project.js';
import type { Scope } from './scope.js';
import { scratch } from './scratch.js';
import { moduleNames, specifierPlace } from './specifiers.js';

/** Files that say types alone are found by the name of what they are about. */
const DECLARATIONS = /\.d\.[cm]?ts$/;

/** Texts for which something is looked up before anybody asks, so that V8 has compiled what that takes. */
const REHEARSALS = 20;

/** Completion and documentation of cells that are being written. */
export class Assistant {
  readonly #listings: Listings;
  readonly #descriptions: Descriptions;
  readonly #asm: AsmWords;
  /** Names that cell magics have given their values, by magic. */
  readonly #named = new Map<string, Set<string>>();

  constructor(
    private readonly options: ProjectOptions,
    private readonly project: Project,
    private readonly scope: Scope,
  ) {
    this.#listings = new Listings(project, scope);
    this.#descriptions = new Descriptions(project, scope);
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
      this.#listings.forget();
    }
    const { entries, from } = this.#listings.at(source, position);
    const typed = rewritten.text.slice(from, position);
    const matches = entries
      .filter(({ name }) => name.startsWith(typed) && (specifier === undefined || !DECLARATIONS.test(name)))
      .map(({ name, insertText, kind }) => ({ text: insertText ?? name, type: completionType(kind) }));
    const unique = new Map(matches.map((match) => [match.text, match]));
    return { matches: [...unique.values()], start: rewritten.toOriginal(from), end: cursor };
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
    const found = this.#descriptions.at(source, position);
    return found && shown(found, detail);
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
    const file = scratch(this.project, all, this.scope.header(all, 'all'));
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
}
