import ts = require('typescript');

/** "Unterminated template literal" and "'*\/' expected": what follows is inside of one, so more text can still mend it. */
export const OPEN_ENDED: ReadonlySet<number> = new Set([1160, 1010]);

/** Errors of syntax, in the order of the text. */
export function syntaxErrors(code: string): readonly ts.DiagnosticWithLocation[] {
  const file = ts.createSourceFile('cell.ts', code, ts.ScriptTarget.ES2022, false, ts.ScriptKind.TS);
  // A program would say the same, and takes a thousand times as long to make.
  return (file as unknown as { parseDiagnostics: readonly ts.DiagnosticWithLocation[] }).parseDiagnostics;
}
