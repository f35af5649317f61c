import ts = require('typescript');

/** What a declaration of Node's API says about a name or a module: whoever says `owner` may meet its type. */
export interface TypeUse {
  /** The name of another module that is used, or the local name of a type. */
  readonly used: { readonly module: string } | { readonly word: string };
  /** Name of the declaration or member whose type it is part of, in quotes where it is declared in quotes; none for what a module passes on as its own. */
  readonly owner: string | undefined;
  /** Whether the owner is a type or value that others may use by its name. A member is met only where its name stands. */
  readonly passes: boolean;
}

/** Everything that the types of a file depend on, and the local names that its imports bind, by module. */
export interface FileUses {
  readonly uses: readonly TypeUse[];
  readonly bindings: ReadonlyMap<string, string>;
}

interface Owner {
  readonly name: string | undefined;
  readonly passes: boolean;
}

/** Reads a file of ambient module declarations. */
export function usesOf(file: ts.SourceFile): FileUses {
  const uses: TypeUse[] = [];
  const bindings = new Map<string, string>();
  const add = (used: TypeUse['used'], { name, passes }: Owner) => uses.push({ used, owner: name, passes });
  const words = (name: ts.Node, owner: Owner): void => {
    if (ts.isIdentifier(name)) add({ word: name.text }, owner);
    ts.forEachChild(name, (child) => words(child, owner));
  };

  const visit = (node: ts.Node, around: Owner): void => {
    const owner = ownerOf(node, around) ?? around;
    if (ts.isImportDeclaration(node)) return bind(node);
    if (ts.isImportEqualsDeclaration(node)) {
      const { moduleReference: reference } = node;
      if (!ts.isExternalModuleReference(reference)) words(reference, owner);
      else if (ts.isStringLiteral(reference.expression))
        bindings.set(node.name.text, reference.expression.text);
      return;
    }
    if (ts.isExportDeclaration(node)) return passOn(node);
    if (ts.isExportAssignment(node)) return words(node.expression, owner);
    if (ts.isTypeReferenceNode(node)) words(node.typeName, owner);
    else if (ts.isTypeQueryNode(node)) words(node.exprName, owner);
    else if (ts.isExpressionWithTypeArguments(node)) words(node.expression, owner);
    else if (ts.isImportTypeNode(node)) {
      const { argument } = node;
      if (ts.isLiteralTypeNode(argument) && ts.isStringLiteral(argument.literal))
        add({ module: argument.literal.text }, owner);
    }
    ts.forEachChild(node, (child) => visit(child, owner));
  };

  const bind = ({ importClause, moduleSpecifier }: ts.ImportDeclaration): void => {
    if (!ts.isStringLiteral(moduleSpecifier)) return;
    const named = importClause?.namedBindings;
    const names = [
      importClause?.name,
      ...(named === undefined
        ? []
        : ts.isNamespaceImport(named)
          ? [named.name]
          : named.elements.map((e) => e.name)),
    ];
    for (const name of names) if (name !== undefined) bindings.set(name.text, moduleSpecifier.text);
  };

  const passOn = ({ moduleSpecifier, exportClause }: ts.ExportDeclaration): void => {
    if (moduleSpecifier !== undefined && ts.isStringLiteral(moduleSpecifier))
      return void add({ module: moduleSpecifier.text }, { name: undefined, passes: true });
    if (exportClause === undefined || !ts.isNamedExports(exportClause)) return;
    for (const { name, propertyName } of exportClause.elements)
      add({ word: (propertyName ?? name).text }, { name: name.text, passes: true });
  };

  ts.forEachChild(file, (child) => visit(child, { name: undefined, passes: true }));
  return { uses, bindings };
}

/** The declaration that a node begins, if it has a name that others write. */
function ownerOf(node: ts.Node, around: Owner): Owner | undefined {
  const isMember = ts.isTypeElement(node) || ts.isClassElement(node) || ts.isEnumMember(node);
  // A signature without a name is met through the type that has it.
  if (isMember && node.name !== undefined) return named(node.name, false);
  // What makes an instance says nothing about the instances.
  if (ts.isConstructorDeclaration(node)) return { ...around, passes: false };
  if (ts.isModuleDeclaration(node)) return { name: undefined, passes: true };
  if (
    ts.isTypeAliasDeclaration(node) ||
    ts.isInterfaceDeclaration(node) ||
    ts.isClassDeclaration(node) ||
    ts.isFunctionDeclaration(node) ||
    ts.isImportEqualsDeclaration(node) ||
    ts.isVariableDeclaration(node)
  )
    return node.name === undefined ? undefined : named(node.name, true);
  return undefined;
}

/** A name that is computed, as `[Symbol.iterator]`, may be met anywhere: its type counts as the surrounding one's. */
function named(name: ts.Node, passes: boolean): Owner | undefined {
  if (ts.isIdentifier(name)) return { name: name.text, passes };
  return ts.isStringLiteral(name) ? { name: JSON.stringify(name.text), passes } : undefined;
}
