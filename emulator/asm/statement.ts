import type { Span } from './diagnostics.js';
import type { Expression } from './expression.js';
import type { SourceLine, Token } from './lexer.js';
import type { RegisterName } from './registers.js';

/** A line after the preprocessor: what is assembled. */
export interface ExpandedLine {
  readonly tokens: readonly Token[];
  /** The source line it came from: the macro's body line when it came from a macro. */
  readonly source: Pick<SourceLine, 'file' | 'line' | 'text'>;
  /** Whether a macro or %rep wrote it, so that the listing shows the expanded text. */
  readonly expanded: boolean;
}

/** Bytes of a size keyword; 10 is tword, 16 is oword. */
export type SizeBytes = 1 | 2 | 4 | 8 | 10 | 16;

export type Distance = 'short' | 'near' | 'far';

/** Keywords that stand before an operand. */
export interface OperandModifiers {
  readonly size?: SizeBytes;
  readonly distance?: Distance;
  /** The size asked for is kept even where a shorter form exists. */
  readonly strict: boolean;
  /** x87: the result goes to the register named, not to st0. */
  readonly to: boolean;
}

export type Operand = (
  | { readonly kind: 'register'; readonly register: RegisterName }
  | { readonly kind: 'immediate'; readonly value: Expression }
  | { readonly kind: 'far'; readonly segment: Expression; readonly offset: Expression }
  | {
      readonly kind: 'memory';
      readonly address: Expression;
      readonly segment?: RegisterName;
      /** `[dword ebx+1]`: bytes of displacement (or of the address) asked for. */
      readonly displacementBytes?: SizeBytes;
      /** Keep `eax*2` as written. */
      readonly nosplit: boolean;
    }
) &
  OperandModifiers & { readonly span: Span };

/** Prefixes written before a mnemonic. */
export interface Prefixes {
  readonly rep?: 'rep' | 'repne';
  readonly lock: boolean;
  readonly segment?: RegisterName;
  readonly operandBits?: 16 | 32;
  readonly addressBits?: 16 | 32;
}

export type DataItem = (
  | { readonly kind: 'value'; readonly value: Expression }
  | { readonly kind: 'uninitialized' }
  | { readonly kind: 'repeated'; readonly count: Expression; readonly items: readonly DataItem[] }
) & { readonly span: Span };

export interface SectionAttributes {
  readonly align?: Expression;
  readonly start?: Expression;
  readonly vstart?: Expression;
  readonly follows?: string;
  readonly vfollows?: string;
  readonly nobits?: boolean;
}

export type Body =
  | {
      readonly kind: 'instruction';
      readonly mnemonic: string;
      readonly prefixes: Prefixes;
      readonly operands: readonly Operand[];
      /** The mnemonic alone. */
      readonly mnemonicSpan: Span;
    }
  | { readonly kind: 'data'; readonly unitBytes: SizeBytes; readonly items: readonly DataItem[] }
  | { readonly kind: 'reserve'; readonly unitBytes: SizeBytes; readonly count: Expression }
  | { readonly kind: 'times'; readonly count: Expression; readonly body: Body }
  | { readonly kind: 'equ'; readonly value: Expression }
  | { readonly kind: 'align'; readonly boundary: Expression; readonly fill?: Body; readonly reserve: boolean }
  | { readonly kind: 'org'; readonly origin: Expression }
  | { readonly kind: 'section'; readonly name: string; readonly attributes: SectionAttributes }
  | { readonly kind: 'absolute'; readonly address: Expression }
  | { readonly kind: 'bits'; readonly bits: 16 | 32 }
  | { readonly kind: 'struc'; readonly name: string; readonly start?: Expression }
  | { readonly kind: 'endstruc' }
  | { readonly kind: 'istruc'; readonly name: string }
  | { readonly kind: 'at'; readonly field: Expression; readonly body?: Body }
  | { readonly kind: 'iend' };

/** One line parsed: a label, something to assemble, or both. */
export interface Statement {
  readonly source: ExpandedLine;
  readonly span: Span;
  readonly label?: { readonly name: string; readonly span: Span };
  readonly body?: Body;
}
