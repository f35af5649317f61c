/**
 * Bounds on what one source may ask of the assembler. Notebook text is not trusted: a three-line macro can
 * otherwise ask for terabytes. Every bound has a diagnostic that names it.
 */
export const limits = {
  /** Bytes of output when `options.maxOutputBytes` is absent. */
  outputBytes: 16 * 1024 * 1024,
  /** Characters of one source or included file. */
  sourceCharacters: 4 * 1024 * 1024,
  /** Characters of one logical line, continuations joined. */
  lineCharacters: 64 * 1024,
  /** Lines left after macro expansion. */
  expandedLines: 100_000,
  /** Tokens written by all macro expansions together. */
  expandedTokens: 4_000_000,
  /** Multi-line macros in flight, counting macros that call macros. */
  macroDepth: 128,
  /** Nested single-line macro replacements of one token. */
  defineDepth: 256,
  /** Tokens of one line after single-line macro replacement. */
  lineTokens: 50_000,
  /** Iterations of one %rep block. */
  repeatCount: 100_000,
  /** Files inside one another by %include. */
  includeDepth: 32,
  /** Nesting of %if and %rep blocks. */
  blockDepth: 256,
  /** Nesting of one expression. */
  expressionDepth: 200,
  /** Repetitions one `times` may ask of a branch, which is encoded anew each time (the rest is bounded by the output). */
  timesInstructions: 100_000,
  /** Layout passes before the sizes are declared not to converge. */
  passes: 200,
  /** Instructions, data items and directives executed over all passes of one assembly. */
  layoutSteps: 500_000,
  /** Diagnostics kept; the rest are counted in a last one. */
  diagnostics: 100,
} as const;
