import { limits } from './limits.js';

export type Severity = 'error' | 'warning';

/** A stretch of one source line. Lines and columns count from 1; `endColumn` is exclusive. */
export interface Span {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly endColumn: number;
}

/** Something wrong (`error`) or doubtful (`warning`) in a source, with where and what was expected. */
export interface Diagnostic extends Span {
  readonly severity: Severity;
  readonly message: string;
}

/**
 * A user's mistake on its way to the statement loop, which turns it into a diagnostic. Thrown and caught
 * inside this folder only; `assemble` never throws.
 */
export class SourceError extends Error {
  constructor(
    message: string,
    readonly span: Span,
  ) {
    super(message);
  }
}

/** Collects diagnostics in order, once each, up to a bound. */
export class DiagnosticSink {
  readonly #list: Diagnostic[] = [];
  readonly #seen = new Set<string>();
  #dropped = 0;
  #errors = 0;

  /** Set when a bound of the whole assembly is passed: nothing after it is worth doing. */
  exhausted = false;

  get hasErrors(): boolean {
    return this.#errors > 0;
  }

  report(severity: Severity, span: Span, message: string): void {
    const { file, line, column, endColumn } = span;
    const key = `${severity}:${file}:${line}:${column}:${message}`;
    if (this.#seen.has(key)) return;
    if (severity === 'error') this.#errors++;
    if (this.#list.length >= limits.diagnostics) {
      this.#dropped++;
      return;
    }
    this.#seen.add(key);
    this.#list.push({ severity, file, line, column, endColumn: Math.max(endColumn, column + 1), message });
  }

  error(span: Span, message: string): void {
    this.report('error', span, message);
  }

  warning(span: Span, message: string): void {
    this.report('warning', span, message);
  }

  /** Runs `action`; a {@link SourceError} it throws becomes a diagnostic and the result is undefined. */
  guard<T>(action: () => T): T | undefined {
    try {
      return action();
    } catch (failure) {
      if (!(failure instanceof SourceError)) throw failure;
      this.error(failure.span, failure.message);
      return undefined;
    }
  }

  /** All diagnostics, with a last one that counts those over the bound. */
  finish(): Diagnostic[] {
    if (this.#dropped === 0) return [...this.#list];
    const last = this.#list[this.#list.length - 1];
    return [...this.#list, { ...last, severity: 'error', message: `${this.#dropped} more diagnostics` }];
  }
}

/**
 * Diagnostics as text: position, message, the source line and a caret under the stretch meant.
 * Lines of included files are printed only when `source` is a map that holds them.
 */
export function formatDiagnostics(
  source: string | ReadonlyMap<string, string>,
  diagnostics: readonly Diagnostic[],
): string {
  const linesOf = new Map<string, string[]>();
  const lineText = (file: string, line: number): string | undefined => {
    let lines = linesOf.get(file);
    if (lines === undefined) {
      const text =
        typeof source === 'string' ? (file === diagnostics[0].file ? source : undefined) : source.get(file);
      lines = text === undefined ? [] : text.split(/\r\n|\n/);
      linesOf.set(file, lines);
    }
    return lines[line - 1];
  };
  return diagnostics
    .map((diagnostic) => {
      const { file, line, column, endColumn, severity, message } = diagnostic;
      const head = `${file}:${line}:${column}: ${severity}: ${message}`;
      const text = lineText(file, line);
      if (text === undefined) return head;
      const margin = `${line} | `;
      // Tabs before the caret stay tabs, so that it stands under the same column however wide they are.
      const lead = text.slice(0, column - 1).replace(/[^\t]/g, ' ');
      const width = Math.max(1, Math.min(endColumn, text.length + 1) - column);
      return `${head}\n${margin}${text}\n${' '.repeat(margin.length)}${lead}${'^'.repeat(width)}`;
    })
    .join('\n');
}
