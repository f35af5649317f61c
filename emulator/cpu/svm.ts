import { EFER_SVME } from '../arch/control.js';
import { FLAG_IF, FLAG_RF } from '../arch/flags.js';
import { MSR_VM_HSAVE_PA } from '../arch/msrs.js';
import { PAGE_BYTES } from '../arch/paging.js';
import { EAX, ECX } from '../arch/registers.js';
import { VECTOR_GP, VECTOR_NMI, VECTOR_PF, VECTOR_UD } from '../arch/vectors.js';
import * as facts from '../arch/vmcb.js';
import { INTERCEPTS, VMCB_CONTROL, VMCB_STATE } from '../arch/vmcb.js';
import { svmFeatures } from '../cost/profile.js';
import type { SvmFeatures } from '../cost/profile.js';
import type { Intercept, Operation, PortWidth } from '../isa/operation.js';
import { VmcbView } from '../platform/vmcb-view.js';
import { ATTENTION_POLL, POLL_INIT, POLL_NMI, POLL_SMI, POLL_VIRTUAL } from './attention.js';
import { offeredCr4 } from './control.js';
import type { Cpu } from './cpu.js';
import type { Event } from './processor.js';
import type { TaskSource } from './task-switch.js';
import { findRefusal } from './svm-checks.js';
import { decodeEvent } from './svm-events.js';
import type { InstructionIntercept, SvmUnit } from './svm-hooks.js';
import { INSTRUCTION_EXITS, InterceptSet, VirtualInterrupt } from './svm-intercepts.js';
import { PauseFilter } from './svm-pause.js';
import { skinit } from './svm-skinit.js';
import { isProtected } from './modes.js';
import { REFUSED, storeReport } from './svm-report.js';
import type { ExitReport } from './svm-report.js';
import { loadGuest, restoreHost, saveGuest, saveHost, vmload, vmsave } from './svm-state.js';

/** The host's address space. */
const HOST_ASID = 0;

/**
 * SVM: VMRUN, #VMEXIT and everything that guest mode intercepts (APM vol. 2, rev. 3.44, chapter 15 "Secure Virtual
 * Machine"). Every exit goes through {@link exit}, which records it, and {@link completeExit}, which carries it out.
 */
export class Svm implements SvmUnit {
  /** Why the last VMRUN was refused, in words; null when it was not. */
  refusal: string | null = null;
  /** Global interrupt flag: clear holds off every interrupt. */
  globalInterrupts = true;
  private vmcb: VmcbView;
  private readonly intercepts: InterceptSet;
  private readonly virtualInterrupt = new VirtualInterrupt();
  private readonly pauseFilter = new PauseFilter();
  /** The host's IF at VMRUN: what gates physical interrupts under V_INTR_MASKING. */
  private hostInterrupts = false;
  /** The event that VMRUN injects: not itself subject to intercepts. */
  private injected: Event | null = null;
  private injectionDue = false;
  /** The machine's owner executed VMRUN, not a program. */
  private byOwner = true;
  private report: ExitReport = REFUSED;

  constructor(private readonly cpu: Cpu) {
    this.vmcb = new VmcbView(cpu.memory, 0);
    this.intercepts = new InterceptSet(cpu.memory);
    cpu.mmu.onNestedFault = ({ gpa, info1, info1High }) =>
      this.exit(facts.EXIT_NESTED_PAGE_FAULT, {
        info1,
        info1High,
        info2: gpa,
        info2High: Math.floor(gpa / 2 ** 32),
      });
  }

  // --- VMRUN (section 15.5.1 "Basic Operation")

  enter(vmcbHpa: number): boolean {
    this.byOwner = true;
    return this.worldSwitch(vmcbHpa);
  }

