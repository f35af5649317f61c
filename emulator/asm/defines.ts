import { SourceError, type Span } from './diagnostics.js';
import type { Token } from './lexer.js';
import { limits } from './limits.js';
import {
  appendPasted,
  moved,
  numberTokens,
  pasteOperators,
  splitArguments,
  stringToken,
  tokensAt,
} from './macro-lines.js';

/** A single-line macro (%define, %xdefine, %assign). */
export interface Define {
  readonly name: string;
  /** Parameter names; undefined for a macro without a parameter list. */
  readonly parameters?: readonly string[];
  readonly body: readonly Token[];
  readonly ignoreCase: boolean;
}

/** Counts what expansion produces; throws once it is too much. */
export class Budget {
  #tokens = 0;
  #lines = 0;

  tokens(count: number, span: Span): void {
    this.#tokens += count;
    if (this.#tokens > limits.expandedTokens) {
      throw new BudgetError(`macros expand to more than ${limits.expandedTokens} words`, span);
    }
  }

  line(span: Span): void {
    if (++this.#lines > limits.expandedLines) {
      throw new BudgetError(`more than ${limits.expandedLines} lines after macro expansion`, span);
    }
  }
}

/** A bound of the whole assembly is passed: preprocessing ends here, it does not go on with the next line. */
export class BudgetError extends SourceError {}

/** Single-line macros in force, and their expansion. */
export class Defines {
  readonly #exact = new Map<string, Define[]>();
  readonly #folded = new Map<string, Define[]>();

  constructor(readonly budget: Budget) {}

  /** Adds a macro; one with the same name and number of parameters is replaced. */
  define(macro: Define): void {
    this.#remove(macro.name, (old) => old.parameters?.length === macro.parameters?.length);
    const table = macro.ignoreCase ? this.#folded : this.#exact;
    const key = macro.ignoreCase ? macro.name.toLowerCase() : macro.name;
    table.set(key, [...(table.get(key) ?? []), macro]);
  }

  undefine(name: string): void {
    this.#remove(name, () => true);
  }

  #remove(name: string, which: (macro: Define) => boolean): void {
    for (const [table, key] of [
      [this.#exact, name],
      [this.#folded, name.toLowerCase()],
    ] as const) {
      const rest = table.get(key)?.filter((macro) => !which(macro));
      if (rest === undefined || rest.length === 0) table.delete(key);
      else table.set(key, rest);
    }
  }

  lookup(name: string): readonly Define[] {
    return [...(this.#exact.get(name) ?? []), ...(this.#folded.get(name.toLowerCase()) ?? [])];
  }

  names(): string[] {
    return [...this.#exact.keys(), ...this.#folded.keys()];
  }

  /** A line with all single-line macros replaced and `%+` and `%[...]` carried out. */
  expand(tokens: readonly Token[]): Token[] {
    return pasteOperators(this.#expand(tokens, new Set(), 0));
  }

  #expand(tokens: readonly Token[], active: ReadonlySet<Define>, depth: number): Token[] {
    if (depth > limits.defineDepth && tokens.length > 0) {
      throw new SourceError(`macros nested deeper than ${limits.defineDepth}`, tokens[0]);
    }
    const out: Token[] = [];
    for (let index = 0; index < tokens.length; index++) {
      const token = tokens[index];
      if (token.kind === 'percent' && token.text.startsWith('%[')) {
        const inner = tokensAt(token.text.slice(2, -1), token, token.spaced);
        appendPasted(out, this.#expand(inner, active, depth + 1));
        continue;
      }
      const call = token.kind === 'name' ? this.#call(tokens, index, active) : undefined;
      if (call === undefined) {
        // A word directly after `%[...]` joins it.
        const before = tokens[index - 1];
        if (before?.kind === 'percent' && before.text.startsWith('%[')) appendPasted(out, [token]);
        else out.push(token);
        continue;
      }
      const body =
        call.macro === undefined
          ? call.tokens
          : this.#substitute(call.macro, call.args, token, active, depth);
      const inner = call.macro === undefined ? active : new Set([...active, call.macro]);
      this.budget.tokens(body.length, token);
      out.push(...this.#expand(body, inner, depth + 1));
      if (out.length > limits.lineTokens) {
        throw new SourceError(`the line expands to more than ${limits.lineTokens} words`, token);
      }
      index = call.last;
    }
    return out;
  }

  /** The macro called at `index`, its arguments and the last token of the call. */
  #call(tokens: readonly Token[], index: number, active: ReadonlySet<Define>) {
    const token = tokens[index];
    const builtin = this.#builtin(token);
    if (builtin !== undefined) return { macro: undefined, tokens: builtin, args: [], last: index };
    const overloads = this.lookup(token.text).filter((macro) => !active.has(macro));
    if (overloads.length === 0 || token.forced === true) return undefined;
    const plain = overloads.find((macro) => macro.parameters === undefined);
    const open = tokens[index + 1];
    if (
      open?.kind === 'punctuation' &&
      open.text === '(' &&
      overloads.some((macro) => macro.parameters !== undefined)
    ) {
      const close = closingParenthesis(tokens, index + 1);
      if (close === undefined)
        throw new SourceError(`expected ')' after the arguments of '${token.text}'`, open);
      const inside = tokens.slice(index + 2, close);
      const args = splitArguments(inside, true);
      const given = inside.length === 0 ? 0 : args.length;
      const macro = overloads.find(
        ({ parameters }) => parameters?.length === given || (given === 0 && parameters?.length === 1),
      );
      if (macro !== undefined) return { macro, tokens: [], args, last: close };
      if (plain === undefined) {
        const counts = overloads.map(({ parameters }) => parameters?.length ?? 0).join(' or ');
        throw new SourceError(`macro '${token.text}' expects ${counts} arguments, found ${given}`, token);
      }
    }
    return plain === undefined ? undefined : { macro: plain, tokens: [], args: [], last: index };
  }

  #builtin(token: Token): Token[] | undefined {
    switch (token.text) {
      case '__LINE__':
      case '__?LINE?__':
        return numberTokens(BigInt(token.line), token, token.spaced);
      case '__FILE__':
      case '__?FILE?__':
        return [stringToken(token.file, token)];
      default:
        return undefined;
    }
  }

  /** The body with parameters replaced by the arguments, placed at the call. */
  #substitute(
    macro: Define,
    args: readonly (readonly Token[])[],
    call: Token,
    active: ReadonlySet<Define>,
    depth: number,
  ): Token[] {
    const { parameters = [] } = macro;
    const expanded = args.map((arg) => this.#expand(arg, active, depth + 1));
    const out: Token[] = [];
    macro.body.forEach((token, index) => {
      const spaced = index === 0 ? call.spaced : token.spaced;
      const parameter = token.kind === 'name' ? parameters.indexOf(token.text) : -1;
      if (parameter >= 0) {
        const [first, ...rest] = expanded[parameter] ?? [];
        if (first !== undefined) out.push({ ...first, spaced }, ...rest);
      } else if (token.kind === 'percent' && (token.text === '%?' || token.text === '%??')) {
        out.push(...tokensAt(token.text === '%?' ? call.text : macro.name, call, spaced));
      } else out.push(moved(token, call, spaced));
    });
    return out;
  }
}

function closingParenthesis(tokens: readonly Token[], open: number): number | undefined {
  let depth = 0;
  for (let index = open; index < tokens.length; index++) {
    const { kind, text } = tokens[index];
    if (kind !== 'punctuation') continue;
    if (text === '(') depth++;
    if (text === ')' && --depth === 0) return index;
  }
  return undefined;
}
