import { INDEFINITE, classify, pack } from './extended.js';
import type { Extended } from './extended.js';
import { DENORMAL, INVALID, PRECISION, ZERO_DIVIDE } from './rounding.js';
import type { Rounding } from './rounding.js';
import {
  X87_BYTES,
  X87_CONTROL_OFFSET,
  X87_EMPTY_OFFSET,
  X87_POINTER_OFFSET,
  X87_REGISTER_STRIDE,
  X87_STATUS_OFFSET,
} from '../../arch/state.js';

// Status word (SDM vol. 1, section 8.1.3).
export const STATUS_STACK_FAULT = 0x0040;
export const STATUS_SUMMARY = 0x0080;
export const STATUS_C0 = 0x0100;
export const STATUS_C1 = 0x0200;
export const STATUS_C2 = 0x0400;
export const STATUS_C3 = 0x4000;
const STATUS_TOP_SHIFT = 11;
const STATUS_TOP = 7 << STATUS_TOP_SHIFT;
const STATUS_BUSY = 0x8000;
const STATUS_CONDITIONS = STATUS_C0 | STATUS_C1 | STATUS_C2 | STATUS_C3;
const EXCEPTIONS = 0x3f;

/** Control word: all masked, 64 bits, to nearest. What FNINIT gives. */
const CONTROL_DEFAULT = 0x037f;
const CONTROL_RESET = 0x0040;
/** Bit 6 reads as one; 15:13 and 7 as zero. Bit 12 had a meaning in the 80287 and is kept. */
const CONTROL_WRITABLE = 0x1f3f;
const CONTROL_ONE = 0x0040;
const PRECISION_BITS = [24, 24, 53, 64] as const;

const TAG_VALID = 0;
const TAG_ZERO = 1;
const TAG_SPECIAL = 2;
const TAG_EMPTY = 3;

/** Where the last instruction with an unmasked exception lay, and its operand. */
export interface ExceptionPointers {
  instruction: number;
  codeSelector: number;
  data: number;
  dataSelector: number;
}

/** All that software sees of the registers, as plain data. */
export interface X87State {
  control: number;
  status: number;
  tags: number;
  /** ST(0) to ST(7): 80 bits each in hexadecimal, sign and exponent first. */
  registers: string[];
}

const NO_POINTERS: ExceptionPointers = { instruction: 0, codeSelector: 0, data: 0, dataSelector: 0 };

/**
 * The registers of an x87 coprocessor and the rules of its stack and exceptions. They lie in a processor's state
 * area (arch/state.ts). Registers are named from the top of the stack: ST(0) to ST(7).
 */
export class X87Unit {
  private readonly view: DataView;
  private readonly bytes: Uint8Array;

  /** @param offsetBytes where its part of the state area starts. */
  constructor(buffer: ArrayBufferLike, offsetBytes: number) {
    this.view = new DataView(buffer, offsetBytes, X87_BYTES);
    this.bytes = new Uint8Array(buffer, offsetBytes, X87_BYTES);
  }

  /** The RESET pin: unlike FNINIT it leaves exceptions unmasked and registers zero, not empty (SDM vol. 3A, table 9-1). */
  reset(): void {
    this.bytes.fill(0);
    this.view.setUint32(X87_CONTROL_OFFSET, CONTROL_RESET, true);
  }

  initialise(): void {
    this.setControl(CONTROL_DEFAULT);
    this.setWord(X87_STATUS_OFFSET, 0);
    this.setWord(X87_EMPTY_OFFSET, 0xff);
    this.pointers = NO_POINTERS;
  }

  /** A copy of all registers. */
  image(): Uint8Array {
    return this.bytes.slice();
  }
  setImage(image: Uint8Array): void {
    this.bytes.set(image);
  }

  /** Whether anything differs from the state after reset: software has used it. */
  get used(): boolean {
    if (this.control !== CONTROL_RESET) return true;
    for (let at = 0; at < X87_BYTES; at++)
      if (this.bytes[at] !== 0 && at >> 3 !== X87_CONTROL_OFFSET >> 3) return true;
    return false;
  }

  state(): X87State {
    const { control, status, tags } = this;
    const registers = Array.from({ length: 8 }, (_, index) =>
      pack(this.get(index)).toString(16).padStart(20, '0'),
    );
    return { control, status, tags, registers };
  }

  get control(): number {
    return this.word(X87_CONTROL_OFFSET);
  }
  /** FLDCW: an exception that is flagged and no longer masked is pending from now on. */
  setControl(value: number): void {
    this.setWord(X87_CONTROL_OFFSET, (value & CONTROL_WRITABLE) | CONTROL_ONE);
    this.summarise();
  }

  get status(): number {
    return this.word(X87_STATUS_OFFSET);
  }
  setStatus(value: number): void {
    this.setWord(X87_STATUS_OFFSET, value & 0xffff);
    this.summarise();
  }

  /** FNCLEX. */
  clearExceptions(): void {
    this.setWord(X87_STATUS_OFFSET, this.status & (STATUS_TOP | STATUS_CONDITIONS));
  }

  /** An unmasked exception waits for the next instruction that waits for it. */
  get pending(): boolean {
    return (this.status & STATUS_SUMMARY) !== 0;
  }

  private summarise(): void {
    const { status, control } = this;
    const isPending = (status & ~control & EXCEPTIONS) !== 0;
    const rest = status & ~(STATUS_SUMMARY | STATUS_BUSY);
    this.setWord(X87_STATUS_OFFSET, isPending ? rest | STATUS_SUMMARY | STATUS_BUSY : rest);
  }

