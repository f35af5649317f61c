import { EFER_SVME } from '../../arch/control.js';
import type { ExitReason } from '../../arch/exits.js';
import { FLAG_IF, FLAG_ONE } from '../../arch/flags.js';
import { MSR_VM_HSAVE_PA } from '../../arch/msrs.js';
import { VECTOR_PF } from '../../arch/vectors.js';
import { VMCB_CONTROL, VMCB_STATE, exitCodeName } from '../../arch/vmcb.js';
import type { VmcbField } from '../../arch/vmcb.js';
import type { VmcbView } from '../../platform/vmcb-view.js';
import type { RunLimits } from '../../machine.js';
import { INTERPRETED, WORLD_SWITCH } from '../crossing.js';
import { deliverEvent, emulateInstruction, noteInjection } from '../emulate.js';
import type { EmulationOptions } from '../emulate.js';
import { Monitor } from '../monitor.js';
import type { MonitorOptions } from '../monitor.js';
import { svmFeatures } from '../../cost/profile.js';
import { CS } from '../../arch/registers.js';
import { ExitClusters } from './exit-clusters.js';
import { ChargedVmcb } from './charged-vmcb.js';
import { createVmcb, interceptExits } from './control-area.js';
import { EventInjection } from './event-injection.js';
import { SHARED_EXITS, guestHypervisorReason } from './exit-handlers.js';
import type { ExitHandler } from './exit-handlers.js';
import type { Slot } from './guest-registers.js';
import { GuestState } from './guest-state.js';
import { NestedGuest } from './nested-guest.js';
import { TaskPriority } from './task-priority.js';
import { VmcbHistory } from './vmcb-history.js';

/** What distinguishes the members of the family in how the guest's registers travel. */
export interface HardwareOptions {
  /** Registers that the VMCB holds while the guest runs. */
  slots: readonly Slot[];
  /** Further fields that must hold these values at VMRUN. */
  controls: () => readonly (readonly [VmcbField, number])[];
}

/** The control registers that paging depends on. */
export interface PagingRegisters {
  cr0: number;
  cr3: number;
  cr4: number;
}

/**
 * The hardware family, as the paper's hardware VMM is built: the guest runs in guest mode from VMRUN to #VMEXIT,
 * its privileged flags, descriptor tables and interrupt delivery are the processor's business, and the monitor
 * comes in for what it has handlers for. It is stateless between exits: what it needs it reads from the VMCB each
 * time. A member of the family adds how memory is virtualized.
 */
export abstract class HardwareVmm extends Monitor {
  readonly vmcb: VmcbView;
  /** Kept while a trace is recorded; changes nothing. */
  readonly vmcbHistory: VmcbHistory;
  /** Of the VMCB, what the monitor pays for. */
  protected readonly fields: ChargedVmcb;
  protected readonly state: GuestState;
  protected readonly injection: EventInjection;
  readonly taskPriority: TaskPriority;
  private readonly handlers = new Map<number, ExitHandler>();
  /** What the VMCB's TSC_OFFSET holds. */
  private timeStampOffset = 0n;
  private readonly clusters: ExitClusters | null;
  /** What the guest does as a hypervisor. */
  protected readonly nestedGuest: NestedGuest;
  /** The next VMRUN continues in guest mode after a stop at a limit, which is no exit. */
  private inGuestMode = false;

  protected constructor(options: MonitorOptions, { slots, controls }: HardwareOptions) {
    super(options);
    const { host, guest, frames } = this;
    this.vmcb = createVmcb(host.memory, frames, this.home.asid);
    this.vmcbHistory = new VmcbHistory(host.memory, this.vmcb.hpa);
    this.fields = new ChargedVmcb(this.vmcb, (key) => this.charge(key));
    this.state = new GuestState({
      vmcb: this.vmcb,
      host: host.cpu,
      guest: guest.cpu,
      charge: (key, count) => this.charge(key, count),
      slots,
      controls,
    });
    this.injection = new EventInjection(this, this.fields, this.state, () => this.beforeEmulation());
    this.clusters = this.switches.exitAvoidance ? new ExitClusters() : null;
    this.nestedGuest = new NestedGuest(this.vmcb, guest);
    this.taskPriority = new TaskPriority(this.vmcb, guest, (key) => this.charge(key));
    guest.platform.localApic.onHeldOff = () => this.requestAttention();
    this.handle(SHARED_EXITS);
    host.cpu.setMsr(MSR_VM_HSAVE_PA, frames.reserve(1));
    this.takeOver();
  }

  /** The guest comes from another monitor, which has used the host's registers; those of the guest are in its virtual processor. */
  takeOver(): void {
    const { cpu } = this.host;
    cpu.efer |= EFER_SVME;
    // With V_INTR_MASKING, the host's own IF decides whether a physical interrupt ends guest mode.
    cpu.eflags = FLAG_ONE | FLAG_IF;
    if (this.guest.cpu.interruptLine) this.fields.setInterruptWindow(true);
  }

