import ts = require('typescript');
import type { Completions, DisplayData } from '../../protocol/index.js';
import type { AsmWords } from './asm-words.js';

/** Functions whose template literals hold assembly: a tag, or a call with the literal as an argument. */
const ASSEMBLERS: ReadonlySet<string> = new Set(['asm', 'assemble']);

/** What stands for a register's size or a memory operand's. */
const SIZES = ['byte', 'word', 'dword', 'qword', 'tword', 'short', 'near', 'far'];

const LABEL = /^[ \t]*([A-Za-z_.$@?][\w.$@?~#]*)[ \t]*(?::|(?=[ \t]+(?:equ|d[bwdq]|res[bwdq])\b))/gim;
const WORD_CHARACTER = /[\w.$@?]/;

/** The assembly that the cursor stands in: its text up to there, and the whole of it. */
export interface AsmPlace {
  readonly before: string;
  readonly text: string;
  /** The word that the cursor stands in or behind. */
  readonly word: string;
  /** Where that word begins and ends, from the cursor. */
  readonly back: number;
  readonly ahead: number;
}

/** Assembly around a cursor of TypeScript, or nothing when the cursor is elsewhere. */
export function asmPlace(file: ts.SourceFile, cursor: number): AsmPlace | undefined {
  let found: ts.TemplateLiteral | undefined;
  const visit = (node: ts.Node): void => {
    if (cursor < node.pos || cursor > node.end) return;
    if (ts.isTaggedTemplateExpression(node) && isAssembler(node.tag)) found = node.template;
    if (ts.isCallExpression(node) && isAssembler(node.expression)) {
      found = node.arguments.find(ts.isNoSubstitutionTemplateLiteral) ?? found;
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  if (found === undefined) return undefined;
  const start = found.getStart(file) + 1;
  const closed = file.text[found.end - 1] === '`' && found.end - 1 > found.getStart(file);
  const end = closed ? found.end - 1 : found.end;
  if (cursor < start || cursor > end) return undefined;
  const inside = ts.isTemplateExpression(found)
    ? found.templateSpans.some(({ expression }) => expression.pos <= cursor && cursor <= expression.end)
    : false;
  if (inside) return undefined;
  return placeIn(file.text.slice(start, end), cursor - start);
}

function placeIn(text: string, cursor: number): AsmPlace {
  let back = 0;
  while (back < cursor && WORD_CHARACTER.test(text[cursor - back - 1])) back++;
  let ahead = 0;
  while (cursor + ahead < text.length && WORD_CHARACTER.test(text[cursor + ahead])) ahead++;
  return {
    before: text.slice(0, cursor),
    text,
    word: text.slice(cursor - back, cursor + ahead),
    back,
    ahead,
  };
}

/** Mnemonics and directives where an operation stands; registers, sizes and labels behind it. */
export function completeAsm({ before, text, back }: AsmPlace, cursor: number, words: AsmWords): Completions {
  const typed = before.slice(before.length - back).toLowerCase();
  const line = before.slice(before.lastIndexOf('\n') + 1, before.length - back);
  const start = cursor - back;
  if (line.includes(';')) return { matches: [], start, end: cursor };
  const atOperation = /^\s*(?:[\w.$@?]+:\s*)?(?:(?:rep\w*|lock)\s+)?$/i.test(line);
  const known = words.at(atOperation ? 'operation' : 'operand').map(({ word, kind }) => ({
    text: word,
    type: kind === 'register' ? 'instance' : kind === 'mnemonic' ? 'function' : 'keyword',
  }));
  const labels = [...new Set(Array.from(text.matchAll(LABEL), ([, label]) => label))];
  const own = atOperation
    ? []
    : [
        ...labels.map((label) => ({ text: label, type: 'property' })),
        ...SIZES.map((size) => ({ text: size, type: 'keyword' })),
      ];
  const matches = [...known, ...own].filter((match) => match.text.toLowerCase().startsWith(typed));
  return { matches, start, end: cursor };
}

/** What is known of the word at the cursor. */
export function inspectAsm({ word }: AsmPlace, words: AsmWords): DisplayData | undefined {
  const found = words.find(word);
  if (found === undefined) return undefined;
  return {
    data: { 'text/plain': found.help.replace(/[`*]/g, ''), 'text/markdown': found.help },
    metadata: {},
  };
}

function isAssembler(expression: ts.Expression): boolean {
  const name = ts.isPropertyAccessExpression(expression) ? expression.name : expression;
  return ts.isIdentifier(name) && ASSEMBLERS.has(name.text);
}
