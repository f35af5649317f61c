import { CR0_PE, CR0_PG, CR0_WP, CR4_PAE, CR4_PGE, CR4_PSE } from '../../arch/control.js';
import type { ExitReason } from '../../arch/exits.js';
import { PF_USER, VECTOR_DB, VECTOR_PF } from '../../arch/vectors.js';
import type { Operation } from '../../isa/operation.js';
import type { Event, StepResult } from '../../machine.js';
import { INTERPRETED, TRAP } from '../crossing.js';
import { currentOperation } from '../current-operation.js';
import { deliverEvent, emulateInstruction, exitReasonOf } from '../emulate.js';
import type { ShadowMonitor } from '../shadow-monitor.js';
import { operandLinear } from './operand.js';

/** What beside the shadow page tables follows the guest's mappings. */
export interface MappingFollower {
  /** Any mapping may have changed. */
  changed(): void;
  /** The guest executed INVLPG. */
  invalidated(linear: number): void;
}

/** What a software monitor does for the guest, at exits and between them. */
export class ExitHandlers {
  constructor(
    private readonly monitor: ShadowMonitor,
    private readonly mappings: MappingFollower,
    /** Told what the virtual CPU made of an instruction that trapped, before anything else reaches the guest. */
    private readonly emulated: (result: StepResult) => void = () => {},
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

  /** The guest trapped. Its registers are current in the virtual CPU. */
  trap(event: Event): void {
    this.monitor.exit(TRAP, this.monitor.guest.cpu.eip, () => {
      const reason = this.handle(event);
      this.offerInterrupt();
      return reason;
    });
  }

  /** Emulates an instruction that is known, and follows what it did to the guest's mappings. */
  emulate(operation: Operation | null, reason: ExitReason, { decoded = false } = {}): StepResult {
    const { monitor, mappings } = this;
    const { cpu } = monitor.guest;
    const linear = operation && reason === 'INVLPG' ? operandLinear(cpu, operation) : 0;
    const { cr0, cr3, cr4 } = cpu;
    // The translator has found the device of a port that stands in the instruction.
    const isKnown = (): boolean => decoded && /\bIb\b/.test(operation?.row.operands ?? '');
    const device = isPortAccess(reason) && !isKnown();
    const repeated = operation ? operation.rep !== 'none' : undefined;
    const result = emulateInstruction(monitor, { decoded, device, repeated });
    if (reason === 'INVLPG') {
      monitor.shadow.invalidate(linear);
      mappings.invalidated(linear);
    } else {
      const changed = ((cpu.cr0 ^ cr0) & PAGING_CR0) | ((cpu.cr4 ^ cr4) & PAGING_CR4) | (cpu.cr3 ^ cr3);
      if (reason === 'CR3_WRITE' || changed !== 0) this.mappingsChanged();
    }
    this.emulated(result);
    return result;
  }

  /** The guest changed an address space, or did what the monitor did not look at. */
  mappingsChanged(): void {
    this.monitor.shadow.invalidateAll();
    this.mappings.changed();
  }

  /** Gives the guest the interrupt that waits, if it can take it now. */
  offerInterrupt(): void {
    if (!this.monitor.guest.cpu.halted && this.monitor.interruptDeliverable()) this.inject();
  }

  /** Gives the guest the interrupt that waits. */
  inject(): void {
    const vector = this.monitor.guest.platform.acknowledgeInterrupt();
    deliverEvent(this.monitor, { vector, kind: 'external', errorCode: null });
  }

  /** Does what a trap is about. @returns how it is counted. */
  handle(event: Event): ExitReason {
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
    const errorCode = guestErrorCode(event, this.monitor.guest.cpu.cpl);
    const outcome = this.monitor.shadow.resolve(gva, errorCode);
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
    const operation = currentOperation(this.monitor.guest);
    const reason = operation ? exitReasonOf(operation) : 'EMULATE';
    return this.emulate(operation, reason).kind === 'delivered' ? 'EXCEPTION' : reason;
  }
}

/** Whose access it was is a matter of the guest's ring, not of that in which its code really runs. */
export function guestErrorCode({ errorCode }: Event, cpl: number): number {
  return ((errorCode ?? 0) & ~PF_USER) | (cpl === 3 ? PF_USER : 0);
}

function isPortAccess(reason: ExitReason): boolean {
  return reason === 'IOIO_IN' || reason === 'IOIO_OUT';
}

/** The control register bits that decide how guest page tables are read, and flush the TLB when they change. */
const PAGING_CR0 = CR0_PG | CR0_WP | CR0_PE;
const PAGING_CR4 = CR4_PSE | CR4_PAE | CR4_PGE;
