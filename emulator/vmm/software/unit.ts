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
  /** `wordBytes`: of what is pushed, popped or loaded, here and below. */
  | { kind: 'call'; target: number; wordBytes: WordBytes }
  /** jmp and call through a register or memory: `load` is `mov ecx, operand`, or for 16 bits `movzx ecx, operand`. */
  | { kind: 'indirect-jump'; load: readonly number[] }
  | { kind: 'indirect-call'; load: readonly number[]; wordBytes: WordBytes }
  /** Near ret; `popBytes` beyond the return address. */
  | { kind: 'return'; popBytes: number; wordBytes: WordBytes; stack32: boolean }
  | { kind: 'cli' }
  | { kind: 'sti' }
  | { kind: 'pushf' }
  | { kind: 'popf' }
  | { kind: 'rdtsc' }
  /** `mov r, state` and `push state` of a register that the data page has a copy of, in `slot`. */
  | { kind: 'read-state'; register: number; slot: number; wordBytes: WordBytes }
  | { kind: 'push-state'; slot: number; wordBytes: WordBytes }
  /** `mov cr8, r32`. */
  | { kind: 'write-task-priority'; register: number }
  /** The same instruction with other prefixes or displacement: `bytes` in place of its own. */
  | { kind: 'rewritten'; bytes: readonly number[] }
  /** Emulated on the virtual CPU. */
  | { kind: 'callout'; reason: ExitReason }
  /** An access to memory that kept trapping: emulated on the virtual CPU, without a trap, by what it accesses. */
  | { kind: 'simulate'; way: Way };

export type WordBytes = 2 | 4;

/** What memory an access is to that traps: a traced page (page table, descriptor table, translated code), a device, the monitor's range. */
export type Way = 'trace' | 'device' | 'monitor';

export interface GuestInstruction {
  eip: number;
  /** None where there is no instruction. */
  bytes: Uint8Array;
  /** Null where there is none. */
  operation: Operation | null;
  form: Form;
  /** Why it is not IDENT; null when it is. */
  why: string | null;
}

/** Translation unit (TU): up to 12 instructions of one page, or fewer up to a terminator; or one that lies in two. */
export interface TranslationUnit {
  /** Guest eip of the first instruction. */
  eip: number;
  /** Default size of its operands and addresses. */
  bits: CodeBits;
  instructions: readonly GuestInstruction[];
  /** Where control goes on when the unit ends without a terminator, else null. */
  fallThrough: number | null;
}

export type CodeBits = 16 | 32;

/** What beside the bytes decides how code is translated. */
export interface CodeMode {
  /** CS.D: default size of operands and addresses. Translations are 32-bit code in any case. */
  bits: CodeBits;
  /** Real mode: segment registers hold paragraph numbers. */
  real: boolean;
  /** Virtual privilege level; 0 in real mode. */
  cpl: number;
  /** Limit of the guest's code segment, in bytes. */
  codeLimit: number;
  /** SS.B: the stack pointer is ESP. */
  stack32: boolean;
  /**
   * What to add to an offset in the guest's GS (or, for reads and in real mode, CS) to reach the same byte through its
   * DS; null where there is no such number, as when limits differ.
   */
  gsThroughDs: number | null;
  csThroughDs: number | null;
}

/** How the translator works: the switches that concern it. */
export interface TranslationSettings {
  /** Most instructions in a unit. */
  unitLimit: number;
  /** Emulates in the cache what can be emulated there. */
  inCache: boolean;
  rdtsc: 'in-cache' | 'callout' | 'trap';
  /** The guest's processor has CR8. */
  hasTaskPriority: boolean;
}

/** An instruction as the translator sees it. */
export interface Decoded {
  operation: Operation;
  bytes: Uint8Array;
}

/** How an instruction is carried over, and why that is not IDENT. */
export type Choice = Pick<GuestInstruction, 'form' | 'why'>;
