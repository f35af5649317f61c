import ts = require('typescript');
import type { CompiledCell, CompiledFile, Insertion, StaticImport } from '../cell.js';
import { hasModifier } from './declarations.js';
import { assignNestedVars, nestedVars } from './nested-vars.js';

/** JavaScript of a cell that has no errors. `header` is a line of declarations of earlier names. */
export function emitCell(file: ts.SourceFile, header: string): Omit<CompiledCell, 'name' | 'values'> {
  const edits = editsOf(file);
  const nested = new Set(file.statements.flatMap(nestedVars));
  const hoisted = [...nested].map((name) => `export declare var ${name}: any; `).join('');
  return {
    ...emit(`${header}${hoisted}\n${apply(file.text, edits)}`, nested.size > 0 ? [assignNestedVars] : []),
    insertions: edits.map(({ at, text }) => ({
      line: ts.getLineAndCharacterOfPosition(file, at).line,
      column: ts.getLineAndCharacterOfPosition(file, at).character,
      length: text.length,
    })) satisfies Insertion[],
  };
}

/** JavaScript of a TypeScript file. */
export function emitFile(text: string): Omit<CompiledFile, 'path'> {
  return emit(`\n${text}`);
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
    transformers: { before: [...first, viaRunner], after: [withoutPreamble, importsVia(required)] },
  });
  return {
    code: outputText.replace(/\n?\/\/# sourceMappingURL=.*\s*$/, ''),
    sourceMap: sourceMapText ?? '',
    imports: importsOf(source).filter(({ specifier }) => required.has(specifier)),
  };
}

/** Modules that are named in the code, also for their types alone. */
function importsOf(source: string): StaticImport[] {
  const { statements } = ts.createSourceFile('cell.ts', source, ts.ScriptTarget.ES2022);
  return statements
    .filter((statement) => ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement))
    .flatMap(({ moduleSpecifier, attributes }) => {
      if (moduleSpecifier === undefined || !ts.isStringLiteral(moduleSpecifier)) return [];
      const pairs = (attributes?.elements ?? []).map(({ name, value }) => [
        name.text,
        (value as ts.StringLiteral).text,
      ]);
      return [{ specifier: moduleSpecifier.text, attributes: Object.fromEntries(pairs) }];
    });
}

/**
 * CommonJS emit makes `require` of static imports. They become `__imported`, so that a cell's own `require` is Node's.
 * @param required gets their specifiers: imports of types alone are not among them
 */
function importsVia(required: Set<string>): ts.TransformerFactory<ts.SourceFile> {
  return (context) => (file) => {
    const visit = (node: ts.Node): ts.Node => {
      if (ts.isCallExpression(node) && isMadeRequire(node.expression)) {
        const [specifier] = node.arguments;
        if (ts.isStringLiteral(specifier)) required.add(specifier.text);
        const { factory } = context;
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

/** What the emitter has made has no place in the source. */
function isMadeRequire(node: ts.Expression): boolean {
  return ts.isIdentifier(node) && node.text === 'require' && node.pos < 0;
}

interface Edit {
  readonly at: number;
  readonly text: string;
}

/** `export` before each declaration of a value, and the last expression handed to `__result`. */
function editsOf(file: ts.SourceFile): Edit[] {
  const edits: Edit[] = [];
  for (const statement of file.statements) {
    if (isExportable(statement)) edits.push({ at: statement.getStart(file), text: 'export ' });
    for (const at of unsetLets(statement)) edits.push({ at, text: ' = undefined' });
  }
  const last = file.statements.at(-1);
  const defaults = file.statements.flatMap((statement) => defaultName(statement) ?? []);
  if (last !== undefined && ts.isExpressionStatement(last)) {
    // Two parentheses: an expression with a comma is one argument.
    edits.push({ at: last.expression.getStart(file), text: '__result((' });
    edits.push({ at: last.expression.end, text: '))' });
  }
  for (const name of defaults) edits.push({ at: file.end, text: `\nexport { ${name} };` });
  return edits;
}

/** Where `let` gives a name no value: it is not to keep that of an earlier cell, which may be of another type. */
function unsetLets(statement: ts.Statement): number[] {
  if (!ts.isVariableStatement(statement) || hasModifier(statement, ts.SyntaxKind.DeclareKeyword)) return [];
  const { flags, declarations } = statement.declarationList;
  if ((flags & ts.NodeFlags.BlockScoped) !== ts.NodeFlags.Let) return [];
  return declarations.filter(({ initializer }) => initializer === undefined).map(({ end }) => end);
}

/** Name of a function or class that is exported as `default`. */
export function defaultName(statement: ts.Statement): string | undefined {
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
    ts.isModuleDeclaration(statement)
  );
}

function apply(text: string, edits: readonly Edit[]): string {
  let result = '';
  let from = 0;
  for (const { at, text: inserted } of edits) {
    result += text.slice(from, at) + inserted;
    from = at;
  }
  return result + text.slice(from);
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
