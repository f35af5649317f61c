import * as facts from '../arch/vmcb.js';
import { INTERCEPTS, MSRPM_RANGES, MSRPM_RANGE_COUNT, VMCB_CONTROL } from '../arch/vmcb.js';
import type { PhysicalMemory } from '../platform/memory.js';
import type { VmcbView } from '../platform/vmcb-view.js';
import type { InstructionIntercept } from './svm-hooks.js';

/** Exit codes of the intercepts that {@link InstructionIntercept} names. */
export const INSTRUCTION_EXITS = {
  'idtr.read': INTERCEPTS.IDTR_READ,
  'gdtr.read': INTERCEPTS.GDTR_READ,
  'ldtr.read': INTERCEPTS.LDTR_READ,
  'tr.read': INTERCEPTS.TR_READ,
  rdtsc: INTERCEPTS.RDTSC,
  rdtscp: INTERCEPTS.RDTSCP,
  rdpmc: INTERCEPTS.RDPMC,
  pushf: INTERCEPTS.PUSHF,
  cpuid: INTERCEPTS.CPUID,
  iret: INTERCEPTS.IRET,
  invd: INTERCEPTS.INVD,
  wbinvd: INTERCEPTS.WBINVD,
  rsm: INTERCEPTS.RSM,
  monitor: INTERCEPTS.MONITOR,
  hlt: INTERCEPTS.HLT,
  invlpg: INTERCEPTS.INVLPG,
} as const satisfies Record<InstructionIntercept, number>;

/** Words of intercept bits at the start of the VMCB. */
const WORDS = 6;

/** What the VMCB of the running guest intercepts, as VMRUN read it; empty outside guest mode. */
export class InterceptSet {
  private readonly words = new Uint32Array(WORDS);
  private iopmHpa = 0;
  private msrpmHpa = 0;

  constructor(private readonly memory: PhysicalMemory) {}

  load(vmcb: VmcbView): void {
    for (let word = 0; word < WORDS; word++) this.words[word] = vmcb.read({ offset: word * 4, bytes: 4 });
    this.iopmHpa = vmcb.read(VMCB_CONTROL.iopmBasePa);
    this.msrpmHpa = vmcb.read(VMCB_CONTROL.msrpmBasePa);
  }

  clear(): void {
    this.words.fill(0);
  }

  /** @param exitCode below 0xc0. */
  has(exitCode: number): boolean {
    return (this.words[exitCode >>> 5] & (1 << (exitCode & 31))) !== 0;
  }

  /**
   * A port access exits when the bit of any of its ports is set (APM vol. 2, section 15.10.1 "I/O Permissions Map").
   * The map goes on 3 bits past port FFFFh for accesses that run over it.
   */
  hasPort(port: number, widthBytes: number): boolean {
    if (!this.has(INTERCEPTS.IOIO)) return false;
    for (let at = port; at < port + widthBytes; at++) {
      if (this.memory.read8(this.iopmHpa + (at >>> 3)) & (1 << (at & 7))) return true;
    }
    return false;
  }

  /** MSRs that the map does not cover always exit (section 15.11 "MSR Intercepts"). */
  hasMsr(msr: number, write: boolean): boolean {
    if (!this.has(INTERCEPTS.MSR)) return false;
    const range = MSRPM_RANGES.find(({ firstMsr }) => msr >= firstMsr && msr < firstMsr + MSRPM_RANGE_COUNT);
    if (!range) return true;
    const bit = (msr - range.firstMsr) * 2 + (write ? 1 : 0);
    return (this.memory.read8(this.msrpmHpa + range.offset + (bit >>> 3)) & (1 << (bit & 7))) !== 0;
  }
}

/** What the VMCB says about virtual interrupts (section 15.21 "Interrupt and Local APIC Support"). */
export class VirtualInterrupt {
  private field = 0;
  private vector = 0;

  load(vmcb: VmcbView): void {
    this.field = vmcb.read(VMCB_CONTROL.virtualInterrupt);
    this.vector = vmcb.read(VMCB_CONTROL.virtualInterruptVector) & 0xff;
  }

  store(vmcb: VmcbView): void {
    vmcb.write(VMCB_CONTROL.virtualInterrupt, this.field >>> 0);
  }

  clear(): void {
    this.field = 0;
  }

  /** V_IRQ. */
  get pending(): boolean {
    return (this.field & facts.V_IRQ) !== 0;
  }

  /** V_INTR_MASKING: the host's IF, not the guest's, gates physical interrupts. */
  get masksPhysical(): boolean {
    return (this.field & facts.V_INTR_MASKING) !== 0;
  }

  /** V_TPR, of whose 8 bits 4 are used. */
  get taskPriority(): number {
    return this.field & facts.V_TPR & 0xf;
  }
  set taskPriority(value: number) {
    this.field = (this.field & ~facts.V_TPR) | value;
  }

  /** Pending, and not held off by the task priority. */
  get due(): boolean {
    const priority = (this.field >>> facts.V_INTR_PRIORITY_SHIFT) & 0xf;
    return this.pending && ((this.field & facts.V_IGNORE_TPR) !== 0 || priority > this.taskPriority);
  }

  /** The processor takes it: V_IRQ goes. @returns the vector. */
  take(): number {
    this.field &= ~facts.V_IRQ;
    return this.vector;
  }
}
