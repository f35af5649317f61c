import { FLAG_CF, FLAG_PF, FLAG_ZF } from '../../arch/flags.js';
import { CS, EAX } from '../../arch/registers.js';
import { SEGMENT_OFFSET, SEGMENT_STRIDE } from '../../arch/state.js';
import type { ExecutionContext } from '../context.js';
import type { Handler, Operation } from '../operation.js';
import { carryFlag, parityFlag, setArithmeticFlags, zeroFlag } from '../semantics/flags.js';
import { effectiveAddress, writeRegister } from '../semantics/operands.js';
import { formOf } from '../semantics/system.js';
import * as arithmetic from './arithmetic.js';
import type { Binary, Ordering } from './arithmetic.js';
import { environmentBytes, environmentImage, loadEnvironment, restore, save } from './environment.js';
import {
  DOUBLE,
  INDEFINITE,
  SINGLE,
  classify,
  fromInteger,
  isSignalling,
  magnitude,
  negate,
  pack,
  quiet,
  toExact,
  unpack,
  widen,
  zero,
} from './extended.js';
import type { Extended, NarrowFormat } from './extended.js';
import { readOperand, writeOperand } from './memory.js';
import { DENORMAL, INVALID, OVERFLOW, UNDERFLOW, narrow } from './rounding.js';
import type { Rounding } from './rounding.js';
import * as transcendental from './transcendental.js';
import { STATUS_C0, STATUS_C1, STATUS_C2, STATUS_C3 } from './unit.js';
import type { X87Unit } from './unit.js';

const ALL_CONDITIONS = STATUS_C0 | STATUS_C1 | STATUS_C2 | STATUS_C3;
const SIZE_BYTES: Readonly<Record<string, number>> = { w: 2, d: 4, q: 8, t: 10 };

/** An instruction that waits for pending exceptions, and if it raises an unmasked one is the one that they are of. */
function waiting(act: (cpu: ExecutionContext, op: Operation, unit: X87Unit) => void): Handler {
  return (cpu, op) => {
    cpu.coprocessor('x87', formOf(op));
    const unit = cpu.x87;
    act(cpu, op, unit);
    if (!unit.pending) return;
    const selector = (segment: number): number => cpu.s32[(SEGMENT_OFFSET + segment * SEGMENT_STRIDE) >> 2];
    const hasMemory = op.rm < 0 && op.row.operands.startsWith('M');
    unit.pointers = {
      instruction: cpu.instructionEip >>> 0,
      codeSelector: selector(CS) & 0xffff,
      data: hasMemory ? effectiveAddress(cpu, op) >>> 0 : 0,
      dataSelector: hasMemory ? selector(op.segment) & 0xffff : 0,
    };
  };
}

/** One of the control instructions, which do not wait. @param absent what it does without a coprocessor. */
function control(
  act: (cpu: ExecutionContext, op: Operation, unit: X87Unit) => void,
  absent: Handler = () => {},
): Handler {
  return (cpu, op) => {
    if (cpu.coprocessor('x87.control', formOf(op))) act(cpu, op, cpu.x87);
    else absent(cpu, op);
  };
}

/** No coprocessor drives the bus, which reads as ones, as at a port where nothing is. */
const NO_COPROCESSOR_WORD = 0xffff;

/** FNSTSW and FNSTCW to memory. */
const storeWord = (word: (unit: X87Unit) => number): Handler =>
  control(
    (cpu, op, unit) => writeOperand(cpu, op, 2, BigInt(word(unit))),
    (cpu, op) => writeOperand(cpu, op, 2, BigInt(NO_COPROCESSOR_WORD)),
  );

const NARROW: Readonly<Record<string, NarrowFormat>> = { d: SINGLE, q: DOUBLE };

/** The real or integer memory operand, with what its conversion raises. */
function readValue(
  cpu: ExecutionContext,
  op: Operation,
  size: string,
  isInteger: boolean,
): [Extended, number] {
  const bits = readOperand(cpu, op, SIZE_BYTES[size]);
  if (isInteger) return [fromInteger(BigInt.asIntN(SIZE_BYTES[size] * 8, bits)), 0];
  if (size === 't') return [unpack(bits), 0];
  const { value, denormal } = widen(bits, NARROW[size]);
  return [value, denormal ? DENORMAL : 0];
}

