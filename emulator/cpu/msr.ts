import { EFER_LME, EFER_NXE, EFER_SCE, EFER_SVME } from '../arch/control.js';
import * as msr from '../arch/msrs.js';
import { EAX, ECX, EDX } from '../arch/registers.js';
import { EFER_I32 } from '../arch/state.js';
import { VECTOR_GP } from '../arch/vectors.js';
import { TICKS_PER_CYCLE } from '../cost/ledger.js';
import type { Cpu } from './cpu.js';

/** MSRs that RDMSR and WRMSR know, besides EFER and TSC: what they hold after reset and which bits can be written. */
const SOFTWARE_MSRS: ReadonlyMap<number, bigint> = new Map([
  [msr.MSR_SYSENTER_CS, 0xffff_ffffn],
  [msr.MSR_SYSENTER_ESP, 0xffff_ffffn],
  [msr.MSR_SYSENTER_EIP, 0xffff_ffffn],
  [msr.MSR_STAR, 0xffff_ffff_ffff_ffffn],
]);
/** MSRs that exist for an owner (VMLOAD and VMSAVE move them) but that software here cannot reach: long mode's and SVM's. */
const OWNER_MSRS: ReadonlySet<number> = new Set([
  msr.MSR_LSTAR,
  msr.MSR_CSTAR,
  msr.MSR_SFMASK,
  msr.MSR_KERNEL_GS_BASE,
  msr.MSR_VM_CR,
  msr.MSR_VM_HSAVE_PA,
  msr.MSR_TSC_AUX,
]);

/** SVM's own, which software reaches where CPUID offers SVM. */
const SVM_MSRS: ReadonlySet<number> = new Set([msr.MSR_VM_CR, msr.MSR_VM_HSAVE_PA]);

const EFER_NOT_YET: readonly (readonly [number, string])[] = [[EFER_LME, 'long mode']];

/** The model-specific registers. TSC counts the machine's cycles, so it is kept as an offset to them. */
export class Msrs {
  private readonly values = new Map<number, bigint>();
  private tscOffset = 0n;
  /** G_PAT of the VMCB while a guest with nested paging runs, else null. */
  guestPat: bigint | null = null;
  /** TSC_OFFSET of the VMCB in guest mode, else 0. */
  guestTscOffset = 0n;

  get sysenterCs(): number {
    return this.low(msr.MSR_SYSENTER_CS);
  }
  /** What RDTSCP shows beside the time. */
  get timeStampAux(): bigint {
    return this.get(msr.MSR_TSC_AUX);
  }
  get sysenterEsp(): number {
    return this.low(msr.MSR_SYSENTER_ESP);
  }
  get sysenterEip(): number {
    return this.low(msr.MSR_SYSENTER_EIP);
  }
  /** STAR 31:0, 47:32 and 63:48. */
  get starEip(): number {
    return this.low(msr.MSR_STAR);
  }
  get starSyscallCs(): number {
    return Number((this.get(msr.MSR_STAR) >> 32n) & 0xffffn);
  }
  get starSysretCs(): number {
    return Number(this.get(msr.MSR_STAR) >> 48n);
  }

  /** As after reset; TSC counts the machine's cycles again. */
  reset(): void {
    this.tscOffset = 0n;
    this.values.clear();
  }

  copyFrom(other: Msrs): void {
    this.tscOffset = other.tscOffset;
    this.values.clear();
    for (const [index, value] of other.values) this.values.set(index, value);
  }

  /** For an owner. @throws RangeError for an MSR that does not exist. */
  read(cpu: Cpu, index: number): number {
    if (index === msr.MSR_TSC) return Number(this.timeStamp(cpu));
    if (index === msr.MSR_EFER) return cpu.efer;
    if (index === msr.MSR_APIC_BASE) return cpu.parts.localApic.base;
    requireKnown(index);
    return Number(this.get(index));
  }

  /** For an owner, without the checks of WRMSR. @throws RangeError for an MSR that does not exist. */
  write(cpu: Cpu, index: number, value: number): void {
    if (index === msr.MSR_TSC) this.setTimeStamp(cpu, BigInt(value));
    else if (index === msr.MSR_EFER) cpu.efer = value;
    else if (index === msr.MSR_APIC_BASE) cpu.parts.localApic.setBase(value);
    else {
      requireKnown(index);
      this.values.set(index, BigInt(value));
    }
  }

  get timeStampOffset(): bigint {
    return this.guestTscOffset === 0n ? this.tscOffset : this.tscOffset + this.guestTscOffset;
  }

  /** What RDTSC shows: 64 bits. Whoever asks has seen the time. */
  timeStamp(cpu: Cpu): bigint {
    const cycles = Math.floor(cpu.parts.clock.observe() / TICKS_PER_CYCLE);
    return BigInt.asUintN(64, BigInt(cycles) + this.tscOffset + this.guestTscOffset);
  }

  /** The same as two signed words: software spins on it, so without big integers as long as nobody has set it. */
  timeStampHalves(cpu: Cpu): { low: number; high: number } {
    if (this.tscOffset === 0n && this.guestTscOffset === 0n) {
      const cycles = Math.floor(cpu.parts.clock.observe() / TICKS_PER_CYCLE);
      return { low: cycles | 0, high: (cycles / 2 ** 32) | 0 };
    }
    const tsc = this.timeStamp(cpu);
    return { low: Number(BigInt.asIntN(32, tsc)), high: Number(BigInt.asIntN(32, tsc >> 32n)) };
  }

