import iced = require('iced-x86');
import type { RegisterClass } from './registers.js';

/** What one operand of a form takes. */
export type Slot =
  | { readonly kind: 'register'; readonly class: RegisterClass }
  | { readonly kind: 'register-or-memory'; readonly class: RegisterClass }
  | { readonly kind: 'memory' }
  /** A direct address without a ModRM byte (mov al/ax/eax). */
  | { readonly kind: 'direct-address' }
  | { readonly kind: 'fixed'; readonly register: string }
  | { readonly kind: 'immediate'; readonly bytes: 1 | 2 | 4 }
  /** One byte, sign-extended to the operand size. */
  | { readonly kind: 'extended-byte'; readonly operandBytes: 2 | 4 }
  /** The constant 1 of the shifts, not encoded. */
  | { readonly kind: 'one' }
  | { readonly kind: 'branch'; readonly displacementBytes: 1 | 2 | 4; readonly targetBits: 16 | 32 }
  | { readonly kind: 'far-pointer'; readonly offsetBytes: 2 | 4 }
  /** A string operand, never written. */
  | { readonly kind: 'string'; readonly opKind16: iced.OpKind; readonly opKind32: iced.OpKind };

/** One encoding of one instruction. */
export interface Form {
  readonly code: iced.Code;
  readonly slots: readonly Slot[];
  /** 16 or 32 when the operand-size attribute selects this form, else 0. */
  readonly operandBits: number;
  readonly addressBits: number;
  /** Bytes of the memory operand, 0 if it has no fixed size. */
  readonly memoryBytes: number;
  /** The memory operand is a far pointer, which call and jmp take only after `far`. */
  readonly farMemory: boolean;
  /** 0x66 is part of the opcode, not an operand-size prefix. */
  readonly mandatory66: boolean;
  readonly bits16: boolean;
  readonly bits32: boolean;
}

const {
  Code,
  CodeExt,
  EncodingKind,
  MandatoryPrefix,
  MemorySize,
  MemorySizeExt,
  OpCodeOperandKind: K,
  OpKind,
} = iced;

const register = (name: RegisterClass): Slot => ({ kind: 'register', class: name });
const either = (name: RegisterClass): Slot => ({ kind: 'register-or-memory', class: name });
const fixed = (name: string): Slot => ({ kind: 'fixed', register: name });
const immediate = (bytes: 1 | 2 | 4): Slot => ({ kind: 'immediate', bytes });
const branch = (displacementBytes: 1 | 2 | 4, targetBits: 16 | 32): Slot => ({
  kind: 'branch',
  displacementBytes,
  targetBits,
});
const string = (opKind16: iced.OpKind, opKind32: iced.OpKind): Slot => ({
  kind: 'string',
  opKind16,
  opKind32,
});

/** iced's operand kinds as slots. A kind that is missing belongs to an instruction set not offered. */
const slotOfKind = new Map<iced.OpCodeOperandKind, Slot>([
  [K.mem, { kind: 'memory' }],
  [K.mem_offs, { kind: 'direct-address' }],
  [K.r8_or_mem, either('r8')],
  [K.r16_or_mem, either('r16')],
  [K.r32_or_mem, either('r32')],
  [K.mm_or_mem, either('mm')],
  [K.xmm_or_mem, either('xmm')],
  [K.r8_reg, register('r8')],
  [K.r8_opcode, register('r8')],
  [K.r16_reg, register('r16')],
  [K.r16_rm, register('r16')],
  [K.r16_opcode, register('r16')],
  [K.r32_reg, register('r32')],
  [K.r32_rm, register('r32')],
  [K.r32_opcode, register('r32')],
  [K.seg_reg, register('segment')],
  [K.mm_reg, register('mm')],
  [K.mm_rm, register('mm')],
  [K.xmm_reg, register('xmm')],
  [K.xmm_rm, register('xmm')],
  [K.cr_reg, register('control')],
  [K.dr_reg, register('debug')],
  [K.tr_reg, register('test')],
  [K.sti_opcode, register('st')],
  [K.st0, fixed('st0')],
  [K.es, fixed('es')],
  [K.cs, fixed('cs')],
  [K.ss, fixed('ss')],
  [K.ds, fixed('ds')],
  [K.fs, fixed('fs')],
  [K.gs, fixed('gs')],
  [K.al, fixed('al')],
  [K.cl, fixed('cl')],
  [K.ax, fixed('ax')],
  [K.dx, fixed('dx')],
  [K.eax, fixed('eax')],
  [K.imm8, immediate(1)],
  [K.imm16, immediate(2)],
  [K.imm32, immediate(4)],
  [K.imm8sex16, { kind: 'extended-byte', operandBytes: 2 }],
  [K.imm8sex32, { kind: 'extended-byte', operandBytes: 4 }],
  [K.imm8_const_1, { kind: 'one' }],
  [K.br16_1, branch(1, 16)],
  [K.br32_1, branch(1, 32)],
  [K.br16_2, branch(2, 16)],
  [K.br32_4, branch(4, 32)],
  [K.xbegin_2, branch(2, 32)],
  [K.xbegin_4, branch(4, 32)],
  [K.farbr2_2, { kind: 'far-pointer', offsetBytes: 2 }],
  [K.farbr4_2, { kind: 'far-pointer', offsetBytes: 4 }],
  [K.seg_rSI, string(OpKind.MemorySegSI, OpKind.MemorySegESI)],
  [K.seg_rDI, string(OpKind.MemorySegDI, OpKind.MemorySegEDI)],
  [K.es_rDI, string(OpKind.MemoryESDI, OpKind.MemoryESEDI)],
  [K.seg_rBX_al, string(OpKind.Memory, OpKind.Memory)],
]);

