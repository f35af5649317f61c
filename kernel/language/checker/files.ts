import { dirname, isAbsolute, resolve } from 'node:path';
import ts = require('typescript');
import type { CompiledFile } from '../cell.js';
import { isTolerated } from './diagnostics.js';
import { emitFile } from './emit.js';

/** A file, or what is wrong with it. */
export type FileCompilation = CompiledFile | { readonly name: string; readonly message: string };

const TYPESCRIPT = /(?<!\.d)\.[cm]?ts$/;

/**
 * Finds the TypeScript file that a cell or another file imports, as TypeScript itself does, and compiles it when it has no
 * errors, or in `lenient` mode none of syntax.
 * @param specifier a path, absolute or relative to the file `from`
 * @returns nothing when the path leads to something else
 */
export function compileFile(
  service: ts.LanguageService,
  specifier: string,
  from: string,
  mode: 'strict' | 'lenient',
): FileCompilation | undefined {
  const program = service.getProgram()!;
  const { resolvedModule } = ts.resolveModuleName(specifier, from, program.getCompilerOptions(), ts.sys);
  const exact = isAbsolute(specifier) ? specifier : resolve(dirname(from), specifier);
  const path = resolvedModule?.resolvedFileName ?? exact;
  if (!TYPESCRIPT.test(path) || !ts.sys.fileExists(path)) return undefined;
  // Not part of the program is what is named only when the cell runs.
  const known = program.getSourceFile(path);
  if (known !== undefined) {
    const syntax = service.getSyntacticDiagnostics(path);
    if (syntax.length > 0) return failure('SyntaxError', path, syntax);
    const semantic =
      mode === 'lenient' ? [] : service.getSemanticDiagnostics(path).filter((d) => !isTolerated(d));
    if (semantic.length > 0) return failure('TypeCheckError', path, semantic);
  }
  return { path, ...emitFile(known?.text ?? ts.sys.readFile(path) ?? '') };
}

function failure(name: string, path: string, diagnostics: readonly ts.Diagnostic[]): FileCompilation {
  const [{ file, start = 0, code, messageText }] = diagnostics;
  const { line, character } = file!.getLineAndCharacterOfPosition(start);
  const more = diagnostics.length > 1 ? ` (and ${diagnostics.length - 1} more)` : '';
  const text = ts.flattenDiagnosticMessageText(messageText, '\n');
  return {
    name,
    message:
      `${path}:${line + 1}:${character + 1} - TS${code}: ${text}${more}\n` +
      'Files are read once: restart the kernel when you have changed it.',
  };
}