// --- arithmetic

const ARITHMETIC: Readonly<Record<string, Binary>> = {
  add: arithmetic.add,
  mul: arithmetic.multiply,
  sub: arithmetic.subtract,
  subr: arithmetic.subtractReversed,
  div: arithmetic.divide,
  divr: arithmetic.divideReversed,
};

/** ST(destination) becomes `operation` of itself and another value. @param other index, or a value with what reading it raised. */
function combine(
  unit: X87Unit,
  operation: Binary,
  destination: number,
  other: number | [Extended, number],
  pops: boolean,
): void {
  const isEmpty = unit.isEmpty(destination) || (typeof other === 'number' && unit.isEmpty(other));
  if (isEmpty) {
    if (!unit.stackFault(false)) return;
    unit.set(destination, INDEFINITE);
  } else {
    const [value, raised] = typeof other === 'number' ? [unit.get(other), 0] : other;
    const rounding = unit.rounding(raised);
    const result = operation(unit.get(destination), value, rounding);
    if (!unit.settle(rounding)) return;
    unit.set(destination, result);
  }
  if (pops) unit.pop();
}

/** An operation on ST(0) alone. */
function unary(operation: (value: Extended, rounding: Rounding) => Extended): Handler {
  return waiting((_cpu, _op, unit) => {
    if (unit.isEmpty(0)) {
      if (unit.stackFault(false)) unit.set(0, INDEFINITE);
      return;
    }
    const rounding = unit.rounding();
    const result = operation(unit.get(0), rounding);
    if (unit.settle(rounding)) unit.set(0, result);
  });
}

/** An operation on ST(1) and ST(0) whose result replaces both, or with `keeps` ST(0) alone. */
function binary(
  operation: (st0: Extended, st1: Extended, rounding: Rounding) => Extended,
  keeps = false,
): Handler {
  return waiting((_cpu, _op, unit) => {
    const destination = keeps ? 0 : 1;
    if (unit.isEmpty(0) || unit.isEmpty(1)) {
      if (!unit.stackFault(false)) return;
      unit.set(destination, INDEFINITE);
    } else {
      const rounding = unit.rounding();
      const result = operation(unit.get(0), unit.get(1), rounding);
      if (!unit.settle(rounding)) return;
      unit.set(destination, result);
    }
    if (!keeps) unit.pop();
  });
}

// --- comparison

const CONDITIONS: Readonly<Record<Ordering, number>> = {
  greater: 0,
  less: STATUS_C0,
  equal: STATUS_C3,
  unordered: STATUS_C0 | STATUS_C2 | STATUS_C3,
};
const FLAGS: Readonly<Record<Ordering, number>> = {
  greater: 0,
  less: FLAG_CF,
  equal: FLAG_ZF,
  unordered: FLAG_CF | FLAG_PF | FLAG_ZF,
};

/** Compares ST(0). @returns also whether to go on: not after an unmasked exception. */
function order(
  unit: X87Unit,
  other: number | [Extended, number],
  quietly: boolean,
): { ordering: Ordering; goesOn: boolean } {
  if (unit.isEmpty(0) || (typeof other === 'number' && unit.isEmpty(other))) {
    return { ordering: 'unordered', goesOn: unit.stackFault(false) };
  }
  const [value, raised] = typeof other === 'number' ? [unit.get(other), 0] : other;
  const rounding = unit.rounding(raised);
  const ordering = arithmetic.compare(unit.get(0), value, quietly, rounding);
  return { ordering, goesOn: unit.settle(rounding) };
}

function compareTo(
  other: (cpu: ExecutionContext, op: Operation) => number | [Extended, number],
  quietly: boolean,
  pops: number,
): Handler {
  return waiting((cpu, op, unit) => {
    const { ordering, goesOn } = order(unit, other(cpu, op), quietly);
    unit.setConditions(CONDITIONS[ordering], ALL_CONDITIONS & ~STATUS_C1);
    for (let pop = 0; goesOn && pop < pops; pop++) unit.pop();
  });
}

function compareToFlags(quietly: boolean, pops: boolean): Handler {
  return waiting((cpu, op, unit) => {
    const before = unit.status;
    const { ordering, goesOn } = order(unit, op.rm, quietly);
    // C1 tells of a stack fault, and else is left alone (as on AMD's family 25).
    if (!unit.isEmpty(0) && !unit.isEmpty(op.rm)) unit.setConditions(before & STATUS_C1, STATUS_C1);
    setArithmeticFlags(cpu.s32, FLAGS[ordering]);
    if (goesOn && pops) unit.pop();
  });
}