  private worldSwitch(vmcbHpa: number): boolean {
    const { cpu } = this;
    cpu.ledger.charge('transition', 'vmrun');
    this.vmcb = new VmcbView(cpu.memory, vmcbHpa);
    // 1. Save the host.
    saveHost(cpu, this.hostArea());
    this.hostInterrupts = (cpu.eflags & FLAG_IF) !== 0;
    // 2. Check and load the controls. 3. Check and load the guest.
    this.refusal = this.check();
    cpu.guestMode = true;
    if (this.refusal !== null) {
      this.report = REFUSED;
      this.completeExit();
      return false;
    }
    this.loadControls();
    this.enterNestedPaging();
    loadGuest(cpu, this.vmcb);
    cpu.interruptShadow = (this.vmcb.read(VMCB_CONTROL.interruptShadow) & 1) !== 0;
    this.globalInterrupts = true;
    // 4. Inject.
    this.inject();
    return true;
  }

  /** @returns why VMRUN refuses the VMCB, or null. */
  private check(): string | null {
    const { cpu } = this;
    return findRefusal(this.vmcb, {
      hostCr0: cpu.cr0,
      cr4Offered: offeredCr4(cpu),
      noExecute: cpu.features.has('nx'),
      hasGoodPointers: (cr3) => cpu.mmu.readPointers(cr3) !== null,
    });
  }

  private loadControls(): void {
    const { cpu, vmcb } = this;
    this.intercepts.load(vmcb);
    this.virtualInterrupt.load(vmcb);
    this.pauseFilter.load(vmcb, this.features.pauseFilter);
    cpu.monitorArmed = false;
    cpu.msrs.guestTscOffset =
      (BigInt(vmcb.readHigh(VMCB_CONTROL.tscOffset)) << 32n) | BigInt(vmcb.read(VMCB_CONTROL.tscOffset));
    const asid = vmcb.read(VMCB_CONTROL.asid);
    cpu.mmu.setAsid(asid);
    switch (vmcb.read(VMCB_CONTROL.tlbControl)) {
      case facts.TLB_CONTROL_NOTHING:
        break;
      case facts.TLB_CONTROL_FLUSH_GUEST:
        cpu.mmu.flushAsid(asid);
        break;
      case facts.TLB_CONTROL_FLUSH_GUEST_NON_GLOBAL:
        cpu.mmu.tlb.flushAsid(asid, true);
        break;
      default:
        // The reserved encodings flush everything too: more than asked for is never wrong.
        cpu.mmu.flushAll();
    }
  }

  /** Before the guest's registers come: the nested tables are read in the mode of the host. G_PAT takes the place of PAT. */
  private enterNestedPaging(): void {
    const { cpu, vmcb } = this;
    if ((vmcb.read(VMCB_CONTROL.nestedControl) & facts.NP_ENABLE) === 0) return;
    cpu.mmu.setNested({ cr3: vmcb.read(VMCB_CONTROL.nestedCr3), cr4: cpu.cr4, efer: cpu.efer });
    cpu.msrs.guestPat = (BigInt(vmcb.readHigh(VMCB_STATE.gPat)) << 32n) | BigInt(vmcb.read(VMCB_STATE.gPat));
  }

  private leaveNestedPaging(): void {
    const { cpu, vmcb } = this;
    const { guestPat } = cpu.msrs;
    if (guestPat === null) return;
    vmcb.write(VMCB_STATE.gPat, Number(guestPat & 0xffff_ffffn), Number(guestPat >> 32n));
    cpu.msrs.guestPat = null;
    cpu.mmu.setNested(null);
  }

  /** Hands the event to the first poll, which comes before the guest's first instruction. */
  private inject(): void {
    const { cpu, vmcb } = this;
    const { eventInjection } = VMCB_CONTROL;
    this.injected = decodeEvent(vmcb.read(eventInjection), vmcb.readHigh(eventInjection));
    this.injectionDue = this.injected !== null;
    this.updatePoll();
    cpu.setAttention(ATTENTION_POLL, true);
  }

  // --- #VMEXIT (section 15.6 "#VMEXIT")

  /** Records an exit and leaves the guest. */
  private exit(
    code: number,
    { info1 = 0, info1High = 0, info2 = 0, info2High = 0, isInstruction = false } = {},
  ): never {
    this.report = { code, info1, info1High, info2, info2High, isInstruction };
    throw this.cpu.vmExit;
  }

