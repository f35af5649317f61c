import { FLAGS_ARITHMETIC, FLAG_ONE } from '../../emulator/arch/flags.js';
import { ESP } from '../../emulator/arch/registers.js';
import type { SegmentIndex } from '../../emulator/arch/registers.js';
import { EFLAGS_I32, EIP_I32, STATE_BYTES } from '../../emulator/arch/state.js';
import { VECTOR_GP, VECTOR_PF } from '../../emulator/arch/vectors.js';
import type { ExecutionContext } from '../../emulator/isa/context.js';
import { decode } from '../../emulator/isa/decoder.js';
import type { Operation, PortWidth } from '../../emulator/isa/operation.js';
import { readArithmeticFlags, setArithmeticFlags } from '../../emulator/isa/semantics/flags.js';

/** An exception or software interrupt that an instruction raised. */
export class Trap {
  constructor(
    readonly vector: number,
    readonly errorCode: number | null = null,
  ) {}
}

/**
 * A processor with registers, flags and flat memory and nothing else: no segments, paging or privilege. For
 * what needs those there is the real one. Addresses outside `memory` raise #PF; `readOnlyFrom` is the first
 * address that cannot be written.
 */
export class FlatContext implements Partial<ExecutionContext> {
  private readonly state = new ArrayBuffer(STATE_BYTES);
  readonly u8 = new Uint8Array(this.state);
  readonly u16 = new Uint16Array(this.state);
  readonly s32 = new Int32Array(this.state);
  readonly u32 = new Uint32Array(this.state);
  private readonly view: DataView;
  private modified = 0;
  readonly cpl = 3;
  stackMask = -1;
  instructionEip = 0;
  readOnlyFrom = Infinity;
  /** What ports read as, and what was written: `port:width=value`. */
  portValue = 0;
  readonly portWrites: string[] = [];
  /** Iterations after which a repeated instruction is interrupted. */
  interruptAfter = Infinity;

  constructor(
    readonly memory: Uint8Array,
    private readonly codeBits: 16 | 32 = 32,
  ) {
    this.view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
    this.setFlags(0);
  }

  /** Executes the instruction at eip. @throws Trap */
  step(): Operation {
    const op = decode(this.memory, this.eip, this.memory.length - this.eip, this.codeBits);
    if (op === 'short') throw new Trap(VECTOR_PF);
    if (op === 'tooLong') throw new Trap(VECTOR_GP, 0);
    this.instructionEip = this.eip;
    this.eip += op.lengthBytes;
    try {
      op.handler(this as unknown as ExecutionContext, op);
    } catch (trap) {
      if (trap instanceof Trap && trap.vector !== 3) this.eip = this.instructionEip;
      throw trap;
    }
    return op;
  }

  get eip(): number {
    return this.u32[EIP_I32];
  }
  set eip(value: number) {
    this.u32[EIP_I32] = value;
  }
  readEflags(): number {
    return (this.s32[EFLAGS_I32] & ~FLAGS_ARITHMETIC) | readArithmeticFlags(this.s32) | FLAG_ONE;
  }
  setFlags(value: number): void {
    this.s32[EFLAGS_I32] = value | FLAG_ONE;
    setArithmeticFlags(this.s32, value);
  }
  pushFlagsImage(): number {
    return this.readEflags();
  }
  popFlagsImage(value: number): void {
    this.setFlags(value);
  }

  private check(offset: number, bytes: number, write: boolean): number {
    const address = offset >>> 0;
    if (address + bytes > this.memory.length || (write && address + bytes > this.readOnlyFrom)) {
      throw new Trap(VECTOR_PF, write ? 2 : 0);
    }
    return address;
  }
  read8(_segment: SegmentIndex, offset: number): number {
    return this.memory[this.check(offset, 1, false)];
  }
  read16(_segment: SegmentIndex, offset: number): number {
    return this.view.getUint16(this.check(offset, 2, false), true);
  }
  read32(_segment: SegmentIndex, offset: number): number {
    return this.view.getInt32(this.check(offset, 4, false), true);
  }
  write8(_segment: SegmentIndex, offset: number, value: number): void {
    this.memory[this.check(offset, 1, true)] = value;
  }
  write16(_segment: SegmentIndex, offset: number, value: number): void {
    this.view.setUint16(this.check(offset, 2, true), value, true);
  }
  write32(_segment: SegmentIndex, offset: number, value: number): void {
    this.view.setInt32(this.check(offset, 4, true), value, true);
  }
  modify8(segment: SegmentIndex, offset: number): number {
    this.modified = this.check(offset, 1, true);
    return this.read8(segment, offset);
  }
  modify16(segment: SegmentIndex, offset: number): number {
    this.modified = this.check(offset, 2, true);
    return this.read16(segment, offset);
  }
  modify32(segment: SegmentIndex, offset: number): number {
    this.modified = this.check(offset, 4, true);
    return this.read32(segment, offset);
  }
  modifyWrite8(value: number): void {
    this.memory[this.modified] = value;
  }
  modifyWrite16(value: number): void {
    this.view.setUint16(this.modified, value, true);
  }
  modifyWrite32(value: number): void {
    this.view.setInt32(this.modified, value, true);
  }

  push16(value: number): void {
    this.write16(2, (this.s32[ESP << 1] - 2) & this.stackMask, value);
    this.moveStack(-2);
  }
  push32(value: number): void {
    this.write32(2, (this.s32[ESP << 1] - 4) & this.stackMask, value);
    this.moveStack(-4);
  }
  pop16(): number {
    const value = this.read16(2, this.s32[ESP << 1] & this.stackMask);
    this.moveStack(2);
    return value;
  }
  pop32(): number {
    const value = this.read32(2, this.s32[ESP << 1] & this.stackMask);
    this.moveStack(4);
    return value;
  }
  private moveStack(distance: number): void {
    const esp = this.s32[ESP << 1];
    this.s32[ESP << 1] = (esp & ~this.stackMask) | ((esp + distance) & this.stackMask);
  }

  jumpNear(target: number): void {
    this.eip = target;
  }
  /** Nobody intercepts anything here. */
  intercept(): void {}
  softwareInterrupt(vector: number): void {
    throw new Trap(vector);
  }
  raise(vector: number): never {
    throw new Trap(vector);
  }
  requirePort(): void {}
  portIn(): number {
    return this.portValue;
  }
  portOut(port: number, width: PortWidth, value: number): void {
    this.portWrites.push(`${port}:${width}=${value}`);
  }
  endIteration(): boolean {
    if (--this.interruptAfter > 0) return false;
    this.eip = this.instructionEip;
    return true;
  }
  requireProtectedMode(): void {}
  requireOperandAligned(): void {}
  noteMissing(): void {}
}
