import iced from 'iced-x86';
import { GPR16_NAMES, GPR_NAMES, SEGMENT_NAMES } from '../../emulator/arch/registers.js';
import { decode, UNDEFINED_ROW } from '../../emulator/isa/decoder.js';
import { mnemonicOf } from '../../emulator/isa/disassemble.js';
import type { Operation } from '../../emulator/isa/operation.js';
import { FORMS } from '../../emulator/isa/table.js';

const { CpuidFeature, Decoder, DecoderOptions, Mnemonic, OpKind, Register } = iced;
type Instruction = ReturnType<InstanceType<typeof Decoder>['decode']>;

/** More than an instruction may have. */
export const CASE_BYTES = 20;

/** What the simulated processors have: a Pentium 4 of 2005, with SVM, and what newer ones add. Instructions that need anything else are undefined for it. */
const FEATURES = new Set(
  (
    'INTEL8086 INTEL8086_ONLY INTEL186 INTEL286 INTEL286_ONLY INTEL386 INTEL386_ONLY INTEL386_A0_ONLY INTEL486 ' +
    'CPUID TSC MSR CX8 CMOV SEP RDPMC FPU FPU287 FPU287XL_ONLY FPU387 FPU387SL_ONLY MMX SSE SSE2 SSE3 FXSR CLFSH ' +
    'SVM SKINIT_or_SVM SYSCALL PAUSE MULTIBYTENOP PREFETCHW MONITOR RDTSCP SMM'
  ).split(' '),
);

/** Newer instructions in encodings that older processors execute as something else: hints, and prefixes that they ignore. */
const OLDER_MEANING: Readonly<Record<string, string>> = {
  lzcnt: 'bsr',
  tzcnt: 'bsf',
  wbnoinvd: 'wbinvd',
  vmgexit: 'vmmcall',
  prefetchwt1: 'prefetch',
  prefetchit0: 'nop',
  prefetchit1: 'nop',
  cldemote: 'nop',
  endbr32: 'nop',
  endbr64: 'nop',
  rdsspd: 'nop',
  bndmov: 'nop',
  bndcl: 'nop',
  bndcu: 'nop',
  bndcn: 'nop',
  bndmk: 'nop',
  bndldx: 'nop',
  bndstx: 'nop',
};

/** Other names of the same thing, iced's first. */
const ALIASES: Readonly<Record<string, string>> = {
  sal: 'shl',
  reservednop: 'nop',
  pusha: 'pushaw',
  popa: 'popaw',
  pushf: 'pushfw',
  popf: 'popfw',
  iret: 'iretw',
};

/** Valid for iced in general and undefined here, with the reason. */
const UNDEFINED_HERE: Readonly<Record<string, string>> = {
  mov: 'CR1, CR5-CR7, CR9-CR15 and test registers do not exist',
};

/** Decoded without the rest of their feature, because SVM can intercept them. */
const KNOWN_ALONE: ReadonlySet<string> = new Set(['xsetbv']);

function nameOf(names: Readonly<Record<number, string>>, value: number): string {
  return names[value].toLowerCase();
}

/** What our decoder should say for iced's instruction: a mnemonic, or '(undefined)'. */
function expectedMnemonic(instruction: Instruction): string {
  if (instruction.isInvalid) return UNDEFINED_ROW.mnemonic;
  const mnemonic = nameOf(Mnemonic, instruction.mnemonic);
  if (mnemonic in OLDER_MEANING) return OLDER_MEANING[mnemonic];
  if (KNOWN_ALONE.has(mnemonic)) return mnemonic;
  const known = [...instruction.cpuidFeatures()].every((feature) => FEATURES.has(CpuidFeature[feature]));
  return known ? (ALIASES[mnemonic] ?? mnemonic) : UNDEFINED_ROW.mnemonic;
}

export function hexBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** Memory operand as text, from either side. */
function ourMemory(op: Operation): string {
  const names = op.addressBytes === 4 ? GPR_NAMES : GPR16_NAMES;
  const register = (number: number): string => (number < 0 ? 'none' : names[number]);
  const displacement = op.addressBytes === 4 ? op.displacement >>> 0 : op.displacement & 0xffff;
  return `${SEGMENT_NAMES[op.segment]}:${register(op.base)}+${register(op.index)}*${1 << op.scale}+${displacement}`;
}

