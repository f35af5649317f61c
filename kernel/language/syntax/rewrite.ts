import ts = require('typescript');
import type { Magic } from './magic.js';
import { isCellMagic } from './magic.js';
import type { Piece } from './pieces.js';
import { Rewritten } from './pieces.js';
import { OPEN_ENDED, parsed } from './errors.js';

/** A magic that does not exist or is written wrongly; lines and columns count from 1. */
export class MagicError extends Error {
  override readonly name = 'MagicError';
  constructor(
    message: string,
    readonly line: number,
    readonly column: number,
    readonly length: number,
  ) {
    super(message);
  }
}

const LINE_MAGIC = /^([ \t]*)%([A-Za-z]\w*)(?:[ \t]+(.*?))?[ \t]*\r?$/;
const CELL_MAGIC = /^%%([A-Za-z]\w*)(?:[ \t]+(.*?))?[ \t]*\r?$/;
const NUMBER = /^[-+]?(?:0x[0-9a-f]+|0b[01]+|\d+(?:\.\d*)?(?:e[-+]?\d+)?)$/i;

/**
 * A cell with its magics as TypeScript, line for line. A cell that can be an object literal is one: as a block, with labels
 * for names, it would say nothing.
 * @throws MagicError for a magic that is unknown or lacks what it needs
 */
export function rewrite(code: string, magics: readonly Magic[]): Rewritten {
  const start = code.length - code.trimStart().length;
  const end = code.trimEnd().length;
  if (code[start] === '{' && isObject(code.slice(start, end))) {
    const object = { from: start, to: end };
    return new Rewritten(code, [
      ...[{ from: 0, to: start }, { text: '(' }, object, { text: ')' }],
      { from: end, to: code.length },
    ]);
  }
  if (!code.includes('%')) return new Rewritten(code, [{ from: 0, to: code.length }]);
  if (code.startsWith('%%', start)) return rewriteCellMagic(code, start, magics);
  return rewriteLines(code, magics);
}

function isObject(text: string): boolean {
  const { errors, statements } = parsed(`(${text})`);
  const [statement] = statements;
  if (errors.length > 0 || statements.length !== 1 || !ts.isExpressionStatement(statement)) return false;
  const { expression } = statement;
  if (!ts.isParenthesizedExpression(expression)) return false;
  const object = expression.expression;
  return ts.isObjectLiteralExpression(object) && object.properties.every(isProperty);
}

/** The parser takes the calls and assignments of a block, as `{ f(); }`, for properties that lack something. */
function isProperty(property: ts.ObjectLiteralElementLike): boolean {
  if (ts.isShorthandPropertyAssignment(property)) return property.objectAssignmentInitializer === undefined;
  return !ts.isMethodDeclaration(property) || property.body !== undefined;
}

function rewriteCellMagic(code: string, start: number, magics: readonly Magic[]): Rewritten {
  const end = lineEnd(code, start);
  const line = code.slice(0, start).split('\n').length;
  const [, name, argument = ''] = CELL_MAGIC.exec(code.slice(start, end)) ?? [];
  const magic = magics.find((magic) => isCellMagic(magic) && magic.name === name);
  if (magic === undefined) {
    throw unknown(`%%${name ?? ''}`, magics.filter(isCellMagic), line, 1);
  }
  if (magic.call.includes('{name}') && !/^[A-Za-z_$][\w$]*$/.test(argument)) {
    throw new MagicError(
      `%%${magic.name} needs a name for its value, found '${argument}'; write ${magic.usage}`,
      line,
      1,
      end - start,
    );
  }
  const [before, after = ''] = magic.call.replaceAll('{name}', argument).split('{body}');
  const body = templatePieces(code, Math.min(code.length, end), code.length);
  // Blank lines above keep their place, so that every line keeps its number.
  return new Rewritten(code, [
    { from: 0, to: start },
    { text: `${before}\`` },
    ...body,
    { text: `\`${after}` },
  ]);
}

