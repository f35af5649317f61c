/**
 * The virtual machine control block as facts (AMD64 APM vol. 2, publication 24593, rev. 3.44, appendix B "VMCB Layout",
 * appendix C "SVM Intercept Exit Codes", chapter 15 "Secure Virtual Machine").
 */

/** A field: byte offset from the start of the VMCB and width. */
export interface VmcbField {
  readonly offset: number;
  readonly bytes: 1 | 2 | 4 | 8;
}

const field = (offset: number, bytes: VmcbField['bytes']): VmcbField => ({ offset, bytes });

export const VMCB_BYTES = 4096;

/** Control area (table B-1). */
export const VMCB_CONTROL = {
  /** Reads of CR0..15 in bits 15:0, writes in 31:16. */
  interceptCr: field(0x000, 4),
  interceptDr: field(0x004, 4),
  /** One bit a vector. */
  interceptExceptions: field(0x008, 4),
  intercept3: field(0x00c, 4),
  intercept4: field(0x010, 4),
  intercept5: field(0x014, 4),
  pauseFilterThreshold: field(0x03c, 2),
  pauseFilterCount: field(0x03e, 2),
  iopmBasePa: field(0x040, 8),
  msrpmBasePa: field(0x048, 8),
  tscOffset: field(0x050, 8),
  asid: field(0x058, 4),
  tlbControl: field(0x05c, 1),
  /** V_TPR, V_IRQ and their like, low half. */
  virtualInterrupt: field(0x060, 4),
  /** Bits 7:0 of the high half: V_INTR_VECTOR. */
  virtualInterruptVector: field(0x064, 4),
  interruptShadow: field(0x068, 8),
  exitCode: field(0x070, 8),
  exitInfo1: field(0x078, 8),
  exitInfo2: field(0x080, 8),
  exitIntInfo: field(0x088, 8),
  nestedControl: field(0x090, 8),
  eventInjection: field(0x0a8, 8),
  nestedCr3: field(0x0b0, 8),
  virtualizationExtensions: field(0x0b8, 8),
  cleanBits: field(0x0c0, 4),
  nextRip: field(0x0c8, 8),
  /** Count of instruction bytes, which follow it (at most 15). */
  fetchedBytes: field(0x0d0, 1),
} as const satisfies Record<string, VmcbField>;

/** State save area (table B-2). Offsets are from the start of the VMCB. */
export const VMCB_STATE = {
  cpl: field(0x4cb, 1),
  efer: field(0x4d0, 8),
  cr4: field(0x548, 8),
  cr3: field(0x550, 8),
  cr0: field(0x558, 8),
  dr7: field(0x560, 8),
  dr6: field(0x568, 8),
  rflags: field(0x570, 8),
  rip: field(0x578, 8),
  rsp: field(0x5d8, 8),
  rax: field(0x5f8, 8),
  star: field(0x600, 8),
  lstar: field(0x608, 8),
  cstar: field(0x610, 8),
  sfmask: field(0x618, 8),
  kernelGsBase: field(0x620, 8),
  sysenterCs: field(0x628, 8),
  sysenterEsp: field(0x630, 8),
  sysenterEip: field(0x638, 8),
  cr2: field(0x640, 8),
  gPat: field(0x668, 8),
  debugControl: field(0x670, 8),
} as const satisfies Record<string, VmcbField>;

/** Segment and table registers: selector u16, attributes u16 (see arch/descriptors.ts), limit u32, base u64. */
export const VMCB_SEGMENTS = {
  es: 0x400,
  cs: 0x410,
  ss: 0x420,
  ds: 0x430,
  fs: 0x440,
  gs: 0x450,
  gdtr: 0x460,
  ldtr: 0x470,
  idtr: 0x480,
  tr: 0x490,
} as const;
export const VMCB_SEGMENT_SELECTOR = 0;
export const VMCB_SEGMENT_ATTRIBUTES = 2;
export const VMCB_SEGMENT_LIMIT = 4;
export const VMCB_SEGMENT_BASE = 8;

/** Exit codes that are families: add the register or vector number. */
export const EXIT_CR_READ = 0x00;
export const EXIT_CR_WRITE = 0x10;
export const EXIT_DR_READ = 0x20;
export const EXIT_DR_WRITE = 0x30;
export const EXIT_EXCEPTION = 0x40;

/** Instruction bytes that the VMCB has room for. */
export const MAX_INSTRUCTION_BYTES = 15;

/** The other exit codes with an intercept bit (table C-1): the code is the bit's position in the intercept words. */
export const INTERCEPTS = {
  INTR: 0x60,
  NMI: 0x61,
  SMI: 0x62,
  INIT: 0x63,
  VINTR: 0x64,
  CR0_SEL_WRITE: 0x65,
  IDTR_READ: 0x66,
  GDTR_READ: 0x67,
  LDTR_READ: 0x68,
  TR_READ: 0x69,
  IDTR_WRITE: 0x6a,
  GDTR_WRITE: 0x6b,
  LDTR_WRITE: 0x6c,
  TR_WRITE: 0x6d,
  RDTSC: 0x6e,
  RDPMC: 0x6f,
  PUSHF: 0x70,
  POPF: 0x71,
  CPUID: 0x72,
  RSM: 0x73,
  IRET: 0x74,
  SWINT: 0x75,
  INVD: 0x76,
  PAUSE: 0x77,
  HLT: 0x78,
  INVLPG: 0x79,
  INVLPGA: 0x7a,
  IOIO: 0x7b,
  MSR: 0x7c,
  TASK_SWITCH: 0x7d,
  FERR_FREEZE: 0x7e,
  SHUTDOWN: 0x7f,
  VMRUN: 0x80,
  VMMCALL: 0x81,
  VMLOAD: 0x82,
  VMSAVE: 0x83,
  STGI: 0x84,
  CLGI: 0x85,
  SKINIT: 0x86,
  RDTSCP: 0x87,
  ICEBP: 0x88,
  WBINVD: 0x89,
  MONITOR: 0x8a,
  MWAIT: 0x8b,
  MWAIT_ARMED: 0x8c,
  XSETBV: 0x8d,
} as const;
export type InterceptName = keyof typeof INTERCEPTS;