/**
 * Second encodings of an instruction that has a documented one (F6 /1 for test, DF D0 for fstp, 0F A6 for
 * cmpxchg on the first 486), opcodes without a meaning, and forms
 * that no assembler writes: bswap of 16 bits, movzx from 16 to 16 bits, pop cs.
 */
const undocumented =
  /_(F6r1|F7r1|D[CDEF][CDEF][08]|D0|82)$|^Cmpxchg486_|^Reservednop_|^(Bswap_r16|Movzx_r16_rm16|Movsx_r16_rm16|Popw_CS|Popd_CS)$/;

/** Names NASM does not know (reserved opcodes, old or later extensions), which a source may use for its labels. */
const unknownToNasm = new Set(
  (
    'fstpnce fnsetpm frstpm fstdw fstsg mcommit rdpru storeall cl1invmb reservednop invlpgb tlbsync fnstdw fnstsg ' +
    'altinst pmulhrw undoc ftstp frint2 frichop frinear tdcall aesencwide128kl aesdecwide128kl aesencwide256kl ' +
    'aesdecwide256kl loadiwkey aesenc128kl aesdec128kl aesenc256kl aesdec256kl encodekey128 encodekey256 ccs_hash ' +
    'ccs_encrypt rdudbg wrudbg xsha512 xstore_alt xsha512_alt aor'
  ).split(' '),
);

function readForm(code: iced.Code): { form: Form; mnemonic: iced.Mnemonic } | undefined {
  const info = CodeExt.opCode(code);
  try {
    if (!info.isInstruction || info.encoding !== EncodingKind.Legacy || !(info.mode16 || info.mode32))
      return undefined;
    if (undocumented.test(Code[code])) return undefined;
    if (unknownToNasm.has(iced.Mnemonic[info.mnemonic].toLowerCase())) return undefined;
    const slots: Slot[] = [];
    for (let index = 0; index < info.opCount; index++) {
      const slot = slotOfKind.get(info.opKind(index));
      if (slot === undefined) return undefined;
      slots.push(slot);
    }
    const memorySize = info.memorySize;
    const form: Form = {
      code,
      slots,
      operandBits: info.operandSize,
      addressBits: info.addressSize,
      memoryBytes: MemorySizeExt.size(memorySize),
      farMemory: memorySize === MemorySize.SegPtr16 || memorySize === MemorySize.SegPtr32,
      mandatory66: info.mandatoryPrefix === MandatoryPrefix.P66,
      bits16: info.mode16,
      bits32: info.mode32,
    };
    return { form, mnemonic: info.mnemonic };
  } finally {
    info.free();
  }
}

let table: Map<iced.Mnemonic, Form[]> | undefined;

/** All forms by iced's mnemonic, read from iced once (about 30 ms). */
function allForms(): Map<iced.Mnemonic, Form[]> {
  if (table !== undefined) return table;
  // Kept when it is whole: whoever reads it may be stopped amid it, and will ask again.
  const forms = new Map<iced.Mnemonic, Form[]>();
  for (const code of Object.values(Code)) {
    if (typeof code !== 'number') continue;
    const row = readForm(code);
    if (row === undefined) continue;
    const list = forms.get(row.mnemonic);
    if (list === undefined) forms.set(row.mnemonic, [row.form]);
    else list.push(row.form);
  }
  return (table = forms);
}

/** The forms of one of iced's mnemonics in the order of iced's table; none for a mnemonic not offered. */
export function formsOf(mnemonic: iced.Mnemonic): readonly Form[] {
  return allForms().get(mnemonic) ?? [];
}

/** iced's mnemonics that have a form here. */
export function mnemonicsWithForms(): Iterable<iced.Mnemonic> {
  return allForms().keys();
}
