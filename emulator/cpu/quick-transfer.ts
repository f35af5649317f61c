import {
  ATTR_ACCESSED,
  ATTR_CODE,
  ATTR_DB,
  ATTR_DC,
  ATTR_DPL,
  ATTR_DPL_SHIFT,
  ATTR_P,
  ATTR_RW,
  ATTR_S,
  SYS_INTERRUPT_GATE32,
  decodeDescriptor,
} from '../arch/descriptors.js';
import { FLAG_IF, FLAG_NT, FLAG_RF, FLAG_TF, FLAG_VM } from '../arch/flags.js';
import { CS, DS, ES, ESP, FS, GS, SS, TR } from '../arch/registers.js';
import type { SegmentIndex } from '../arch/registers.js';
import { CPL_I32, EIP_I32, GDTR_OFFSET, IDTR_OFFSET } from '../arch/state.js';
import type { Cpu } from './cpu.js';
import { flagsThatMayChange } from './flag-control.js';
import { isProtected } from './modes.js';
import type { Event, TransferPlaces } from './processor.js';
import { nullSegment } from './segmentation.js';
import { FAST_READ_SUPERVISOR, FAST_READ_USER, FAST_WRITE_SUPERVISOR, FAST_WRITE_USER } from './tlb.js';

const GDTR_I32 = GDTR_OFFSET >> 2;
const IDTR_I32 = IDTR_OFFSET >> 2;
/** From a table register's base to its limit, in words. */
const LIMIT = 2;
const SELECTOR_TI = 4;
const TSS_IS_32 = 8;
const WORD = 4;
const ESP_I32 = ESP * 2;

/** Gate attributes: a present interrupt or trap gate of 32 bits, whatever its DPL. */
const GATE_MASK = ATTR_P | ATTR_S | 0xe;
const GATE_WANTED = ATTR_P | SYS_INTERRUPT_GATE32;
/** The type bit that tells a trap gate, which leaves IF, from an interrupt gate. */
const TRAP_GATE = 1;
/** Present code that has been accessed; stack: present writable data that grows down from its limit's inside. */
const CODE_WANTED = ATTR_P | ATTR_S | ATTR_CODE | ATTR_ACCESSED;
const STACK_MASK = CODE_WANTED | ATTR_RW | ATTR_DC;
const STACK_WANTED = ATTR_P | ATTR_S | ATTR_RW | ATTR_ACCESSED;

const DATA_SEGMENTS = [ES, DS, FS, GS] as const;

/** The last descriptor that was decoded: a system call meets the same ones every time. */
class DescriptorMemo {
  private low = 0;
  private high = 0;
  attributes = 0;
  /** Host address where it was read. */
  at = 0;
  /** Signed, as {@link base}. */
  limit = 0;
  base = 0;

  decode(low: number, high: number): this {
    if (low === this.low && high === this.high) return this;
    const { attributes, limit, base } = decodeDescriptor(low, high, 0);
    this.low = low;
    this.high = high;
    this.attributes = attributes;
    this.limit = limit | 0;
    this.base = base | 0;
    return this;
  }

  load(cpu: Cpu, segment: SegmentIndex, selector: number): void {
    cpu.loadSegmentWords(segment, selector, this.attributes, this.limit, this.base);
  }
}

/**
 * Interrupts through gates, and their returns, in the usual case: 32-bit protected mode, everything present,
 * accessed, within limits, and in pages that the fast TLB entries answer for. First all is looked at, which
 * changes nothing; then all is done. Whatever is unusual is left to interrupt-delivery.ts and interrupt-return.ts,
 * which hold the rules; this class only knows when none of them has anything to say.
 */
export class QuickTransfer {
  private readonly enteredCode = new DescriptorMemo();
  private readonly enteredStack = new DescriptorMemo();
  private readonly returnedCode = new DescriptorMemo();
  private readonly returnedStack = new DescriptorMemo();

  /** Of the last transfer between the rings. */
  private readonly places = { gate: 0, tss: 0, code: 0, stack: 0, frame: 0 };
  private hasPlaces = false;

  constructor(private readonly cpu: Cpu) {}

  takePlaces(): TransferPlaces | null {
    const { hasPlaces } = this;
    this.hasPlaces = false;
    return hasPlaces ? this.places : null;
  }