  completeExit(): 'owner' | 'program' | 'shutdown' {
    const { cpu } = this;
    cpu.ledger.charge('transition', 'vmexit');
    // 1. Hold off interrupts.
    this.globalInterrupts = false;
    // 2. Write the guest back; a refused VMCB never became the guest's state.
    if (this.refusal === null) this.storeGuest();
    // 3. Say why.
    storeReport(cpu, this.vmcb, this.report, this.features);
    // 4. Forget the guest's controls.
    this.intercepts.clear();
    this.virtualInterrupt.clear();
    this.injectionDue = false;
    this.updatePoll();
    cpu.delivering = null;
    cpu.msrs.guestTscOffset = 0n;
    cpu.mmu.setAsid(HOST_ASID);
    // 5. Reload the host.
    cpu.guestMode = false;
    this.leaveNestedPaging();
    restoreHost(cpu, this.hostArea());
    if (cpu.mmu.usesPointers && !cpu.mmu.loadPointers(cpu.cr3)) return 'shutdown';
    return this.byOwner ? 'owner' : 'program';
  }

  private storeGuest(): void {
    const { cpu, vmcb } = this;
    vmcb.write(VMCB_CONTROL.interruptShadow, cpu.interruptShadow ? 1 : 0);
    vmcb.write(VMCB_CONTROL.eventInjection, 0);
    this.virtualInterrupt.store(vmcb);
    saveGuest(cpu, vmcb);
  }

  private hostArea(): VmcbView {
    const { cpu } = this;
    const hpa = cpu.msr(MSR_VM_HSAVE_PA);
    if (hpa === 0) throw new Error('VMRUN without a host save area: set the MSR VM_HSAVE_PA first');
    return new VmcbView(cpu.memory, hpa);
  }

  private get features(): SvmFeatures {
    return svmFeatures(this.cpu.parts.profile);
  }

  // --- intercepts

  private exitIf(code: number, report: Partial<Omit<ExitReport, 'code'>> = {}): void {
    if (this.intercepts.has(code)) this.exit(code, report);
  }

  interceptInstruction(intercept: InstructionIntercept, info = 0): void {
    const info1 = this.features.decodeAssists ? info : 0;
    this.exitIf(INSTRUCTION_EXITS[intercept], { info1, isInstruction: true });
  }

  get interceptsTransfers(): boolean {
    return this.intercepts.has(INTERCEPTS.SWINT) || this.intercepts.has(INTERCEPTS.IRET);
  }

  get interceptsPageFaults(): boolean {
    return this.intercepts.has(facts.EXIT_EXCEPTION + VECTOR_PF);
  }

  get interceptsInvalidation(): boolean {
    return this.intercepts.has(INTERCEPTS.INVLPG);
  }

  interceptOperation({ row }: Operation): void {
    if (row.intercept !== null) this.exitIf(interceptCode(row.intercept), { isInstruction: true });
  }

  interceptPause(): void {
    if (!this.intercepts.has(INTERCEPTS.PAUSE)) return;
    if (this.pauseFilter.passes(this.cpu.ledger.ticks)) this.exit(INTERCEPTS.PAUSE, { isInstruction: true });
  }

  interceptWait(): void {
    this.exitIf(INTERCEPTS.MWAIT, { isInstruction: true });
    if (this.cpu.monitorArmed) this.exitIf(INTERCEPTS.MWAIT_ARMED, { isInstruction: true });
  }

  interceptSoftwareInterrupt(vector: number): void {
    const info1 = this.features.decodeAssists ? vector : 0;
    this.exitIf(INTERCEPTS.SWINT, { info1, isInstruction: true });
  }

  interceptControl(register: number, write: boolean): void {
    this.exitIf((write ? facts.EXIT_CR_WRITE : facts.EXIT_CR_READ) + register, { isInstruction: true });
  }

  interceptControlSelective(): void {
    this.exitIf(INTERCEPTS.CR0_SEL_WRITE, { isInstruction: true });
  }

  interceptDebug(register: number, write: boolean): void {
    this.exitIf((write ? facts.EXIT_DR_WRITE : facts.EXIT_DR_READ) + register, { isInstruction: true });
  }

