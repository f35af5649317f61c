import ts = require('typescript');
import type { CellDiagnostic } from '../cell.js';
import type { Magic } from '../syntax/magic.js';
import type { Rewritten } from '../syntax/pieces.js';

/**
 * Errors of TypeScript that do not stop a cell, with the reason. All else stops it.
 */
const TOLERATED: ReadonlySet<number> = new Set([
  // "implicitly has an 'any' type" of a variable, member, parameter or result: `const rows = []` and untyped helper
  // functions are how people write in notebooks, and say nothing false.
  7005,
  7006, 7008, 7010, 7011, 7018, 7019, 7031, 7034, 7051,
  // The same of a member of `globalThis`, where a cell may put what it likes.
  7017,
  // "Could not find a declaration file for module": a package without types can still be used.
  7016,
  // "Import assignment cannot be used when targeting ECMAScript modules": a cell's `import x = require('module')` is done
  // by the runner.
  1202,
]);

/** What stops a cell, in order; `headerLength` is the generated text before the cell's own, which is `rewritten`. */
export function diagnosticsOf(
  service: ts.LanguageService,
  file: string,
  headerLength: number,
  rewritten: Rewritten,
): CellDiagnostic[] {
  const syntax = service.getSyntacticDiagnostics(file);
  if (syntax.length > 0) return convert(syntax, 'syntax', headerLength, rewritten);
  const semantic = service.getSemanticDiagnostics(file).filter((diagnostic) => !isTolerated(diagnostic));
  return convert(semantic, 'type', headerLength, rewritten);
}

/** "Expected 1 arguments, but got 0" and the like. */
const NUMBER_OF_ARGUMENTS: ReadonlySet<number> = new Set([2554, 2555]);

/** Where a magic has too few or too many words, how it is written says more than what its call expects. */
export function withUsage(
  diagnostics: readonly CellDiagnostic[],
  { original }: Rewritten,
  magics: readonly Magic[],
): CellDiagnostic[] {
  const lines = original.split('\n');
  return diagnostics.map((diagnostic) => {
    const [, name] = /^\s*%%?(\w+)/.exec(lines[diagnostic.line - 1]) ?? [];
    const magic = NUMBER_OF_ARGUMENTS.has(diagnostic.code) && magics.find((magic) => magic.name === name);
    if (!magic) return diagnostic;
    return { ...diagnostic, message: `${diagnostic.message} It is written ${magic.usage}` };
  });
}

/** What stops a cell with `export *` from modules without types, of which nobody knows what to give to later cells. */
export function namelessOf(
  modules: readonly ts.StringLiteral[],
  headerLength: number,
  rewritten: Rewritten,
): CellDiagnostic[] {
  return modules.map((module) => {
    const start = module.getStart() - headerLength;
    const { line, column } = lineAndColumn(rewritten.original, rewritten.toOriginal(start));
    const name = module.getText();
    const message =
      `${name} has no types, so what 'export *' gives to later cells is not known: name it, as in ` +
      `export { a } from ${name}, or import all of it, as in import * as all from ${name}`;
    return { kind: 'type', line, column, length: name.length, code: 0, message };
  });
}

/** What stops a cell that declares a name which magics need. */
export function reservedOf(
  { statement, name }: { statement: ts.Statement; name: string },
  file: ts.SourceFile,
  rewritten: Rewritten,
): CellDiagnostic {
  const start = rewritten.toOriginal(statement.getStart(file));
  const length = rewritten.toOriginal(statement.end) - start;
  const { line, column } = lineAndColumn(rewritten.original, start);
  const message = `'${name}' is what magics call, so no cell can declare it: choose another name`;
  return { kind: 'syntax', line, column, length, code: 0, message };
}

/** Whether a diagnostic of types does not stop what it is about. */
export function isTolerated({ category, code }: ts.Diagnostic): boolean {
  return category !== ts.DiagnosticCategory.Error || TOLERATED.has(code);
}

function convert(
  diagnostics: readonly ts.Diagnostic[],
  kind: CellDiagnostic['kind'],
  headerLength: number,
  rewritten: Rewritten,
): CellDiagnostic[] {
  return diagnostics
    .filter(({ file, start }) => file !== undefined && start !== undefined)
    .map(({ start, length, code, messageText }) => {
      const position = rewritten.toOriginal(Math.max(0, start! - headerLength));
      const { line, column } = lineAndColumn(rewritten.original, position);
      const message = withoutCellModules(ts.flattenDiagnosticMessageText(messageText, '\n'));
      return { kind, line, column, length: length ?? 1, code, message };
    });
}

/** `import("cell:3").Point` in a message is just `Point` to the reader. */
export function withoutCellModules(message: string): string {
  return message
    .replace(/import\("[^"]*\/cell-\w+\.virtual"\)\./g, '')
    .replace(/import\("(?:cell:\d+|ringside:[^"]*)"\)\./g, '');
}

function lineAndColumn(text: string, position: number): { line: number; column: number } {
  const before = text.slice(0, position).split('\n');
  return { line: before.length, column: before[before.length - 1].length + 1 };
}
