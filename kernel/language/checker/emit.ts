import ts = require('typescript');
import type { CompiledCell, CompiledFile, Insertion } from '../cell.js';
import type { Called } from './called.js';
import { calledIn, renamed } from './called.js';
import type { ExportedTypes } from './cell-edits.js';
import { edited, editsOf, withoutExports } from './cell-edits.js';
import {
  exportsAs,
  importsOf,
  importsVia,
  markRequired,
  starsByRunner,
  viaRunner,
  withoutPreamble,
} from './module-transforms.js';
import { assignNestedVars, nestedVars } from './nested-vars.js';
import { wordsOf } from './words.js';

/**
 * JavaScript of a cell that has no errors.
 * @param header a line of declarations of earlier names
 * @param types what of its exports has no value
 * @param words that its text says
 */
export function emitCell(
  file: ts.SourceFile,
  header: string,
  types: ExportedTypes,
  words: ReadonlySet<string>,
): Omit<CompiledCell, 'name' | 'values'> {
  const called = calledIn(words);
  const edits = editsOf(file, types, called);
  const nested = new Set(file.statements.flatMap(nestedVars));
  const hoisted = [...nested].map((name) => `export declare var ${name}: any; `).join('');
  return {
    ...emit(
      `${header}${hoisted}\n${edited(withoutExports(file, types), edits)}`,
      called,
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
  const called = calledIn(wordsOf(ts.createSourceFile('file.ts', text, ts.ScriptTarget.ES2022)));
  return emit(`\n${text}`, called, [starsByRunner(called)]);
}

/**
 * @param source text below one generated line
 * @param called what its surroundings are called in it
 * @param first what becomes of it before all else
 */
function emit(
  source: string,
  called: Called,
  first: readonly ts.TransformerFactory<ts.SourceFile>[],
): Pick<CompiledCell, 'code' | 'sourceMap' | 'imports' | 'renamed'> {
  const required = new Set<string>();
  const others = called.exports === 'exports' ? [] : [exportsAs(called)];
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
      before: [...first, markRequired, viaRunner(called)],
      after: [withoutPreamble, importsVia(required, called), ...others],
    },
  });
  return {
    code: outputText.replace(/\n?\/\/# sourceMappingURL=.*\s*$/, ''),
    sourceMap: sourceMapText ?? '',
    imports: importsOf(source).filter(({ key }) => required.has(key)),
    renamed: renamed(called),
  };
}
