import ts = require('typescript');

/** The TypeScript of a cell. */
export function parse(code: string): ts.SourceFile {
  return ts.createSourceFile('cell.ts', code, ts.ScriptTarget.ES2022, false, ts.ScriptKind.TS);
}