// --- loads and stores

function load(size: string, isInteger: boolean): Handler {
  return waiting((cpu, op, unit) => {
    const [value, raised] = readValue(cpu, op, size, isInteger);
    if (isInteger || size === 't' || !unit.isEmpty(7)) return unit.pushChecked(value);
    const signalling = isSignalling(value);
    const rounding = unit.rounding(raised | (signalling ? INVALID : 0));
    unit.settle(rounding);
    // A denormal operand is loaded even when its exception is not masked.
    if (rounding.raised & ~rounding.masks & INVALID) return;
    unit.push(signalling ? quiet(value) : value);
  });
}

/** Stores the bits that `convert` makes of ST(0), by default the indefinite. Without a result nothing is stored, and nothing popped. */
function store(
  bytes: number,
  indefinite: bigint,
  pops: boolean,
  convert: (value: Extended, rounding: Rounding) => bigint | null,
): Handler {
  return waiting((cpu, op, unit) => {
    const rounding = unit.rounding();
    const isEmpty = unit.isEmpty(0);
    const bits = isEmpty ? indefinite : convert(unit.get(0), rounding);
    const unmasked = rounding.raised & ~rounding.masks & (INVALID | OVERFLOW | UNDERFLOW);
    const isStored = isEmpty ? (rounding.masks & INVALID) !== 0 : unmasked === 0;
    // The store may fault, and then nothing has happened.
    if (isStored) writeOperand(cpu, op, bytes, bits ?? indefinite);
    if (isEmpty) unit.stackFault(false);
    else unit.settle(rounding);
    if (isStored && pops) unit.pop();
  });
}

function storeReal(size: string, pops: boolean): Handler {
  if (size === 't') return store(10, pack(INDEFINITE), pops, pack);
  const format = NARROW[size];
  return store(SIZE_BYTES[size], narrowSpecial(INDEFINITE, format), pops, (value, rounding) => {
    switch (classify(value)) {
      case 'unsupported':
        rounding.raised |= INVALID;
        return null;
      case 'nan':
        if (isSignalling(value)) rounding.raised |= INVALID;
        return narrowSpecial(quiet(value), format);
      case 'infinity':
        return narrowSpecial(value, format);
      default:
        return narrow(toExact(value), format, rounding);
    }
  });
}

/** A NaN or an infinity, its significand cut off. */
function narrowSpecial(
  { negative, significand }: Extended,
  { exponentBits, fractionBits }: NarrowFormat,
): bigint {
  const fraction = (significand >> BigInt(63 - fractionBits)) & ((1n << BigInt(fractionBits)) - 1n);
  const upper = ((1n << BigInt(exponentBits)) - 1n) | (negative ? 1n << BigInt(exponentBits) : 0n);
  return (upper << BigInt(fractionBits)) | fraction;
}

function storeInteger(size: string, pops: boolean, chop: boolean): Handler {
  const bits = SIZE_BYTES[size] * 8;
  return store(SIZE_BYTES[size], 1n << BigInt(bits - 1), pops, (value, rounding) => {
    const integer = arithmetic.toInteger(value, bits, rounding, chop);
    return integer === null ? null : BigInt.asUintN(bits, integer);
  });
}

/** The packed decimal indefinite (SDM vol. 1, table 4-4). */
const DECIMAL_INDEFINITE = 0xffff_c000_0000_0000_0000n;

/** Loads a constant. @param significand its bits, 68 of them or exact. @param scale of its last bit. */
function constant(significand: bigint, scale: number): Handler {
  return waiting((_cpu, _op, unit) =>
    unit.pushChecked(arithmetic.roundConstant(significand, scale, unit.rounding())),
  );
}

const WHOLE_CONSTANTS: Readonly<Record<string, Extended>> = { fld1: arithmetic.ONE, fldz: zero(false) };

