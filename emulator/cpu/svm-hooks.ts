import type { Event } from './processor.js';
import type { TaskSource } from './task-switch.js';
import type { Operation, PortWidth } from '../isa/operation.js';

/**
 * Where guest mode (SVM) hooks into the processor. cpu/svm.ts implements this; `Cpu.svmUnit` holds it. The contract:
 *
 * - `Cpu.guestMode` is true between VMRUN and #VMEXIT. Only then are the `intercept...` methods called, each at
 *   the place in the instruction or delivery where the manual puts the check (APM vol. 2, chapter 15).
 * - An `intercept...` method that finds its intercept set records exit code and infos in the unit itself and
 *   throws {@link Cpu.vmExit}. The run loop catches it, makes eip (the intercepted instruction, or the place of
 *   the event) and accounting exact, then calls {@link SvmUnit.completeExit} and stops with 'vmexit' if that says so.
 * - {@link SvmUnit.completeExit} saves the guest into the VMCB, restores the host, clears `guestMode` and charges
 *   'vmexit'. `Cpu.nextEip` is the next instruction's offset and `Cpu.interceptedOperation` the instruction when the
 *   exit is an instruction's.
 *   `Cpu.delivering` is the event whose delivery was under way (for EXITINTINFO), or null.
 * - State is loaded with the Processor setters (`cpu.setSegment`, `cpu.cr0 = ...`), then `cpu.reload()`.
 * - Address-space tags: `cpu.mmu.setAsid(asid)`; flushes: `cpu.mmu.flushAsid(asid)`, `cpu.mmu.flushAll()`.
 * - A pending virtual interrupt: `cpu.setPoll(POLL_VIRTUAL, pending)` (attention.ts).
 */
export interface SvmUnit {
  /** CPUID, RDTSC, HLT and other intercepts without a parameter of their own; `info` goes to EXITINFO1 (invlpg: the address). */
  interceptInstruction(intercept: InstructionIntercept, info?: number): void;
  /** Whether INT n or IRET would leave the guest: then compiled code leaves them to the interpreter. */
  readonly interceptsTransfers: boolean;
  /** As to page faults, and to INVLPG. */
  readonly interceptsPageFaults: boolean;
  readonly interceptsInvalidation: boolean;
  /** The instruction's own intercept, as its row names it: for those that are checked before memory is read. */
  interceptOperation(op: Operation): void;
  /** PAUSE, through the filter that some processors have. */
  interceptPause(): void;
  /** MWAIT. */
  interceptWait(): void;
  /** INT n. INT3 and INTO are exceptions, see {@link interceptException}. */
  interceptSoftwareInterrupt(vector: number): void;
  interceptControl(register: number, write: boolean): void;
  /** Before a CR0 write that changes a bit other than TS and MP (selective write intercept). */
  interceptControlSelective(): void;
  interceptDebug(register: number, write: boolean): void;
  interceptMsr(index: number, write: boolean): void;
  interceptPort(port: number, width: PortWidth, direction: 'in' | 'out'): void;
  /** An exception (INT3, INTO and ICEBP included) about to be delivered; CR2 is not yet written. */
  interceptException(event: Event): void;
  /** At a poll in guest mode: an injected event, then physical interrupts, then virtual ones. @returns what to deliver. */
  poll(): Event | null;
  interceptShutdown(): void;
  /** An x87 exception is pending that goes out by FERR#, CR0.NE being clear. */
  interceptFreeze(): void;
  /**
   * Before a task switch, its target checked. @param selector of the incoming task's TSS. @param errorCode to be pushed on
   * its stack. @param flags that the outgoing task's TSS would get.
   */
  interceptTaskSwitch(selector: number, source: TaskSource, errorCode: number | null, flags: number): void;
  /** VMRUN and its family as instructions. CPL and EFER.SVME checks are here. */
  execute(mnemonic: 'vmrun' | 'vmmcall' | 'vmload' | 'vmsave' | 'stgi' | 'clgi' | 'skinit' | 'invlpga'): void;
  /** VMRUN steps 1 to 4 on the VMCB at `vmcbHpa`, as from CPL 0. @returns false when the VMCB was refused: an exit has been completed. */
  enter(vmcbHpa: number): boolean;
  /** @returns who executed VMRUN: the machine's owner, or a program, which goes on after it; or that the host's own state was bad. */
  completeExit(): 'owner' | 'program' | 'shutdown';
  /** CR8 in guest mode. */
  taskPriority: number;
  /** The global interrupt flag: while it is clear no interrupt is taken, in guest mode or out of it. */
  readonly globalInterrupts: boolean;
}

/** Named as in the manual's intercept vectors (APM vol. 2, section 15.9 "Instruction Intercepts"). */
export type InstructionIntercept =
  | 'idtr.read'
  | 'gdtr.read'
  | 'ldtr.read'
  | 'tr.read'
  | 'rdtsc'
  | 'rdtscp'
  | 'rdpmc'
  | 'pushf'
  | 'cpuid'
  | 'iret'
  | 'invd'
  | 'wbinvd'
  | 'rsm'
  | 'monitor'
  | 'hlt'
  | 'invlpg';