  /** Another monitor goes on with the guest: all of its registers go to its virtual processor. */
  giveUp(): void {
    this.state.chargeDelivery();
    this.fields.setInterruptWindow(false);
  }

  protected override get movable(): boolean {
    return !this.inGuestMode && !this.injection.isPending && !this.guest.cpu.guestMode;
  }

  // --- what the exit handlers use

  /** One instruction of the guest on the virtual processor. */
  emulate(options: EmulationOptions): void {
    const need = options.decoded && this.switches.leanHandlers ? 'few' : 'basic';
    this.onVirtualProcessor(need, () => {
      const place = this.place;
      const result = emulateInstruction(this, options);
      if (result.kind === 'delivered') this.state.chargeDelivery();
      else if (this.clusters !== null) this.followCluster(place, this.clusters);
    });
  }

  /** MOV to and from control registers and INVLPG: some processors give their operand with the exit. */
  emulateOperand(): void {
    const decoded = this.switches.decodeAssists && svmFeatures(this.host.profile).decodeAssists;
    if (decoded) this.readExitInfo1();
    this.emulate({ decoded });
  }

  /** Carries out what usually comes before the next exit, and that one's instruction, as long as nothing unusual happens. */
  private followCluster(first: number, clusters: ExitClusters): void {
    const { cpu } = this.guest;
    let place = first;
    for (let done = 0; ;) {
      const count = clusters.following(place, done);
      if (count === 0 || cpu.guestMode || cpu.halted) break;
      for (let left = count; left > 0; left--) {
        if (cpu.halted || this.stopped || this.interruptDeliverable()) return;
        place = this.place;
        const result = emulateInstruction(this, { decoded: true, device: left === 1 });
        if (result.kind !== 'done') {
          if (result.kind === 'delivered') this.state.chargeDelivery();
          return;
        }
      }
      done += count;
      this.clusterFollowed();
    }
    if (!this.stopped && !cpu.halted) clusters.noteResume(place, this.instructions);
  }

  /** Instructions have been carried out whose exits have handlers that do more than emulate. */
  protected clusterFollowed(): void {
    this.msrsChanged();
  }

  /** Linear address of the virtual processor's next instruction. */
  private get place(): number {
    const { cpu } = this.guest;
    return (cpu.segment(CS).base + cpu.eip) >>> 0;
  }

  /** The exit came in the middle of an event's delivery, or else of an instruction: the virtual processor does it over. */
  emulateInterrupted(): void {
    const interrupted = this.fields.readInterruptedEvent();
    if (!interrupted) {
      this.emulate({ decoded: false });
      return;
    }
    this.onVirtualProcessor('basic', () => {
      this.state.chargeDelivery();
      deliverEvent(this, interrupted);
    });
  }

  /** An SVM instruction of a guest that is a hypervisor. The virtual processor knows what it does to the guest's VMCB. */
  emulateSvm(mnemonic: 'vmrun' | 'invlpga' | 'other'): void {
    this.state.pull('basic');
    if (mnemonic === 'vmrun') this.nestedGuest.beforeVmrun();
    if (mnemonic === 'invlpga') this.nestedGuest.noteFlush();
    this.emulate({ decoded: true });
    // VMLOAD loads MSRs too.
    this.msrsChanged();
  }

  private onVirtualProcessor(need: 'few' | 'basic', act: () => void): void {
    this.state.pull(need);
    if (this.clusters !== null) this.noteExitPlace(this.clusters);
    this.beforeEmulation();
    const { cr0, cr3, cr4 } = this.guest.cpu;
    act();
    this.controlsEmulated({ cr0, cr3, cr4 });
  }

  private noteExitPlace(clusters: ExitClusters): void {
    const translated = clusters.noteExit(this.instructions);
    if (translated > 0) this.host.ledger.charge('translate', 'translate.instruction', translated);
  }

  /** The virtual processor is about to act for the guest, on page tables that may have changed unseen. */
  protected beforeEmulation(): void {}

  /** It has acted. @param before its control registers until then. */
  protected controlsEmulated(before: PagingRegisters): void {
    void before;
  }

  /** Asks for exits, by exit code, and says what is done about them: an exit without a handler is one that was not asked for. */
  protected handle(handlers: ReadonlyMap<number, ExitHandler>): void {
    for (const [exitCode, handler] of handlers) this.handlers.set(exitCode, handler);
    interceptExits(this.vmcb, handlers.keys());
  }

  /** The guest's entries in the TLB can stay across exits. */
  protected get usesTags(): boolean {
    return this.host.profile.tlb.tagged === true && this.switches.addressSpaceTags;
  }

