import type { ExitReason } from '../../arch/exits.js';
import { VECTOR_DF } from '../../arch/vectors.js';
import {
  EXIT_CR_READ,
  EXIT_CR_WRITE,
  EXIT_DR_READ,
  EXIT_EXCEPTION,
  INTERCEPTS,
  IOIO_IN,
} from '../../arch/vmcb.js';
import type { HardwareVmm } from './hardware-vmm.js';

/** Handles one exit and names it. */
export type ExitHandler = (vmm: HardwareVmm) => ExitReason;

/** An instruction that the virtual processor executes. `decoded`: the exit code alone says which it is. */
export const emulate =
  (reason: ExitReason, decoded: boolean): ExitHandler =>
  (vmm) => {
    vmm.emulate({ decoded });
    return reason;
  };

/** A MOV to or from a control register, or INVLPG. */
export const emulateOperand =
  (reason: ExitReason): ExitHandler =>
  (vmm) => {
    vmm.emulateOperand();
    return reason;
  };

/** VMRUN and its family, executed by a guest that is a hypervisor itself: see nested-guest.ts. */
const svmInstruction =
  (mnemonic: 'vmrun' | 'invlpga' | 'other' = 'other'): ExitHandler =>
  (vmm) => {
    vmm.emulateSvm(mnemonic);
    return 'SVM_INSTRUCTION';
  };

/** The exits that every member of the family asks for, however memory is virtualized, by exit code. */
export const SHARED_EXITS: ReadonlyMap<number, ExitHandler> = new Map<number, ExitHandler>([
  [
    // Only so that the guest's shutdown can be told: the virtual processor takes the event that led here.
    EXIT_EXCEPTION + VECTOR_DF,
    (vmm) => {
      vmm.emulateInterrupted();
      return 'EXCEPTION';
    },
  ],
  [INTERCEPTS.INTR, () => 'INTERRUPT'],
  [
    INTERCEPTS.VINTR,
    (vmm) => {
      vmm.closeInterruptWindow();
      return 'INTERRUPT_WINDOW';
    },
  ],
  [
    EXIT_CR_WRITE + 8,
    (vmm) => {
      vmm.emulateOperand();
      vmm.taskPriority.noteWrite();
      return 'CR_WRITE';
    },
  ],
  [INTERCEPTS.CPUID, emulate('CPUID', true)],
  [INTERCEPTS.INVD, emulate('CACHE_CONTROL', true)],
  [INTERCEPTS.WBINVD, emulate('CACHE_CONTROL', true)],
  [INTERCEPTS.HLT, emulate('HLT', true)],
  [
    INTERCEPTS.IOIO,
    (vmm) => {
      const reason = vmm.readExitInfo1() & IOIO_IN ? 'IOIO_IN' : 'IOIO_OUT';
      vmm.emulate({ decoded: true, device: true });
      return reason;
    },
  ],
  [
    INTERCEPTS.MSR,
    (vmm) => {
      const isWrite = vmm.readExitInfo1() !== 0;
      vmm.emulate({ decoded: true });
      if (!isWrite) return 'MSR_READ';
      vmm.msrsChanged();
      return 'MSR_WRITE';
    },
  ],
  [
    INTERCEPTS.TASK_SWITCH,
    (vmm) => {
      vmm.emulateInterrupted();
      return 'TASK_SWITCH';
    },
  ],
  [
    INTERCEPTS.SHUTDOWN,
    (vmm) => {
      vmm.shutdown();
      return 'SHUTDOWN';
    },
  ],
  [INTERCEPTS.VMMCALL, emulate('VMMCALL', true)],
  [INTERCEPTS.VMRUN, svmInstruction('vmrun')],
  [INTERCEPTS.VMLOAD, svmInstruction()],
  [INTERCEPTS.VMSAVE, svmInstruction()],
  [INTERCEPTS.STGI, svmInstruction()],
  [INTERCEPTS.CLGI, svmInstruction()],
  [INTERCEPTS.SKINIT, svmInstruction()],
  [INTERCEPTS.INVLPGA, svmInstruction('invlpga')],
]);

/** Names of exits that only a guest hypervisor asked for, by exit code; the rest are exceptions or have a name of their own. */
const GUEST_HYPERVISOR_REASONS: ReadonlyMap<number, ExitReason> = new Map<number, ExitReason>([
  [INTERCEPTS.RDTSC, 'RDTSC'],
  [INTERCEPTS.RDTSCP, 'RDTSC'],
  [INTERCEPTS.RDPMC, 'RDPMC'],
  [INTERCEPTS.PUSHF, 'PUSHF'],
  [INTERCEPTS.POPF, 'POPF'],
  [INTERCEPTS.IRET, 'IRET'],
  [INTERCEPTS.SWINT, 'SOFTWARE_INTERRUPT'],
  [INTERCEPTS.INVLPG, 'INVLPG'],
  [EXIT_CR_READ + 3, 'CR3_READ'],
  [EXIT_CR_WRITE + 3, 'CR3_WRITE'],
]);

/** The name of an exit whose handler is the guest hypervisor's. */
export function guestHypervisorReason(exitCode: number): ExitReason {
  const known = GUEST_HYPERVISOR_REASONS.get(exitCode);
  if (known) return known;
  if (exitCode < EXIT_CR_WRITE) return 'CR_READ';
  if (exitCode < EXIT_DR_READ) return 'CR_WRITE';
  if (exitCode < EXIT_EXCEPTION) return 'DR_ACCESS';
  if (exitCode < INTERCEPTS.INTR) return 'EXCEPTION';
  if (exitCode >= INTERCEPTS.IDTR_READ && exitCode <= INTERCEPTS.TR_WRITE) return 'DESCRIPTOR_TABLE';
  return 'PRIVILEGED';
}