  /** For one operation: the modes of the control word, and nothing raised. */
  rounding(raised = 0): Rounding {
    const { control } = this;
    return {
      control: (control >> 10) & 3,
      precisionBits: PRECISION_BITS[(control >> 8) & 3],
      masks: control & EXCEPTIONS,
      raised,
      roundedUp: false,
    };
  }

  /**
   * Takes over what an operation has raised. @returns false when the operation must leave its operands alone: an
   * exception that is found before the result is unmasked (section 8.7 "Handling x87 FPU Exceptions in Software").
   */
  settle({ raised, roundedUp }: Rounding): boolean {
    const before = raised & (INVALID | DENORMAL | ZERO_DIVIDE);
    const goesOn = (before & ~this.control) === 0;
    // What stops before there is a result raises nothing that only a result can.
    const c1 = goesOn && raised & PRECISION && roundedUp ? STATUS_C1 : 0;
    this.setStatus((this.status & ~STATUS_C1) | (goesOn ? raised : before) | c1);
    return goesOn;
  }

  /** The stack has not what is asked of it. @returns whether the masked response is to go on. */
  stackFault(isOverflow: boolean): boolean {
    const c1 = isOverflow ? STATUS_C1 : 0;
    this.setStatus((this.status & ~STATUS_C1) | INVALID | STATUS_STACK_FAULT | c1);
    return (this.control & INVALID) !== 0;
  }

  setConditions(value: number, mask = STATUS_CONDITIONS): void {
    this.setWord(X87_STATUS_OFFSET, (this.status & ~mask) | value);
  }

  get top(): number {
    return (this.status & STATUS_TOP) >> STATUS_TOP_SHIFT;
  }
  moveTop(by: number): void {
    const top = (this.top + by) & 7;
    this.setWord(X87_STATUS_OFFSET, (this.status & ~STATUS_TOP) | (top << STATUS_TOP_SHIFT));
  }

  isEmpty(index: number): boolean {
    return (this.word(X87_EMPTY_OFFSET) & this.bit(index)) !== 0;
  }
  free(index: number): void {
    this.setWord(X87_EMPTY_OFFSET, this.word(X87_EMPTY_OFFSET) | this.bit(index));
  }

  /** ST(index), empty or not. */
  get(index: number): Extended {
    return this.physical((this.top + index) & 7);
  }

  set(index: number, { negative, exponent, significand }: Extended): void {
    const at = ((this.top + index) & 7) * X87_REGISTER_STRIDE;
    this.view.setBigUint64(at, significand, true);
    this.view.setUint16(at + 8, exponent | (negative ? 0x8000 : 0), true);
    this.setWord(X87_EMPTY_OFFSET, this.word(X87_EMPTY_OFFSET) & ~this.bit(index));
  }

  push(value: Extended): void {
    this.moveTop(-1);
    this.set(0, value);
  }
  pop(): void {
    this.free(0);
    this.moveTop(1);
  }

  /** Pushes, or the indefinite when ST(7) is taken. */
  pushChecked(value: Extended): void {
    if (this.isEmpty(7)) {
      this.setConditions(0, STATUS_C1);
      this.push(value);
    } else if (this.stackFault(true)) this.push(INDEFINITE);
  }

  /** The tag word, two bits a register, by what the registers hold. */
  get tags(): number {
    let tags = 0;
    for (let register = 0; register < 8; register++) tags |= this.tag(register) << (register * 2);
    return tags;
  }
  /** Only empty or not is taken over: the rest follows from the registers. */
  set tags(value: number) {
    let empty = 0;
    for (let register = 0; register < 8; register++) {
      if (((value >> (register * 2)) & 3) === TAG_EMPTY) empty |= 1 << register;
    }
    this.setWord(X87_EMPTY_OFFSET, empty);
  }

  private tag(register: number): number {
    if (this.word(X87_EMPTY_OFFSET) & (1 << register)) return TAG_EMPTY;
    const kind = classify(this.physical(register));
    if (kind === 'normal') return TAG_VALID;
    return kind === 'zero' ? TAG_ZERO : TAG_SPECIAL;
  }

  get pointers(): ExceptionPointers {
    const at = X87_POINTER_OFFSET;
    return {
      instruction: this.word(at),
      codeSelector: this.word(at + 4),
      data: this.word(at + 8),
      dataSelector: this.word(at + 12),
    };
  }
  set pointers({ instruction, codeSelector, data, dataSelector }: ExceptionPointers) {
    [instruction, codeSelector, data, dataSelector].forEach((value, index) =>
      this.setWord(X87_POINTER_OFFSET + index * 4, value),
    );
  }

  /** Register R0 to R7. */
  private physical(register: number): Extended {
    const at = register * X87_REGISTER_STRIDE;
    const upper = this.view.getUint16(at + 8, true);
    return {
      negative: (upper & 0x8000) !== 0,
      exponent: upper & 0x7fff,
      significand: this.view.getBigUint64(at, true),
    };
  }

  private bit(index: number): number {
    return 1 << ((this.top + index) & 7);
  }
  private word(offset: number): number {
    return this.view.getUint32(offset, true);
  }
  private setWord(offset: number, value: number): void {
    this.view.setUint32(offset, value >>> 0, true);
  }
}
