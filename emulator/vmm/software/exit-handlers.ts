import { CR0_PE, CR0_PG, CR0_WP, CR4_PAE, CR4_PGE, CR4_PSE } from '../../arch/control.js';
import type { ExitReason } from '../../arch/exits.js';
import { PAGE_BYTES } from '../../arch/paging.js';
import { CS } from '../../arch/registers.js';
import { VECTOR_DB, VECTOR_PF } from '../../arch/vectors.js';
import { decode } from '../../isa/decoder.js';
import type { Operation } from '../../isa/operation.js';
import type { Event } from '../../machine.js';
import { CALLOUT, INTERPRETED, TRAP } from '../crossing.js';
import { deliverEvent, emulateInstruction, exitReasonOf } from '../emulate.js';
import type { ShadowMonitor } from '../shadow-monitor.js';
import { wayOf } from './access-way.js';
import type { Adaptation } from './adaptation.js';
import type { CodeSpace } from './code-space.js';
import type { Callout, Fragment } from './fragment.js';
import { operandLinear } from './operand.js';
import type { Way } from './unit.js';

/** What the monitor does for the guest, at exits and between them. */
export class ExitHandlers {
  constructor(
    private readonly monitor: ShadowMonitor,
    private readonly space: CodeSpace,
    /** Null: translated code does not adapt. */
    private readonly adaptation: Adaptation | null,
  ) {}

  /** Executes one instruction on the virtual CPU. */
  interpret(): void {
    const { monitor } = this;
    monitor.exit(INTERPRETED, monitor.guest.cpu.eip, () => {
      const { cpu } = monitor.guest;
      // The guest of a guest hypervisor: its VMCB says what interrupts it.
      if (cpu.guestMode) cpu.pollGuestMode();
      emulateInstruction(monitor);
      this.mappingsChanged();
      monitor.host.clock.fireDue();
      return 'EMULATE';
    });
  }

  /** Translated code asks for the emulation of one instruction. */
  callout(callout: Callout): void {
    const { cpu } = this.monitor.guest;
    const { form, operation, eip } = callout.instruction;
    cpu.eip = eip;
    if (form.kind === 'simulate') {
      this.simulate(callout, form.way);
      return;
    }
    this.monitor.exit(CALLOUT, eip, () => {
      const reason = form.kind === 'callout' ? form.reason : exitReasonOf(operation!);
      const linear = operation && reason === 'INVLPG' ? operandLinear(cpu, operation) : 0;
      const { cr0, cr3, cr4 } = cpu;
      // The translator has found the device of a port that stands in the instruction.
      const device = isPortAccess(reason) && !/\bIb\b/.test(operation?.row.operands ?? '');
      emulateInstruction(this.monitor, { decoded: true, device, repeated: repeats(operation) });
      if (reason === 'INVLPG') {
        this.monitor.shadow.invalidate(linear);
        this.space.invalidated(linear);
      } else {
        const changed = ((cpu.cr0 ^ cr0) & PAGING_CR0) | ((cpu.cr4 ^ cr4) & PAGING_CR4) | (cpu.cr3 ^ cr3);
        if (reason === 'CR3_WRITE' || changed !== 0) this.mappingsChanged();
      }
      // The next instruction belongs to one that holds interrupts off, so no translation of it can be interrupted before.
      while (cpu.interruptShadow && !this.monitor.stopped && !cpu.halted) {
        emulateInstruction(this.monitor);
        this.mappingsChanged();
      }
      if (!cpu.halted && this.monitor.interruptDeliverable()) this.inject();
      return reason;
    });
  }

  /** Emulates an access that used to trap, in the way that was learnt. */
  private simulate(callout: Callout, learnt: Way): void {
    const { monitor } = this;
    const { guest, shadow } = monitor;
    const { instruction } = callout;
    monitor.exit(CALLOUT, instruction.eip, () => {
      const operation = instruction.operation!;
      const way = wayOf(guest, shadow, operation);
      // The handler of one way finds what it expects, or ordinary memory; what is another's goes the long way round.
      if (way !== null && way !== learnt) monitor.charge('vmm.dispatch');
      emulateInstruction(monitor, { decoded: true, device: way === 'device', repeated: repeats(operation) });
      this.adaptation?.simulated(callout, way);
      if (!guest.cpu.halted && monitor.interruptDeliverable()) this.inject();
      return 'SIMULATE';
    });
  }

