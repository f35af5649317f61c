import type { ExitReason } from '../../arch/exits.js';
import type { Operation } from '../../isa/operation.js';

/** How one guest instruction is carried over. Everything but `ident` is what the paper calls non-IDENT. */
export type Form =
  /** Copied byte for byte. */
  | { kind: 'ident' }
  | { kind: 'jump'; target: number }
  /** jcc: `condition` is the low four bits of the opcode. */
  | { kind: 'branch'; condition: number; target: number }
  /** loop, loope, loopne, jecxz: `head` is the instruction without its rel8. */
  | { kind: 'loop'; head: readonly number[]; target: number }
  | { kind: 'call'; target: number }
  /** jmp and call through a register or memory: `load` is `mov ecx, operand`. */
  | { kind: 'indirect-jump'; load: readonly number[] }
  | { kind: 'indirect-call'; load: readonly number[] }
  /** Near ret; `popBytes` beyond the return address. */
  | { kind: 'return'; popBytes: number }
  | { kind: 'cli' }
  | { kind: 'sti' }
  /** Emulated on the virtual CPU. */
  | { kind: 'callout'; reason: ExitReason };

export interface GuestInstruction {
  eip: number;
  /** All of it, or for one that crosses into the next page the part within the first. */
  bytes: Uint8Array;
  /** Null for one that crosses into the next page. */
  operation: Operation | null;
  form: Form;
  /** Why it is not IDENT; null when it is. */
  why: string | null;
}

/** Translation unit (TU): up to 12 instructions of one page, or fewer up to a terminator. */
export interface TranslationUnit {
  /** Guest eip of the first instruction. */
  eip: number;
  instructions: readonly GuestInstruction[];
  /** Where control goes on when the unit ends without a terminator, else null. */
  fallThrough: number | null;
}

/** What beside the bytes decides how code is translated. */
export interface CodeMode {
  /** Virtual privilege level, 0 to 2. */
  cpl: number;
  /** Limit of the guest's code segment, in bytes. */
  codeLimit: number;
  /** SS.B: the stack pointer is ESP. */
  stack32: boolean;
}

/** Instructions per unit, as in the paper. */
export const UNIT_LIMIT = 12;
