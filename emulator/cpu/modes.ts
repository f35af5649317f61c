import { CR0_PE } from '../arch/control.js';
import { ATTR_ACCESSED, ATTR_DPL_SHIFT, ATTR_P, ATTR_RW, ATTR_S, ATTR_TYPE } from '../arch/descriptors.js';
import type { SegmentState } from '../arch/descriptors.js';
import { FLAG_VM } from '../arch/flags.js';
import { CS } from '../arch/registers.js';
import type { SegmentIndex } from '../arch/registers.js';
import { CR0_I32, EFLAGS_I32 } from '../arch/state.js';
import type { Cpu } from './cpu.js';

/*
 * The operating modes (Intel SDM vol. 3, "Mode Switching" and "8086 Emulation"): real mode while CR0.PE is clear,
 * virtual-8086 mode while EFLAGS.VM is set too, else protected mode. In the first two a selector is a paragraph
 * number and no descriptor is read.
 */

const DATA = ATTR_P | ATTR_S | ATTR_RW | ATTR_ACCESSED;
/** 64 KB, 16-bit. */
const SMALL_LIMIT = 0xffff;
const VIRTUAL_ATTRIBUTES = DATA | (3 << ATTR_DPL_SHIFT);

export function isReal(cpu: Cpu): boolean {
  return (cpu.s32[CR0_I32] & CR0_PE) === 0;
}

export function isVirtual8086(cpu: Cpu): boolean {
  return (cpu.s32[EFLAGS_I32] & FLAG_VM) !== 0 && !isReal(cpu);
}

export function isProtected(cpu: Cpu): boolean {
  return (cpu.s32[CR0_I32] & CR0_PE) !== 0 && (cpu.s32[EFLAGS_I32] & FLAG_VM) === 0;
}

/** What a segment register holds in virtual-8086 mode (SDM vol. 3, "Segment Address Translation in Virtual-8086 Mode"). */
export function virtualSegment(selector: number): SegmentState {
  return { selector, attributes: VIRTUAL_ATTRIBUTES, limit: SMALL_LIMIT, base: selector << 4 };
}

/** What a segment register holds after reset (SDM vol. 3, "IA-32 and Intel 64 Processor States Following Power-up"). */
export function resetSegment(selector: number, base = 0): SegmentState {
  return { selector, attributes: DATA, limit: SMALL_LIMIT, base };
}

/**
 * Loads a segment register with a paragraph number. In real mode limit and attributes stay as they were, which is what
 * makes "unreal mode" work (SDM vol. 3, "Switching Back to Real-Address Mode", on limits other than 64 KB); an unusable
 * register becomes usable.
 */
export function loadParagraph(cpu: Cpu, segment: SegmentIndex, selector: number): void {
  cpu.setSegment(segment, isReal(cpu) ? realSegment(cpu, segment, selector) : virtualSegment(selector));
}

function realSegment(cpu: Cpu, segment: SegmentIndex, selector: number): SegmentState {
  const { attributes, limit } = cpu.segment(segment);
  const base = selector << 4;
  return attributes & ATTR_P ? { selector, attributes, limit, base } : resetSegment(selector, base);
}

/** Follows a change to real mode: its code segment can be written, as after reset, and keeps its size and limit. */
export function enterRealMode(cpu: Cpu): void {
  const code = cpu.segment(CS);
  cpu.setSegment(CS, { ...code, attributes: (code.attributes & ~ATTR_TYPE) | DATA });
}