  /**
   * The guest trapped. Its registers are current in the virtual CPU.
   * @param fragment the translated code that it was in, or null.
   */
  trap(event: Event, fragment: Fragment | null = null): void {
    const { guest, shadow } = this.monitor;
    const { eip } = guest.cpu;
    this.monitor.exit(TRAP, eip, () => {
      const operation = this.adaptation && event.kind === 'exception' ? fragment?.operationAt(eip) : null;
      const way = operation ? wayOf(guest, shadow, operation) : null;
      const reason = this.handleEvent(event);
      const emulated = reason === 'PAGE_FAULT_TRACE' || reason === 'EMULATE';
      if (fragment && way && emulated) this.adaptation!.trapped(fragment, eip, way);
      if (this.monitor.interruptDeliverable()) this.inject();
      return reason;
    });
  }

  private handleEvent(event: Event): ExitReason {
    switch (event.kind) {
      case 'external':
      case 'nmi':
        return 'INTERRUPT';
      case 'int':
        return this.repeatSoftwareInterrupt(2);
      case 'int1':
      case 'int3':
      case 'into':
        return this.repeatSoftwareInterrupt(1);
      case 'exception':
        if (event.vector === VECTOR_PF) return this.handlePageFault(event);
        if (event.vector !== VECTOR_DB) return this.handleFault();
        this.monitor.guest.cpu.setDebug(6, this.monitor.host.cpu.debug(6));
        deliverEvent(this.monitor, event);
        return 'EXCEPTION';
    }
  }

  /**
   * The virtual CPU executes the instruction, behind which the guest stands, as it also refuses it when the gate
   * does: then with the eip of the instruction (of its opcode: a prefix, which has no meaning here, is not seen).
   */
  private repeatSoftwareInterrupt(lengthBytes: number): ExitReason {
    const { cpu } = this.monitor.guest;
    cpu.eip = (cpu.eip - lengthBytes) >>> 0;
    emulateInstruction(this.monitor, { decoded: true, repeated: false });
    return 'SOFTWARE_INTERRUPT';
  }

  private handlePageFault(event: Event): ExitReason {
    const gva = event.cr2 ?? this.monitor.host.cpu.cr2;
    const outcome = this.monitor.shadow.resolve(gva, event.errorCode ?? 0);
    switch (outcome.kind) {
      case 'true':
        deliverEvent(this.monitor, { ...event, errorCode: outcome.errorCode, cr2: gva });
        return 'PAGE_FAULT_TRUE';
      case 'hidden':
        return 'PAGE_FAULT_HIDDEN';
      case 'trace':
        emulateInstruction(this.monitor);
        return 'PAGE_FAULT_TRACE';
      case 'emulate':
        emulateInstruction(this.monitor);
        return 'EMULATE';
    }
  }

  /**
   * Any other fault: the guest's own, or one that only its deprivileged copy meets. The virtual CPU knows: it
   * executes the instruction where the guest stands, and either faults or does what the host would not.
   */
  private handleFault(): ExitReason {
    const reason = this.reasonOfCurrent();
    const device = isPortAccess(reason);
    return emulateInstruction(this.monitor, { device }).kind === 'delivered' ? 'EXCEPTION' : reason;
  }

  /** How the emulation of the instruction at the guest's eip is counted. */
  private reasonOfCurrent(): ExitReason {
    const { cpu, memory } = this.monitor.guest;
    const linear = (cpu.segment(CS).base + cpu.eip) >>> 0;
    const gpa = cpu.translate(linear, { write: false, user: cpu.cpl === 3, fetch: true });
    if (gpa === null || gpa >= memory.sizeBytes) return 'EMULATE';
    const operation = decode(memory.u8, gpa, PAGE_BYTES - (gpa & (PAGE_BYTES - 1)), 32);
    return typeof operation === 'string' ? 'EMULATE' : exitReasonOf(operation);
  }

  /** Gives the guest the interrupt that waits. */
  inject(): void {
    const vector = this.monitor.guest.platform.acknowledgeInterrupt();
    deliverEvent(this.monitor, { vector, kind: 'external', errorCode: null });
  }

  /** The guest changed an address space, or did what the monitor did not look at. */
  private mappingsChanged(): void {
    this.monitor.shadow.invalidateAll();
    this.space.changed();
  }
}

/** Undefined where the instruction is not known. */
function repeats(operation: Operation | null): boolean | undefined {
  return operation ? operation.rep !== 'none' : undefined;
}

function isPortAccess(reason: ExitReason): boolean {
  return reason === 'IOIO_IN' || reason === 'IOIO_OUT';
}

/** The control register bits that decide how guest page tables are read, and flush the TLB when they change. */
const PAGING_CR0 = CR0_PG | CR0_WP | CR0_PE;
const PAGING_CR4 = CR4_PSE | CR4_PAE | CR4_PGE;
