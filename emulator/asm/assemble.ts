import { DiagnosticSink, SourceError, type Diagnostic } from './diagnostics.js';
import { InstructionEncoder } from './encoder.js';
import { evaluate, isScalar, scalar, unknownValue, type Scope } from './evaluate.js';
import { layOut } from './layout.js';
import { limits } from './limits.js';
import type { ListingLine } from './listing.js';
import { Parser } from './parser.js';
import { preprocess } from './preprocessor.js';
import type { Statement } from './statement.js';

export interface AssemblyOptions {
  /** The name diagnostics give the source; `input.asm` if absent. */
  readonly fileName?: string;
  /** Where the image is loaded when the source has no `org`; 0x100000 if absent. */
  readonly origin?: number;
  /** Code size when the source has no `bits`; 32 if absent. */
  readonly bits?: 16 | 32;
  /** The text of an included file, or null when there is none. Without it %include is an error. */
  readonly include?: (name: string) => string | null;
  /** Bound on the size of the output; 16 MB if absent. */
  readonly maxOutputBytes?: number;
  /** Single-line macros defined before the first line: name to replacement text. */
  readonly defines?: Readonly<Record<string, string>>;
}

/** What became of a source. */
export interface Assembly {
  /** The flat image, to be loaded at `origin`; empty when there is an error. */
  readonly bytes: Uint8Array;
  readonly origin: number;
  /** Labels (addresses) and constants, local labels in full (`outer.inner`). */
  readonly symbols: Readonly<Record<string, number>>;
  readonly listing: readonly ListingLine[];
  /** Errors and warnings in the order they were found. */
  readonly diagnostics: readonly Diagnostic[];
}

/** Address a flat image is loaded at unless told otherwise (issue 2, "Command line"). */
const defaultOrigin = 0x100000;

/** Name and value of an `equ` that needs no address, for the preprocessor's expressions. */
function constantOf(
  { label, body }: Statement,
  constants: ReadonlyMap<string, bigint>,
): [string, bigint] | undefined {
  if (label === undefined || body?.kind !== 'equ') return undefined;
  const scope: Scope = {
    symbol: (name) => {
      const value = constants.get(name);
      return value === undefined ? unknownValue : scalar(value);
    },
    here: () => unknownValue,
    sectionStart: () => unknownValue,
  };
  try {
    const value = evaluate(body.value, scope);
    return value.known && isScalar(value) ? [label.name, value.number] : undefined;
  } catch (error) {
    // Layout evaluates it again and reports what is wrong.
    if (error instanceof SourceError) return undefined;
    throw error;
  }
}

/**
 * Assembles NASM source to a flat image, as `nasm -f bin` does. A mistake in the source is a diagnostic, never
 * an exception; text that asks for more than `limits` allows is a mistake too.
 */
export function assemble(source: string, options: AssemblyOptions = {}): Assembly {
  const sink = new DiagnosticSink();
  const fileName = options.fileName ?? 'input.asm';
  const origin = options.origin ?? defaultOrigin;
  const statements: Statement[] = [];
  const parser = new Parser(sink);
  const constants = new Map<string, bigint>();
  for (const line of preprocess(source, fileName, options, constants, sink)) {
    const statement = parser.parse(line);
    if (statement === undefined) continue;
    statements.push(statement);
    const constant = constantOf(statement, constants);
    if (constant !== undefined) constants.set(...constant);
  }
  if (sink.exhausted) {
    return { bytes: new Uint8Array(0), origin, symbols: {}, listing: [], diagnostics: sink.finish() };
  }
  const encoder = new InstructionEncoder();
  try {
    const maxOutputBytes = options.maxOutputBytes ?? limits.outputBytes;
    const result = layOut(statements, { origin, bits: options.bits ?? 32, maxOutputBytes }, encoder);
    // A line that could not be read leaves its labels out, and the lines that use them are not to blame.
    const unread = sink.hasErrors;
    for (const one of result.diagnostics) {
      if (!unread || !/^symbol '.*' is not defined/.test(one.message))
        sink.report(one.severity, one, one.message);
    }
    return {
      ...result,
      bytes: sink.hasErrors ? new Uint8Array(0) : result.bytes,
      diagnostics: sink.finish(),
    };
  } finally {
    encoder.free();
  }
}
