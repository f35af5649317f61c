import type { TokenCursor } from './cursor.js';
import { SourceError, type DiagnosticSink } from './diagnostics.js';
import { parseExpression, type Expression, type Qualify } from './expression.js';
import type { Body, SectionAttributes } from './statement.js';
import { didYouMean } from './suggest.js';

interface DirectiveContext {
  readonly cursor: TokenCursor;
  readonly qualify: Qualify;
  readonly sink: DiagnosticSink;
  /** Parses an operation at the cursor, for `at field, db 1`. */
  readonly operation: () => Body;
}

type DirectiveParser = (context: DirectiveContext) => Body;

const nothing: Body = { kind: 'data', unitBytes: 1, items: [] };

const expression = ({ cursor, qualify }: DirectiveContext): Expression => parseExpression(cursor, qualify);

function name({ cursor }: DirectiveContext, what: string): string {
  const token = cursor.peek();
  if (token?.kind !== 'name')
    throw new SourceError(`expected ${what}, found ${cursor.found()}`, cursor.span());
  cursor.next();
  return token.text;
}

function skipToEnd(cursor: TokenCursor): void {
  while (!cursor.done && !cursor.at(']')) cursor.next();
}

const bits: DirectiveParser = ({ cursor }) => {
  const token = cursor.next();
  if (token?.value === 16n || token?.value === 32n)
    return { kind: 'bits', bits: token.value === 16n ? 16 : 32 };
  throw new SourceError(
    `expected 16 or 32 after 'bits', found ${token ? `'${token.text}'` : 'nothing'}`,
    token ?? cursor.span(),
  );
};

const section: DirectiveParser = (context) => {
  const { cursor } = context;
  const sectionName = name(context, 'the name of a section, such as .text, .data or .bss');
  let attributes: SectionAttributes = {};
  while (!cursor.done && !cursor.at(']')) attributes = { ...attributes, ...sectionAttribute(context) };
  return { kind: 'section', name: sectionName, attributes };
};

const attributeNames = ['align', 'start', 'vstart', 'follows', 'vfollows', 'progbits', 'nobits'];

function sectionAttribute(context: DirectiveContext): SectionAttributes {
  const { cursor } = context;
  const token = cursor.span();
  const word = cursor.peekWord();
  cursor.next();
  const value = () => {
    cursor.expect('=', `after '${word}'`);
    return expression(context);
  };
  const target = () => {
    cursor.expect('=', `after '${word}'`);
    return name(context, 'the name of a section');
  };
  switch (word) {
    case 'align':
      return { align: value() };
    case 'start':
      return { start: value() };
    case 'vstart':
      return { vstart: value() };
    case 'follows':
      return { follows: target() };
    case 'vfollows':
      return { vfollows: target() };
    case 'progbits':
      return { nobits: false };
    case 'nobits':
      return { nobits: true };
    // Attributes of object formats, which NASM's bin format ignores too.
    case 'code':
    case 'data':
    case 'bss':
    case 'exec':
    case 'noexec':
    case 'write':
    case 'nowrite':
    case 'alloc':
    case 'noalloc':
      return {};
    default:
      throw new SourceError(
        `expected a section attribute (${attributeNames.join(' ')}), found '${word ?? ''}'${didYouMean(word ?? '', attributeNames)}`,
        token,
      );
  }
}

const directives: Readonly<Record<string, DirectiveParser>> = {
  bits,
  use16: () => ({ kind: 'bits', bits: 16 }),
  use32: () => ({ kind: 'bits', bits: 32 }),
  org: (context) => ({ kind: 'org', origin: expression(context) }),
  section,
  segment: section,
  absolute: (context) => ({ kind: 'absolute', address: expression(context) }),
  struc: (context) => {
    const structure = name(context, 'the name of a structure');
    const start = context.cursor.take(',') === undefined ? undefined : expression(context);
    return { kind: 'struc', name: structure, ...(start && { start }) };
  },
  endstruc: () => ({ kind: 'endstruc' }),
  istruc: (context) => ({ kind: 'istruc', name: name(context, 'the name of a structure') }),
  at: (context) => {
    const field = expression(context);
    const { cursor } = context;
    if (cursor.done) return { kind: 'at', field };
    cursor.expect(',', 'after the field');
    return cursor.done ? { kind: 'at', field } : { kind: 'at', field, body: context.operation() };
  },
  iend: () => ({ kind: 'iend' }),
  // A flat image has no symbol table and no linker: exported names mean nothing in it and imported ones cannot be.
  global: ({ cursor }) => {
    skipToEnd(cursor);
    return nothing;
  },
  cpu: ({ cursor, sink }) => {
    sink.warning(
      cursor.span(),
      "'cpu' has no effect: every instruction of the simulated processor is accepted",
    );
    skipToEnd(cursor);
    return nothing;
  },
  default: ({ cursor }) => {
    skipToEnd(cursor);
    return nothing;
  },
  extern: ({ cursor }) => {
    throw new SourceError(
      "'extern' needs a linker: a flat image holds all its symbols itself",
      cursor.span(),
    );
  },
  common: ({ cursor }) => {
    throw new SourceError("'common' needs a linker: use resb in section .bss", cursor.span());
  },
  incbin: ({ cursor }) => {
    throw new SourceError(
      "'incbin' is not available: files reach the assembler as text; write the bytes with db",
      cursor.span(),
    );
  },
};

export function directiveNames(): readonly string[] {
  return Object.keys(directives);
}

export function isDirective(word: string): boolean {
  return Object.hasOwn(directives, word);
}

/** Parses the directive at the cursor. `operation` parses an operation that a directive may hold. */
export function parseDirective(
  cursor: TokenCursor,
  qualify: Qualify,
  operation: () => Body,
  sink: DiagnosticSink,
): Body {
  const word = cursor.peekWord() ?? '';
  cursor.next();
  return directives[word]({ cursor, qualify, sink, operation });
}