export const EXIT_NESTED_PAGE_FAULT = 0x400;
/** Sign-extended to 64 bits in the VMCB. */
export const EXIT_INVALID = -1;

/** Where the intercept bit of an exit code below 0xc0 lies. */
export function interceptBit(exitCode: number): { offset: number; mask: number } {
  return { offset: (exitCode >>> 5) * 4, mask: 1 << (exitCode & 31) };
}

const MISC_NAMES = new Map<number, string>(Object.entries(INTERCEPTS).map(([name, code]) => [code, name]));

/** Name of an exit code as the manual prints it after VMEXIT_. @param exitCode low 32 bits, signed or not. */
export function exitCodeName(exitCode: number): string {
  const code = exitCode | 0;
  if (code === EXIT_INVALID) return 'INVALID';
  if (code === EXIT_NESTED_PAGE_FAULT) return 'NPF';
  const misc = MISC_NAMES.get(code);
  if (misc) return misc;
  if (code >= 0 && code < EXIT_EXCEPTION) {
    const register = `${code & 0x20 ? 'DR' : 'CR'}${code & 0xf}`;
    return `${register}_${code & 0x10 ? 'WRITE' : 'READ'}`;
  }
  if (code >= EXIT_EXCEPTION && code < EXIT_EXCEPTION + 32) return `EXCP${code - EXIT_EXCEPTION}`;
  return `0x${(code >>> 0).toString(16)}`;
}

/** TLB_CONTROL (section 15.16 "TLB Control"). */
export const TLB_CONTROL_NOTHING = 0;
export const TLB_CONTROL_FLUSH_ALL = 1;
export const TLB_CONTROL_FLUSH_GUEST = 3;
export const TLB_CONTROL_FLUSH_GUEST_NON_GLOBAL = 7;

/** V_TPR alone, the low byte of virtualInterrupt. */
export const VMCB_TASK_PRIORITY = field(0x060, 1);
/** Bits of virtualInterrupt (offset 60h). */
export const V_TPR = 0xff;
export const V_IRQ = 1 << 8;
export const V_INTR_PRIORITY_SHIFT = 16;
export const V_IGNORE_TPR = 1 << 20;
export const V_INTR_MASKING = 1 << 24;

/** EXITINFO1 of a nested page fault, high half (section 15.25.6 "Nested Page Faults, Fault Ordering"). */
export const NPF_FINAL = 1 << (32 - 32);
export const NPF_GUEST_TABLE = 1 << (33 - 32);

/** Bit of nestedControl (offset 90h). */
export const NP_ENABLE = 1 << 0;

/** Low half of EVENTINJ and EXITINTINFO (section 15.20 "Event Injection"); the high half is the error code. */
export const EVENT_VECTOR = 0xff;
export const EVENT_TYPE_SHIFT = 8;
export const EVENT_TYPE = 7 << EVENT_TYPE_SHIFT;
export const EVENT_TYPE_EXTERNAL = 0;
export const EVENT_TYPE_NMI = 2;
export const EVENT_TYPE_EXCEPTION = 3;
export const EVENT_TYPE_SOFTWARE = 4;
export const EVENT_ERROR_CODE_VALID = 1 << 11;
export const EVENT_VALID = 0x8000_0000 | 0;

/** EXITINFO1 of an IOIO exit (section 15.10.2 "IN and OUT Behavior"); EXITINFO2 is the next rIP. */
export const IOIO_IN = 1 << 0;
export const IOIO_STRING = 1 << 2;
export const IOIO_REP = 1 << 3;
/** Set by operand width: SZ8 at bit 4, SZ16, SZ32. */
export const IOIO_SIZE_SHIFT = 4;
/** Set by address width: A16 at bit 7, A32, A64. */
export const IOIO_ADDRESS_SHIFT = 7;
export const IOIO_SEGMENT_SHIFT = 10;
export const IOIO_PORT_SHIFT = 16;

/** I/O permissions map: one bit a port, 64 K and 3 bits (section 15.10.1 "I/O Permissions Map"). */
export const IOPM_BYTES = 12 << 10;
/** MSR permissions map (section 15.11 "MSR Intercepts"). */
export const MSRPM_BYTES = 8 << 10;
/** The ranges that it covers: 2 bits an MSR, read then write; any other MSR always exits. */
export const MSRPM_RANGES = [
  { firstMsr: 0x0000_0000, offset: 0x000 },
  { firstMsr: 0xc000_0000, offset: 0x800 },
  { firstMsr: 0xc001_0000, offset: 0x1000 },
] as const;
export const MSRPM_RANGE_COUNT = 0x2000;

/** EXITINFO2 of a TASK_SWITCH exit, high half (section 15.14.1 "Task-Switch Intercept"). */
export const TASK_SWITCH_IRET = 1 << (36 - 32);
export const TASK_SWITCH_JUMP = 1 << (38 - 32);
export const TASK_SWITCH_HAS_ERROR_CODE = 1 << (44 - 32);
export const TASK_SWITCH_RF = 1 << (48 - 32);
