import { ATTR_DB } from '../arch/descriptors.js';
import type { SegmentState } from '../arch/descriptors.js';
import { ESP, SS, TR } from '../arch/registers.js';
import { VECTOR_SS, VECTOR_TS } from '../arch/vectors.js';
import { inLimit } from './access.js';
import type { Cpu } from './cpu.js';
import { stackDescriptor } from './segmentation.js';

/** Tells the 32-bit TSS types from the 16-bit ones, busy or not. */
const TSS_IS_32 = 8;

/**
 * A stack on which a far call, an interrupt or a far return works before the processor's state changes: its own
 * segment, pointer and rights. `commit` makes it the processor's.
 */
export class StackFrame {
  constructor(
    private readonly cpu: Cpu,
    readonly segment: SegmentState,
    public esp: number,
    /** Privilege of its accesses. */
    private readonly cpl: number,
    /** Error code of the #SS that a limit violation raises. */
    private readonly faultCode: number,
  ) {}

  /** The current stack. */
  static current(cpu: Cpu, ext = 0): StackFrame {
    return new StackFrame(cpu, cpu.segment(SS), cpu.gpr(ESP), cpu.cpl, ext);
  }

  /** The stack that the TSS names for an inner privilege level. @throws Fault #TS, #SS. */
  static fromTss(cpu: Cpu, cpl: number, ext: number): StackFrame {
    const { selector, esp } = readTssStack(cpu, cpl, ext);
    const descriptor = stackDescriptor(cpu, selector, cpl, VECTOR_TS, ext);
    return new StackFrame(cpu, descriptor, esp, cpl, (selector & ~3) | ext);
  }

  private get mask(): number {
    return this.segment.attributes & ATTR_DB ? -1 : 0xffff;
  }

  /** Checks that `count` more values can be pushed, each within the limit: a 16-bit stack may wrap between two. @throws Fault #SS. */
  requireRoom(count: number, byteCount: 2 | 4): void {
    const { attributes, limit } = this.segment;
    for (let index = 1; index <= count; index++) {
      const offset = ((this.esp - index * byteCount) & this.mask) >>> 0;
      if (!inLimit(attributes, limit, offset, byteCount)) this.cpu.fault.raise(VECTOR_SS, this.faultCode);
    }
  }

  push(value: number, byteCount: 2 | 4): void {
    const offset = ((this.esp - byteCount) & this.mask) >>> 0;
    this.cpu.writeLinear(this.linear(offset, byteCount), byteCount, value, this.cpl === 3);
    this.esp = ((this.esp & ~this.mask) | offset) >>> 0;
  }

  pop(byteCount: 2 | 4): number {
    const value = this.cpu.readLinear(
      this.linear((this.esp & this.mask) >>> 0, byteCount),
      byteCount,
      this.cpl === 3,
    );
    this.skip(byteCount);
    return value;
  }

  /** Moves the pointer up without reading. */
  skip(byteCount: number): void {
    this.esp = ((this.esp & ~this.mask) | ((this.esp + byteCount) & this.mask)) >>> 0;
  }

  /** Loads SS and ESP of the processor. */
  commit(): void {
    this.cpu.setSegment(SS, this.segment);
    this.commitPointer();
  }

  /** Loads ESP alone: the stack segment is the processor's already. In a 16-bit stack only SP. */
  commitPointer(): void {
    const { cpu } = this;
    cpu.setGpr(ESP, (cpu.gpr(ESP) & ~this.mask) | (this.esp & this.mask));
  }

  private linear(offset: number, byteCount: number): number {
    const { attributes, limit, base } = this.segment;
    if (!inLimit(attributes, limit, offset, byteCount)) this.cpu.fault.raise(VECTOR_SS, this.faultCode);
    const linear = (base + offset) | 0;
    if (this.cpl === 3) this.cpu.requireAligned(linear, byteCount);
    return linear;
  }
}

/** SS:ESP (or SS:SP) for a privilege level 0..2 (APM vol. 2, section 12.2.4 "Legacy Task-State Segment"). */
function readTssStack(cpu: Cpu, cpl: number, ext: number): { selector: number; esp: number } {
  const { selector, attributes, limit, base } = cpu.segment(TR);
  const is32 = (attributes & TSS_IS_32) !== 0;
  const slotBytes = is32 ? 4 : 2;
  const offset = slotBytes * (1 + 2 * cpl);
  if (offset + slotBytes + 1 > limit) cpu.fault.raise(VECTOR_TS, (selector & ~3) | ext);
  const esp = cpu.readLinear(base + offset, slotBytes, false) >>> 0;
  return { esp, selector: cpu.readLinear(base + offset + slotBytes, 2, false) };
}
