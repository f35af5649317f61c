import { CS, DS, ES, FS, GS, SS } from '../arch/registers.js';
import type { SegmentIndex } from '../arch/registers.js';
import type { Cpu } from './cpu.js';

/** What a task-state segment holds of a task. */
export interface TaskState {
  /** By number; all 32 bits. */
  gprs: readonly number[];
  eip: number;
  flags: number;
  /** By {@link SegmentIndex}. */
  selectors: readonly number[];
  ldt: number;
  /** Null where the form has no place for it. */
  cr3: number | null;
  /** The T bit: #DB before the task's first instruction. */
  traps: boolean;
}

/** Offsets in one form of TSS (Intel SDM vol. 3, "Task-State Segment (TSS)" and "16-Bit Task-State Segment (TSS)"). */
export class TssLayout {
  constructor(
    private readonly at: {
      eip: number;
      flags: number;
      gprs: number;
      selectors: number;
      ldt: number;
      cr3: number | null;
      trap: number | null;
    },
    /** Bytes from one register's place to the next one's. */
    private readonly slotBytes: 2 | 4,
    /** Segment registers that it has places for, in their order. */
    private readonly segments: readonly SegmentIndex[],
    /** A limit below it raises #TS. */
    readonly minimumLimit: number,
  ) {}

  /** Offset behind the last byte that is written when a task is left. */
  get savedEnd(): number {
    return this.at.selectors + (this.segments.length - 1) * this.slotBytes + 2;
  }

  get errorCodeBytes(): 2 | 4 {
    return this.slotBytes;
  }

  /** Writes the processor's registers. @param base linear. @param flags in place of EFLAGS. */
  save(cpu: Cpu, base: number, flags: number): void {
    const { at, slotBytes } = this;
    cpu.writeLinear(base + at.eip, slotBytes, cpu.eip, false);
    cpu.writeLinear(base + at.flags, slotBytes, flags, false);
    for (let register = 0; register < 8; register++) {
      cpu.writeLinear(base + at.gprs + register * slotBytes, slotBytes, cpu.gpr(register), false);
    }
    this.segments.forEach((segment, index) => {
      cpu.writeLinear(base + at.selectors + index * slotBytes, 2, cpu.selector(segment), false);
    });
  }

  load(cpu: Cpu, base: number): TaskState {
    const { at, slotBytes } = this;
    const word = (offset: number): number => cpu.readLinear(base + offset, 2, false);
    const value = (offset: number): number => cpu.readLinear(base + offset, slotBytes, false) >>> 0;
    const selectors = [0, 0, 0, 0, 0, 0];
    this.segments.forEach((segment, index) => {
      selectors[segment] = word(at.selectors + index * slotBytes);
    });
    return {
      gprs: Array.from({ length: 8 }, (_, register) => value(at.gprs + register * slotBytes)),
      eip: value(at.eip),
      flags: value(at.flags),
      selectors,
      ldt: word(at.ldt),
      cr3: at.cr3 === null ? null : value(at.cr3),
      traps: at.trap !== null && (word(at.trap) & 1) !== 0,
    };
  }
}

export const TSS32 = new TssLayout(
  { cr3: 0x1c, eip: 0x20, flags: 0x24, gprs: 0x28, selectors: 0x48, ldt: 0x60, trap: 0x64 },
  4,
  [ES, CS, SS, DS, FS, GS],
  0x67,
);

/** The upper halves of a 16-bit task's registers are undefined; here they are zero. */
export const TSS16 = new TssLayout(
  { cr3: null, eip: 0x0e, flags: 0x10, gprs: 0x12, selectors: 0x22, ldt: 0x2a, trap: null },
  2,
  [ES, CS, SS, DS],
  0x2b,
);
