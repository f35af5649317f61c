import type { InstructionRow } from './operation.js';

/*
 * The table's notation, after AMD64 APM vol. 3, rev. 3.37, appendix A.
 *
 * Opcode: `[np|66|f2|f3|f0] [0f] op` and then one of
 *   nothing   no ModRM byte
 *   /r        a ModRM byte, reg field is an operand
 *   /0 .. /7  a ModRM byte, reg field selects the row
 *   xx        a fixed ModRM byte;  `xx+i`: eight of them, the low three bits are an operand
 *   +r        the low three bits of the opcode byte are a register
 * A mandatory prefix makes the row hold under that prefix only, `np` under none of 66, f2 and f3; without one, 66 is the
 * operand size and f2, f3 do nothing. Under f0 (LOCK), which all other rows take as a lock or refuse, the register that
 * the reg field selects is 8 higher: the prefix stands for REX.R of 64-bit mode.
 *
 * Operand: a letter for the place, then one for the size.
 *   E  r/m: register or memory        M  r/m: memory only         N  r/m: register only
 *   R  r/m: register, mod is ignored  G  reg field                 Z  register in the opcode byte
 *   S  segment register, reg field    C, D  control, debug register, reg field
 *   P, V  MMX, XMM register, reg field;  Q, W  the same or memory;  K, U  the same, register only
 *   H  x87 register, r/m field        I  immediate                 J  relative branch target
 *   O  memory at an offset            A  far pointer               X  DS:eSI   Y  ES:eDI
 *   b 8, w 16, d 32, q 64, x 128 bits, t 80 bits;  v 16 or 32 by operand size;  z the same, immediate
 *   a  two of v;  p far pointer of v;  s table register;  sb  8 bits sign-extended to v;  ? no size;
 *   Il  the nesting level of ENTER, 8 bits
 * Anything else is a fixed register or constant: AL, eAX, CL, DX, CS, ST0, 1.
 */

/** Places an operand letter can name. */
export type OperandPlace =
  | 'E'
  | 'M'
  | 'N'
  | 'R'
  | 'G'
  | 'Z'
  | 'S'
  | 'C'
  | 'D'
  | 'P'
  | 'V'
  | 'Q'
  | 'W'
  | 'K'
  | 'U'
  | 'H'
  | 'I'
  | 'J'
  | 'O'
  | 'A'
  | 'X'
  | 'Y'
  | 'fixed';

export interface OperandSpec {
  place: OperandPlace;
  /** Size letters; for a fixed operand its name. */
  size: string;
}

/** Which r/m forms the row has. */
export type RmKind = 'none' | 'any' | 'memory' | 'register' | 'registerAnyMod';

/** A row with its notation taken apart. */
export interface Form {
  row: InstructionRow;
  operands: readonly OperandSpec[];
  /** null: any; '' : none of 66, f2, f3. */
  mandatoryPrefix: null | '' | '66' | 'f2' | 'f3' | 'f0';
  twoByte: boolean;
  opcodes: readonly number[];
  rmKind: RmKind;
  /** ModRM reg field that selects the row, or -1. */
  digit: number;
  /** Fixed ModRM bytes, empty when there are none. */
  modrm: readonly number[];
  /** Operand width: 1, 2, 4, or 0 for the operand size. */
  operandBytes: 0 | 1 | 2 | 4;
  /** Register numbers that the notation fixes (accumulator, segment register of push and pop), or -1. */
  fixedReg: number;
  /** The register is in the opcode byte's low bits. */
  regInOpcode: boolean;
  immediates: readonly ImmediateKind[];
}

export type ImmediateKind = 'b' | 'sb' | 'level' | 'w' | 'z' | 'jb' | 'jz' | 'one' | 'far' | 'offset';

const FIXED_REG: Readonly<Record<string, number>> = {
  AL: 0,
  eAX: 0,
  ES: 0,
  CS: 1,
  SS: 2,
  DS: 3,
  FS: 4,
  GS: 5,
};