// Their binary expansions, 128 bits from the first one on, cut off.
const CONSTANTS: Readonly<Record<string, Handler>> = {
  fldl2t: constant(0xd49a_784b_cd1b_8afe_492b_f6ff_4daf_db4cn, -126),
  fldl2e: constant(0xb8aa_3b29_5c17_f0bb_be87_fed0_691d_3e88n, -127),
  fldpi: constant(0xc90f_daa2_2168_c234_c4c6_628b_80dc_1cd1n, -126),
  fldlg2: constant(0x9a20_9a84_fbcf_f798_8f89_59ac_0b7c_9178n, -129),
  fldln2: constant(0xb172_17f7_d1cf_79ab_c9e3_b398_03f2_f6afn, -128),
};

// --- the rest

/** FPTAN, FSIN, FCOS, FSINCOS: C2 tells of an argument that they leave alone. */
function trigonometric(
  functions: readonly ((value: Extended, rounding: Rounding) => Extended)[],
  pushed: Extended | null,
): Handler {
  return waiting((_cpu, _op, unit) => {
    const pushes = pushed !== null || functions.length > 1;
    if (unit.isEmpty(0) || (pushes && !unit.isEmpty(7))) {
      unit.setConditions(0, STATUS_C2);
      if (!unit.stackFault(!unit.isEmpty(0))) return;
      unit.set(0, INDEFINITE);
      if (pushes) unit.push(INDEFINITE);
      return;
    }
    const value = unit.get(0);
    if (transcendental.isOutOfRange(value) && classify(value) === 'normal') {
      unit.setConditions(STATUS_C2, STATUS_C1 | STATUS_C2);
      return;
    }
    const rounding = unit.rounding();
    const [first, second] = functions.map((of) => of(value, rounding));
    unit.setConditions(0, STATUS_C2);
    if (!unit.settle(rounding)) return;
    unit.set(0, first);
    if (second) unit.push(second);
    // A NaN that went in comes out twice.
    else if (pushed) unit.push(classify(first) === 'nan' ? first : pushed);
  });
}

function partialRemainder(nearest: boolean): Handler {
  return waiting((_cpu, _op, unit) => {
    if (unit.isEmpty(0) || unit.isEmpty(1)) {
      unit.setConditions(0, STATUS_C2);
      if (unit.stackFault(false)) unit.set(0, INDEFINITE);
      return;
    }
    const rounding = unit.rounding();
    const { value, quotient, partial } = arithmetic.remainder(unit.get(0), unit.get(1), nearest, rounding);
    unit.setConditions(0, STATUS_C2);
    if (!unit.settle(rounding)) return;
    unit.set(0, value);
    // A NaN has no quotient: the other conditions stay.
    if (classify(value) === 'nan') return;
    const bit = (position: bigint, flag: number): number => ((quotient >> position) & 1n ? flag : 0);
    const low = bit(0n, STATUS_C1) | bit(1n, STATUS_C3) | bit(2n, STATUS_C0);
    unit.setConditions(partial ? STATUS_C2 : low, ALL_CONDITIONS);
  });
}

/** FCMOVcc by the condition of its name. */
function moveIf(condition: (s32: Int32Array) => boolean): Handler {
  return waiting((cpu, op, unit) => {
    if (unit.isEmpty(0) || unit.isEmpty(op.rm)) {
      if (unit.stackFault(false)) unit.set(0, INDEFINITE);
    } else if (condition(cpu.s32)) unit.set(0, unit.get(op.rm));
  });
}

const isBelow = (s32: Int32Array): boolean => carryFlag(s32) !== 0;
const isBelowOrEqual = (s32: Int32Array): boolean => isBelow(s32) || zeroFlag(s32);
const not =
  (condition: (s32: Int32Array) => boolean) =>
  (s32: Int32Array): boolean =>
    !condition(s32);

/** Changes of the sign alone, which no NaN or format hinders. */
function changeSign(change: (value: Extended) => Extended): Handler {
  return waiting((_cpu, _op, unit) => {
    if (unit.isEmpty(0)) {
      if (unit.stackFault(false)) unit.set(0, INDEFINITE);
      return;
    }
    unit.setConditions(0, STATUS_C1);
    unit.set(0, change(unit.get(0)));
  });
}

const copyTo = (pops: boolean): Handler =>
  waiting((_cpu, op, unit) => {
    if (unit.isEmpty(0)) {
      if (!unit.stackFault(false)) return;
      unit.set(op.rm, INDEFINITE);
    } else {
      unit.setConditions(0, STATUS_C1);
      unit.set(op.rm, unit.get(0));
    }
    if (pops) unit.pop();
  });

