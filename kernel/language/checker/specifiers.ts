import { readdirSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join } from 'node:path';
import ts = require('typescript');

/** The name of a module that is being written: where it begins, and what of it stands before the cursor. */
export interface SpecifierPlace {
  readonly start: number;
  readonly typed: string;
}

/** The string around a cursor that names a module, or nothing when the cursor is elsewhere. */
export function specifierPlace(file: ts.SourceFile, cursor: number): SpecifierPlace | undefined {
  let found: ts.StringLiteral | undefined;
  const visit = (node: ts.Node): void => {
    if (cursor < node.pos || cursor > node.end) return;
    const named = moduleIn(node);
    if (named !== undefined && ts.isStringLiteral(named)) found = named;
    ts.forEachChild(node, visit);
  };
  visit(file);
  if (found === undefined) return undefined;
  const start = found.getStart(file) + 1;
  const end = start + found.text.length;
  return start <= cursor && cursor <= end ? { start, typed: file.text.slice(start, cursor) } : undefined;
}

/** What names the module in an import, in whichever way it is written. */
function moduleIn(node: ts.Node): ts.Node | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier;
  if (ts.isExternalModuleReference(node)) return node.expression;
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) return node.argument.literal;
  if (!ts.isCallExpression(node)) return undefined;
  const { expression, arguments: given } = node;
  const imports =
    expression.kind === ts.SyntaxKind.ImportKeyword ||
    (ts.isIdentifier(expression) && expression.text === 'require');
  return imports ? given.at(0) : undefined;
}

/**
 * Names of modules that begin so and can be imported in a folder: packages, Node's and others.
 * @param own names of modules that are found without npm
 */
export function moduleNames(typed: string, folder: string, own: readonly string[]): string[] {
  const node = builtinModules.filter((name) => !/^(?:_|node:)/.test(name));
  const names = [
    ...own,
    ...packagesAround(folder),
    ...node.map((name) => `node:${name}`),
    // The older names, when one has begun to write them.
    ...(typed === '' ? [] : node),
  ];
  return [...new Set(names)].filter((name) => name.startsWith(typed));
}

/** Packages in the folders where Node looks for them. */
function packagesAround(folder: string): string[] {
  const here = join(folder, 'node_modules');
  const found = foldersIn(here).flatMap((name) =>
    name.startsWith('@') ? foldersIn(join(here, name)).map((inner) => `${name}/${inner}`) : [name],
  );
  // Declarations of packages that have none of their own.
  const packages = found.filter((name) => !name.startsWith('@types/'));
  const above = dirname(folder);
  return above === folder ? packages : [...packages, ...packagesAround(above)];
}

function foldersIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => !name.startsWith('.'));
  } catch {
    return [];
  }
}
