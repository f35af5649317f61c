import ts = require('typescript');
import { boundNames, nestedVars } from './nested-vars.js';

/** A top-level declaration of a cell. */
export interface Declaration {
  readonly name: string;
  /** Variables can be assigned by later cells, fixed names (constants, functions, classes, types) cannot. */
  readonly kind: 'variable' | 'fixed' | 'import';
  /** Whether running the cell makes a value of this name in the cells' scope. */
  readonly value: boolean;
  /** Whether the cell itself says `export`. */
  readonly exported: boolean;
  /** For an import, the statement that binds this name alone; imports are repeated in cells that use their names. */
  readonly statement: string;
}

type Declared = Pick<Declaration, 'name' | 'kind' | 'value'> & Partial<Declaration>;

/** Top-level declarations of a cell, in order. */
export function declarationsOf(file: ts.SourceFile): Declaration[] {
  return file.statements.flatMap((statement) => {
    const exported =
      hasModifier(statement, ts.SyntaxKind.ExportKeyword) &&
      // That is another name: `default`.
      !hasModifier(statement, ts.SyntaxKind.DefaultKeyword);
    return declared(statement, file).map((declaration) => ({ statement: '', ...declaration, exported }));
  });
}

function declared(statement: ts.Statement, file: ts.SourceFile): Declared[] {
  const ambient = hasModifier(statement, ts.SyntaxKind.DeclareKeyword);
  if (ts.isVariableStatement(statement)) {
    const { flags, declarations } = statement.declarationList;
    const fixed = (flags & (ts.NodeFlags.Const | ts.NodeFlags.Using)) !== 0;
    const kind = fixed ? 'fixed' : 'variable';
    const names = declarations.flatMap(({ name }) => boundNames(name));
    return names.map((name) => ({ name, kind, value: !ambient }));
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
  if (ts.isModuleDeclaration(statement) && ts.isIdentifier(statement.name)) {
    return fixed(statement.name.text, !ambient);
  }
  if (ts.isImportDeclaration(statement)) return imported(statement, file);
  return nestedVars(statement).map((name) => ({ name, kind: 'variable', value: true }));
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
