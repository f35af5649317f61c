import {
  SYS_LDT,
  SYS_TSS16_AVAILABLE,
  SYS_TSS16_BUSY,
  SYS_TSS32_AVAILABLE,
  SYS_TSS32_BUSY,
} from '../arch/descriptors.js';
import type { SegmentState } from '../arch/descriptors.js';
import { CS, LDTR, SS, TR } from '../arch/registers.js';
import type { SegmentIndex } from '../arch/registers.js';
import { CPL_I32 } from '../arch/state.js';
import { VECTOR_GP, VECTOR_NP, VECTOR_SS } from '../arch/vectors.js';
import type { Cpu } from './cpu.js';
import * as descriptors from './descriptor.js';
import type { Descriptor } from './descriptor.js';
import { isProtected, loadParagraph } from './modes.js';

/** Hidden part after a null selector was loaded: not present, so that every use faults. */
export function nullSegment(selector: number): SegmentState {
  return { selector, attributes: 0, limit: 0, base: 0 };
}

/** MOV and POP to a data segment register, LDS and the like (APM vol. 2, section 4.10 "Data-Access Privilege Checks"). */
export function loadSegment(cpu: Cpu, segment: SegmentIndex, selector: number): void {
  if (!isProtected(cpu)) {
    loadParagraph(cpu, segment, selector);
    if (segment === SS) cpu.beginShadow(true);
    return;
  }
  if (segment === SS) {
    cpu.setSegment(SS, stackDescriptor(cpu, selector, cpu.s32[CPL_I32], VECTOR_GP, 0));
    cpu.beginShadow(true);
    return;
  }
  if (descriptors.isNull(selector)) {
    cpu.setSegment(segment, nullSegment(selector));
    return;
  }
  cpu.setSegment(segment, dataDescriptor(cpu, selector, cpu.s32[CPL_I32], VECTOR_GP, 0));
}

/**
 * Fetches and checks a data segment, or a readable code segment, for use at privilege `cpl`; the accessed bit is set.
 * @param vector #GP for loads by software, #TS for those from a TSS. @param ext goes into error codes.
 */
export function dataDescriptor(
  cpu: Cpu,
  selector: number,
  cpl: number,
  vector: number,
  ext: number,
): Descriptor {
  const descriptor = descriptors.fetchDescriptor(cpu, selector, vector, ext);
  const { attributes } = descriptor;
  const code = (selector & ~3) | ext;
  if (!descriptors.isReadable(attributes)) cpu.fault.raise(vector, code);
  const checksPrivilege = !(descriptors.isCode(attributes) && descriptors.isConforming(attributes));
  const privilege = Math.max(descriptors.rpl(selector), cpl);
  if (checksPrivilege && descriptors.dpl(attributes) < privilege) cpu.fault.raise(vector, code);
  if (!descriptors.isPresent(attributes)) cpu.fault.raise(VECTOR_NP, code);
  descriptors.markAccessed(cpu, descriptor);
  return descriptor;
}

/**
 * Fetches and checks a stack segment for privilege `cpl`; the accessed bit is set.
 * @param vector #GP for loads by software, #TS for those from a TSS. @param ext goes into error codes.
 */
export function stackDescriptor(
  cpu: Cpu,
  selector: number,
  cpl: number,
  vector: number,
  ext: number,
): Descriptor {
  const code = (selector & ~3) | ext;
  if (descriptors.isNull(selector)) cpu.fault.raise(vector, ext);
  const descriptor = descriptors.fetchDescriptor(cpu, selector, vector, ext);
  const { attributes } = descriptor;
  if (
    descriptors.rpl(selector) !== cpl ||
    !descriptors.isWritableData(attributes) ||
    descriptors.dpl(attributes) !== cpl
  ) {
    cpu.fault.raise(vector, code);
  }
  if (!descriptors.isPresent(attributes)) cpu.fault.raise(VECTOR_SS, code);
  descriptors.markAccessed(cpu, descriptor);
  return descriptor;
}

/** Makes a checked code descriptor current at privilege `cpl`. */
export function setCode(cpu: Cpu, descriptor: Descriptor, cpl: number): void {
  descriptors.markAccessed(cpu, descriptor);
  descriptor.selector = (descriptor.selector & ~3) | cpl;
  cpu.setSegment(CS, descriptor);
  cpu.cpl = cpl;
}

/** A selector as an instruction stores it: with SVM intercepts for LDTR and TR. */
export function readSelector(cpu: Cpu, segment: SegmentIndex): number {
  if (cpu.guestMode && segment === LDTR) cpu.svmUnit.interceptInstruction('ldtr.read');
  if (cpu.guestMode && segment === TR) cpu.svmUnit.interceptInstruction('tr.read');
  return cpu.selector(segment);
}

export function loadLocalDescriptorTable(cpu: Cpu, selector: number): void {
  cpu.requireCpl0();
  if (descriptors.isNull(selector)) {
    cpu.setSegment(LDTR, nullSegment(selector));
    return;
  }
  const descriptor = fetchSystem(cpu, selector);
  if (descriptors.systemType(descriptor.attributes) !== SYS_LDT) cpu.fault.raise(VECTOR_GP, selector & ~3);
  if (!descriptors.isPresent(descriptor.attributes)) cpu.fault.raise(VECTOR_NP, selector & ~3);
  cpu.setSegment(LDTR, descriptor);
}

export function loadTaskRegister(cpu: Cpu, selector: number): void {
  cpu.requireCpl0();
  if (descriptors.isNull(selector)) cpu.fault.raise(VECTOR_GP, 0);
  const descriptor = fetchSystem(cpu, selector);
  const type = descriptors.systemType(descriptor.attributes);
  if (type !== SYS_TSS32_AVAILABLE && type !== SYS_TSS16_AVAILABLE) cpu.fault.raise(VECTOR_GP, selector & ~3);
  if (!descriptors.isPresent(descriptor.attributes)) cpu.fault.raise(VECTOR_NP, selector & ~3);
  descriptors.writeType(cpu, descriptor, type === SYS_TSS32_AVAILABLE ? SYS_TSS32_BUSY : SYS_TSS16_BUSY);
  cpu.setSegment(TR, descriptor);
}

/** System segments are found in the GDT only. */
function fetchSystem(cpu: Cpu, selector: number): Descriptor {
  if (selector & 4) cpu.fault.raise(VECTOR_GP, selector & ~3);
  return descriptors.fetchDescriptor(cpu, selector, VECTOR_GP);
}
