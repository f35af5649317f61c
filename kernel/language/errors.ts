import type { Outcome } from '../protocol/index.js';
import type { CellDiagnostic } from './cell.js';

const ENAME = { syntax: 'SyntaxError', type: 'TypeCheckError' } as const;

/** The outcome of a cell that did not run because of errors found before, each shown with its line. */
export function diagnosticsOutcome(
  name: string,
  code: string,
  diagnostics: readonly CellDiagnostic[],
): Outcome {
  const [first] = diagnostics;
  const more = diagnostics.length > 1 ? ` (and ${diagnostics.length - 1} more)` : '';
  const ename = ENAME[first.kind];
  const evalue = `${place(name, first)} - ${first.message}${more}`;
  const lines = code.split('\n');
  return {
    status: 'error',
    ename,
    evalue,
    traceback: diagnostics.flatMap((diagnostic) => [
      `${ename}: ${place(name, diagnostic)} - ${described(diagnostic)}`,
      ...excerpt(lines, diagnostic),
    ]),
  };
}

/** What a cell that runs in spite of type errors is told about them. */
export function warningText(name: string, code: string, diagnostics: readonly CellDiagnostic[]): string {
  const lines = code.split('\n');
  return diagnostics
    .flatMap((diagnostic) => [
      `warning: ${place(name, diagnostic)} - ${described(diagnostic)}`,
      ...excerpt(lines, diagnostic),
    ])
    .map((line) => `${line}\n`)
    .join('');
}

/** The message with TypeScript's number, by which its documentation can be found; a magic's error has none. */
function described({ code, message }: CellDiagnostic): string {
  return code === 0 ? message : `TS${code}: ${message}`;
}

/** Outcome of a cell that was interrupted before it began to run. */
export function interruptedOutcome(): Outcome {
  const evalue = 'the cell was stopped before it ran';
  return { status: 'error', ename: 'Interrupted', evalue, traceback: [`Interrupted: ${evalue}`] };
}

/** Outcome when a thread of the interpreter is gone, and all names with it. */
export function lostOutcome(cause: string): Outcome {
  const evalue = lostText(cause);
  return { status: 'error', ename: 'StateLost', evalue, traceback: [`StateLost: ${evalue}`] };
}

export function lostText(cause: string): string {
  return `a thread that serves cells was lost: ${cause}. It was started anew; names of earlier cells are gone`;
}

/** Outcome of a cell that asks for help on a name that there is none for. */
export function noHelpOutcome(name: string): Outcome {
  const evalue = `there is no help for '${name}': no such name or magic is known; %help lists the magics`;
  return { status: 'error', ename: 'NameError', evalue, traceback: [`NameError: ${evalue}`] };
}

function place(name: string, { line, column }: CellDiagnostic): string {
  return `${name}:${line}:${column}`;
}

function excerpt(lines: readonly string[], { line, column, length }: CellDiagnostic): string[] {
  const text = lines[line - 1] ?? '';
  const gutter = `${line} | `.padStart(7);
  const marks = '~'.repeat(Math.max(1, Math.min(length, text.length - column + 1)));
  return [`${gutter}${text}`, `${' '.repeat(gutter.length + column - 1)}${marks}`];
}