const PLACES = new Set<string>('EMNRGZSCDPVQWKUHIJOAXY');

function parseOperand(text: string): OperandSpec {
  // Lower case after the first letter tells `Eb` from a fixed name such as `CL` or `ES`.
  if (PLACES.has(text[0]) && /^.[a-z?]+$/.test(text))
    return { place: text[0] as OperandPlace, size: text.slice(1) };
  return { place: 'fixed', size: text };
}

function immediateKinds(operands: readonly OperandSpec[]): ImmediateKind[] {
  return operands.flatMap(({ place, size }): ImmediateKind[] => {
    if (place === 'I') return [size === 'l' ? 'level' : (size as ImmediateKind)];
    if (place === 'J') return [size === 'b' ? 'jb' : 'jz'];
    if (place === 'A') return ['far'];
    if (place === 'O') return ['offset'];
    return place === 'fixed' && size === '1' ? ['one'] : [];
  });
}

const WIDTHS: Readonly<Record<string, 0 | 1 | 2 | 4>> = { b: 1, w: 2, d: 4, AL: 1 };

/** The first operand that has a width and is no immediate or port decides. */
function operandWidth(operands: readonly OperandSpec[]): 0 | 1 | 2 | 4 {
  const sized = operands.find(({ place, size }) =>
    place === 'fixed' ? size === 'AL' || size === 'eAX' : 'EMNRGZOXY'.includes(place),
  );
  return sized ? (WIDTHS[sized.size] ?? 0) : 0;
}

function rmKindOf(operands: readonly OperandSpec[]): RmKind {
  for (const { place } of operands) {
    if ('EQW'.includes(place)) return 'any';
    if (place === 'M') return 'memory';
    if ('NKUH'.includes(place)) return 'register';
    if (place === 'R') return 'registerAnyMod';
  }
  return 'any';
}

function range8(first: number): number[] {
  return Array.from({ length: 8 }, (_, low) => first + low);
}

/** @throws RangeError for a row whose notation is wrong: a mistake in the table. */
export function parseForm(row: InstructionRow): Form {
  const tokens = row.opcode.split(' ');
  let mandatoryPrefix: Form['mandatoryPrefix'] = null;
  if (tokens[0] === 'np') {
    mandatoryPrefix = '';
    tokens.shift();
  } else if (tokens.length > 1 && ['66', 'f2', 'f3', 'f0'].includes(tokens[0])) {
    mandatoryPrefix = tokens.shift() as '66' | 'f2' | 'f3' | 'f0';
  }
  const twoByte = tokens[0] === '0f';
  if (twoByte) tokens.shift();
  const opcode = Number.parseInt(tokens[0], 16);
  const tail = tokens[1] ?? '';
  const operands = row.operands === '' ? [] : row.operands.split(',').map(parseOperand);
  if (!Number.isInteger(opcode) || tokens.length > 2 || !/^(|\+r|\/[r0-7]|[0-9a-f]{2}(\+i)?)$/.test(tail)) {
    throw new RangeError(`instruction table: '${row.mnemonic}' has a wrong opcode '${row.opcode}'`);
  }
  const fixedModrm = /^[0-9a-f]{2}/.test(tail) ? Number.parseInt(tail, 16) : -1;
  const fixed = operands.find(({ place, size }) => place === 'fixed' && size in FIXED_REG);
  return {
    row,
    operands,
    mandatoryPrefix,
    twoByte,
    opcodes: tail === '+r' ? range8(opcode) : [opcode],
    rmKind: tail === '' || tail === '+r' ? 'none' : rmKindOf(operands),
    digit: /^\/[0-7]$/.test(tail) ? Number(tail[1]) : -1,
    modrm: fixedModrm < 0 ? [] : tail.endsWith('+i') ? range8(fixedModrm) : [fixedModrm],
    operandBytes: operandWidth(operands),
    fixedReg: fixed ? FIXED_REG[fixed.size] : -1,
    regInOpcode: tail === '+r',
    immediates: immediateKinds(operands),
  };
}