function icedMemory(instruction: Instruction, addressBytes: number): string {
  const register = (number: number): string => nameOf(Register, number);
  const mask = addressBytes === 4 ? 0xffff_ffffn : 0xffffn;
  const displacement = BigInt.asUintN(32, BigInt(instruction.memoryDisplacement)) & mask;
  // A SIB byte without an index still has a scale, which means nothing.
  const scale = instruction.memoryIndex === Register.None ? 1 : instruction.memoryIndexScale;
  return (
    `${register(instruction.memorySegment)}:${register(instruction.memoryBase)}+` +
    `${register(instruction.memoryIndex)}*${scale}+${displacement}`
  );
}

/** First difference of the operands, or null. */
function operandDifference(op: Operation, instruction: Instruction): string | null {
  for (let index = 0; index < instruction.opCount; index++) {
    const kind = instruction.opKind(index);
    // XLAT's operand is implied.
    if (kind === OpKind.Memory && op.row.mnemonic !== 'xlat') {
      const expected = icedMemory(instruction, op.addressBytes);
      if (ourMemory(op) !== expected) return `memory ${ourMemory(op)}, iced ${expected}`;
    } else if (kind === OpKind.NearBranch16 || kind === OpKind.NearBranch32) {
      const mask = op.operandBytes === 4 ? 0xffff_ffff : 0xffff;
      const target = ((op.immediate + op.lengthBytes) & mask) >>> 0;
      if (BigInt(target) !== BigInt(instruction.nearBranchTarget)) return `target ${target}`;
    } else if (kind === OpKind.Immediate8 || kind === OpKind.Immediate16 || kind === OpKind.Immediate32) {
      const expected = Number(instruction.immediate(index));
      if (op.immediate >>> 0 !== expected >>> 0) return `immediate ${op.immediate}, iced ${expected}`;
    }
  }
  return null;
}

/** As any processor decodes it, or where that is undefined, as AMD's do: MOV CR8 by LOCK. */
function icedDecode(bytes: Uint8Array, codeBits: 16 | 32): Instruction {
  const decodeBy = (options: iced.DecoderOptions): Instruction => {
    const decoder = new Decoder(codeBits, bytes.subarray(0, 16), options);
    try {
      return decoder.decode();
    } finally {
      decoder.free();
    }
  };
  const instruction = decodeBy(DecoderOptions.None);
  if (!instruction.isInvalid) return instruction;
  instruction.free();
  return decodeBy(DecoderOptions.AMD);
}

/** Compares our decoder with iced on one case: validity, mnemonic, length, operands. @returns a description of the difference, or null. */
export function difference(bytes: Uint8Array, codeBits: 16 | 32): string | null {
  const instruction = icedDecode(bytes, codeBits);
  try {
    const op = decode(bytes, 0, bytes.length, codeBits);
    if (typeof op === 'string') return instruction.isInvalid ? null : `${op}, iced is valid`;
    const ours = op.row === UNDEFINED_ROW ? UNDEFINED_ROW.mnemonic : mnemonicOf(op);
    const expected = expectedMnemonic(instruction);
    if (ours === UNDEFINED_ROW.mnemonic && expected in UNDEFINED_HERE) return null;
    if (ours !== expected) return `${ours}, iced ${expected}`;
    if (instruction.isInvalid || ours === UNDEFINED_ROW.mnemonic) return null;
    if (op.lengthBytes !== instruction.length)
      return `${ours} has ${op.lengthBytes} bytes, iced ${instruction.length}`;
    const operand = operandDifference(op, instruction);
    return operand === null ? null : `${ours}: ${operand}`;
  } finally {
    instruction.free();
  }
}

const PREFIXES = [0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];

/** Half random bytes, half an opcode of our own table in random surroundings; up to three prefixes before either. */
export function fillCase(bytes: Uint8Array, random: (bound: number) => number): void {
  for (let index = 0; index < bytes.length; index++) bytes[index] = random(256);
  let at = 0;
  for (let prefixes = random(8); prefixes < 3; prefixes++) bytes[at++] = PREFIXES[random(PREFIXES.length)];
  if (random(2) === 0) return;
  const form = FORMS[random(FORMS.length)];
  if (form.mandatoryPrefix) bytes[at++] = Number.parseInt(form.mandatoryPrefix, 16);
  if (form.twoByte) bytes[at++] = 0x0f;
  bytes[at++] = form.opcodes[random(form.opcodes.length)];
  if (form.modrm.length > 0) bytes[at] = form.modrm[random(form.modrm.length)];
  else if (form.digit >= 0) bytes[at] = (bytes[at] & 0xc7) | (form.digit << 3);
}
