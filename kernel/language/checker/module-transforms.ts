import ts = require('typescript');
import type { StaticImport } from '../cell.js';
import type { Called } from './called.js';

/*
 * What the runner does for modules and for interrupts, in place of what TypeScript's CommonJS emit would.
 */

/**
 * `export * from 'module'` of a file is done by the runner: what TypeScript makes of it gives the file's exports for good,
 * and a file that is edited has others.
 */
export const starsByRunner =
  (called: Called): ts.TransformerFactory<ts.SourceFile> =>
  ({ factory }) =>
  (file) => {
    const statements = file.statements.flatMap((statement): ts.Statement[] => {
      if (!ts.isExportDeclaration(statement) || statement.exportClause || statement.isTypeOnly)
        return [statement];
      const { moduleSpecifier, attributes } = statement;
      if (moduleSpecifier === undefined || !ts.isStringLiteral(moduleSpecifier)) return [statement];
      const key = factory.createStringLiteral(moduleSpecifier.text);
      const star = factory.createCallExpression(factory.createIdentifier(called.__star), undefined, [key]);
      return [
        factory.createImportDeclaration(undefined, undefined, moduleSpecifier, attributes),
        factory.createExpressionStatement(star),
      ];
    });
    return factory.updateSourceFile(file, statements);
  };

/** Modules that are named in the code, also for their types alone. */
export function importsOf(source: string): StaticImport[] {
  const { statements } = ts.createSourceFile('cell.ts', source, ts.ScriptTarget.ES2022);
  return statements.flatMap<StaticImport>((statement) => {
    const required = requiredModule(statement);
    if (required !== undefined) {
      const { text } = required;
      return [{ key: requiredKey(text), specifier: text, attributes: {}, required: true }];
    }
    if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) return [];
    const { moduleSpecifier, attributes } = statement;
    if (moduleSpecifier === undefined || !ts.isStringLiteral(moduleSpecifier)) return [];
    const { text } = moduleSpecifier;
    const pairs = (attributes?.elements ?? []).map(({ name, value }) => [
      name.text,
      (value as ts.StringLiteral).text,
    ]);
    return [{ key: text, specifier: text, attributes: Object.fromEntries(pairs), required: false }];
  });
}

/** What `import x = require('module')` names. */
function requiredModule(statement: ts.Node): ts.StringLiteral | undefined {
  if (!ts.isImportEqualsDeclaration(statement)) return undefined;
  const { moduleReference: reference } = statement;
  if (!ts.isExternalModuleReference(reference)) return undefined;
  return ts.isStringLiteral(reference.expression) ? reference.expression : undefined;
}

/** A module that is required is not what it is when imported: it may be a function. */
function requiredKey(specifier: string): string {
  return `require(${specifier})`;
}

/** `import x = require('module')` says by its text that it is one, which emit does not. */
export const markRequired: ts.TransformerFactory<ts.SourceFile> =
  ({ factory }) =>
  (file) => {
    const statements = file.statements.map((statement) => {
      const module = requiredModule(statement);
      if (module === undefined || !ts.isImportEqualsDeclaration(statement)) return statement;
      const { modifiers, isTypeOnly, name } = statement;
      const key = factory.createStringLiteral(requiredKey(module.text));
      const reference = factory.createExternalModuleReference(key);
      return factory.updateImportEqualsDeclaration(statement, modifiers, isTypeOnly, name, reference);
    });
    return factory.updateSourceFile(file, statements);
  };

/**
 * CommonJS emit makes `require` of static imports. They become `__imported`, so that a cell's own `require` is Node's. What it
 * passes on can be replaced.
 * @param required gets their keys: imports of types alone are not among them
 */
export function importsVia(required: Set<string>, called: Called): ts.TransformerFactory<ts.SourceFile> {
  return (context) => (file) => {
    const { factory } = context;
    const visit = (node: ts.Node): ts.Node => {
      if (isMadeGetter(node)) {
        const [object, key, descriptor] = node.arguments;
        const { properties } = descriptor as ts.ObjectLiteralExpression;
        const configurable = factory.createPropertyAssignment('configurable', factory.createTrue());
        const own = factory.createObjectLiteralExpression([configurable, ...properties]);
        return factory.updateCallExpression(node, node.expression, undefined, [object, key, own]);
      }
      if (ts.isCallExpression(node) && isMadeRequire(node.expression)) {
        const [key] = node.arguments;
        if (ts.isStringLiteral(key)) required.add(key.text);
        return factory.updateCallExpression(
          node,
          factory.createIdentifier(called.__imported),
          undefined,
          node.arguments,
        );
      }
      return ts.visitEachChild(node, visit, context);
    };
    return ts.visitEachChild(file, visit, context);
  };
}

