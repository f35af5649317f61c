import ts = require('typescript');
import { escapeHtml } from '../../display/bundle.js';

/** CSS class by TypeScript's lexical classes; the others stay plain. */
const CLASSES: Readonly<Partial<Record<ts.TokenClass, string>>> = {
  [ts.TokenClass.Keyword]: 'k',
  [ts.TokenClass.Comment]: 'c',
  [ts.TokenClass.StringLiteral]: 's',
  [ts.TokenClass.RegExpLiteral]: 's',
  [ts.TokenClass.NumberLiteral]: 'n',
  [ts.TokenClass.BigIntLiteral]: 'n',
};

/** TypeScript source as HTML, with a span for what has a colour. */
export function highlight(source: string): string {
  const classifier = ts.createClassifier();
  let state = ts.EndOfLineState.None;
  const lines = source.split('\n').map((line) => {
    const { entries, finalLexState } = classifier.getClassificationsForLine(line, state, false);
    state = finalLexState;
    let start = 0;
    return entries
      .map(({ length, classification }) => {
        const text = escapeHtml(line.slice(start, (start += length)));
        const name = CLASSES[classification];
        return name === undefined ? text : `<span class="${name}">${text}</span>`;
      })
      .join('');
  });
  return lines.join('\n');
}
