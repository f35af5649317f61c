import type { AssemblyOptions } from './assemble.js';
import { conditionWords, findCondition } from './conditions.js';
import { TokenCursor } from './cursor.js';
import { Budget, BudgetError, Defines } from './defines.js';
import { SourceError, type DiagnosticSink, type Span } from './diagnostics.js';
import { evaluate, scalar, type Scope } from './evaluate.js';
import { parseExpression } from './expression.js';
import { readLines, type Token } from './lexer.js';
import { limits } from './limits.js';
import { tokensAt } from './macro-lines.js';
import { macroArguments, MacroCall, Macros, parseMacroHeader, type RawLine } from './macros.js';
import { preprocessorDirectives, type DirectiveHost } from './preprocessor-directives.js';
import type { ExpandedLine } from './statement.js';
import { didYouMean } from './suggest.js';

/** Lines being read: a file, the body of a macro call, or of a %rep. */
interface Frame {
  readonly kind: 'file' | 'macro' | 'rep';
  readonly lines: readonly RawLine[];
  next: number;
  /** Iterations of a %rep still to come after this one. */
  remaining: number;
  /** The macro call whose parameters hold here. */
  readonly call: MacroCall | undefined;
  /** Conditions open when the frame began; those opened inside must be closed inside. */
  readonly conditionDepth: number;
}

/** An open %if: whether a branch has been taken and whether this one is. */
interface OpenCondition {
  taken: boolean;
  active: boolean;
  /** Whether %else has been seen. */
  last: boolean;
  readonly directive: Token;
}

/**
 * Expands a source: %include, %define, %macro, %rep, %if. Lines come out one at a time so that constants
 * defined by `equ` so far can be put into `constants`, where %if and %assign find them.
 */
export function preprocess(
  source: string,
  fileName: string,
  options: AssemblyOptions,
  constants: ReadonlyMap<string, bigint>,
  sink: DiagnosticSink,
): Generator<ExpandedLine> {
  return new Preprocessor(fileName, options, constants, sink).run(source);
}

class Preprocessor implements DirectiveHost {
  readonly #budget = new Budget();
  readonly defines = new Defines(this.#budget);
  readonly macros = new Macros();
  readonly contexts: { readonly name: string; readonly id: number }[] = [];
  readonly #frames: Frame[] = [];
  readonly #conditions: OpenCondition[] = [];
  #nextId = 1;

  constructor(
    readonly fileName: string,
    readonly options: AssemblyOptions,
    readonly constants: ReadonlyMap<string, bigint>,
    readonly sink: DiagnosticSink,
  ) {}

  *run(source: string): Generator<ExpandedLine> {
    const start: Span = { file: this.fileName, line: 1, column: 1, endColumn: 2 };
    if (this.sink.guard(() => this.#begin(source, start)) === undefined) return;
    for (;;) {
      const frame = this.#frames[this.#frames.length - 1];
      if (frame === undefined) return;
      if (frame.next >= frame.lines.length) {
        this.#endFrame(frame);
        continue;
      }
      const line = frame.lines[frame.next++];
      let out: ExpandedLine[] = [];
      try {
        out = this.#line(line, frame);
      } catch (error) {
        if (!(error instanceof SourceError)) throw error;
        this.#report(error, frame);
        if (error instanceof BudgetError) {
          this.sink.exhausted = true;
          return;
        }
      }
      yield* out;
    }
  }

  #begin(source: string, start: Span): true {
    for (const [name, text] of Object.entries({ ...predefined, ...this.options.defines })) {
      this.defines.define({ name, body: tokensAt(text, start, true), ignoreCase: false });
    }
    this.#openFile(source, this.fileName, start);
    return true;
  }

  #openFile(source: string, file: string, span: Span): void {
    if (source.length > limits.sourceCharacters) {
      throw new SourceError(`'${file}' is longer than ${limits.sourceCharacters} characters`, span);
    }
    this.#push({ kind: 'file', lines: readLines(source, file), remaining: 0, call: undefined }, span);
  }

  #push(frame: Omit<Frame, 'next' | 'conditionDepth'>, span: Span): void {
    const depth = this.#frames.filter(({ kind }) => kind === frame.kind).length;
    const bounds = { file: limits.includeDepth, macro: limits.macroDepth, rep: limits.blockDepth };
    if (depth >= bounds[frame.kind]) {
      const names = { file: '%include', macro: 'macro calls', rep: '%rep' };
      throw new SourceError(`${names[frame.kind]} nested deeper than ${bounds[frame.kind]}`, span);
    }
    this.#frames.push({ ...frame, next: 0, conditionDepth: this.#conditions.length });
  }

