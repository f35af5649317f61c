import type { ExitReason } from '../../arch/exits.js';
import { VECTOR_DF, VECTOR_PF } from '../../arch/vectors.js';
import { EXIT_CR_READ, EXIT_CR_WRITE, EXIT_EXCEPTION, INTERCEPTS, IOIO_IN } from '../../arch/vmcb.js';
import type { SvmShadowVmm } from './svm-shadow.js';

/** Handles one exit and names it. */
export type ExitHandler = (vmm: SvmShadowVmm) => ExitReason;

/** An instruction that the virtual processor executes. `decoded`: the exit code alone says which it is. */
const emulate =
  (reason: ExitReason, decoded: boolean): ExitHandler =>
  (vmm) => {
    vmm.emulate({ decoded });
    return reason;
  };

/** VMRUN and its family: undefined for a guest, whose processor has no SVM. */
const svmInstruction = emulate('SVM_INSTRUCTION', true);

/**
 * Every exit that this monitor asks for, by exit code, and what it does about it. The intercept bits in the VMCB
 * are made from this table, so an exit without a handler is one that was not asked for.
 */
export const EXIT_HANDLERS: ReadonlyMap<number, ExitHandler> = new Map<number, ExitHandler>([
  [EXIT_CR_READ + 0, emulate('CR_READ', false)],
  [EXIT_CR_READ + 3, emulate('CR3_READ', false)],
  [EXIT_CR_WRITE + 0, emulate('CR_WRITE', false)],
  [
    EXIT_CR_WRITE + 3,
    (vmm) => {
      vmm.emulate({ decoded: false });
      vmm.shadow.invalidateAll();
      return 'CR3_WRITE';
    },
  ],
  [
    EXIT_CR_WRITE + 4,
    (vmm) => {
      vmm.emulate({ decoded: false });
      // Every write to CR4's paging bits flushes the TLB.
      vmm.shadow.invalidateAll();
      return 'CR_WRITE';
    },
  ],
  [EXIT_EXCEPTION + VECTOR_PF, (vmm) => vmm.pageFault()],
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
    INTERCEPTS.INVLPG,
    (vmm) => {
      vmm.emulate({ decoded: false });
      // TLB_CONTROL knows no single address.
      vmm.shadow.invalidateAll();
      return 'INVLPG';
    },
  ],
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
