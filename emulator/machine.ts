import type { CpuProfile } from './cost/profile.js';
import { Ledger } from './cost/ledger.js';
import { Clock } from './platform/clock.js';
import { PortBus } from './platform/bus.js';
import type { PhysicalMemory } from './platform/memory.js';
import type { Platform } from './platform/platform.js';
import type { Processor, RunLimits, Stop } from './cpu/processor.js';
import type { TraceRecorder } from './trace/recorder.js';
export type { Event, Processor, RunLimits, StepResult, Stop } from './cpu/processor.js';

export interface MachineOptions {
  profile: CpuProfile;
  /** Physical memory; a multiple of 4096, 1 MB to 2 GB. */
  memoryBytes: number;
}

/**
 * A PC: the parts list. A bare machine runs a guest by itself; a monitor owns one, gives its guest a window of
 * its memory and a virtual machine made by {@link virtualMachine}, and runs guest code with {@link runMonitored}
 * or {@link vmrun}.
 */
export declare class Machine {
  readonly profile: CpuProfile;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly memory: PhysicalMemory;
  readonly ports: PortBus;
  readonly platform: Platform;
  readonly trace: TraceRecorder;
  readonly cpu: Processor;
  /** Set from outside (an interrupt of the kernel): the run stops at the next poll with kind 'requested'. */
  stopRequested: boolean;

  static create(options: MachineOptions): Machine;

  /**
   * A virtual PC for a guest of this machine: its memory is the window [offsetBytes, offsetBytes + sizeBytes) of
   * this one's, its clock is this one's, its processor and devices are its own. What its processor does when a
   * monitor steps it is counted in a ledger of its own and costs nothing here: the monitor charges for its work.
   */
  virtualMachine(offsetBytes: number, sizeBytes: number): Machine;

  /** Runs on this machine's own IDT until something of Stop happens (never 'trap', 'entry' or 'vmexit'). */
  run(limits?: RunLimits): Stop;

  /**
   * Runs a deprivileged guest: every event stops with 'trap' in place of going through the IDT; physical
   * interrupts trap whatever EFLAGS.IF is. A control transfer into the host-physical page `entryPage` stops with 'entry'.
   */
  runMonitored(entryPage: number, limits?: RunLimits): Stop;

  /** Executes VMRUN on the VMCB at `vmcbHpa` as host software at CPL 0 and runs the guest until #VMEXIT (or a budget). GPRs other than RAX and RSP are the guest's. */
  vmrun(vmcbHpa: number, limits?: RunLimits): Stop;
  /** Continues a vmrun that stopped with 'budget' or 'requested' in guest mode. */
  continueGuest(limits?: RunLimits): Stop;
}
