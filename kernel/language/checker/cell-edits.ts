import ts = require('typescript');
import type { Called } from './called.js';
import { hasModifier } from './declarations.js';
import { aliases } from './export-lists.js';

/** Names that a cell gives to other things (`import T = N.T`, `export { T as U }`) which are types and have no value. */
export type ExportedTypes = ReadonlySet<string>;

/** Text that is inserted. */
export interface Edit {
  readonly at: number;
  readonly text: string;
}

/** `export` before each declaration of a value, and the last expression handed to `__result`. */
export function editsOf(file: ts.SourceFile, types: ExportedTypes, { __result }: Called): Edit[] {
  const edits: Edit[] = [];
  for (const statement of file.statements) {
    if (isExportable(statement) && !isOtherType(statement, types))
      edits.push({ at: statement.getStart(file), text: 'export ' });
    for (const at of unsetLets(statement)) edits.push({ at, text: ' = undefined' });
  }
  const last = file.statements.at(-1);
  const defaults = file.statements.flatMap((statement) => defaultName(statement) ?? []);
  if (last !== undefined && ts.isExpressionStatement(last)) {
    // Two parentheses: an expression with a comma is one argument.
    edits.push({ at: last.expression.getStart(file), text: `${__result}((` });
    edits.push({ at: last.expression.end, text: '))' });
  }
  for (const name of defaults) edits.push({ at: file.end, text: `\nexport { ${name} };` });
  for (const { name, of } of file.statements.flatMap(aliases)) {
    // It has what the name has when the cell ends, as only assignments in the cell would reach it.
    if (!types.has(name)) edits.push({ at: file.end, text: `\nexport const ${name} = ${of};` });
  }
  return edits;
}

/**
 * The cell's text, character for character, with `export { a } from 'module'` as `import 'module'`, and without other
 * export lists. Later cells import for themselves what a cell passes on: as a property of the scope it could not be
 * declared again. Without what is but a type, too.
 */
export function withoutExports(file: ts.SourceFile, types: ExportedTypes): string {
  let text = file.text;
  const put = (start: number, made: string, end: number) => {
    const blank = text.slice(start + made.length, end).replace(/[^\r\n]/g, ' ');
    text = text.slice(0, start) + made + blank + text.slice(end);
  };
  for (const statement of file.statements) {
    const start = statement.getStart(file);
    if (isOtherType(statement, types)) put(start, '', statement.end);
    if (!ts.isExportDeclaration(statement)) continue;
    const { moduleSpecifier, isTypeOnly } = statement;
    if (moduleSpecifier === undefined || isTypeOnly) put(start, '', statement.end);
    else put(start, 'import', moduleSpecifier.getStart(file));
  }
  return text;
}

/** Whether it is `import T = N.T` for a type. */
function isOtherType(statement: ts.Statement, types: ExportedTypes): boolean {
  return ts.isImportEqualsDeclaration(statement) && types.has(statement.name.text);
}

/** Where `let` gives a name no value: it is not to keep that of an earlier cell, which may be of another type. */
function unsetLets(statement: ts.Statement): number[] {
  if (!ts.isVariableStatement(statement) || hasModifier(statement, ts.SyntaxKind.DeclareKeyword)) return [];
  const { flags, declarations } = statement.declarationList;
  if ((flags & ts.NodeFlags.BlockScoped) !== ts.NodeFlags.Let) return [];
  return declarations.filter(({ initializer }) => initializer === undefined).map(({ end }) => end);
}

/** Name of a function or class that is exported as `default`. */
function defaultName(statement: ts.Statement): string | undefined {
  if (!ts.isFunctionDeclaration(statement) && !ts.isClassDeclaration(statement)) return undefined;
  return hasModifier(statement, ts.SyntaxKind.DefaultKeyword) ? statement.name?.text : undefined;
}

function isExportable(statement: ts.Statement): boolean {
  if (
    hasModifier(statement, ts.SyntaxKind.ExportKeyword) ||
    hasModifier(statement, ts.SyntaxKind.DeclareKeyword)
  ) {
    return false;
  }
  if (ts.isVariableStatement(statement)) {
    // `using` disposes at the end of the cell, so its name cannot outlive it.
    return (statement.declarationList.flags & ts.NodeFlags.Using) !== ts.NodeFlags.Using;
  }
  return (
    ts.isFunctionDeclaration(statement) ||
    ts.isClassDeclaration(statement) ||
    ts.isEnumDeclaration(statement) ||
    ts.isModuleDeclaration(statement) ||
    (ts.isImportEqualsDeclaration(statement) && !ts.isExternalModuleReference(statement.moduleReference))
  );
}

/** Text with what is inserted, in order. */
export function edited(text: string, edits: readonly Edit[]): string {
  let result = '';
  let from = 0;
  for (const { at, text: inserted } of edits) {
    result += text.slice(from, at) + inserted;
    from = at;
  }
  return result + text.slice(from);
}
