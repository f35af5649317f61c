/**
 * Why a monitor got control, for every technique: one closed union, so that counts of different techniques can
 * stand in one table. Names follow SVM's intercepts where there is one (AMD64 APM vol. 2, rev. 3.44, appendix C).
 */
export const EXIT_REASONS = [
  'PAGE_FAULT_HIDDEN', // shadow miss: nothing the guest may see
  'PAGE_FAULT_TRUE', // the guest's own: forwarded to it
  'PAGE_FAULT_TRACE', // a write to a traced page: guest page table, descriptor table or translated code
  'EXCEPTION', // any other exception, forwarded
  'SOFTWARE_INTERRUPT', // int n
  'INTERRUPT', // a physical interrupt: the host's timer
  'INTERRUPT_WINDOW', // the guest became able to take a pending virtual interrupt
  'IOIO_IN',
  'IOIO_OUT',
  'CR_READ',
  'CR_WRITE',
  'CR3_READ',
  'CR3_WRITE',
  'DR_ACCESS',
  'INVLPG',
  'HLT',
  'CPUID',
  'RDTSC',
  'RDPMC',
  'MSR_READ',
  'MSR_WRITE',
  'DESCRIPTOR_TABLE', // lgdt, lidt, lldt, ltr and their stores
  'IRET',
  'PUSHF',
  'POPF',
  'INTERRUPT_FLAG', // cli, sti that the monitor had to see
  'SEGMENT_LOAD',
  'FAR_TRANSFER',
  'SYSTEM_CALL', // sysenter, sysexit, syscall, sysret
  'CACHE_CONTROL', // invd, wbinvd
  'TASK_SWITCH',
  'SHUTDOWN',
  'VMMCALL',
  'SVM_INSTRUCTION', // vmrun and the others, executed by a guest
  'PRIVILEGED', // a privileged or protected access with no finer name here
  'SIMULATE', // a callout of adapted translated code: an access to a traced page, a device or the monitor's range, without a trap
  'EMULATE', // an instruction the monitor interprets because its translation or truncated segments cannot run it
  'NESTED_PAGE_FAULT',
  'INVALID', // VMRUN refused the VMCB
] as const;

export type ExitReason = (typeof EXIT_REASONS)[number];
