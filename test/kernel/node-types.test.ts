import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import t from 'tap';
import ts from 'typescript';
import { Checker } from '../../kernel/language/checker/checker.js';
import { GLOBALS, NodeTypes } from '../../kernel/language/checker/node-types.js';
import { temporaryFolder } from '../server/helpers.js';

/*
 * Types of Node's API become part of the program when a cell could meet them. What a checker says that begins with few
 * of them must be what one says that has them all.
 */
const nodeFolder = dirname(createRequire(import.meta.url).resolve('@types/node/package.json'));
const folder = temporaryFolder();
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'everything.ts'), '/// <reference types="node" />\nexport {};');
writeFileSync(join(folder, 'beside.ts'), 'export const columns = () => process.stdout.columns;');

function checker(): Checker {
  return new Checker({ folder, preludes: [], ownModules: {}, magics: [] });
}

function errors(checker: Checker, code: string): string[] {
  const compilation = checker.compile('Cell 1', code, 'strict');
  return compilation.ok ? [] : compilation.diagnostics.map(({ message }) => message);
}

/** Code, and a word of the first error where there is one. */
const ROWS: readonly (readonly [code: string, error?: RegExp])[] = [
  ['process.exitCode = 1; process.argv[0].length'],
  ["process.cwd('x')", /Expected 0 arguments/],
  ["console.dir(1, { depth: 'x' })", /Type 'string'/],
  ['performance.now().toFixed(1)'],
  ['performance.now().length', /'length' does not exist/],
  ["process.stdout.write('x'); process.stdin.setRawMode(1)", /'number' is not assignable/],
  ["process.stdout.on('drain', (nothing: number) => nothing, 1)", /Expected 2 arguments|No overload/],
  ["process.once('worker', (worker) => worker.nope)", /'nope' does not exist/],
  ["process.getBuiltinModule('node:os').cpus()[0].speed.nope", /'nope' does not exist/],
  [
    "import { urlToHttpOptions } from 'url'; urlToHttpOptions(new URL('x:')).port!.nope",
    /'nope' does not exist/,
  ],
  ["import * as fs from 'node:fs'; fs.createReadStream('x').pipe(5)", /'number' is not assignable/],
  ["import { readFile } from 'node:fs/promises'; (await readFile('x')).nope", /'nope' does not exist/],
  ["const { connect } = await import('node:http2'); connect(1)", /not assignable/],
  ["new Blob(['x']).stream().nope", /'nope' does not exist/],
  ["(await fetch('x')).ok.nope", /'nope' does not exist/],
  ['structuredClone({ a: 1 }).b', /'b' does not exist/],
  ["crypto.randomUUID().nope; new TextEncoder().encode('x').nope", /'nope' does not exist/],
  ["import { columns } from './beside.ts'; columns().nope", /'nope' does not exist/],
  ["import { test } from 'node:test'; test(1, 2, 3, 4, 5)", /overload|arguments/],
  ["import { inspect } from 'util'; inspect(1, { depth: 'x' })", /overload|type 'string'/],
  [
    "setTimeout(() => 1, 1).ref().nope; import { EventEmitter } from 'events'; new EventEmitter().on(1)",
    /nope|arg/,
  ],
  ["require('x'); module.exports; __dirname.nope", /'nope' does not exist/],
];

t.test('a checker that begins with few types says what one says that has them all', async (t) => {
  const few = checker();
  const all = checker();
  t.same(errors(all, "import './everything.ts'"), []);
  for (const [code, error] of ROWS) {
    const found = errors(few, code);
    t.same(found, errors(all, code), code);
    t.equal(found.length > 0, error !== undefined, code);
    if (error !== undefined) t.match(found[0], error, code);
  }
});

t.test('a global name is completed before its file is there', async (t) => {
  const { matches } = await checker().complete('perfor', 6);
  t.ok(matches.some(({ text }) => text === 'performance'));
});

t.test('the table of global names is what the package says', async (t) => {
  const types = new NodeTypes(nodeFolder);
  const always = new Set(types.files());
  const index = readFileSync(join(nodeFolder, 'index.d.ts'), 'utf8');
  const found: Record<string, string[]> = {};
  for (const [, path] of index.matchAll(/<reference path="([^"]+)"/g)) {
    const file = join(nodeFolder, path);
    if (always.has(file)) continue;
    // What begins with an underscore is for these files' own use.
    const names = globalNames(file).filter((name) => !name.startsWith('_'));
    if (names.length > 0) found[path] = [...new Set(names)].sort();
  }
  const told = Object.entries(GLOBALS).map(([file, names]) => [file, names.split(' ').sort()]);
  t.same(found, Object.fromEntries(told));
});

/** Names that a file declares for everybody: `declare global`, alone or within a module. */
function globalNames(path: string): string[] {
  const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.ES2022);
  const found: string[] = [];
  const declared = (statement: ts.Statement): void => {
    if (ts.isVariableStatement(statement))
      for (const { name } of statement.declarationList.declarations) found.push(name.getText(source));
    else if ('name' in statement) found.push((statement.name as ts.Identifier).text);
  };
  const visit = (statement: ts.Statement): void => {
    if (!ts.isModuleDeclaration(statement)) {
      if (!ts.isExternalModule(source)) declared(statement);
      return;
    }
    const { name, body } = statement;
    const inside = body !== undefined && ts.isModuleBlock(body) ? body.statements : [];
    if (name.kind === ts.SyntaxKind.Identifier && name.text === 'global') inside.forEach(declared);
    else if (ts.isStringLiteral(name))
      inside.filter((inner) => ts.isModuleDeclaration(inner) && inner.name.text === 'global').forEach(visit);
    else if (!ts.isExternalModule(source)) declared(statement);
  };
  source.statements.forEach(visit);
  return found;
}
