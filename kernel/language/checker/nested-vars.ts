import ts = require('typescript');

/*
 * `var` inside of a block or a loop declares a name of the whole cell, as at the top level.
 */

/** Names that a statement declares with `var` somewhere inside of it. */
export function nestedVars(statement: ts.Statement): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (hasOwnVars(node)) return;
    if (isVarList(node)) found.push(...node.declarations.flatMap(({ name }) => boundNames(name)));
    ts.forEachChild(node, visit);
  };
  if (!ts.isVariableStatement(statement)) visit(statement);
  return found;
}

/**
 * Makes of nested `var` an assignment. Its names have to be declared elsewhere: exported there, each assignment sets the
 * property of `exports`, which later cells read.
 */
export const assignNestedVars: ts.TransformerFactory<ts.SourceFile> = (context) => {
  const { factory } = context;

  const assignments = ({ declarations }: ts.VariableDeclarationList): ts.Expression | undefined => {
    const made = declarations.flatMap<ts.Expression>(({ name, initializer }) => {
      if (initializer === undefined) return [];
      const value = visited(initializer);
      return factory.createAssignment(target(name), ts.isIdentifier(name) ? named(name, value) : value);
    });
    return made.length === 0 ? undefined : made.reduce((left, right) => factory.createComma(left, right));
  };

  /** A binding as what can be assigned to. */
  const target = (name: ts.BindingName): ts.Expression => {
    if (ts.isIdentifier(name)) return name;
    if (ts.isArrayBindingPattern(name)) {
      return factory.createArrayLiteralExpression(
        name.elements.map((element) => {
          if (ts.isOmittedExpression(element)) return element;
          return element.dotDotDotToken ? factory.createSpreadElement(target(element.name)) : part(element);
        }),
      );
    }
    return factory.createObjectLiteralExpression(
      name.elements.map((element) => {
        if (element.dotDotDotToken) return factory.createSpreadAssignment(target(element.name));
        const property =
          element.propertyName ?? factory.createIdentifier((element.name as ts.Identifier).text);
        return factory.createPropertyAssignment(property, part(element));
      }),
    );
  };

  const part = ({ name, initializer }: ts.BindingElement): ts.Expression => {
    if (initializer === undefined) return target(name);
    const value = visited(initializer);
    return factory.createAssignment(target(name), ts.isIdentifier(name) ? named(name, value) : value);
  };

  /** A declaration names the function that it is set to; an assignment to a property does not, but a literal does. */
  const named = (name: ts.Identifier, value: ts.Expression): ts.Expression => {
    const isNameless =
      ts.isArrowFunction(value) ||
      ((ts.isFunctionExpression(value) || ts.isClassExpression(value)) && value.name === undefined);
    if (!isNameless) return value;
    const literal = factory.createObjectLiteralExpression([
      factory.createPropertyAssignment(name.text, value),
    ]);
    return factory.createPropertyAccessExpression(literal, name.text);
  };

  const visited = <T extends ts.Node>(node: T): T => ts.visitNode(node, visit) as T;

  const visit = (node: ts.Node): ts.Node => {
    if (hasOwnVars(node)) return node;
    if (ts.isVariableStatement(node) && isVarList(node.declarationList)) {
      const made = assignments(node.declarationList);
      const statement =
        made === undefined ? factory.createEmptyStatement() : factory.createExpressionStatement(made);
      return ts.setTextRange(statement, node);
    }
    if (isVarList(node)) {
      // Of a loop. One over something has a single declaration, which nothing is given to.
      const [{ name }] = node.declarations;
      const goesOver = ts.isForInStatement(node.parent) || ts.isForOfStatement(node.parent);
      return goesOver ? target(name) : (assignments(node) ?? factory.createOmittedExpression());
    }
    return ts.visitEachChild(node, visit, context);
  };

  return (file) => {
    const statements = file.statements.map((statement) =>
      ts.isVariableStatement(statement) ? statement : visited(statement),
    );
    return factory.updateSourceFile(file, statements);
  };
};

function isVarList(node: ts.Node): node is ts.VariableDeclarationList {
  return ts.isVariableDeclarationList(node) && (node.flags & ts.NodeFlags.BlockScoped) === 0;
}

/** Whether `var` inside of it is none of the cell's. */
function hasOwnVars(node: ts.Node): boolean {
  return ts.isFunctionLike(node) || ts.isClassLike(node) || ts.isModuleDeclaration(node);
}

export function boundNames(name: ts.BindingName): string[] {
  if (ts.isIdentifier(name)) return [name.text];
  return name.elements.flatMap((element) => (ts.isBindingElement(element) ? boundNames(element.name) : []));
}