/** `Object.defineProperty(exports, "a", { get... })`, for what is passed on: a file that is edited has other exports. */
function isMadeGetter(node: ts.Node): node is ts.CallExpression {
  if (!ts.isCallExpression(node) || node.pos >= 0) return false;
  const [object, , descriptor] = node.arguments;
  return (
    node.arguments.length === 3 &&
    ts.isIdentifier(object) &&
    object.text === 'exports' &&
    ts.isObjectLiteralExpression(descriptor)
  );
}

/** What the emitter has made has no place in the source. */
function isMadeRequire(node: ts.Expression): boolean {
  return ts.isIdentifier(node) && node.text === 'require' && node.pos < 0;
}

/**
 * `import(x)` becomes `__import(x)`, which resolves from the file's folder (CommonJS emit would make it `require`),
 * `import.meta` becomes `__meta`, which a script has not, and `await x` becomes `await __await(x)` and `for await (a of b)` goes over `__each(b)`, which an interrupt can end.
 */
export const viaRunner =
  (called: Called): ts.TransformerFactory<ts.SourceFile> =>
  (context) => {
    const { factory } = context;
    const call = (name: string, parameters: readonly ts.Expression[]) =>
      factory.createCallExpression(factory.createIdentifier(name), undefined, parameters);
    const visit = (node: ts.Node): ts.Node => {
      const visited = ts.visitEachChild(node, visit, context);
      if (ts.isCallExpression(visited) && visited.expression.kind === ts.SyntaxKind.ImportKeyword) {
        return ts.setTextRange(call(called.__import, visited.arguments), visited);
      }
      if (ts.isMetaProperty(visited) && visited.keywordToken === ts.SyntaxKind.ImportKeyword) {
        return ts.setTextRange(factory.createIdentifier(called.__meta), visited);
      }
      if (ts.isAwaitExpression(visited)) {
        return factory.updateAwaitExpression(visited, call(called.__await, [visited.expression]));
      }
      if (ts.isForOfStatement(visited) && visited.awaitModifier !== undefined) {
        const { awaitModifier, initializer, expression, statement } = visited;
        const each = call(called.__each, [expression]);
        return factory.updateForOfStatement(visited, awaitModifier, initializer, each, statement);
      }
      return visited;
    };
    return (file) => ts.visitEachChild(file, visit, context);
  };

/**
 * Drops what CommonJS emit puts before a module's own code: `exports` is shared, so marking it as a module says nothing,
 * and setting the declared names to undefined would lose the old values when the cell fails before it declares them.
 */
export const withoutPreamble: ts.TransformerFactory<ts.SourceFile> = (context) => (file) => {
  const own = file.statements.filter((statement) => !isPreamble(statement));
  return context.factory.updateSourceFile(file, own);
};

function isPreamble(statement: ts.Statement): boolean {
  if (statement.pos >= 0 || !ts.isExpressionStatement(statement)) return false;
  let { expression } = statement;
  if (ts.isCallExpression(expression)) {
    const [, key] = expression.arguments;
    return key !== undefined && ts.isStringLiteral(key) && key.text === '__esModule';
  }
  let names = 0;
  for (; isAssignment(expression); expression = expression.right) names++;
  return names > 0 && ts.isVoidExpression(expression);
}

function isAssignment(node: ts.Expression): node is ts.BinaryExpression {
  return ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.EqualsToken;
}

/** What emit calls `exports`, as it is called here. It is made of names while they are printed, too. */
export const exportsAs =
  ({ exports }: Called): ts.TransformerFactory<ts.SourceFile> =>
  (context) => {
    const before = context.onSubstituteNode;
    context.onSubstituteNode = (hint, node) => {
      const made = before(hint, node);
      const isTheirs = hint === ts.EmitHint.Expression && ts.isIdentifier(made) && made.text === 'exports';
      return isTheirs && ts.getOriginalNode(made).pos < 0 ? context.factory.createIdentifier(exports) : made;
    };
    return (file) => file;
  };
