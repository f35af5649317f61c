import * as cr from '../arch/control.js';
import type { CpuFeature } from '../arch/cpuid.js';
import { ECX, EAX, EDX } from '../arch/registers.js';
import type { SegmentIndex } from '../arch/registers.js';
import * as dr from '../arch/debug.js';
import { CPL_I32, CR0_I32, CR2_I32, CR3_I32, CR4_I32, DR_OFFSET } from '../arch/state.js';
import { VECTOR_DB, VECTOR_GP, VECTOR_MF, VECTOR_NM, VECTOR_UD } from '../arch/vectors.js';
import type { ExecutionContext } from '../isa/context.js';
import { ATTENTION_HALT } from './attention.js';
import type { Cpu } from './cpu.js';
import { enterRealMode } from './modes.js';

/** CR0 bits that exist; writes to others are ignored, ET always reads as one. */
const CR0_DEFINED =
  cr.CR0_PE |
  cr.CR0_MP |
  cr.CR0_EM |
  cr.CR0_TS |
  cr.CR0_ET |
  cr.CR0_NE |
  cr.CR0_WP |
  cr.CR0_AM |
  cr.CR0_NW |
  cr.CR0_CD |
  cr.CR0_PG;
/** Bits that LMSW writes; PE it can set but not clear. */
const MACHINE_STATUS = cr.CR0_PE | cr.CR0_MP | cr.CR0_EM | cr.CR0_TS;
/** CR4 bits and the features that bring them. Setting one that CPUID does not offer raises #GP(0). */
const CR4_FEATURES: readonly (readonly [number, CpuFeature])[] = [
  [cr.CR4_VME, 'vme'],
  [cr.CR4_PVI, 'vme'],
  [cr.CR4_TSD, 'tsc'],
  [cr.CR4_DE, 'de'],
  [cr.CR4_PSE, 'pse'],
  [cr.CR4_PAE, 'pae'],
  [cr.CR4_PGE, 'pge'],
];
/** CR4 bits whose change flushes the TLB, and loads the PDPTEs when PAE paging is on after it. */
const CR4_FLUSHES = cr.CR4_PSE | cr.CR4_PAE | cr.CR4_PGE;
/** CR0 bits whose change loads the PDPTEs when PAE paging is on after it. */
const CR0_LOADS_POINTERS = cr.CR0_PG | cr.CR0_CD | cr.CR0_NW;
/** CR8 (APM vol. 2, "CR8 (Task Priority Register, TPR)"). */
const TASK_PRIORITY = 8;
const TASK_PRIORITY_BITS = 0xf;
/** CR8 has none: it is a register of the local APIC. */
const NO_SLOT = -1;
const CONTROL_SLOTS: Readonly<Record<number, number>> = {
  0: CR0_I32,
  2: CR2_I32,
  3: CR3_I32,
  4: CR4_I32,
  [TASK_PRIORITY]: NO_SLOT,
};

/** MOV from CRn. @returns signed. */
export function readControl(cpu: Cpu, register: number): number {
  if (register === TASK_PRIORITY) requireTaskPriority(cpu);
  const slot = controlSlot(cpu, register);
  cpu.requireCpl0();
  if (cpu.guestMode) cpu.svmUnit.interceptControl(register, false);
  return register === TASK_PRIORITY ? cpu.cr8 : cpu.s32[slot];
}

export function writeControl(cpu: Cpu, register: number, value: number): void {
  if (register === TASK_PRIORITY) requireTaskPriority(cpu);
  const slot = controlSlot(cpu, register);
  cpu.requireCpl0();
  if (register === TASK_PRIORITY && value & ~TASK_PRIORITY_BITS) cpu.fault.raise(VECTOR_GP, 0);
  if (register === 0) checkCr0(cpu, value);
  if (register === 4) checkCr4(cpu, value);
  if (cpu.guestMode) cpu.svmUnit.interceptControl(register, true);
  switch (register) {
    case 0:
      setCr0(cpu, value);
      break;
    case 3:
      setCr3(cpu, value);
      break;
    case 4: {
      const old = cpu.cr4;
      cpu.cr4 = value;
      if (((old ^ value) & CR4_FLUSHES) === 0) break;
      requirePointers(cpu, cpu.cr3, () => (cpu.cr4 = old));
      cpu.flushTlb();
      break;
    }
    case TASK_PRIORITY:
      cpu.cr8 = value;
      break;
    default:
      cpu.s32[slot] = value;
  }
}

