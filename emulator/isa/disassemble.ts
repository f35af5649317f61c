import { GPR16_NAMES, GPR8_NAMES, GPR_NAMES, SEGMENT_NAMES } from '../arch/registers.js';
import type { OperandSpec } from './encoding.js';
import type { Operation } from './operation.js';
import { FORM_OF_ROW } from './table.js';

/** Finds a name for an address, or null. */
export type SymbolLookup = (address: number) => string | null;

/** NASM's names where one row has a name per operand size (8, 16, 32 bits) or address size. */
const BY_OPERAND_SIZE: Readonly<Record<string, readonly [string, string, string]>> = {
  movs: ['movsb', 'movsw', 'movsd'],
  cmps: ['cmpsb', 'cmpsw', 'cmpsd'],
  stos: ['stosb', 'stosw', 'stosd'],
  lods: ['lodsb', 'lodsw', 'lodsd'],
  scas: ['scasb', 'scasw', 'scasd'],
  ins: ['insb', 'insw', 'insd'],
  outs: ['outsb', 'outsw', 'outsd'],
  pusha: ['', 'pushaw', 'pushad'],
  popa: ['', 'popaw', 'popad'],
  pushf: ['', 'pushfw', 'pushfd'],
  popf: ['', 'popfw', 'popfd'],
  iret: ['', 'iretw', 'iretd'],
  cbw: ['', 'cbw', 'cwde'],
  cwd: ['', 'cwd', 'cdq'],
};

/** String instructions, whose operands are implied by the name. */
const STRING_MNEMONICS = new Set(['movs', 'cmps', 'stos', 'lods', 'scas', 'ins', 'outs']);

/** The name that the instruction has with its operand and address size, without prefixes. */
export function mnemonicOf(op: Operation): string {
  const { mnemonic } = op.row;
  if (mnemonic === 'jecxz') return op.addressBytes === 4 ? 'jecxz' : 'jcxz';
  if (mnemonic === 'xlat') return 'xlatb';
  const names = BY_OPERAND_SIZE[mnemonic];
  return names ? names[op.operandBytes >> 1] : mnemonic;
}

function hex(value: number): string {
  return `0x${(value >>> 0).toString(16)}`;
}

function registerName(register: number, bytes: number): string {
  return (bytes === 4 ? GPR_NAMES : bytes === 2 ? GPR16_NAMES : GPR8_NAMES)[register];
}

function widthOf(spec: OperandSpec, op: Operation): number {
  const fixed: Readonly<Record<string, number>> = { b: 1, w: 2, d: 4 };
  return fixed[spec.size] ?? op.operandBytes;
}

const SIZE_WORDS: Readonly<Record<string, string>> = {
  b: 'byte ',
  w: 'word ',
  d: 'dword ',
  q: 'qword ',
  t: 'tword ',
  x: 'oword ',
  p: 'far ',
};

/** NASM wants a size where no register operand tells it; it is shown wherever the form has one. */
function sizeWord(spec: OperandSpec, op: Operation): string {
  if (spec.size === 'v') return op.operandBytes === 4 ? 'dword ' : 'word ';
  return SIZE_WORDS[spec.size] ?? '';
}

/** Displacements below its negative are shown unsigned: they are addresses in the upper half, not distances. */
const MAX_NEGATIVE = 1 << 20;

/** `[ds:ebx+ecx*4+0x10]`: the segment is shown only when a prefix chose it. */
function memoryText(op: Operation, symbol: SymbolLookup | null): string {
  const parts: string[] = [];
  if (op.base >= 0) parts.push(registerName(op.base, op.addressBytes));
  if (op.index >= 0) {
    const index = registerName(op.index, op.addressBytes);
    parts.push(op.scale > 0 ? `${index}*${1 << op.scale}` : index);
  }
  let text = parts.join('+');
  const displacement = op.addressBytes === 4 ? op.displacement : (op.displacement << 16) >> 16;
  if (text === '') {
    const address = op.addressBytes === 4 ? op.displacement >>> 0 : op.displacement & 0xffff;
    text = symbol?.(address) ?? hex(address);
  } else if (displacement !== 0) {
    const negative = displacement < 0 && displacement > -MAX_NEGATIVE;
    text += negative ? `-${hex(-displacement)}` : `+${hex(displacement)}`;
  }
  return `[${op.segmentOverridden ? `${SEGMENT_NAMES[op.segment]}:` : ''}${text}]`;
}

function branchTarget(op: Operation, eip: number): number {
  const target = eip + op.lengthBytes + op.immediate;
  return op.operandBytes === 4 ? target >>> 0 : target & 0xffff;
}

function rmText(spec: OperandSpec, op: Operation, symbol: SymbolLookup | null): string {
  if (op.rm < 0) return sizeWord(spec, op) + memoryText(op, symbol);
  if (spec.place === 'Q' || spec.place === 'K') return `mm${op.rm}`;
  if (spec.place === 'W' || spec.place === 'U') return `xmm${op.rm}`;
  return registerName(op.rm, widthOf(spec, op));
}

function operandText(spec: OperandSpec, op: Operation, eip: number, symbol: SymbolLookup | null): string {
  switch (spec.place) {
    case 'E':
    case 'M':
    case 'N':
    case 'R':
    case 'Q':
    case 'W':
    case 'K':
    case 'U':
      return rmText(spec, op, symbol);
    case 'G':
    case 'Z':
      return registerName(op.reg, widthOf(spec, op));
    case 'S':
      return SEGMENT_NAMES[op.reg];
    case 'C':
      return `cr${op.reg}`;
    case 'D':
      return `dr${op.reg}`;
    case 'P':
      return `mm${op.reg}`;
    case 'V':
      return `xmm${op.reg}`;
    case 'H':
      return `st${op.rm}`;
    case 'I':
      return hex(spec.size === 'l' ? op.immediate2 : op.immediate);
    case 'J': {
      const target = branchTarget(op, eip);
      return symbol?.(target) ?? hex(target);
    }
    case 'A':
      return `${hex(op.immediate2)}:${hex(op.immediate)}`;
    case 'O':
      return memoryText(op, symbol);
    case 'X':
    case 'Y':
      return '';
    case 'fixed':
      return spec.size === 'eAX' ? registerName(0, op.operandBytes) : spec.size.toLowerCase();
  }
}

/** REPE and REPNE of the instructions that look at ZF; plain REP of the others. */
function prefixText(op: Operation): string {
  let text = op.lock ? 'lock ' : '';
  if (STRING_MNEMONICS.has(op.row.mnemonic) && op.rep !== 'none') {
    const compares = op.row.mnemonic === 'cmps' || op.row.mnemonic === 'scas';
    text += compares ? (op.rep === 'rep' ? 'repe ' : 'repne ') : 'rep ';
  }
  return text;
}

/**
 * An operation in NASM syntax.
 * @param eip offset of the instruction in CS, for branch targets.
 * @param symbol names for branch targets and absolute addresses; without it they are hexadecimal.
 */
export function disassemble(op: Operation, eip: number, symbol: SymbolLookup | null = null): string {
  const form = FORM_OF_ROW.get(op.row);
  const name = prefixText(op) + mnemonicOf(op);
  if (!form) return name;
  if (STRING_MNEMONICS.has(op.row.mnemonic)) {
    const overridden = op.segmentOverridden && form.operands.some(({ place }) => place === 'X');
    return overridden ? `${SEGMENT_NAMES[op.segment]} ${name}` : name;
  }
  const operands = form.operands.map((spec) => operandText(spec, op, eip, symbol));
  return operands.length === 0 ? name : `${name} ${operands.join(',')}`;
}
