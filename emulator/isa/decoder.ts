import { DS, EBP, ESP, SS } from '../arch/registers.js';
import type { Form, ImmediateKind } from './encoding.js';
import { ONE_BYTE_MAP, PREFIX_66, PREFIX_F2, PREFIX_F3, PREFIX_NONE, TWO_BYTE_MAP } from './opcode-map.js';
import { Operation } from './operation.js';
import { row } from './row.js';
import { undefinedEncoding } from './semantics/control.js';

/** An instruction of more bytes raises #GP(0) (AMD64 APM vol. 3, rev. 3.37, section 1.1 "Instruction Encoding Overview"). */
export const MAX_INSTRUCTION_BYTES = 15;

/** Stands for every encoding that no row of the table has: raises #UD. */
export const UNDEFINED_ROW = row('(undefined)', '', '', undefinedEncoding, { flow: 'jump' });

/** 16-bit addressing: base and index by r/m field. */
const BASE16 = [3, 3, 5, 5, 6, 7, 5, 3];
const INDEX16 = [6, 7, 6, 7, -1, -1, -1, -1];

/** Thrown inside the decoder only. */
class EndOfBytes {
  constructor(readonly outcome: 'short' | 'tooLong') {}
}
const SHORT = new EndOfBytes('short');
const TOO_LONG = new EndOfBytes('tooLong');

/** Prefixes met so far. */
let operand16 = false;
let address16 = false;
let segmentOverride = -1;
let lock = false;
let repeatPrefix = 0;

let code: Uint8Array;
let start = 0;
let position = 0;
let limit = 0;

function byte(): number {
  if (position >= limit) throw limit - start >= MAX_INSTRUCTION_BYTES ? TOO_LONG : SHORT;
  return code[position++];
}

function word(): number {
  const low = byte();
  return low | (byte() << 8);
}

function doubleword(): number {
  const low = word();
  return low | (word() << 16);
}

function signedByte(): number {
  return (byte() << 24) >> 24;
}

/**
 * Decodes one instruction.
 * @param bytes holds the instruction's bytes from `offset` on; nothing at or after `offset + available` is looked at.
 * @param codeBits default operand and address size: CS.D.
 * @returns the operation, with `pageOffset` and `next` left for the caller; 'short' when more bytes are needed
 * to know; 'tooLong' when the instruction exceeds 15 bytes, which raises #GP(0). An undefined encoding is an
 * operation too: its handler raises #UD.
 */
export function decode(
  bytes: Uint8Array,
  offset: number,
  available: number,
  codeBits: 16 | 32,
): Operation | 'short' | 'tooLong' {
  code = bytes;
  start = offset;
  position = offset;
  limit = offset + Math.min(available, MAX_INSTRUCTION_BYTES);
  try {
    const op = decodeInstruction(codeBits);
    op.lengthBytes = position - start;
    return op;
  } catch (end) {
    if (end instanceof EndOfBytes) return end.outcome;
    throw end;
  }
}

function decodeInstruction(codeBits: 16 | 32): Operation {
  operand16 = codeBits === 16;
  address16 = codeBits === 16;
  segmentOverride = -1;
  lock = false;
  repeatPrefix = 0;
  let operandPrefix = false;
  let addressPrefix = false;
  let opcode = byte();
  for (;;) {
    if (opcode === 0x66) operandPrefix = true;
    else if (opcode === 0x67) addressPrefix = true;
    else if (opcode === 0xf0) lock = true;
    else if (opcode === 0xf2 || opcode === 0xf3) repeatPrefix = opcode;
    else if ((opcode & 0xe7) === 0x26) segmentOverride = (opcode >> 3) & 3;
    else if (opcode === 0x64 || opcode === 0x65) segmentOverride = opcode - 0x60;
    else break;
    opcode = byte();
  }
  operand16 = operand16 !== operandPrefix;
  address16 = address16 !== addressPrefix;
  let map = ONE_BYTE_MAP;
  if (opcode === 0x0f) {
    map = TWO_BYTE_MAP;
    opcode = byte();
  }
  const slot = map[opcode];
  if (slot === null) return undefinedOpcode(map === TWO_BYTE_MAP, opcode);
  const prefix = repeatPrefix === 0xf2 ? PREFIX_F2 : repeatPrefix === 0xf3 ? PREFIX_F3 : PREFIX_NONE;
  const forms = slot.forms[prefix === PREFIX_NONE && operandPrefix ? PREFIX_66 : prefix];
  const modrm = slot.hasModrm ? byte() : 0;
  const at = slot.hasModrm ? modrm : 0;
  const form = (lock && slot.locked?.[at]) || forms[at];
  if (form !== null) return fill(form, opcode, modrm);
  // Its memory operand is consumed, so that its length is that of its neighbours.
  const op = undefinedOpcode(map === TWO_BYTE_MAP, opcode);
  op.addressBytes = address16 ? 2 : 4;
  if (slot.hasModrm && modrm < 0xc0) decodeMemory(op, modrm);
  return op;
}