/** Without REX prefixes CR8 has a name only where the processor says so (APM vol. 3, "MOV CRn", #UD). */
function requireTaskPriority(cpu: Cpu): void {
  if (cpu.features.has('altMovCr8')) return;
  cpu.noteMissing('LOCK MOV CR0 as MOV CR8, which this processor lacks');
  cpu.fault.raise(VECTOR_UD, -1);
}

/**
 * What a write of CR3 does: the PDPTEs are loaded under PAE paging, the TLB keeps global entries alone.
 * @throws Fault #GP(0) for a PDPTE with a reserved bit; CR3 stays.
 */
export function setCr3(cpu: Cpu, value: number): void {
  requirePointers(cpu, value);
  cpu.s32[CR3_I32] = value;
  cpu.mmu.flushNonGlobal();
  cpu.restartFetch();
  cpu.parts.trace.record({ ticks: cpu.ledger.ticks, kind: 'cr3', value: value >>> 0 });
}

/**
 * Loads the PDPTEs if PAE paging is on.
 * @param undo what the instruction has changed so far. @throws Fault #GP(0) for one with a reserved bit.
 */
function requirePointers(cpu: Cpu, cr3: number, undo = (): void => {}): void {
  if (!cpu.mmu.usesPointers || cpu.mmu.loadPointers(cr3)) return;
  undo();
  cpu.fault.raise(VECTOR_GP, 0);
}

/** SMSW: CR0 for everybody. */
export function readMachineStatusWord(cpu: Cpu): number {
  if (cpu.guestMode) cpu.svmUnit.interceptControl(0, false);
  return cpu.s32[CR0_I32];
}

export function loadMachineStatusWord(cpu: Cpu, value: number): void {
  cpu.requireCpl0();
  const old = cpu.s32[CR0_I32];
  setCr0(cpu, (old & ~MACHINE_STATUS) | (value & MACHINE_STATUS) | (old & cr.CR0_PE));
}

export function clearTaskSwitched(cpu: Cpu): void {
  cpu.requireCpl0();
  if (cpu.guestMode) cpu.svmUnit.interceptControl(0, true);
  cpu.s32[CR0_I32] &= ~cr.CR0_TS;
}

function controlSlot(cpu: Cpu, register: number): number {
  return CONTROL_SLOTS[register] ?? cpu.fault.raise(VECTOR_UD, -1);
}

function checkCr0(cpu: Cpu, value: number): void {
  const pagingWithoutProtection = (value & (cr.CR0_PG | cr.CR0_PE)) === cr.CR0_PG;
  const notWriteThroughAlone = (value & (cr.CR0_NW | cr.CR0_CD)) === cr.CR0_NW;
  if (pagingWithoutProtection || notWriteThroughAlone) cpu.fault.raise(VECTOR_GP, 0);
}

function setCr0(cpu: Cpu, value: number): void {
  const old = cpu.s32[CR0_I32];
  const next = (value & CR0_DEFINED) | cr.CR0_ET;
  const changed = old ^ next;
  if (cpu.guestMode && changed & ~(cr.CR0_TS | cr.CR0_MP)) cpu.svmUnit.interceptControlSelective();
  cpu.cr0 = next;
  if (changed & CR0_LOADS_POINTERS) requirePointers(cpu, cpu.cr3, () => (cpu.cr0 = old));
  if (changed & old & cr.CR0_PE) enterRealMode(cpu);
  if (changed & cr.CR0_PG) cpu.flushTlb();
}

/** The CR4 bits that the processor has. */
export function offeredCr4(cpu: Cpu): number {
  let offered = cr.CR4_PCE;
  for (const [bit, feature] of CR4_FEATURES) if (cpu.features.has(feature)) offered |= bit;
  return offered;
}

function checkCr4(cpu: Cpu, value: number): void {
  if ((value & ~offeredCr4(cpu)) === 0) return;
  for (const [bit, feature] of CR4_FEATURES) {
    if (value & bit && !cpu.features.has(feature))
      cpu.noteMissing(`${feature.toUpperCase()}, which this processor lacks`);
  }
  cpu.fault.raise(VECTOR_GP, 0);
}

/** MOV from DRn (APM vol. 2, section 13.1.1 "Debug Registers"). @returns signed. */
export function readDebug(cpu: Cpu, register: number): number {
  const actual = debugRegister(cpu, register);
  if (cpu.guestMode) cpu.svmUnit.interceptDebug(actual, false);
  return cpu.s32[(DR_OFFSET >> 2) + actual * 2];
}

export function writeDebug(cpu: Cpu, register: number, value: number): void {
  const actual = debugRegister(cpu, register);
  if (cpu.guestMode) cpu.svmUnit.interceptDebug(actual, true);
  let stored = value;
  if (actual === 6) stored = (value & dr.DR6_WRITABLE) | dr.DR6_ONES;
  if (actual === 7) stored = (value & ~dr.DR7_ZEROS) | dr.DR7_ONES;
  cpu.setDebug(actual, stored);
}

