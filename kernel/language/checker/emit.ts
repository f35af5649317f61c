import ts = require('typescript');
import type { CompiledCell, CompiledFile, Insertion, StaticImport } from '../cell.js';
import type { ExportedTypes } from './cell-edits.js';
import { edited, editsOf, withoutExports } from './cell-edits.js';
import { assignNestedVars, nestedVars } from './nested-vars.js';

/**
 * JavaScript of a cell that has no errors.
 * @param header a line of declarations of earlier names
 * @param types what of its exports has no value
 */
export function emitCell(
  file: ts.SourceFile,
  header: string,
  types: ExportedTypes,
): Omit<CompiledCell, 'name' | 'values'> {
  const edits = editsOf(file, types);
  const nested = new Set(file.statements.flatMap(nestedVars));
  const hoisted = [...nested].map((name) => `export declare var ${name}: any; `).join('');
  return {
    ...emit(
      `${header}${hoisted}\n${edited(withoutExports(file, types), edits)}`,
      nested.size > 0 ? [assignNestedVars] : [],
    ),
    insertions: edits.map(({ at, text }) => ({
      line: ts.getLineAndCharacterOfPosition(file, at).line,
      column: ts.getLineAndCharacterOfPosition(file, at).character,
      length: text.length,
    })) satisfies Insertion[],
  };
}

/** JavaScript of a TypeScript file. */
export function emitFile(text: string): Omit<CompiledFile, 'path'> {
  return emit(`\n${text}`, [starsByRunner]);
}

/**
 * @param source text below one generated line
 * @param first what becomes of it before all else
 */
function emit(
  source: string,
  first: readonly ts.TransformerFactory<ts.SourceFile>[] = [],
): Pick<CompiledCell, 'code' | 'sourceMap' | 'imports'> {
  const required = new Set<string>();
  const { outputText, sourceMapText } = ts.transpileModule(source, {
    fileName: 'cell.ts',
    compilerOptions: {
      // CommonJS, because its emit turns every use of an exported name into a property of `exports`.
      module: ts.ModuleKind.CommonJS,
      target: ts.ScriptTarget.ES2022,
      // A static import gives a true module namespace here, so `default` is already in its place.
      esModuleInterop: false,
      ignoreDeprecations: '6.0',
      sourceMap: true,
    },
    transformers: {
      before: [...first, markRequired, viaRunner],
      after: [withoutPreamble, importsVia(required)],
    },
  });
  return {
    code: outputText.replace(/\n?\/\/# sourceMappingURL=.*\s*$/, ''),
    sourceMap: sourceMapText ?? '',
    imports: importsOf(source).filter(({ key }) => required.has(key)),
  };
}

/**
 * `export * from 'module'` of a file is done by the runner: what TypeScript makes of it gives the file's exports for good,
 * and a file that is edited has others.
 */
const starsByRunner: ts.TransformerFactory<ts.SourceFile> =
  ({ factory }) =>
  (file) => {
    const statements = file.statements.flatMap((statement): ts.Statement[] => {
      if (!ts.isExportDeclaration(statement) || statement.exportClause || statement.isTypeOnly)
        return [statement];
      const { moduleSpecifier, attributes } = statement;
      if (moduleSpecifier === undefined || !ts.isStringLiteral(moduleSpecifier)) return [statement];
      const key = factory.createStringLiteral(moduleSpecifier.text);
      const star = factory.createCallExpression(factory.createIdentifier('__star'), undefined, [key]);
      return [
        factory.createImportDeclaration(undefined, undefined, moduleSpecifier, attributes),
        factory.createExpressionStatement(star),
      ];
    });
    return factory.updateSourceFile(file, statements);
  };

/** Modules that are named in the code, also for their types alone. */
function importsOf(source: string): StaticImport[] {
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
const markRequired: ts.TransformerFactory<ts.SourceFile> =
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
function importsVia(required: Set<string>): ts.TransformerFactory<ts.SourceFile> {
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
          factory.createIdentifier('__imported'),
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
const viaRunner: ts.TransformerFactory<ts.SourceFile> = (context) => {
  const { factory } = context;
  const call = (name: string, parameters: readonly ts.Expression[]) =>
    factory.createCallExpression(factory.createIdentifier(name), undefined, parameters);
  const visit = (node: ts.Node): ts.Node => {
    const visited = ts.visitEachChild(node, visit, context);
    if (ts.isCallExpression(visited) && visited.expression.kind === ts.SyntaxKind.ImportKeyword) {
      return ts.setTextRange(call('__import', visited.arguments), visited);
    }
    if (ts.isMetaProperty(visited) && visited.keywordToken === ts.SyntaxKind.ImportKeyword) {
      return ts.setTextRange(factory.createIdentifier('__meta'), visited);
    }
    if (ts.isAwaitExpression(visited)) {
      return factory.updateAwaitExpression(visited, call('__await', [visited.expression]));
    }
    if (ts.isForOfStatement(visited) && visited.awaitModifier !== undefined) {
      const { awaitModifier, initializer, expression, statement } = visited;
      const each = call('__each', [expression]);
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
const withoutPreamble: ts.TransformerFactory<ts.SourceFile> = (context) => (file) => {
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