  /** @param flags the image to push. @returns false, with nothing changed, when the long way has to be gone. */
  deliver(event: Event, flags: number, isSoftware: boolean): boolean {
    const { cpu } = this;
    const { s32, u32, view } = cpu;
    if (!isProtected(cpu)) return false;
    const cpl = s32[CPL_I32];
    const at = event.vector * 8;
    if (at + 7 > u32[IDTR_I32 + LIMIT]) return false;
    const gate = cpu.hostAddress((s32[IDTR_I32] + at) | 0, 8, FAST_READ_SUPERVISOR);
    if (gate < 0) return false;
    const gateLow = view.getInt32(gate, true);
    const gateHigh = view.getInt32(gate + WORD, true);
    const gateAttributes = (gateHigh >>> 8) & 0xff;
    if ((gateAttributes & GATE_MASK) !== GATE_WANTED || (isSoftware && dpl(gateAttributes) < cpl))
      return false;

    const selector = gateLow >>> 16;
    const codeAt = this.descriptor(selector);
    if (codeAt < 0) return false;
    const codeHigh = view.getInt32(codeAt + WORD, true);
    const codeAttributes = (codeHigh >>> 8) & 0xff;
    const codeDpl = dpl(codeAttributes);
    if ((codeAttributes & CODE_WANTED) !== CODE_WANTED || codeDpl > cpl) return false;
    const newCpl = codeAttributes & ATTR_DC ? cpl : codeDpl;
    const code = this.enteredCode.decode(view.getInt32(codeAt, true), codeHigh);
    const offset = ((gateLow & 0xffff) | (gateHigh & 0xffff_0000)) >>> 0;
    if (offset > code.limit >>> 0) return false;

    const inward = newCpl < cpl;
    let stack: DescriptorMemo | null = null;
    let tss = -1;
    let stackSelector = 0;
    let esp = u32[ESP_I32];
    if (inward) {
      tss = this.tssStack(newCpl);
      if (tss < 0) return false;
      stackSelector = view.getUint16(tss + WORD, true);
      stack = this.stackSegment(stackSelector, newCpl, this.enteredStack);
      if (stack === null) return false;
      esp = view.getUint32(tss, true);
    } else if (!this.hasPlainStack()) return false;
    const bytes = ((inward ? 5 : 3) + (event.errorCode === null ? 0 : 1)) * WORD;
    const base = stack === null ? cpu.base(SS) : stack.base;
    const limit = stack === null ? cpu.limit(SS) : stack.limit >>> 0;
    if (esp < bytes || esp - 1 > limit) return false;
    const writeBit = newCpl === 3 ? FAST_WRITE_USER : FAST_WRITE_SUPERVISOR;
    let top = cpu.hostAddress((base + esp - bytes) | 0, bytes, writeBit);
    if (top < 0 || cpu.isMarked(top)) return false;

    if (stack !== null) this.notePlaces(gate, tss, codeAt, stack.at, top);
    this.hasPlaces = stack !== null && event.errorCode === null;
    if (event.errorCode !== null) {
      view.setInt32(top, event.errorCode, true);
      top += WORD;
    }
    view.setInt32(top, s32[EIP_I32], true);
    view.setInt32(top + WORD, cpu.selector(CS), true);
    view.setInt32(top + 2 * WORD, flags, true);
    if (stack !== null) {
      view.setInt32(top + 3 * WORD, s32[ESP_I32], true);
      view.setInt32(top + 4 * WORD, cpu.selector(SS), true);
    }
    code.load(cpu, CS, (selector & ~3) | newCpl);
    cpu.cpl = newCpl;
    stack?.load(cpu, SS, stackSelector);
    s32[ESP_I32] = esp - bytes;
    s32[EIP_I32] = offset;
    const masks = (gateAttributes & TRAP_GATE) === 0;
    cpu.writeEflags(0, FLAG_TF | FLAG_NT | FLAG_RF | FLAG_VM | (masks ? FLAG_IF : 0));
    return true;
  }