/**
 * The register that a MOV names: DR4 and DR5 are names of DR6 and DR7 as long as CR4.DE is clear.
 * @throws Fault #GP(0), #UD; #DB when DR7.GD guards the registers.
 */
function debugRegister(cpu: Cpu, register: number): number {
  cpu.requireCpl0();
  const isAlias = register === 4 || register === 5;
  if (isAlias && cpu.s32[CR4_I32] & cr.CR4_DE) cpu.fault.raise(VECTOR_UD, -1);
  if (cpu.debugUnit.guarded) {
    cpu.debugUnit.recordGeneralDetect();
    cpu.fault.raise(VECTOR_DB, -1);
  }
  return isAlias ? register + 2 : register;
}

/** INVLPG: no limit check, no access. */
export function invalidatePage(cpu: Cpu, segment: SegmentIndex, offset: number): void {
  cpu.requireCpl0();
  const linear = (cpu.base(segment) + offset) >>> 0;
  if (cpu.guestMode) cpu.svmUnit.interceptInstruction('invlpg', linear);
  cpu.invalidateLinear(linear);
}

export function halt(cpu: Cpu): void {
  cpu.requireCpl0();
  if (cpu.guestMode) cpu.svmUnit.interceptInstruction('hlt');
  cpu.setAttention(ATTENTION_HALT, true);
}

/** RDTSC and RDTSCP: 64 bits to EDX:EAX. Their intercepts come after all exceptions. */
export function readTimeStamp(cpu: Cpu, mnemonic: 'rdtsc' | 'rdtscp' = 'rdtsc'): void {
  if (cpu.s32[CR4_I32] & cr.CR4_TSD && cpu.s32[CPL_I32] !== 0) cpu.fault.raise(VECTOR_GP, 0);
  if (cpu.guestMode) cpu.svmUnit.interceptInstruction(mnemonic);
  const { low, high } = cpu.msrs.timeStampHalves(cpu);
  cpu.s32[EAX * 2] = low;
  cpu.s32[EDX * 2] = high;
}

/** RDPMC: there are no performance counters, so every number in ECX is a wrong one. */
export function readPerformanceCounter(cpu: Cpu): never {
  const allowed = cpu.s32[CPL_I32] === 0 || (cpu.s32[CR4_I32] & cr.CR4_PCE) !== 0;
  if (allowed && cpu.guestMode) cpu.svmUnit.interceptInstruction('rdpmc');
  if (allowed) cpu.noteMissing(`performance counter ${cpu.gpr(ECX)}`);
  cpu.fault.raise(VECTOR_GP, 0);
}

/**
 * Before an instruction of the coprocessor (SDM vol. 3A, section 2.5 "Control Registers", table 2-2). Without one
 * WAIT waits for nothing, and the control instructions by which software looks for one do nothing (Intel AP-485,
 * order number 241618-039, section "FPU detection": FNINIT and FNSTSW on a processor that may have none).
 */
export function coprocessor(
  cpu: Cpu,
  kind: Parameters<ExecutionContext['coprocessor']>[0],
  form: string,
): boolean {
  const cr0 = cpu.s32[CR0_I32];
  const isThere = cpu.features.has('fpu');
  if (kind === 'wait') {
    const waits = (cr0 & (cr.CR0_MP | cr.CR0_TS)) === (cr.CR0_MP | cr.CR0_TS);
    if (waits) cpu.fault.raise(VECTOR_NM, -1);
    if (isThere) raisePending(cpu);
    return isThere;
  }
  if (kind !== 'simd' && cr0 & (cr.CR0_EM | cr.CR0_TS)) cpu.fault.raise(VECTOR_NM, -1);
  if (kind === 'x87.control') return isThere;
  if (kind === 'simd' || !isThere) {
    cpu.noteMissing(form);
    cpu.fault.raise(VECTOR_UD, -1);
  }
  raisePending(cpu);
  return true;
}

/** An unmasked exception of an earlier x87 instruction. */
function raisePending(cpu: Cpu): void {
  if (!cpu.x87.pending) return;
  if (cpu.s32[CR0_I32] & cr.CR0_NE) cpu.fault.raise(VECTOR_MF, -1);
  if (cpu.guestMode) cpu.svmUnit.interceptFreeze();
  // As with the IGNNE# pin asserted: execution goes on.
  cpu.noteMissing('x87 exceptions by IRQ 13 (CR0.NE clear)');
}
