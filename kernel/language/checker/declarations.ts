import ts = require('typescript');
import { isAmbient } from './ambient.js';
import { aliases, isNameable } from './export-lists.js';
import { boundNames, nestedVars } from './nested-vars.js';

/** A top-level declaration of a cell. */
export interface Declaration {
  readonly name: string;
  /** Variables can be assigned by later cells, fixed names (constants, functions, classes, types) cannot. */
  readonly kind: 'variable' | 'fixed' | 'import';
  /** Whether running the cell makes a value of this name in the cells' scope. */
  readonly value: boolean;
  /** Where the name is in scope: a cell that passes something on does not name it, and `using` ends with the cell. */
  readonly scope: 'all' | 'cell' | 'later';
  /** Whether the cell itself says `export`. */
  readonly exported: boolean;
  /** For an import, the statement that binds this name alone; imports are repeated in cells that use their names. */
  readonly statement: string;
}

/** The first statement of a cell that declares one of these names, and which. */
export function declaring(
  file: ts.SourceFile,
  names: readonly string[],
): { statement: ts.Statement; name: string } | undefined {
  if (names.length === 0) return undefined;
  for (const statement of file.statements) {
    const found = declared(statement, file).find(({ name }) => names.includes(name));
    if (found !== undefined) return { statement, name: found.name };
  }
  return undefined;
}

type Declared = Pick<Declaration, 'name' | 'kind' | 'value'> & Partial<Declaration>;

/** Top-level declarations of a cell, in order. */
export function declarationsOf(file: ts.SourceFile): Declaration[] {
  return file.statements.flatMap((statement) => {
    const exported =
      hasModifier(statement, ts.SyntaxKind.ExportKeyword) &&
      // That is another name: `default`.
      !hasModifier(statement, ts.SyntaxKind.DefaultKeyword);
    return declared(statement, file).map((declaration) => ({
      statement: '',
      scope: 'all' as const,
      exported,
      ...declaration,
    }));
  });
}

function declared(statement: ts.Statement, file: ts.SourceFile): Declared[] {
  const ambient = hasModifier(statement, ts.SyntaxKind.DeclareKeyword);
  if (ts.isVariableStatement(statement)) {
    const { flags, declarations } = statement.declarationList;
    const fixed = (flags & (ts.NodeFlags.Const | ts.NodeFlags.Using)) !== 0;
    const kind = fixed ? 'fixed' : 'variable';
    const names = declarations.flatMap(({ name }) => boundNames(name));
    const scope = (flags & ts.NodeFlags.Using) === ts.NodeFlags.Using ? 'cell' : 'all';
    return names.map((name) => ({ name, kind, value: !ambient, scope }));
  }
  if (
    ts.isFunctionDeclaration(statement) ||
    ts.isClassDeclaration(statement) ||
    ts.isEnumDeclaration(statement)
  ) {
    return fixed(statement.name?.text, !ambient);
  }
  if (ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement)) {
    return fixed(statement.name.text, false);
  }
  if (ts.isModuleDeclaration(statement)) {
    if (isAmbient(statement)) return [];
    return fixed(statement.name.text, !ambient);
  }
  if (ts.isImportDeclaration(statement)) return imported(statement, file);
  if (ts.isImportEqualsDeclaration(statement)) return importEquals(statement, file);
  if (ts.isExportDeclaration(statement)) return passedOn(statement, file);
  return nestedVars(statement).map((name) => ({ name, kind: 'variable', value: true }));
}

/** `import a = require('module')` is repeated as it is; `import a = b.c` is what that was in its cell. */
function importEquals(statement: ts.ImportEqualsDeclaration, file: ts.SourceFile): Declared[] {
  const name = statement.name.text;
  if (!ts.isExternalModuleReference(statement.moduleReference)) return fixed(name, true);
  const type = statement.isTypeOnly ? 'type ' : '';
  const text = `import ${type}${name} = ${statement.moduleReference.getText(file)}`;
  return [{ name, kind: 'import', value: false, statement: text }];
}

/** What `export { a as b }` and `export { a } from 'module'` make known, of which the cell itself names none. */
function passedOn(statement: ts.ExportDeclaration, file: ts.SourceFile): Declared[] {
  const own = aliases(statement).map(({ name, isTypeOnly }): Declared => {
    return { name, kind: 'fixed', value: !isTypeOnly, exported: true, scope: 'later' };
  });
  const { exportClause, moduleSpecifier, attributes, isTypeOnly } = statement;
  if (moduleSpecifier === undefined || exportClause === undefined) return own;
  const source = `from ${moduleSpecifier.getText(file)} ${attributes?.getText(file) ?? ''}`;
  const one = (name: string, binding: string, type: boolean): Declared => {
    const text = `import ${type ? 'type ' : ''}${binding} ${source}`;
    return { name, kind: 'import', value: false, exported: true, scope: 'later', statement: text };
  };
  if (ts.isNamespaceExport(exportClause)) {
    const { name } = exportClause;
    return isNameable(name) ? [one(name.text, `* as ${name.text}`, isTypeOnly)] : [];
  }
  return exportClause.elements.flatMap((element) => {
    const { name, propertyName = name } = element;
    if (!isNameable(name)) return [];
    const binding = `{ ${propertyName.getText(file)} as ${name.text} }`;
    return [one(name.text, binding, isTypeOnly || element.isTypeOnly)];
  });
}

function fixed(name: string | undefined, value: boolean): Declared[] {
  return name === undefined ? [] : [{ name, kind: 'fixed', value }];
}

/** Names that an import binds, each with a statement that binds it alone. */
function imported(statement: ts.ImportDeclaration, file: ts.SourceFile): Declared[] {
  const clause = statement.importClause;
  if (clause === undefined) return [];
  const type = clause.phaseModifier === ts.SyntaxKind.TypeKeyword;
  const attributes = statement.attributes?.getText(file) ?? '';
  const source = `from ${statement.moduleSpecifier.getText(file)} ${attributes}`;
  const one = (name: string, binding: string, typeOnly = type): Declared => {
    return {
      name,
      kind: 'import',
      value: false,
      statement: `import ${typeOnly ? 'type ' : ''}${binding} ${source}`,
    };
  };
  const found = clause.name === undefined ? [] : [one(clause.name.text, clause.name.text)];
  const bindings = clause.namedBindings;
  if (bindings === undefined) return found;
  if (ts.isNamespaceImport(bindings))
    return [...found, one(bindings.name.text, `* as ${bindings.name.text}`)];
  for (const element of bindings.elements) {
    const original = element.propertyName === undefined ? '' : `${element.propertyName.getText(file)} as `;
    found.push(one(element.name.text, `{ ${original}${element.name.text} }`, type || element.isTypeOnly));
  }
  return found;
}

export function hasModifier(node: ts.Node, kind: ts.SyntaxKind): boolean {
  return (
    ts.canHaveModifiers(node) && (ts.getModifiers(node)?.some((modifier) => modifier.kind === kind) ?? false)
  );
}