const copyFromRegister: Handler = waiting((_cpu, op, unit) => {
  if (!unit.isEmpty(op.rm)) return unit.pushChecked(unit.get(op.rm));
  if (unit.stackFault(false)) unit.push(INDEFINITE);
});

const exchange: Handler = waiting((_cpu, op, unit) => {
  const empty = [0, op.rm].filter((index) => unit.isEmpty(index));
  if (empty.length > 0) {
    if (!unit.stackFault(false)) return;
    for (const index of empty) unit.set(index, INDEFINITE);
  } else unit.setConditions(0, STATUS_C1);
  const top = unit.get(0);
  unit.set(0, unit.get(op.rm));
  unit.set(op.rm, top);
});

const examine: Handler = waiting((_cpu, _op, unit) => {
  const value = unit.get(0);
  const sign = value.negative ? STATUS_C1 : 0;
  if (unit.isEmpty(0)) return unit.setConditions(STATUS_C3 | STATUS_C0 | sign, ALL_CONDITIONS);
  const { c3, c2, c0 } = arithmetic.examine(value);
  const conditions = (c3 ? STATUS_C3 : 0) | (c2 ? STATUS_C2 : 0) | (c0 ? STATUS_C0 : 0);
  unit.setConditions(conditions | sign, ALL_CONDITIONS);
});

const extractParts: Handler = waiting((_cpu, _op, unit) => {
  if (unit.isEmpty(0) || !unit.isEmpty(7)) {
    if (!unit.stackFault(!unit.isEmpty(0))) return;
    unit.set(0, INDEFINITE);
    unit.push(INDEFINITE);
    return;
  }
  const rounding = unit.rounding();
  const { exponent, significand } = arithmetic.extract(unit.get(0), rounding);
  if (!unit.settle(rounding)) return;
  unit.set(0, exponent);
  unit.push(significand);
});

const rotate = (by: number): Handler =>
  waiting((_cpu, _op, unit) => {
    unit.setConditions(0, STATUS_C1);
    unit.moveTop(by);
  });

/** Instructions of the 8087 and 80287 that later coprocessors ignore, and FNOP. */
const ignored: Handler = control(() => {});
const REGISTER = (_cpu: ExecutionContext, op: Operation): number => op.rm;

/** Instructions that are all there is under their mnemonic. */
const BY_MNEMONIC: Readonly<Record<string, Handler>> = {
  ...CONSTANTS,
  ...Object.fromEntries(
    Object.entries(WHOLE_CONSTANTS).map(([mnemonic, value]) => [
      mnemonic,
      waiting((_cpu, _op, unit) => unit.pushChecked(value)),
    ]),
  ),
  fnop: waiting(() => {}),
  fneni: ignored,
  fndisi: ignored,
  fnsetpm: ignored,
  fnclex: control((_cpu, _op, unit) => unit.clearExceptions()),
  fninit: control((_cpu, _op, unit) => unit.initialise()),
  fnstcw: storeWord((unit) => unit.control),
  fldcw: waiting((cpu, op, unit) => unit.setControl(Number(readOperand(cpu, op, 2)))),
  fnstenv: control((cpu, op, unit) => {
    writeOperand(cpu, op, environmentBytes(op), environmentImage(cpu, op, unit));
    // Storing it masks all exceptions.
    unit.setControl(unit.control | 0x3f);
  }),
  fldenv: waiting((cpu, op, unit) =>
    loadEnvironment(cpu, op, unit, readOperand(cpu, op, environmentBytes(op))),
  ),
  fnsave: control(save),
  frstor: waiting(restore),
  fchs: changeSign(negate),
  fabs: changeSign(magnitude),
  ftst: compareTo(() => [zero(false), 0], false, 0),
  fxam: examine,
  fxch: exchange,
  fxtract: extractParts,
  fdecstp: rotate(-1),
  fincstp: rotate(1),
  ffree: waiting((_cpu, op, unit) => {
    unit.setConditions(0, STATUS_C1);
    unit.free(op.rm);
  }),
  ffreep: waiting((_cpu, op, unit) => {
    unit.setConditions(0, STATUS_C1);
    unit.free(op.rm);
    unit.pop();
  }),
  f2xm1: unary(transcendental.powerOf2Less1),
  fyl2x: binary(transcendental.timesLogarithm),
  fyl2xp1: binary(transcendental.timesLogarithmOf1Plus),
  fpatan: binary((x, y, rounding) => transcendental.partialArctangent(y, x, rounding)),
  fptan: trigonometric([transcendental.tangent], arithmetic.ONE),
  fsin: trigonometric([transcendental.sine], null),
  fcos: trigonometric([transcendental.cosine], null),
  fsincos: trigonometric([transcendental.sine, transcendental.cosine], null),
  fsqrt: unary(arithmetic.squareRoot),
  frndint: unary(arithmetic.roundToIntegral),
  fscale: binary(arithmetic.scale, true),
  fprem: partialRemainder(false),
  fprem1: partialRemainder(true),
  fcompp: compareTo(() => 1, false, 2),
  fucompp: compareTo(() => 1, true, 2),
  fucom: compareTo(REGISTER, true, 0),
  fucomp: compareTo(REGISTER, true, 1),
  fcomi: compareToFlags(false, false),
  fcomip: compareToFlags(false, true),
  fucomi: compareToFlags(true, false),
  fucomip: compareToFlags(true, true),
  fcmovb: moveIf(isBelow),
  fcmove: moveIf(zeroFlag),
  fcmovbe: moveIf(isBelowOrEqual),
  fcmovu: moveIf(parityFlag),
  fcmovnb: moveIf(not(isBelow)),
  fcmovne: moveIf(not(zeroFlag)),
  fcmovnbe: moveIf(not(isBelowOrEqual)),
  fcmovnu: moveIf(not(parityFlag)),
  fbld: waiting((cpu, op, unit) => unit.pushChecked(arithmetic.fromDecimal(readOperand(cpu, op, 10)))),
  fbstp: store(10, DECIMAL_INDEFINITE, true, arithmetic.toDecimal),
};

