import ts = require('typescript');

/** "Unterminated template literal" and "'*\/' expected": what follows is inside of one, so more text can still mend it. */
export const OPEN_ENDED: ReadonlySet<number> = new Set([1160, 1010]);

/** A cell's statements, and its errors of syntax in the order of the text. */
export interface Parsed {
  readonly statements: readonly ts.Statement[];
  readonly errors: readonly ts.DiagnosticWithLocation[];
}

/** Parses text as a module, in which `await` may stand anywhere. */
export function parsed(code: string): Parsed {
  const options: ts.CreateSourceFileOptions = {
    languageVersion: ts.ScriptTarget.ES2022,
    setExternalModuleIndicator: (file) => void Object.assign(file, { externalModuleIndicator: true }),
  };
  const file = ts.createSourceFile('cell.ts', code, options, false, ts.ScriptKind.TS);
  // A program would say the same, and takes a thousand times as long to make.
  const { parseDiagnostics } = file as unknown as { parseDiagnostics: Parsed['errors'] };
  return { statements: file.statements, errors: parseDiagnostics };
}