  /** Before each VMRUN: brings the VMCB's memory controls up to date. @returns TLB_CONTROL. */
  protected abstract prepareMemory(): number;

  msrsChanged(): void {
    this.state.pushMsrs();
  }

  closeInterruptWindow(): void {
    this.fields.closeInterruptWindow();
  }

  readExitInfo1(): number {
    return this.fields.read(VMCB_CONTROL.exitInfo1);
  }

  /** The processor gave up on the guest. Double faults exit before that, so their story is known; this one's is not. */
  shutdown(): void {
    this.state.pull();
    this.stop({ kind: 'tripleFault', chain: ['shutdown in guest mode'], eip: this.guest.cpu.eip });
  }

  // --- the run loop's part

  protected load(): void {
    this.state.takeBack(this.inGuestMode);
    if (this.inGuestMode) this.host.cpu.cr8 = this.guest.cpu.cr8;
  }

  protected store(): void {
    this.state.show(this.inGuestMode);
    if (this.inGuestMode) this.taskPriority.set(this.host.cpu.cr8);
  }

  protected resume(limits: RunLimits): void {
    const { host, guest } = this;
    if (guest.cpu.guestMode && !this.runsGuestMode) {
      this.interpret();
      return;
    }
    if (!this.inGuestMode) this.prepareEntry();
    const stop = this.inGuestMode ? host.continueGuest(limits) : host.vmrun(this.vmcb.hpa, limits);
    switch (stop.kind) {
      case 'vmexit':
        this.inGuestMode = false;
        this.injection.isPending = false;
        if (host.trace.enabled) this.vmcbHistory.note();
        this.exit(WORLD_SWITCH, this.vmcb.read(VMCB_STATE.rip), () => this.handleExit());
        return;
      case 'budget':
      case 'requested':
      case 'breakpoint':
        this.inGuestMode = true;
        this.stop(stop);
        return;
      default:
        throw new Error(`guest mode stopped with '${stop.kind}', which only #VMEXIT may report`);
    }
  }

  /** Whether the guest's guest can run on hardware as it is now. */
  protected get runsGuestMode(): boolean {
    return true;
  }

  /** One instruction of the guest's guest, which nothing but the virtual processor can run. */
  private interpret(): void {
    const { cpu } = this.guest;
    this.exit(INTERPRETED, cpu.eip, () => {
      this.injection.offerToGuestMode();
      if (cpu.guestMode && !cpu.halted && !this.stopped) this.emulate({ decoded: false });
      this.host.clock.fireDue();
      return 'EMULATE';
    });
  }

  protected wake(): void {
    this.guest.cpu.halted = false;
    this.injection.offer();
  }

  private handleExit(): ExitReason {
    this.taskPriority.take();
    const exitCode = this.fields.read(VMCB_CONTROL.exitCode);
    const handler = this.handlers.get(exitCode) ?? this.guestHypervisorHandler(exitCode);
    if (!handler) {
      const eip = this.vmcb.read(VMCB_STATE.rip).toString(16);
      throw new Error(`no handler for exit ${exitCodeName(exitCode)} at guest eip 0x${eip}`);
    }
    const reason = handler(this);
    if (!this.stopped && !this.guest.cpu.halted) this.injection.offer();
    return reason;
  }

  /** Only the guest hypervisor asked for this exit: the virtual processor gets there again, and leaves for it. */
  private guestHypervisorHandler(exitCode: number): ExitHandler | null {
    if (!this.guest.cpu.guestMode) return null;
    return () => {
      this.emulateInterrupted();
      return guestHypervisorReason(exitCode);
    };
  }

  protected forwardPageFault(gva: number, errorCode: number): void {
    // During another event's delivery it may be a double fault, and a guest hypervisor may intercept it: the virtual processor knows the rules.
    if (this.guest.cpu.guestMode || this.fields.readInterruptedEvent()) {
      this.emulateInterrupted();
      return;
    }
    const event = { vector: VECTOR_PF, kind: 'exception', errorCode } as const;
    this.fields.write(VMCB_STATE.cr2, gva);
    this.injection.inject(event);
    noteInjection(this, event);
  }

  private prepareEntry(): void {
    this.charge('vmcb.write', this.nestedGuest.mergeControls());
    this.taskPriority.give();
    const { timeStampOffset } = this.guest.cpu;
    if (timeStampOffset !== this.timeStampOffset) this.fields.writeTimeStampOffset(timeStampOffset);
    this.timeStampOffset = timeStampOffset;
    const tlbControl = this.prepareMemory();
    this.state.push();
    this.fields.writeIfChanged(VMCB_CONTROL.tlbControl, tlbControl);
  }
}
