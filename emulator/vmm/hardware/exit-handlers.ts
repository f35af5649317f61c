import type { ExitReason } from '../../arch/exits.js';
import { VECTOR_DF } from '../../arch/vectors.js';
import { EXIT_EXCEPTION, INTERCEPTS, IOIO_IN } from '../../arch/vmcb.js';
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

/** VMRUN and its family: undefined for a guest, whose processor has no SVM. */
const svmInstruction = emulate('SVM_INSTRUCTION', true);

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
  [INTERCEPTS.VMRUN, svmInstruction],
  [INTERCEPTS.VMLOAD, svmInstruction],
  [INTERCEPTS.VMSAVE, svmInstruction],
  [INTERCEPTS.STGI, svmInstruction],
  [INTERCEPTS.CLGI, svmInstruction],
  [INTERCEPTS.SKINIT, svmInstruction],
  [INTERCEPTS.INVLPGA, svmInstruction],
]);