/** An encoding that no form has; its opcode is for the report. */
function undefinedOpcode(twoByte: boolean, opcode: number): Operation {
  const op = new Operation(UNDEFINED_ROW);
  op.immediate = twoByte ? 0x0f00 | opcode : opcode;
  return op;
}

function fill(form: Form, opcode: number, modrm: number): Operation {
  const { row } = form;
  const op = new Operation(row);
  op.opcodeByte = opcode;
  op.operandBytes = form.operandBytes === 0 ? (operand16 ? 2 : 4) : form.operandBytes;
  op.addressBytes = address16 ? 2 : 4;
  op.rep = repeatPrefix === 0xf3 ? 'rep' : repeatPrefix === 0xf2 ? 'repne' : 'none';
  op.lock = lock;
  op.loads = row.loads;
  op.stores = row.stores;
  if (segmentOverride >= 0) {
    op.segment = segmentOverride as Operation['segment'];
    op.segmentOverridden = true;
  }
  op.reg = form.regInOpcode ? opcode & 7 : form.fixedReg;
  let hasMemory = false;
  if (form.rmKind !== 'none') {
    if (!form.regInOpcode && form.fixedReg < 0)
      op.reg = ((modrm >> 3) & 7) + (form.mandatoryPrefix === 'f0' ? 8 : 0);
    hasMemory = modrm < 0xc0 && form.rmKind !== 'registerAnyMod';
    if (hasMemory) decodeMemory(op, modrm);
    else op.rm = modrm & 7;
  }
  for (const kind of form.immediates) {
    decodeImmediate(op, kind);
    hasMemory ||= kind === 'offset';
  }
  if (hasMemory) countMemory(op);
  if (lock && !(row.lockable && hasMemory) && form.mandatoryPrefix !== 'f0') {
    return new Operation(UNDEFINED_ROW);
  }
  if (row.specialise) op.handler = row.specialise(op);
  return op;
}

/** Charges of the memory operand. XCHG with memory is locked without being told. */
function countMemory(op: Operation): void {
  const { memory, mnemonic } = op.row;
  if (memory === 'read' || memory === 'modify') op.loads++;
  if (memory === 'write' || memory === 'modify') op.stores++;
  op.locked = op.lock || mnemonic === 'xchg';
}

function decodeMemory(op: Operation, modrm: number): void {
  const mod = modrm >> 6;
  const rm = modrm & 7;
  if (op.addressBytes === 2) decodeMemory16(op, mod, rm);
  else decodeMemory32(op, mod, rm);
  const stackBased = op.base === EBP || op.base === ESP;
  if (!op.segmentOverridden) op.segment = stackBased ? SS : DS;
}

function decodeMemory16(op: Operation, mod: number, rm: number): void {
  if (mod === 0 && rm === 6) {
    op.displacement = word();
    return;
  }
  op.base = BASE16[rm];
  op.index = INDEX16[rm];
  if (mod === 1) op.displacement = signedByte();
  else if (mod === 2) op.displacement = word();
}

function decodeMemory32(op: Operation, mod: number, rm: number): void {
  let base = rm;
  if (rm === ESP) {
    const sib = byte();
    base = sib & 7;
    const index = (sib >> 3) & 7;
    if (index !== ESP) {
      op.index = index;
      op.scale = sib >> 6;
    }
  }
  if (mod === 0 && base === EBP) {
    op.displacement = doubleword();
    return;
  }
  op.base = base;
  if (mod === 1) op.displacement = signedByte();
  else if (mod === 2) op.displacement = doubleword();
}

/** Immediates are held as a register of the operand's width would hold them: 32 bits signed, narrower ones unsigned. */
function decodeImmediate(op: Operation, kind: ImmediateKind): void {
  const wide = op.operandBytes === 4;
  switch (kind) {
    case 'b':
      op.immediate = byte();
      break;
    case 'level':
      op.immediate2 = byte();
      break;
    case 'sb':
      op.immediate = wide ? signedByte() : signedByte() & 0xffff;
      break;
    case 'w':
      op.immediate = word();
      break;
    case 'z':
      op.immediate = wide ? doubleword() : word();
      break;
    case 'jb':
      op.immediate = signedByte();
      break;
    case 'jz':
      op.immediate = wide ? doubleword() : (word() << 16) >> 16;
      break;
    case 'one':
      op.immediate = 1;
      break;
    case 'far':
      op.immediate = wide ? doubleword() : word();
      op.immediate2 = word();
      break;
    case 'offset':
      op.displacement = op.addressBytes === 4 ? doubleword() : word();
      break;
  }
}
