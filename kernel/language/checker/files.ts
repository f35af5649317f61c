import { dirname, isAbsolute, resolve } from 'node:path';
import ts = require('typescript');
import type { CompiledFile } from '../cell.js';
import { isTolerated } from './diagnostics.js';
import { emitFile } from './emit.js';
import type { Project } from './project.js';

/** A file, or what is wrong with it. */
export type FileCompilation = CompiledFile | { readonly name: string; readonly message: string };

const TYPESCRIPT = /(?<!\.d)\.[cm]?ts$/;

/** TypeScript files that cells import, at run time too. */
export class Files {
  /** What was made of each file, with the text that it was made of. */
  readonly #emitted = new Map<string, { text: string; emitted: ReturnType<typeof emitFile> }>();

  constructor(private readonly project: Project) {}

  /**
   * Finds the TypeScript file that a cell or another file imports, as TypeScript itself does, and compiles it when it has no
   * errors, or in `lenient` mode none of syntax.
   * @param specifier a path, absolute or relative to the file `from`
   * @returns nothing when the path leads to something else
   */
  compile(specifier: string, from: string, mode: 'strict' | 'lenient'): FileCompilation | undefined {
    const { service } = this.project;
    const program = service.getProgram()!;
    const { resolvedModule } = ts.resolveModuleName(specifier, from, program.getCompilerOptions(), ts.sys);
    const exact = isAbsolute(specifier) ? specifier : resolve(dirname(from), specifier);
    const path = resolvedModule?.resolvedFileName ?? exact;
    if (!TYPESCRIPT.test(path) || !ts.sys.fileExists(path)) return undefined;
    // Not part of the program is what is named only when the cell runs.
    let known = program.getSourceFile(path);
    if (known !== undefined && errorsOf(service, path, mode) !== undefined) {
      // What it imports may be there by now.
      this.project.lookAgain();
      const failed = errorsOf(service, path, mode);
      if (failed !== undefined) return failed;
      known = service.getProgram()!.getSourceFile(path);
    }
    return { path, ...this.#emit(path, known?.text ?? ts.sys.readFile(path) ?? '') };
  }

  #emit(path: string, text: string): ReturnType<typeof emitFile> {
    const before = this.#emitted.get(path);
    if (before?.text === text) return before.emitted;
    const emitted = emitFile(text);
    this.#emitted.set(path, { text, emitted });
    return emitted;
  }
}

function errorsOf(
  service: ts.LanguageService,
  path: string,
  mode: 'strict' | 'lenient',
): FileCompilation | undefined {
  const syntax = service.getSyntacticDiagnostics(path);
  if (syntax.length > 0) return failure('SyntaxError', path, syntax);
  if (mode === 'lenient') return undefined;
  const semantic = service.getSemanticDiagnostics(path).filter((diagnostic) => !isTolerated(diagnostic));
  return semantic.length > 0 ? failure('TypeCheckError', path, semantic) : undefined;
}

function failure(name: string, path: string, diagnostics: readonly ts.Diagnostic[]): FileCompilation {
  const [{ file, start = 0, code, messageText }] = diagnostics;
  const { line, character } = file!.getLineAndCharacterOfPosition(start);
  const more = diagnostics.length > 1 ? ` (and ${diagnostics.length - 1} more)` : '';
  const text = ts.flattenDiagnosticMessageText(messageText, '\n');
  return { name, message: `${path}:${line + 1}:${character + 1} - TS${code}: ${text}${more}` };
}
