import type { Defines } from './defines.js';
import { SourceError, type DiagnosticSink, type Span } from './diagnostics.js';
import type { Token } from './lexer.js';
import { numberTokens, splitArguments, stringToken, tokensAt } from './macro-lines.js';
import { tokensText } from './listing.js';
import type { Macros } from './macros.js';
import { limits } from './limits.js';

/** What a directive can do to the preprocessor. */
export interface DirectiveHost {
  readonly defines: Defines;
  readonly macros: Macros;
  readonly contexts: { readonly name: string; readonly id: number }[];
  readonly sink: DiagnosticSink;
  evaluate(tokens: readonly Token[], directive: Token): bigint;
  readonly newId: () => number;
}

type Directive = (host: DirectiveHost, head: Token, rest: readonly Token[]) => void;

function expectName(tokens: readonly Token[], head: Token): Token {
  const [name] = tokens;
  if (name?.kind === 'name') return name;
  throw new SourceError(
    `expected a name after '${head.text}', found ${name ? `'${name.text}'` : 'nothing'}`,
    name ?? head,
  );
}

/** `%define name text` and `%define name(a, b) text`. */
const define =
  (ignoreCase: boolean, expanded: boolean): Directive =>
  ({ defines }, head, rest) => {
    const name = expectName(rest, head);
    const after = rest.slice(1);
    const [open] = after;
    const hasParameters = open?.kind === 'punctuation' && open.text === '(' && !open.spaced;
    const close = after.findIndex(({ kind, text }) => kind === 'punctuation' && text === ')');
    if (hasParameters && close < 0) throw new SourceError("expected ')' after the parameters", open);
    const list = hasParameters ? splitArguments(after.slice(1, close), false) : [];
    const parameters = list.flat().length === 0 ? [] : list.map((tokens) => parameterName(tokens, open));
    const text = hasParameters ? after.slice(close + 1) : after;
    const body = expanded ? defines.expand(text) : text;
    defines.define({ name: name.text, body, ignoreCase, ...(hasParameters && { parameters }) });
  };

function parameterName(tokens: readonly Token[], open: Span): string {
  const [name] = tokens;
  if (tokens.length === 1 && name.kind === 'name') return name.text;
  throw new SourceError('expected names separated by commas as parameters', tokens[0] ?? open);
}

const assign =
  (ignoreCase: boolean): Directive =>
  (host, head, rest) => {
    const name = expectName(rest, head);
    const value = host.evaluate(rest.slice(1), head);
    host.defines.define({ name: name.text, body: numberTokens(value, name, true), ignoreCase });
  };

/** A directive that defines a name as a text made from the rest of the line. */
const defineText =
  (make: (rest: Token[], host: DirectiveHost, head: Token) => Token[]): Directive =>
  (host, head, rest) => {
    const name = expectName(rest, head);
    const body = make(host.defines.expand(rest.slice(1)), host, head);
    host.defines.define({ name: name.text, body, ignoreCase: false });
  };

function expectString(token: Token | undefined, head: Token): Token {
  if (token?.kind === 'string') return token;
  throw new SourceError(`'${head.text}' expects a quoted string`, token ?? head);
}

/** `%substr name 'text' first[, count]`: positions count from 1; a negative count leaves that many out, less one. */
function substring(tokens: Token[], host: DirectiveHost, head: Token): Token[] {
  const { text } = expectString(tokens[0], head);
  const numbers = splitArguments(tokens[1]?.text === ',' ? tokens.slice(2) : tokens.slice(1), true);
  const first = Number(host.evaluate(numbers[0], head));
  const count = numbers.length > 1 ? Number(host.evaluate(numbers[1], head)) : 1;
  const end = count < 0 ? text.length + count + 1 : first - 1 + count;
  return [stringToken(text.slice(Math.max(0, first - 1), Math.max(0, end)), head)];
}

function concatenate(tokens: Token[], _host: DirectiveHost, head: Token): Token[] {
  const parts = tokens.filter(({ text, kind }) => kind !== 'punctuation' || text !== ',');
  const text = parts.map((token) => expectString(token, head).text).join('');
  if (text.length > limits.lineCharacters)
    throw new SourceError(`string longer than ${limits.lineCharacters} bytes`, head);
  return [stringToken(text, head)];
}

const message =
  (severity: 'error' | 'warning'): Directive =>
  ({ sink, defines }, head, rest) => {
    const expanded = defines.expand(rest);
    const text =
      expanded.length === 1 && expanded[0].kind === 'string' ? expanded[0].text : tokensText(expanded);
    sink.report(severity, head, text === '' ? head.text : text);
  };

/** Preprocessor directives that are one line and change a table, by the word after `%`. */
export const preprocessorDirectives: Readonly<Record<string, Directive>> = {
  define: define(false, false),
  idefine: define(true, false),
  xdefine: define(false, true),
  ixdefine: define(true, true),
  undef: ({ defines }, head, rest) => defines.undefine(expectName(rest, head).text),
  assign: assign(false),
  iassign: assign(true),
  defstr: defineText((tokens, _host, head) => [stringToken(tokensText(tokens), head)]),
  deftok: defineText((tokens, _host, head) => tokensAt(expectString(tokens[0], head).text, head, true)),
  strlen: defineText((tokens, _host, head) =>
    numberTokens(BigInt(expectString(tokens[0], head).text.length), head, true),
  ),
  strcat: defineText(concatenate),
  substr: defineText(substring),
  unmacro: ({ macros }, head, rest) => {
    const name = expectName(rest, head);
    const counts = rest.filter(({ kind }) => kind === 'number').map(({ value }) => Number(value));
    const open = rest.some(({ text, kind }) => kind === 'punctuation' && text === '*');
    macros.undefine(name.text, counts[0] ?? 0, open ? Infinity : (counts[1] ?? counts[0] ?? 0));
  },
  push: ({ contexts, newId }, head, rest) => {
    if (contexts.length >= limits.blockDepth)
      throw new SourceError(`%push nested deeper than ${limits.blockDepth}`, head);
    contexts.push({ name: rest[0]?.text ?? '', id: newId() });
  },
  pop: ({ contexts }, head, rest) => {
    const context = contexts[contexts.length - 1];
    if (context === undefined) throw new SourceError("'%pop' without '%push'", head);
    if (rest[0] !== undefined && rest[0].text !== context.name) {
      throw new SourceError(`expected '%pop ${context.name}', found '${rest[0].text}'`, rest[0]);
    }
    contexts.pop();
  },
  error: message('error'),
  fatal: message('error'),
  warning: message('warning'),
  // Settings of other output formats and of NASM's own listing: nothing in a flat image depends on them.
  pragma: () => undefined,
  line: () => undefined,
  endmacro: (_host, head) => {
    throw new SourceError("'%endmacro' without '%macro'", head);
  },
  endrep: (_host, head) => {
    throw new SourceError("'%endrep' without '%rep'", head);
  },
};