  interceptMsr(index: number, write: boolean): void {
    if (!this.intercepts.hasMsr(index, write)) return;
    this.exit(INTERCEPTS.MSR, { info1: write ? 1 : 0, isInstruction: true });
  }

  interceptPort(port: number, width: PortWidth, direction: 'in' | 'out'): void {
    if (!this.intercepts.hasPort(port, width)) return;
    const info1 =
      (port << facts.IOIO_PORT_SHIFT) |
      (width << facts.IOIO_SIZE_SHIFT) |
      (direction === 'in' ? facts.IOIO_IN : 0);
    this.exit(INTERCEPTS.IOIO, { info1, isInstruction: true });
  }

  interceptException(event: Event): void {
    if (event === this.injected) return;
    if (event.kind === 'int1') this.exitIf(INTERCEPTS.ICEBP, { isInstruction: true });
    const { vector, errorCode, cr2, kind } = event;
    this.exitIf(facts.EXIT_EXCEPTION + vector, {
      info1: errorCode ?? 0,
      info2: vector === VECTOR_PF ? (cr2 ?? 0) : 0,
      isInstruction: kind === 'int3' || kind === 'into',
    });
  }

  interceptShutdown(): void {
    this.exitIf(INTERCEPTS.SHUTDOWN);
  }

  interceptFreeze(): void {
    this.exitIf(INTERCEPTS.FERR_FREEZE);
  }

  /** Section 15.14.1 "Task-Switch Intercept". */
  interceptTaskSwitch(selector: number, source: TaskSource, errorCode: number | null, flags: number): void {
    const info2High =
      (source === 'return' ? facts.TASK_SWITCH_IRET : 0) |
      (source === 'jump' ? facts.TASK_SWITCH_JUMP : 0) |
      (errorCode === null ? 0 : facts.TASK_SWITCH_HAS_ERROR_CODE) |
      (flags & FLAG_RF ? facts.TASK_SWITCH_RF : 0);
    this.exitIf(INTERCEPTS.TASK_SWITCH, { info1: selector, info2: errorCode ?? 0, info2High });
  }

  // --- interrupts in guest mode

  /**
   * An injected event, then what comes from outside in order of priority, then virtual interrupts (sections 15.13
   * "Interrupt Intercepts", 15.21 "Interrupt and Local APIC Support"). What is intercepted stays pending for the host.
   */
  poll(): Event | null {
    const { cpu } = this;
    if (this.injectionDue) {
      this.injectionDue = false;
      this.updatePoll();
      // Until IRET others wait (section 15.20 "Event Injection").
      if (this.injected?.kind === 'nmi') cpu.nmiBlocked = true;
      return this.injected;
    }
    if (!this.globalInterrupts) return null;
    if (cpu.pollAttention & POLL_SMI) {
      this.exitIf(INTERCEPTS.SMI);
      cpu.setPoll(POLL_SMI, false);
    }
    if (cpu.pollAttention & POLL_INIT) {
      this.exitIf(INTERCEPTS.INIT);
      return null;
    }
    if (cpu.pollAttention & POLL_NMI && !cpu.nmiBlocked && !cpu.interruptShadow) {
      this.exitIf(INTERCEPTS.NMI);
      cpu.setPoll(POLL_NMI, false);
      cpu.nmiBlocked = true;
      return { vector: VECTOR_NMI, kind: 'nmi', errorCode: null };
    }
    const guestAccepts = (cpu.eflags & FLAG_IF) !== 0 && !cpu.interruptShadow;
    const physicalAccepted = this.virtualInterrupt.masksPhysical ? this.hostInterrupts : guestAccepts;
    if (cpu.interruptLine && physicalAccepted) {
      this.exitIf(INTERCEPTS.INTR);
      return external(cpu.parts.acknowledgeInterrupt());
    }
    if (!guestAccepts || !this.virtualInterrupt.due) return null;
    this.exitIf(INTERCEPTS.VINTR);
    const vector = this.virtualInterrupt.take();
    this.updatePoll();
    return external(vector);
  }

