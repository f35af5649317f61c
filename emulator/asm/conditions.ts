import { SourceError } from './diagnostics.js';
import type { Token } from './lexer.js';
import { sameText, splitArguments } from './macro-lines.js';

/** What a condition can ask of the preprocessor. */
export interface ConditionContext {
  readonly expand: (tokens: readonly Token[]) => Token[];
  readonly evaluate: (tokens: readonly Token[], directive: Token) => bigint;
  readonly isDefined: (name: string) => boolean;
  readonly isMacro: (tokens: readonly Token[]) => boolean;
  readonly isContext: (name: string) => boolean;
}

type Condition = (tokens: readonly Token[], directive: Token, context: ConditionContext) => boolean;

const firstToken = (tokens: readonly Token[], { expand }: ConditionContext) => {
  const expanded = expand(tokens);
  // A sign before a number is part of it, as in NASM.
  return expanded.length === 2 && (expanded[0].text === '-' || expanded[0].text === '+')
    ? expanded[1]
    : expanded[0];
};

const identical =
  (ignoreCase: boolean): Condition =>
  (tokens, directive, { expand }) => {
    const parts = splitArguments(expand(tokens), true);
    if (parts.length !== 2)
      throw new SourceError(`'${directive.text}' compares two texts: expected one comma`, directive);
    return sameText(parts[0], parts[1], ignoreCase);
  };

/** Conditions by what stands after `%if`; each has an opposite with `n` before it. */
const conditions: Readonly<Record<string, Condition>> = {
  '': (tokens, directive, { evaluate }) => evaluate(tokens, directive) !== 0n,
  def: (tokens, directive, { isDefined }) => {
    if (tokens.length === 0) throw new SourceError(`expected a name after '${directive.text}'`, directive);
    return tokens.some((token) => isDefined(token.text));
  },
  macro: (tokens, _directive, { isMacro }) => isMacro(tokens),
  ctx: (tokens, _directive, { isContext }) => tokens.some((token) => isContext(token.text)),
  idn: identical(false),
  idni: identical(true),
  id: (tokens, _directive, context) => firstToken(tokens, context)?.kind === 'name',
  num: (tokens, _directive, context) => firstToken(tokens, context)?.kind === 'number',
  str: (tokens, _directive, context) => firstToken(tokens, context)?.kind === 'string',
  token: (tokens, _directive, { expand }) => expand(tokens).length === 1,
  empty: (tokens, _directive, { expand }) => expand(tokens).length === 0,
};

/** The condition a word such as `ifndef` or `elifidn` names (without its `%`), or undefined. */
export function findCondition(
  word: string,
): { readonly otherwise: boolean; readonly test: Condition } | undefined {
  const match = /^(el)?if(n?)(\w*)$/.exec(word);
  if (match === null) return undefined;
  const [, otherwise, negation, rest] = match;
  // `ifnum` is not the opposite of `ifum`: the whole word is tried first.
  if (Object.hasOwn(conditions, negation + rest)) {
    return { otherwise: otherwise !== undefined, test: conditions[negation + rest] };
  }
  if (negation === '' || !Object.hasOwn(conditions, rest)) return undefined;
  const positive = conditions[rest];
  return { otherwise: otherwise !== undefined, test: (...args) => !positive(...args) };
}

/** All words that begin or continue a condition, for suggestions. */
export function conditionWords(): string[] {
  return Object.keys(conditions).flatMap((name) => [
    `if${name}`,
    `ifn${name}`,
    `elif${name}`,
    `elifn${name}`,
  ]);
}