  /** RDMSR and WRMSR: number in ECX, value in EDX:EAX. @throws Fault #GP(0). */
  execute(cpu: Cpu, write: boolean): void {
    cpu.requireCpl0();
    const index = cpu.gpr(ECX);
    if (cpu.guestMode) cpu.svmUnit.interceptMsr(index, write);
    if (write) this.writeSoftware(cpu, index, (BigInt(cpu.gpr(EDX)) << 32n) | BigInt(cpu.gpr(EAX)));
    else {
      const value = this.readSoftware(cpu, index);
      cpu.setGpr(EAX, Number(BigInt.asUintN(32, value)));
      cpu.setGpr(EDX, Number(value >> 32n));
    }
  }

  private readSoftware(cpu: Cpu, index: number): bigint {
    if (index === msr.MSR_TSC) return this.timeStamp(cpu);
    if (index === msr.MSR_EFER) return BigInt(cpu.efer);
    if (index === msr.MSR_APIC_BASE) return BigInt(cpu.parts.localApic.base);
    if (index === msr.MSR_PAT) return this.guestPat ?? this.values.get(index) ?? msr.PAT_RESET;
    if (!this.isReadable(cpu, index)) unknown(cpu, index);
    return this.get(index);
  }

  private writeSoftware(cpu: Cpu, index: number, value: bigint): void {
    if (index === msr.MSR_TSC) {
      this.setTimeStamp(cpu, value);
      return;
    }
    if (index === msr.MSR_EFER) {
      writeEfer(cpu, value);
      return;
    }
    if (index === msr.MSR_APIC_BASE) {
      if (value >> 32n !== 0n || !cpu.parts.localApic.setBase(Number(value))) cpu.fault.raise(VECTOR_GP, 0);
      return;
    }
    if (index === msr.MSR_PAT) {
      if (!msr.isLegalPat(value)) cpu.fault.raise(VECTOR_GP, 0);
      if (this.guestPat === null) this.values.set(index, value);
      else this.guestPat = value;
      return;
    }
    if (cpu.features.has('svm') && SVM_MSRS.has(index)) {
      this.values.set(index, svmValue(cpu, index, value, this.get(index)));
      return;
    }
    if (index === msr.MSR_TSC_AUX && this.isReadable(cpu, index)) {
      if (value >> 32n !== 0n) cpu.fault.raise(VECTOR_GP, 0);
      this.values.set(index, value);
      return;
    }
    const writable = SOFTWARE_MSRS.get(index) ?? unknown(cpu, index);
    this.values.set(index, value & writable);
  }

  private isReadable(cpu: Cpu, index: number): boolean {
    if (SVM_MSRS.has(index)) return cpu.features.has('svm');
    if (index === msr.MSR_TSC_AUX) return cpu.features.has('rdtscp');
    return SOFTWARE_MSRS.has(index);
  }

  private setTimeStamp(cpu: Cpu, value: bigint): void {
    this.tscOffset = 0n;
    this.tscOffset = value - this.timeStamp(cpu);
  }

  private get(index: number): bigint {
    return this.values.get(index) ?? 0n;
  }

  private low(index: number): number {
    return Number(BigInt.asUintN(32, this.get(index)));
  }
}

function requireKnown(index: number): void {
  if (SOFTWARE_MSRS.has(index) || OWNER_MSRS.has(index)) return;
  throw new RangeError(`this processor has no MSR 0x${index.toString(16)}`);
}

function unknown(cpu: Cpu, index: number): never {
  cpu.noteMissing(`MSR 0x${index.toString(16)}`);
  cpu.fault.raise(VECTOR_GP, 0);
}

const VM_CR_DEFINED =
  msr.VM_CR_DPD | msr.VM_CR_R_INIT | msr.VM_CR_DIS_A20M | msr.VM_CR_LOCK | msr.VM_CR_SVM_DISABLE;

/**
 * What VM_CR or VM_HSAVE_PA holds after a write (APM vol. 2, sections 15.30.1 "VM_CR MSR", 15.30.4 "VM_HSAVE_PA MSR").
 * @throws Fault #GP(0) for a value that it does not take.
 */
function svmValue(cpu: Cpu, index: number, value: bigint, before: bigint): bigint {
  if (index === msr.MSR_VM_HSAVE_PA) {
    if ((value & 0xfffn) !== 0n || value >> BigInt(cpu.parts.profile.physicalAddressBits) !== 0n)
      cpu.fault.raise(VECTOR_GP, 0);
    return value;
  }
  const bits = Number(BigInt.asUintN(32, value));
  if (value >> 32n !== 0n || bits & ~VM_CR_DEFINED) cpu.fault.raise(VECTOR_GP, 0);
  const locked = msr.VM_CR_LOCK | msr.VM_CR_SVM_DISABLE;
  const old = Number(before);
  const next = old & msr.VM_CR_LOCK ? (bits & ~locked) | (old & locked) : bits;
  if (next & msr.VM_CR_SVM_DISABLE && cpu.efer & EFER_SVME) cpu.fault.raise(VECTOR_GP, 0);
  return BigInt(next);
}

/** Software can set SCE and, where there are NX and SVM, NXE and SVME, the latter unless VM_CR disables SVM. */
function writeEfer(cpu: Cpu, value: bigint): void {
  const bits = Number(BigInt.asUintN(32, value));
  const kept = cpu.s32[EFER_I32] & EFER_SVME;
  let offered = EFER_SCE | (cpu.features.has('nx') ? EFER_NXE : 0);
  if (cpu.features.has('svm') && (cpu.msr(msr.MSR_VM_CR) & msr.VM_CR_SVM_DISABLE) === 0) offered |= EFER_SVME;
  if (value >> 32n !== 0n || bits & ~(offered | kept)) {
    for (const [bit, what] of EFER_NOT_YET) if (bits & bit) cpu.noteMissing(what);
    cpu.fault.raise(VECTOR_GP, 0);
  }
  cpu.efer = bits;
}
