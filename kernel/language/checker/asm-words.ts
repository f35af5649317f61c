/** A word of assembly language, and what help shows of it. */
export interface AsmWord {
  readonly word: string;
  readonly kind: 'mnemonic' | 'register' | 'directive';
  /** Markdown. */
  readonly help: string;
}

/** A module that exports the words of the assembler as `asmWords()`. */
interface AsmWordsModule {
  asmWords(): readonly AsmWord[];
}

/** The words of the assembler, loaded when they are first needed: most cells have no assembly. */
export class AsmWords {
  #words: ReadonlyMap<string, AsmWord> | undefined;

  /** @param module file of the module that knows them, or nothing where there is no assembler */
  constructor(private readonly module: string | undefined) {}

  async load(): Promise<void> {
    if (this.module === undefined || this.#words !== undefined) return;
    const { asmWords } = (await import(this.module)) as AsmWordsModule;
    this.#words = new Map(asmWords().map((word) => [word.word, word]));
  }

  find(word: string): AsmWord | undefined {
    return this.#words?.get(word.toLowerCase());
  }

  /** Words that can stand where an operation stands, or where its operands do. */
  at(place: 'operation' | 'operand'): AsmWord[] {
    const wanted = [...(this.#words?.values() ?? [])];
    return wanted.filter(({ kind }) => (kind === 'register') === (place === 'operand'));
  }
}