  /** IRETD. @returns false, with nothing changed, when the long way has to be gone. */
  interruptReturn(): boolean {
    const { cpu } = this;
    const { s32, u32, view } = cpu;
    const cpl = s32[CPL_I32];
    if (!isProtected(cpu) || !this.hasPlainStack()) return false;
    const esp = u32[ESP_I32];
    const readBit = cpl === 3 ? FAST_READ_USER : FAST_READ_SUPERVISOR;
    const top = cpu.hostAddress((cpu.base(SS) + esp) | 0, 3 * WORD, readBit);
    if (top < 0 || esp + 3 * WORD - 1 > cpu.limit(SS)) return false;
    const eip = view.getUint32(top, true);
    const selector = view.getUint16(top + WORD, true);
    const flags = view.getInt32(top + 2 * WORD, true);
    const newCpl = selector & 3;
    if ((flags & FLAG_VM) !== 0 || newCpl < cpl) return false;

    const codeAt = this.descriptor(selector);
    if (codeAt < 0) return false;
    const codeHigh = view.getInt32(codeAt + WORD, true);
    const codeAttributes = (codeHigh >>> 8) & 0xff;
    // Conforming code is for the long way.
    if ((codeAttributes & (CODE_WANTED | ATTR_DC)) !== CODE_WANTED || dpl(codeAttributes) !== newCpl)
      return false;
    const code = this.returnedCode.decode(view.getInt32(codeAt, true), codeHigh);
    if (eip > code.limit >>> 0) return false;

    const mask = flagsThatMayChange(cpu);
    if (newCpl === cpl) {
      code.load(cpu, CS, selector);
      s32[ESP_I32] = esp + 3 * WORD;
    } else {
      const outer = cpu.hostAddress((cpu.base(SS) + esp + 3 * WORD) | 0, 2 * WORD, readBit);
      if (outer < 0 || esp + 5 * WORD - 1 > cpu.limit(SS)) return false;
      const stackSelector = view.getUint16(outer + WORD, true);
      const stack = this.stackSegment(stackSelector, newCpl, this.returnedStack);
      if (stack === null) return false;
      this.notePlaces(-1, -1, codeAt, stack.at, top);
      this.hasPlaces = true;
      code.load(cpu, CS, selector);
      cpu.cpl = newCpl;
      stack.load(cpu, SS, stackSelector);
      s32[ESP_I32] = view.getInt32(outer, true);
      this.dropPrivilegedSegments(newCpl);
    }
    s32[EIP_I32] = eip;
    cpu.writeEflags(flags, mask);
    return true;
  }

  private notePlaces(gate: number, tss: number, code: number, stack: number, frame: number): void {
    const { places } = this;
    places.gate = gate;
    places.tss = tss;
    places.code = code;
    places.stack = stack;
    places.frame = frame;
  }

  /** Data segments that an outer ring may not use become null. */
  private dropPrivilegedSegments(cpl: number): void {
    const { cpu } = this;
    for (const segment of DATA_SEGMENTS) {
      const attributes = cpu.attributes(segment);
      const conforming = ATTR_S | ATTR_CODE | ATTR_DC;
      if ((attributes & conforming) !== conforming && dpl(attributes) < cpl) {
        cpu.setSegment(segment, nullSegment(0));
      }
    }
  }

  /** Host address of a descriptor in the GDT, or -1. */
  private descriptor(selector: number): number {
    const { cpu } = this;
    const offset = selector & ~7;
    if (offset === 0 || (selector & SELECTOR_TI) !== 0 || offset + 7 > cpu.u32[GDTR_I32 + LIMIT]) return -1;
    return cpu.hostAddress((cpu.s32[GDTR_I32] + offset) | 0, 8, FAST_READ_SUPERVISOR);
  }

  /** Host address of ESP and SS for a ring in a 32-bit TSS, or -1. */
  private tssStack(cpl: number): number {
    const { cpu } = this;
    const offset = WORD * (1 + 2 * cpl);
    if ((cpu.attributes(TR) & TSS_IS_32) === 0 || offset + WORD + 1 > cpu.limit(TR)) return -1;
    return cpu.hostAddress((cpu.base(TR) + offset) | 0, 2 * WORD, FAST_READ_SUPERVISOR);
  }

  /** A 32-bit stack segment of the GDT that privilege `cpl` may load as it stands, or null. */
  private stackSegment(selector: number, cpl: number, memo: DescriptorMemo): DescriptorMemo | null {
    const { view } = this.cpu;
    const at = (selector & 3) === cpl ? this.descriptor(selector) : -1;
    if (at < 0) return null;
    const high = view.getInt32(at + WORD, true);
    const attributes = (high >>> 8) & 0xff;
    if ((attributes & STACK_MASK) !== STACK_WANTED || dpl(attributes) !== cpl) return null;
    const segment = memo.decode(view.getInt32(at, true), high);
    segment.at = at;
    return segment.attributes & ATTR_DB ? segment : null;
  }

  /** The current stack segment is of 32 bits and does not expand down. */
  private hasPlainStack(): boolean {
    const { cpu } = this;
    return (
      cpu.stackMask === -1 &&
      (cpu.attributes(SS) & (STACK_MASK & ~ATTR_ACCESSED)) === (STACK_WANTED & ~ATTR_ACCESSED)
    );
  }
}

function dpl(attributes: number): number {
  return (attributes & ATTR_DPL) >> ATTR_DPL_SHIFT;
}
