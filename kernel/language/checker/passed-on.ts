import ts = require('typescript');
import type { ExportedTypes } from './cell-edits.js';
import type { Declaration } from './declarations.js';
import { aliases, isVariableName } from './export-lists.js';

/** What only the types say of a cell's exports. */
export interface PassedOn {
  /** What `export * from 'module'` makes known to later cells. */
  readonly stars: readonly Declaration[];
  readonly types: ExportedTypes;
  /** Modules of `export *` whose names nobody knows, as they have no types. */
  readonly unknown: readonly ts.StringLiteral[];
}

const NOTHING: PassedOn = { stars: [], types: new Set(), unknown: [] };

/** @param file name of the cell's file in the program */
export function passedOn(service: ts.LanguageService, file: string, source: ts.SourceFile): PassedOn {
  if (!source.statements.some(asksTypes)) return NOTHING;
  const program = service.getProgram()!;
  const checker = program.getTypeChecker();
  const { statements } = program.getSourceFile(file)!;
  const stars: Declaration[] = [];
  const types = new Set<string>();
  const unknown: ts.StringLiteral[] = [];
  for (const statement of statements) {
    if (ts.isImportEqualsDeclaration(statement)) noteType(checker, statement.name, types);
    if (!ts.isExportDeclaration(statement)) continue;
    const { exportClause, moduleSpecifier } = statement;
    if (exportClause !== undefined && ts.isNamedExports(exportClause) && aliases(statement).length > 0)
      for (const { name } of exportClause.elements) noteType(checker, name, types);
    if (exportClause !== undefined || moduleSpecifier === undefined || !ts.isStringLiteral(moduleSpecifier))
      continue;
    const module = checker.getSymbolAtLocation(moduleSpecifier);
    if (module === undefined) unknown.push(moduleSpecifier);
    else stars.push(...starsOf(checker, module, statement));
  }
  return { stars, types, unknown };
}

function asksTypes(statement: ts.Statement): boolean {
  if (ts.isImportEqualsDeclaration(statement)) return true;
  if (!ts.isExportDeclaration(statement)) return false;
  return statement.exportClause === undefined || aliases(statement).length > 0;
}

/** Notes a name of something else that has no value. */
function noteType(checker: ts.TypeChecker, name: ts.ModuleExportName, types: Set<string>): void {
  const symbol = checker.getSymbolAtLocation(name);
  if (symbol === undefined || (symbol.flags & ts.SymbolFlags.Alias) === 0) return;
  if ((checker.getAliasedSymbol(symbol).flags & ts.SymbolFlags.Value) === 0) types.add(name.text);
}

function starsOf(
  checker: ts.TypeChecker,
  module: ts.Symbol,
  { moduleSpecifier, attributes, isTypeOnly }: ts.ExportDeclaration,
): Declaration[] {
  const source = `from ${moduleSpecifier!.getText()} ${attributes?.getText() ?? ''}`;
  const names = checker.getExportsOfModule(module).map(({ name }) => name);
  return names
    .filter((name) => name !== 'default' && isVariableName(name))
    .map((name) => {
      const statement = `import ${isTypeOnly ? 'type ' : ''}{ ${name} } ${source}`;
      return { name, kind: 'import', value: false, exported: true, scope: 'later', statement };
    });
}