/** Text as the inside of a template literal that gives the same text. */
function templatePieces(code: string, from: number, to: number): Piece[] {
  const pieces: Piece[] = [];
  let begin = from;
  for (let at = from; at < to; at++) {
    const special = code[at] === '`' || code[at] === '\\' || code.startsWith('${', at);
    if (!special) continue;
    pieces.push({ from: begin, to: at }, { text: '\\' });
    begin = at;
  }
  return [...pieces, { from: begin, to }];
}

function rewriteLines(code: string, magics: readonly Magic[]): Rewritten {
  const lineMagics = magics.filter((magic) => !isCellMagic(magic));
  const pieces: Piece[] = [];
  let copied = 0;
  let line = 0;
  for (let start = 0; start <= code.length; start = lineEnd(code, start) + 1) {
    line++;
    const end = lineEnd(code, start);
    const match = LINE_MAGIC.exec(code.slice(start, end));
    if (match === null) continue;
    const [, indent, name, argument = ''] = match;
    const magic = lineMagics.find((magic) => magic.name === name);
    const before = new Rewritten(code, [...pieces, { from: copied, to: start }]).text;
    if (!beginsStatement(before, magic !== undefined)) continue;
    if (magic === undefined) throw unknown(`%${name}`, lineMagics, line, indent.length + 1);
    const at = start + indent.length + 1 + name.length;
    const argumentAt = argument === '' ? at : code.indexOf(argument, at);
    const isLast = code.slice(end).trim() === '';
    pieces.push(
      { from: copied, to: start + indent.length },
      ...callPieces(magic, code, argumentAt, argumentAt + argument.length, isLast),
    );
    copied = end;
  }
  return new Rewritten(code, [...pieces, { from: copied, to: code.length }]);
}

/** The TypeScript of one line magic; all but the cell's last value are shown where they stand. */
function callPieces(magic: Magic, code: string, from: number, to: number, isLast: boolean): Piece[] {
  const [, before, hole, after] = /^(.*?)(?:\{(words|expression)\}(.*))?$/.exec(magic.call)!;
  const inner: Piece[] =
    hole === undefined ? [] : hole === 'words' ? wordPieces(code, from, to) : [{ from, to }];
  const [open, close] = isLast ? [';', ';'] : [';__show(', ');'];
  return [{ text: open + before }, ...inner, { text: (after ?? '') + close }];
}

/** Words of a line as arguments of a call: numbers as they are, others as strings, quoted or not. */
function wordPieces(code: string, from: number, to: number): Piece[] {
  const pieces: Piece[] = [];
  for (const { 0: word, index } of code.slice(from, to).matchAll(/"[^"]*"|'[^']*'|\S+/g)) {
    const at = from + index;
    if (pieces.length > 0) pieces.push({ text: ', ' });
    if (NUMBER.test(word) || /^(["']).*\1$/.test(word)) pieces.push({ from: at, to: at + word.length });
    else if (/["'\\]/.test(word)) pieces.push({ text: JSON.stringify(word) });
    else pieces.push({ text: '"' }, { from: at, to: at + word.length }, { text: '"' });
  }
  return pieces;
}

/**
 * Whether a statement can begin behind this text: not amid a template or comment, and for a name that is no magic, which
 * may be the remainder operator's right side, only where a statement has clearly ended.
 */
function beginsStatement(before: string, known: boolean): boolean {
  const clear = /(?:^|[;}]|\n[ \t]*)\s*$/.test(before.replace(/\n$/, ''));
  if (!known && !clear) return false;
  return !parsed(before).errors.some(({ code }) => OPEN_ENDED.has(code));
}

function unknown(written: string, magics: readonly Magic[], line: number, column: number): MagicError {
  const known = magics.map(({ usage }) => usage.split(' ', 1)[0]).join(' ');
  return new MagicError(`there is no magic ${written}; there are: ${known}`, line, column, written.length);
}

function lineEnd(code: string, start: number): number {
  const end = code.indexOf('\n', start);
  return end < 0 ? code.length : end;
}