  #endFrame(frame: Frame): void {
    const open = this.#conditions[this.#conditions.length - 1];
    if (this.#conditions.length > frame.conditionDepth && open !== undefined) {
      this.sink.error(open.directive, `'${open.directive.text}' has no %endif`);
    }
    this.#conditions.length = Math.min(this.#conditions.length, frame.conditionDepth);
    if (frame.remaining > 0) {
      frame.remaining--;
      frame.next = 0;
      // An empty body costs a step too: a million empty iterations inside each other must end.
      const failure = this.sink.guard(
        () => (this.#budget.line(frame.lines[0] ? rowSpan(frame.lines[0]) : noSpan), true),
      );
      if (failure === undefined) {
        this.sink.exhausted = true;
        this.#frames.length = 0;
      }
      return;
    }
    this.#frames.pop();
  }

  /** Says in a macro's error where the macro was called. */
  #report(error: SourceError, frame: Frame): void {
    const { call } = frame;
    const where =
      call === undefined ? '' : ` (in macro '${call.macro.name}' called in line ${call.callee.line})`;
    this.sink.error(error.span, error.message + where);
  }

  get #skipping(): boolean {
    return this.#conditions.some(({ active }) => !active);
  }

  #line(line: RawLine, frame: Frame): ExpandedLine[] {
    const first = line.tokens[0];
    const word = first?.kind === 'percent' ? first.text.slice(1).toLowerCase() : undefined;
    const conditional =
      word !== undefined && (findCondition(word) !== undefined || word === 'else' || word === 'endif');
    if (this.#skipping && !conditional) return [];
    if (line.error !== undefined) throw line.error;
    if (first === undefined) return [];
    this.#budget.line(first);
    this.#budget.tokens(line.tokens.length, first);
    const tokens = this.#contextNames(
      frame.call === undefined ? line.tokens : frame.call.substitute(line.tokens),
    );
    if (conditional && word !== undefined) {
      this.#condition(word, tokens);
      return [];
    }
    const [head] = tokens;
    if (head?.kind === 'percent' && /^%[a-z]+$/i.test(head.text)) {
      this.#directive(head, tokens.slice(1), frame);
      return [];
    }
    const expanded = this.defines.expand(tokens);
    const stray = expanded.find(({ kind }) => kind === 'percent');
    if (stray !== undefined) throw new SourceError(strayMessage(stray.text), stray);
    const source = { file: line.file, line: line.line, text: line.text };
    const call = this.#macroCall(expanded);
    if (call === undefined)
      return expanded.length === 0 ? [] : [{ tokens: expanded, source, expanded: frame.kind !== 'file' }];
    this.#push({ kind: 'macro', lines: call.macro.body, remaining: 0, call }, call.callee);
    const usesLabel = call.macro.body.some(({ tokens: body }) => body.some(({ text }) => text === '%00'));
    if (call.label.length === 0 || usesLabel) return [];
    const colon: Token = { ...call.label[0], kind: 'punctuation', text: ':', spaced: false };
    return [{ tokens: [...call.label, colon], source, expanded: true }];
  }

  /** Replaces `%$name` by the name it has in its context. */
  #contextNames(tokens: readonly Token[]): readonly Token[] {
    if (!tokens.some(({ kind, text }) => kind === 'percent' && text.startsWith('%$'))) return tokens;
    return tokens.flatMap((token) => {
      const match = token.kind === 'percent' ? /^%(\$+)(.+)$/.exec(token.text) : null;
      if (match === null) return [token];
      const context = this.contexts[this.contexts.length - match[1].length];
      if (context === undefined)
        throw new SourceError(`'${token.text}' needs ${match[1].length} open %push`, token);
      return tokensAt(`..@${context.id}.${match[2]}`, token, token.spaced);
    });
  }

  /** A call of a multi-line macro on this line, perhaps after a label. */
  #macroCall(tokens: readonly Token[]): MacroCall | undefined {
    const labelled = tokens[1]?.kind === 'punctuation' && tokens[1].text === ':' ? 2 : 1;
    for (const at of [0, labelled]) {
      const callee = tokens[at];
      if (callee?.kind !== 'name' || callee.forced === true || (at > 0 && tokens[0].kind !== 'name'))
        continue;
      const overloads = this.macros.find(callee.text);
      if (overloads.length === 0) continue;
      const rest = tokens.slice(at + 1);
      const macro = overloads.find((one) => {
        const { length } = macroArguments(one, rest);
        return length >= one.minimum && length <= one.maximum;
      });
      if (macro === undefined) {
        const counts = overloads.map(({ minimum, maximum }) =>
          minimum === maximum ? `${minimum}` : `${minimum} to ${maximum}`,
        );
        const given = macroArguments(overloads[0], rest).length;
        throw new SourceError(
          `macro '${callee.text}' expects ${counts.join(' or ')} arguments, found ${given}`,
          callee,
        );
      }
      if (this.#frames.some(({ call }) => call?.macro === macro)) {
        throw new SourceError(`macro '${callee.text}' calls itself`, callee);
      }
      return new MacroCall(
        macro,
        macroArguments(macro, rest),
        this.#nextId++,
        callee,
        tokens.slice(0, Math.min(at, 1)),
      );
    }
    return undefined;
  }

  #condition(word: string, tokens: readonly Token[]): void {
    const [directive, ...rest] = tokens;
    const depth = this.#frames[this.#frames.length - 1].conditionDepth;
    const open = this.#conditions.length > depth ? this.#conditions[this.#conditions.length - 1] : undefined;
    if (word === 'endif') {
      if (open === undefined) throw new SourceError("'%endif' without '%if'", directive);
      this.#conditions.pop();
      return;
    }
    if (word === 'else') {
      if (open === undefined || open.last) throw new SourceError("'%else' without '%if'", directive);
      open.active = !open.taken;
      open.taken = true;
      open.last = true;
      return;
    }
    const condition = findCondition(word);
    if (condition === undefined) return;
    if (condition.otherwise) {
      if (open === undefined || open.last)
        throw new SourceError(`'${directive.text}' without '%if'`, directive);
      open.active = false;
      if (open.taken || this.#skippingOutside(open)) return;
      open.active = condition.test(rest, directive, this.#conditionContext);
      open.taken = open.active;
      return;
    }
    if (this.#conditions.length >= limits.blockDepth)
      throw new SourceError(`%if nested deeper than ${limits.blockDepth}`, directive);
    const entry: OpenCondition = { taken: true, active: false, last: false, directive };
    const skipping = this.#skipping;
    // Entered before it is tested: its %endif must find it even when the test is wrong.
    this.#conditions.push(entry);
    if (skipping) return;
    entry.active = condition.test(rest, directive, this.#conditionContext);
    entry.taken = entry.active;
  }

  /** Whether an enclosing condition, not this one, is skipping. */
  #skippingOutside(innermost: OpenCondition): boolean {
    return this.#conditions.some((one) => one !== innermost && !one.active);
  }

  readonly #conditionContext = {
    expand: (tokens: readonly Token[]) => this.defines.expand(tokens),
    evaluate: (tokens: readonly Token[], directive: Token) => this.evaluate(tokens, directive),
    isDefined: (name: string) => this.defines.lookup(name).length > 0,
    isMacro: ([name, ...counts]: readonly Token[]) => {
      const wanted = counts[0]?.kind === 'number' ? Number(counts[0].value) : undefined;
      return this.macros
        .find(name?.text ?? '')
        .some((macro) => wanted === undefined || (wanted >= macro.minimum && wanted <= macro.maximum));
    },
    isContext: (name: string) => this.contexts[this.contexts.length - 1]?.name === name,
  };

  /** The value of an expression that must be known while macros expand. */
  evaluate(tokens: readonly Token[], directive: Token): bigint {
    const cursor = new TokenCursor(this.defines.expand(tokens), directive);
    const expression = parseExpression(cursor, (name) => name);
    cursor.expectEnd('after the expression');
    const noAddress = (span: Span): never => {
      throw new SourceError(
        `'${directive.text}' cannot use addresses: they are known only after macros have expanded`,
        span,
      );
    };
    const scope: Scope = {
      symbol: (name, span) => {
        const value = this.constants.get(name);
        if (value !== undefined) return scalar(value);
        const hint = didYouMean(name, [...this.defines.names(), ...this.constants.keys()]);
        throw new SourceError(
          `'${name}' has no value here: expected a macro or an equ constant defined above${hint}`,
          span,
        );
      },
      here: () => noAddress(expression.span),
      sectionStart: () => noAddress(expression.span),
    };
    const value = evaluate(expression, scope);
    if (value.registers.length > 0)
      throw new SourceError(`'${directive.text}' needs a number, found a register`, expression.span);
    return value.number;
  }

  #directive(head: Token, rest: readonly Token[], frame: Frame): void {
    const word = head.text.slice(1).toLowerCase();
    switch (word) {
      case 'macro':
      case 'imacro': {
        const body = this.#block(frame, head, ['macro', 'imacro'], ['endmacro', 'endm']);
        this.macros.define({ ...parseMacroHeader(rest, head, word === 'imacro'), body }, head);
        return;
      }
      case 'rep':
        this.#repeat(frame, head, rest);
        return;
      case 'exitrep':
        this.#leave('rep', head);
        return;
      case 'exitmacro':
        this.#leave('macro', head);
        return;
      case 'rotate':
        if (frame.call === undefined) throw new SourceError("'%rotate' outside a macro", head);
        frame.call.rotate(Number(BigInt.asIntN(32, this.evaluate(rest, head))));
        return;
      case 'include':
        this.#include(head, rest);
        return;
    }
    if (Object.hasOwn(preprocessorDirectives, word)) {
      preprocessorDirectives[word](this, head, rest);
      return;
    }
    throw new SourceError(
      `unknown preprocessor directive '${head.text}'${didYouMean(word, directiveWords())}`,
      head,
    );
  }

  readonly newId = (): number => this.#nextId++;

  /** Takes the lines of a block, up to its end, out of the frame. */
  #block(frame: Frame, head: Token, openers: readonly string[], closers: readonly string[]): RawLine[] {
    const start = frame.next;
    let depth = 1;
    while (frame.next < frame.lines.length) {
      const first = frame.lines[frame.next++].tokens[0];
      if (first?.kind !== 'percent') continue;
      const word = first.text.slice(1).toLowerCase();
      if (openers.includes(word)) depth++;
      if (closers.includes(word) && --depth === 0) return frame.lines.slice(start, frame.next - 1);
    }
    // The rest of the file is not read as if the block were not there: go on after its first line.
    frame.next = start;
    throw new SourceError(`'${head.text}' has no %${closers[0]}`, head);
  }

  #repeat(frame: Frame, head: Token, rest: readonly Token[]): void {
    const lines = this.#block(frame, head, ['rep'], ['endrep']);
    const count = this.evaluate(rest, head);
    if (count > BigInt(limits.repeatCount)) {
      throw new SourceError(
        `%rep repeats at most ${limits.repeatCount} times, found ${count}`,
        rest[0] ?? head,
      );
    }
    if (count < 1n) return;
    this.#push({ kind: 'rep', lines, remaining: Number(count) - 1, call: frame.call }, head);
  }

  #leave(kind: 'rep' | 'macro', head: Token): void {
    const position = this.#frames.map((frame) => frame.kind).lastIndexOf(kind);
    if (position < 0)
      throw new SourceError(`'${head.text}' outside a ${kind === 'rep' ? '%rep' : 'macro'}`, head);
    this.#conditions.length = this.#frames[position].conditionDepth;
    this.#frames.length = position;
  }

  #include(head: Token, rest: readonly Token[]): void {
    const [name] = this.defines.expand(rest);
    if (name?.kind !== 'string')
      throw new SourceError("expected a quoted file name after '%include'", name ?? head);
    const { include } = this.options;
    if (include === undefined)
      throw new SourceError('%include is not available here: no files are given to this assembly', head);
    const text = include(name.text);
    if (text === null) throw new SourceError(`file '${name.text}' is not found`, name);
    this.#openFile(text, name.text, name);
  }
}