/** The handler of a form with a memory operand. @param size w, d, q or t. */
export function memoryHandler(mnemonic: string, size: string): Handler {
  const handler = BY_MNEMONIC[mnemonic];
  if (handler) return handler;
  if (mnemonic === 'fnstsw') return storeWord((unit) => unit.status);
  const isInteger = mnemonic.startsWith('fi');
  const name = mnemonic.slice(isInteger ? 2 : 1);
  const operation = ARITHMETIC[name];
  if (operation)
    return waiting((cpu, op, unit) =>
      combine(unit, operation, 0, readValue(cpu, op, size, isInteger), false),
    );
  switch (name) {
    case 'ld':
      return load(size, isInteger);
    case 'st':
    case 'stp':
      return isInteger ? storeInteger(size, name === 'stp', false) : storeReal(size, name === 'stp');
    case 'sttp':
      return storeInteger(size, true, true);
    case 'com':
    case 'comp':
      return compareTo((cpu, op) => readValue(cpu, op, size, isInteger), false, name === 'comp' ? 1 : 0);
    default:
      throw new RangeError(`no x87 instruction ${mnemonic} with a memory operand`);
  }
}

/** The handler of a form with register operands, or none. @param toTop the result goes to ST(0). */
export function registerHandler(mnemonic: string, toTop: boolean): Handler {
  const handler = BY_MNEMONIC[mnemonic];
  if (handler) return handler;
  const pops = mnemonic.endsWith('p');
  const operation = ARITHMETIC[mnemonic.slice(1, pops ? -1 : undefined)];
  if (operation)
    return waiting((_cpu, op, unit) => combine(unit, operation, toTop ? 0 : op.rm, toTop ? op.rm : 0, pops));
  switch (mnemonic) {
    case 'fld':
      return copyFromRegister;
    case 'fst':
      return copyTo(false);
    case 'fstp':
    case 'fstpnce':
      return copyTo(true);
    case 'fcom':
    case 'fcomp':
      return compareTo(REGISTER, false, pops ? 1 : 0);
    case 'fnstsw':
      return control(
        (cpu, _op, unit) => writeRegister(cpu, EAX, 2, unit.status),
        (cpu) => writeRegister(cpu, EAX, 2, NO_COPROCESSOR_WORD),
      );
    default:
      throw new RangeError(`no x87 instruction ${mnemonic} with register operands`);
  }
}
