import { SourceError, type Span } from './diagnostics.js';
import { tokenize, type Token } from './lexer.js';
import { tokenText } from './listing.js';

/** The tokens of `text`, all placed at `span`: text made by the preprocessor points at what asked for it. */
export function tokensAt(text: string, span: Span, spaced: boolean): Token[] {
  try {
    const tokens = tokenize(text, span.file, [{ start: 0, line: span.line }]);
    return tokens.map((token, index) => moved(token, span, index === 0 ? spaced : token.spaced));
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    throw new SourceError(`'${text}', made by a macro: ${error.message}`, span);
  }
}

export function moved(token: Token, span: Span, spaced: boolean): Token {
  const { file, line, column, endColumn } = span;
  return { ...token, file, line, column, endColumn, spaced };
}

const joinable = (token: Token | undefined) =>
  token !== undefined && (token.kind === 'name' || token.kind === 'number' || token.kind === 'float');

/**
 * Appends replacement tokens to a line, joining them with the word before when nothing stands between:
 * `isr%1` with 14 for %1 is the one word `isr14`.
 */
export function appendPasted(line: Token[], replacement: readonly Token[]): void {
  const [first, ...rest] = replacement;
  if (first === undefined) return;
  const last = line[line.length - 1];
  if (!first.spaced && joinable(last) && joinable(first)) {
    line.pop();
    line.push(...tokensAt(tokenText(last) + tokenText(first), last, last.spaced), ...rest);
  } else line.push(...replacement);
}

/** Carries out `%+`, which joins the tokens on its two sides. */
export function pasteOperators(tokens: readonly Token[]): Token[] {
  if (!tokens.some(isPaste)) return [...tokens];
  const out: Token[] = [];
  for (let index = 0; index < tokens.length; index++) {
    const next = tokens[index + 1];
    if (!isPaste(tokens[index])) out.push(tokens[index]);
    else if (out.length > 0 && next !== undefined && !isPaste(next)) {
      const left = out.pop() as Token;
      out.push(...tokensAt(tokenText(left) + tokenText(next), left, left.spaced));
      index++;
    }
  }
  return out;
}

function isPaste(token: Token): boolean {
  return token.kind === 'percent' && token.text === '%+';
}

/** Splits at top-level commas. Braces group and are dropped; parentheses group only where `parentheses` says. */
export function splitArguments(tokens: readonly Token[], parentheses: boolean): Token[][] {
  const parts: Token[][] = [[]];
  let braces = 0;
  let depth = 0;
  for (const token of tokens) {
    const text = token.kind === 'punctuation' ? token.text : '';
    if (text === '{' && braces++ === 0) continue;
    if (text === '}' && braces > 0 && --braces === 0) continue;
    if (parentheses && text === '(') depth++;
    if (parentheses && text === ')') depth--;
    if (text === ',' && braces === 0 && depth === 0) parts.push([]);
    else parts[parts.length - 1].push(token);
  }
  return parts;
}

/** Whether two token lists are the same text, white space aside. */
export function sameText(left: readonly Token[], right: readonly Token[], ignoreCase: boolean): boolean {
  if (left.length !== right.length) return false;
  return left.every((token, index) => {
    const [a, b] = [token, right[index]];
    const fold = (text: string) => (ignoreCase ? text.toLowerCase() : text);
    return (a.kind === 'string') === (b.kind === 'string') && fold(a.text) === fold(b.text);
  });
}

/** A string token with this text. */
export function stringToken(text: string, span: Span): Token {
  const quote = text.includes("'") ? '"' : "'";
  return { kind: 'string', text, quote, spaced: true, ...place(span) };
}

/** A number token; negative numbers are a sign and a number. */
export function numberTokens(value: bigint, span: Span, spaced: boolean): Token[] {
  const number = (magnitude: bigint, after: boolean): Token => ({
    kind: 'number',
    text: String(magnitude),
    value: magnitude,
    spaced: after,
    ...place(span),
  });
  if (value >= 0n) return [number(value, spaced)];
  return [{ kind: 'punctuation', text: '-', spaced, ...place(span) }, number(-value, false)];
}

function place({ file, line, column, endColumn }: Span): Span {
  return { file, line, column, endColumn };
}