/** Macros NASM defines itself, for sources that ask which assembler reads them. */
const predefined: Readonly<Record<string, string>> = {
  __NASM_MAJOR__: '2',
  '__?NASM_MAJOR?__': '2',
  __NASM_MINOR__: '16',
  '__?NASM_MINOR?__': '16',
  __OUTPUT_FORMAT__: 'bin',
  '__?OUTPUT_FORMAT?__': 'bin',
};

const noSpan: Span = { file: '', line: 1, column: 1, endColumn: 2 };

function rowSpan({ file, line, text }: RawLine): Span {
  return { file, line, column: 1, endColumn: text.length + 1 };
}

function strayMessage(text: string): string {
  if (/^%[{]?-?\d/.test(text)) return `'${text}' is a macro parameter: it means something only inside %macro`;
  if (text.startsWith('%%'))
    return `'${text}' is a macro's local label: it means something only inside %macro`;
  return `unexpected '${text}'`;
}

function directiveWords(): string[] {
  const blocks = [
    'macro',
    'imacro',
    'endmacro',
    'rep',
    'endrep',
    'exitrep',
    'exitmacro',
    'rotate',
    'include',
    'else',
    'endif',
  ];
  return [...blocks, ...conditionWords(), ...Object.keys(preprocessorDirectives)];
}