  private updatePoll(): void {
    this.cpu.setPoll(POLL_VIRTUAL, this.injectionDue || this.virtualInterrupt.due);
  }

  // --- CR8 in guest mode (section 15.21.2 "Virtualizing APIC.TPR")

  get taskPriority(): number {
    const { virtualInterrupt, cpu } = this;
    return virtualInterrupt.masksPhysical
      ? virtualInterrupt.taskPriority
      : cpu.parts.localApic.taskPriorityClass;
  }
  set taskPriority(value: number) {
    const { virtualInterrupt, cpu } = this;
    virtualInterrupt.taskPriority = value;
    if (!virtualInterrupt.masksPhysical) cpu.parts.localApic.taskPriorityClass = value;
    this.updatePoll();
  }

  // --- the instructions

  execute(
    mnemonic: 'vmrun' | 'vmmcall' | 'vmload' | 'vmsave' | 'stgi' | 'clgi' | 'skinit' | 'invlpga',
  ): void {
    const { cpu } = this;
    const exitCode = INTERCEPTS[mnemonic.toUpperCase() as Uppercase<typeof mnemonic>];
    // VMMCALL's intercept comes before its exceptions (section 15.9 "Instruction Intercepts").
    if (mnemonic === 'vmmcall') {
      if (cpu.guestMode) this.exitIf(exitCode, { isInstruction: true });
      cpu.raise(VECTOR_UD);
    }
    // STGI and SKINIT also work where SVM is off but the processor has SKINIT.
    const early = mnemonic === 'skinit' || mnemonic === 'stgi';
    const enabled = (cpu.efer & EFER_SVME) !== 0 || (early && cpu.features.has('skinit'));
    if (!enabled || !isProtected(cpu)) cpu.raise(VECTOR_UD);
    cpu.requireCpl0();
    if (cpu.guestMode) this.exitIf(exitCode, { isInstruction: true });
    switch (mnemonic) {
      case 'vmrun':
        this.vmrun();
        break;
      case 'vmload':
        vmload(cpu, this.operandVmcb());
        break;
      case 'vmsave':
        vmsave(cpu, this.operandVmcb());
        break;
      case 'stgi':
        this.globalInterrupts = true;
        break;
      case 'clgi':
        this.globalInterrupts = false;
        break;
      case 'invlpga':
        this.invalidateTagged(cpu.gpr(EAX), cpu.gpr(ECX));
        break;
      case 'skinit':
        this.globalInterrupts = false;
        skinit(cpu);
    }
  }

  private vmrun(): void {
    const { hpa } = this.operandVmcb();
    if (this.cpu.msr(MSR_VM_HSAVE_PA) === 0) this.cpu.raiseWithCode(VECTOR_GP, 0);
    this.byOwner = false;
    this.worldSwitch(hpa);
  }

  /** rAX holds the address of a page in memory, else #GP(0). */
  private operandVmcb(): VmcbView {
    const { cpu } = this;
    const hpa = cpu.gpr(EAX);
    if (hpa % PAGE_BYTES !== 0 || hpa >= cpu.memory.sizeBytes) cpu.raiseWithCode(VECTOR_GP, 0);
    return new VmcbView(cpu.memory, hpa);
  }

  private invalidateTagged(linear: number, asid: number): void {
    const { mmu } = this.cpu;
    const current = mmu.tlb.asid;
    mmu.setAsid(asid);
    mmu.tlb.invalidatePage(linear);
    mmu.setAsid(current);
    this.cpu.restartFetch();
  }
}

/** The exit code of an intercept that the instruction table names. */
function interceptCode(name: Intercept): number {
  if (name in INTERCEPTS) return INTERCEPTS[name as facts.InterceptName];
  const [, kind, number, direction] = /^(CR|DR)(\d+)_(READ|WRITE)$/.exec(name) ?? [];
  const base = kind === 'DR' ? facts.EXIT_DR_READ : facts.EXIT_CR_READ;
  return base + (direction === 'WRITE' ? facts.EXIT_CR_WRITE : 0) + Number(number);
}

function external(vector: number): Event {
  return { vector, kind: 'external', errorCode: null };
}
