import ts = require('typescript');
import type { Completeness } from '../../protocol/interpreter.js';
import { helpRequest } from '../syntax/help.js';
import type { Magic } from '../syntax/magic.js';
import { OPEN_ENDED, parsed } from '../syntax/errors.js';
import { rewrite } from '../syntax/rewrite.js';

/** "Unterminated string literal": it ends with its line, so no further line can mend it, unless a backslash says so. */
const UNTERMINATED_STRING = 1002;
const INDENT = '  ';

/** Whether a cell can be run as it stands, needs more lines, or can never become right by adding lines. */
export function completenessOf(code: string, magics: readonly Magic[]): Completeness {
  if (helpRequest(code) !== undefined) return { status: 'complete' };
  // Assembly below a cell magic may end anywhere, and a magic that is not known may become one that is.
  if (/^\s*%%/.test(code)) return { status: 'unknown' };
  let text: string;
  try {
    ({ text } = rewrite(code, magics));
  } catch {
    return { status: 'unknown' };
  }
  const { statements, errors } = parsed(text);
  const [first] = errors;
  const more: Completeness = { status: 'incomplete', indent: INDENT.repeat(openBrackets(code)) };
  if (first === undefined) return endsAmidDeclaration(text, statements) ? more : { status: 'complete' };
  const atEnd = first.start >= text.trimEnd().length;
  const continues = first.code === UNTERMINATED_STRING ? text.endsWith('\\') : atEnd;
  return continues || OPEN_ENDED.has(first.code) ? more : { status: 'invalid' };
}

/** What TypeScript takes for the whole of a declaration though its parts are yet to come: `let`, `function f()`. */
function endsAmidDeclaration(text: string, statements: readonly ts.Statement[]): boolean {
  const last = statements.at(-1);
  if (last === undefined || text.trimEnd().endsWith(';')) return false;
  if (ts.isVariableStatement(last)) return last.declarationList.declarations.length === 0;
  return ts.isFunctionDeclaration(last) && last.body === undefined;
}

/** How many brackets are still open at the end, by the scanner's tokens: not those in strings and comments. */
function openBrackets(code: string): number {
  const scanner = ts.createScanner(ts.ScriptTarget.ES2022, true, ts.LanguageVariant.Standard, code);
  let open = 0;
  for (let token = scanner.scan(); token !== ts.SyntaxKind.EndOfFileToken; token = scanner.scan()) {
    if (OPENING.has(token)) open++;
    if (CLOSING.has(token)) open--;
  }
  return Math.max(0, open);
}

const OPENING: ReadonlySet<ts.SyntaxKind> = new Set([
  ts.SyntaxKind.OpenBraceToken,
  ts.SyntaxKind.OpenParenToken,
  ts.SyntaxKind.OpenBracketToken,
]);
const CLOSING: ReadonlySet<ts.SyntaxKind> = new Set([
  ts.SyntaxKind.CloseBraceToken,
  ts.SyntaxKind.CloseParenToken,
  ts.SyntaxKind.CloseBracketToken,
]);
