import ts = require('typescript');

/** Other names that a cell's own are exported by: `export { a as b }`. */
export function aliases(statement: ts.Statement): { name: string; of: string; isTypeOnly: boolean }[] {
  if (!ts.isExportDeclaration(statement) || statement.moduleSpecifier !== undefined) return [];
  const { exportClause, isTypeOnly } = statement;
  if (exportClause === undefined || !ts.isNamedExports(exportClause)) return [];
  return exportClause.elements.flatMap((element) => {
    const { name, propertyName } = element;
    if (propertyName === undefined || !isNameable(name) || !isNameable(propertyName)) return [];
    return [{ name: name.text, of: propertyName.text, isTypeOnly: isTypeOnly || element.isTypeOnly }];
  });
}

/** Whether an exported name can be a variable's: `default`, `delete` and what is in quotes cannot. */
export function isNameable(name: ts.ModuleExportName): boolean {
  return ts.isIdentifier(name) && isVariableName(name.text);
}

export function isVariableName(name: string): boolean {
  const scanner = ts.createScanner(ts.ScriptTarget.ES2022, false, ts.LanguageVariant.Standard, name);
  const token = scanner.scan();
  const isWord = token === ts.SyntaxKind.Identifier || token > ts.SyntaxKind.LastReservedWord;
  return isWord && scanner.getTokenEnd() === name.length;
}
