import { CR0_ET, CR0_NE, CR0_PE, EFER_SVME } from './arch/control.js';
import { requireFeatures } from './arch/cpuid.js';
import * as attr from './arch/descriptors.js';
import type { SegmentState, TableState } from './arch/descriptors.js';
import { PAGE_BYTES } from './arch/paging.js';
import { CS, DS, EDX, ES, ESP, FS, GPR_NAMES, GS, SEGMENT_NAMES, SS } from './arch/registers.js';
import type { SegmentIndex } from './arch/registers.js';
import { STATE_BYTES, X87_OFFSET } from './arch/state.js';
import { Ledger } from './cost/ledger.js';
import type { CpuProfile } from './cost/profile.js';
import { ATTENTION_EXIT, POLL_INIT, POLL_NMI, POLL_SMI, POLL_STOP } from './cpu/attention.js';
import { Cpu, X87Unit } from './cpu/cpu.js';
import type { ApicBase, X87State } from './cpu/cpu.js';
import { passIdleTime } from './cpu/idle.js';
import type { OwnerHit, OwnerPoints } from './cpu/owner-points.js';
import { viewPageWalk } from './cpu/page-walk-view.js';
import type { PageWalkView } from './cpu/page-walk-view.js';
import type { Processor, RunLimits, ShortWays, Stop } from './cpu/processor.js';
import { ARENA_BYTES, DIRECTORY_ENTRY_BYTES, HOT_INSTRUCTIONS } from './cpu/jit/layout.js';
import type { CompiledLayout } from './cpu/jit/layout.js';
import { Svm } from './cpu/svm.js';
import type { TlbEntry } from './cpu/tlb.js';
import { tlbPlaces } from './cpu/tlb-area.js';
import type { TlbShape } from './cpu/tlb-area.js';
import { PortBus } from './platform/bus.js';
import { Clock } from './platform/clock.js';
import { PhysicalMemory } from './platform/memory.js';
import type { AccessBytes, MmioBus, OutsideMemory } from './platform/mmio.js';
import { Platform } from './platform/platform.js';
import { TraceRecorder } from './trace/recorder.js';
export type { PageEntryView, PageWalkView } from './cpu/page-walk-view.js';
export { MOST_SHORT_WAYS } from './cpu/processor.js';
export { NO_POINTS } from './cpu/owner-points.js';
export type { MemoryPoint, OwnerHit, OwnerPoints } from './cpu/owner-points.js';
export type { TlbEntry, TlbHistory } from './cpu/tlb.js';
export type {
  Event,
  Processor,
  RunLimits,
  SegmentationImage,
  ShortCall,
  ShortReturn,
  ShortWayEnd,
  ShortWays,
  StepResult,
  Stop,
  TransferPlaces,
  Word,
} from './cpu/processor.js';

export interface MachineOptions {
  profile: CpuProfile;
  /** Physical memory; a multiple of 4096, 1 MB to 2 GB. */
  memoryBytes: number;
  engine?: Engine | undefined;
  /** Instructions of a block that are interpreted before it is compiled. For tests: no result depends on it. */
  hotInstructions?: number;
  /** How many virtual machines it can carry at once: 1 unless told. */
  virtualMachines?: number;
}

/**
 * How instructions are executed: by the interpreter alone, or hot code by what it was compiled to. It changes how
 * long a run takes on the host and nothing else, so it is part of no result.
 */
export const ENGINES = ['compiled', 'interpreter'] as const;
export type Engine = (typeof ENGINES)[number];
export const DEFAULT_ENGINE: Engine = 'compiled';

/** What a guest can see of its processor, as plain data; all numbers unsigned. */
export interface GuestState {
  gprs: Record<(typeof GPR_NAMES)[number], number>;
  eip: number;
  eflags: number;
  segments: Record<(typeof SEGMENT_NAMES)[number], SegmentState>;
  cr0: number;
  cr2: number;
  cr3: number;
  cr4: number;
  gdtr: TableState;
  idtr: TableState;
  /** The coprocessor, once software has used it. */
  x87?: X87State;
}

/** An end that software brings about through a device: the exit port, or a register that switches off or resets. */
export type MachineEnd = Extract<Stop, { kind: 'exit' | 'halted' }>;

const END_NAMES = {
  'power-off': 'switched off',
  reset: 'reset, with no firmware to start again from,',
} as const;

const PINS = { nmi: POLL_NMI, smi: POLL_SMI, init: POLL_INIT } as const;

const MIN_MEMORY_BYTES = 1 << 20;
const MAX_MEMORY_BYTES = 2 ** 31;
const WASM_PAGE_BYTES = 1 << 16;
/** State areas before physical memory: one for the physical processor, and for each guest its processor and an image. */
const AREAS_EACH = 2;

const RESET_STACK = 0x90000;
const FLAT = attr.ATTR_P | attr.ATTR_S | attr.ATTR_RW | attr.ATTR_ACCESSED | attr.ATTR_DB | attr.ATTR_G;

/**
 * A PC: the parts list. A bare machine runs a guest by itself; a monitor owns one, gives its guest a window of
 * its memory and a virtual machine made by {@link virtualMachine}, and runs guest code with {@link runMonitored}
 * or {@link vmrun}.
 */
export class Machine {
  readonly profile: CpuProfile;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly memory: PhysicalMemory;
  readonly ports: PortBus;
  readonly platform: Platform;
  readonly trace: TraceRecorder;
  private readonly core: Cpu;
  private readonly freeStates: number[];
  /** What software asked the run to end with; the processor stops for it at once. */
  private end: MachineEnd | null = null;

  private constructor(
    profile: CpuProfile,
    memory: PhysicalMemory,
    stateOffsetBytes: number,
    ledger: Ledger,
    clock: Clock,
    x87: X87Unit,
    compiled: CompiledLayout | null,
    freeStates: number[],
  ) {
    this.freeStates = freeStates;
    this.profile = profile;
    this.memory = memory;
    this.ledger = ledger;
    this.clock = clock;
    this.trace = new TraceRecorder();
    this.ports = new PortBus();
    this.core = new Cpu({
      profile,
      memory,
      stateOffsetBytes,
      ledger,
      clock,
      x87,
      ports: this.ports,
      trace: this.trace,
      acknowledgeInterrupt: () => this.platform.acknowledgeInterrupt(),
      localApic: apicBase(() => this.platform.localApic),
      compiled,
    });
    this.core.svmUnit = new Svm(this.core);
    this.platform = new Platform({
      ports: this.ports,
      clock,
      memory,
      setInterruptLine: (level) => (this.core.interruptLine = level),
      requestNmi: () => this.core.setPoll(POLL_NMI, true),
      requestExit: (code) => this.requestEnd({ kind: 'exit', code }),
      requestEnd: (kind, by) => this.requestEnd({ kind: 'halted', because: `${END_NAMES[kind]} by ${by}` }),
    });
    this.platform.a20.onChange = (mask) => this.core.setAddressMask(mask);
    this.memory.outside = this.outsideMemory();
    this.resetFlat(0);
  }

  /** @throws RangeError when `memoryBytes` is not a size that a machine can have, and for a CPUID feature that there is not. */
  static create({
    profile,
    memoryBytes,
    engine = DEFAULT_ENGINE,
    hotInstructions = HOT_INSTRUCTIONS,
    virtualMachines = 1,
  }: MachineOptions): Machine {
    if (memoryBytes % PAGE_BYTES !== 0 || memoryBytes < MIN_MEMORY_BYTES || memoryBytes > MAX_MEMORY_BYTES) {
      throw new RangeError(
        `memory of ${memoryBytes} bytes: expected a multiple of ${PAGE_BYTES} from ${MIN_MEMORY_BYTES} to ${MAX_MEMORY_BYTES}`,
      );
    }
    requireFeatures(profile.features);
    if (!ENGINES.includes(engine)) {
      throw new RangeError(`no engine is called '${String(engine)}'; there are: ${ENGINES.join(', ')}`);
    }
    const {
      memory: buffer,
      marks,
      memoryOffsetBytes,
      stateAreas,
      ...layout
    } = layOut(memoryBytes, profile.tlb, virtualMachines);
    const ledger = new Ledger(profile);
    const memory = PhysicalMemory.over(buffer, memoryOffsetBytes, memoryBytes, marks);
    const ram = { hostBytes: memoryOffsetBytes, sizeBytes: memoryBytes };
    const compiled = engine === 'compiled' ? { memory: buffer, ...layout, ram, hotInstructions } : null;
    const x87 = new X87Unit(buffer.buffer, X87_OFFSET);
    const freeStates = Array.from({ length: stateAreas - 1 }, (_, index) => (index + 1) * STATE_BYTES);
    return new Machine(profile, memory, 0, ledger, new Clock(ledger), x87, compiled, freeStates);
  }

  get cpu(): Processor {
    return this.core;
  }

  /** Physical addresses beyond memory, and the devices there. */
  get mmio(): MmioBus {
    return this.platform.mmio;
  }

  /**
   * The processor is one that can be virtualized classically: instructions that are sensitive without being
   * privileged raise #GP(0) outside of ring 0, as privileged ones do. For the machine of a monitor that runs a
   * deprivileged guest; to be changed between two runs.
   */
  get sensitiveTraps(): boolean {
    return this.core.sensitiveTraps;
  }
  set sensitiveTraps(value: boolean) {
    this.core.sensitiveTraps = value;
  }

  /** Set from outside (an interrupt of the kernel): the run stops at the next poll with kind 'requested'. */
  get stopRequested(): boolean {
    return (this.core.pollAttention & POLL_STOP) !== 0;
  }
  set stopRequested(value: boolean) {
    this.core.setPoll(POLL_STOP, value);
  }

  /** Raises one of the processor's pins beside INTR. It stays raised until the processor takes it. */
  raisePin(pin: keyof typeof PINS): void {
    this.core.setPoll(PINS[pin], true);
  }

  /** For a monitor between two runs: takes a request to stop away, if there is one. */
  takeStopRequest(): boolean {
    const requested = this.stopRequested;
    this.stopRequested = false;
    return requested;
  }

  /** The end that software asked for and no run has reported, taken away; null when there is none. For a monitor that stepped the processor. */
  takeEnd(): MachineEnd | null {
    const { end } = this;
    this.end = null;
    this.core.setAttention(ATTENTION_EXIT, false);
    return end;
  }

  /** Attempts of software at what the processor does not offer yet, by name. */
  get missing(): ReadonlyMap<string, number> {
    return this.core.missing;
  }

  /**
   * A virtual PC for a guest of this machine: its memory is the window [offsetBytes, offsetBytes + sizeBytes) of
   * this one's, its clock is this one's, its processor and devices are its own. What its processor does when a
   * monitor steps it is counted in a ledger of its own and costs nothing here: the monitor charges for its work.
   * @param profile what its processor offers; of the prices nothing counts.
   * @throws Error when it has as many as it can carry; RangeError when the window does not fit.
   */
  virtualMachine(offsetBytes: number, sizeBytes: number, profile: CpuProfile = this.profile): Machine {
    const memory = this.memory.window(offsetBytes, sizeBytes);
    // No monitor here computes in floating point, so the coprocessor is all the guest's: of the one that runs.
    const { x87 } = this.core;
    const ledger = new Ledger(profile);
    return new Machine(profile, memory, this.takeState(), ledger, this.clock, x87, null, []);
  }

  /**
   * Room for what is in the processor while one of several monitors has it: registers, coprocessor, all that
   * {@link Processor.copyFrom} carries. It cannot execute.
   * @throws Error when there is no room: each virtual machine brings one.
   */
  processorImage(): Processor {
    const { profile, clock, memory } = this;
    const stateOffsetBytes = this.takeState();
    return new Cpu({
      profile,
      memory,
      stateOffsetBytes,
      ledger: new Ledger(profile),
      clock,
      x87: new X87Unit(this.core.u8.buffer, stateOffsetBytes + X87_OFFSET),
      ports: new PortBus(),
      trace: new TraceRecorder(),
      acknowledgeInterrupt: () => 0,
      localApic: apicBase(() => this.platform.localApic),
      compiled: null,
    });
  }

  private takeState(): number {
    const offsetBytes = this.freeStates.shift();
    if (offsetBytes === undefined) throw new Error('the machine has no room for another virtual machine');
    return offsetBytes;
  }

  /** Flat 32-bit protected mode, paging and interrupts off, all general registers 0 but ESP: how an image is entered. */
  resetFlat(entry: number): void {
    const { core } = this;
    core.reset();
    core.cr0 = CR0_PE | CR0_ET | CR0_NE;
    core.setSegment(CS, { selector: 0x08, attributes: FLAT | attr.ATTR_CODE, limit: 0xffff_ffff, base: 0 });
    for (const segment of [DS, ES, SS, FS, GS] as const) {
      core.setSegment(segment, { selector: 0x10, attributes: FLAT, limit: 0xffff_ffff, base: 0 });
    }
    core.setGpr(EDX, 0);
    core.setGpr(ESP, RESET_STACK);
    core.eip = entry;
    core.reload();
  }

  /** The processor as its reset pin leaves it: in real mode at the reset vector, where a ROM is. Memory and devices stay. */
  resetHard(): void {
    this.core.reset();
  }

  /** What the guest can see of its processor, for comparison and display. */
  state(): GuestState {
    const { core } = this;
    const gprs = GPR_NAMES.map((name, register) => [name, core.gpr(register)]);
    const segments = SEGMENT_NAMES.map((name, index) => [name, core.segment(index as SegmentIndex)]);
    return {
      gprs: Object.fromEntries(gprs) as GuestState['gprs'],
      eip: core.eip,
      eflags: core.eflags,
      segments: Object.fromEntries(segments) as GuestState['segments'],
      cr0: core.cr0,
      cr2: core.cr2,
      cr3: core.cr3,
      cr4: core.cr4,
      gdtr: core.gdtr,
      idtr: core.idtr,
      ...(core.x87.used && { x87: core.x87.state() }),
    };
  }

  /** Sets, or with null takes away, points where runs stop with 'breakpoint'; they change nothing else. */
  watch(points: OwnerPoints | null): void {
    this.core.debugUnit.watch(points);
  }

  /** There are such points. */
  get isWatched(): boolean {
    return this.core.debugUnit.isWatched;
  }

  /** The point that {@link watch} set and a step of the processor has met, taken away; null when there is none. */
  takeHit(): OwnerHit | null {
    return this.core.debugUnit.takeHit();
  }

  /** The next run does not stop before its first instruction. */
  passPoint(): void {
    this.core.debugUnit.passPoint();
  }

  /** The page-table entries for `linear` as they are now; null with paging off. Changes nothing. */
  pageWalk(linear: number): PageWalkView | null {
    return viewPageWalk(this.core.mmu, this.core.cr0, linear);
  }

  /** What the TLB holds: set by set, way by way. */
  tlbEntries(): readonly TlbEntry[] {
    return this.core.mmu.tlb.entries();
  }

  /** Runs on this machine's own IDT until something of Stop happens (never 'trap', 'entry' or 'vmexit'). */
  run(limits: RunLimits = {}): Stop {
    return this.reportEnd(this.core.run(limits, null));
  }

  /**
   * Runs a deprivileged guest: every event stops with 'trap' in place of going through the IDT; physical
   * interrupts trap whatever EFLAGS.IF is. A control transfer into the host-physical page number `entryPage` stops with 'entry'.
   * @param shortWays of the monitor, past a stop.
   */
  runMonitored(entryPage: number, limits: RunLimits = {}, shortWays: ShortWays | null = null): Stop {
    return this.reportEnd(this.core.run(limits, { entryPage, shortWays }));
  }

  /** Executes VMRUN on the VMCB at `vmcbHpa` as host software at CPL 0 and runs the guest until #VMEXIT (or a budget). GPRs other than RAX and RSP are the guest's. */
  vmrun(vmcbHpa: number, limits: RunLimits = {}): Stop {
    this.core.efer |= EFER_SVME;
    return this.core.svmUnit.enter(vmcbHpa)
      ? this.reportEnd(this.core.run(limits, null))
      : { kind: 'vmexit' };
  }

  /** Continues a vmrun that stopped with 'budget' or 'requested' in guest mode. @throws Error when there is none. */
  continueGuest(limits: RunLimits = {}): Stop {
    if (!this.core.guestMode) throw new Error('no guest is running: use vmrun');
    return this.reportEnd(this.core.run(limits, null));
  }

  /**
   * Lets time pass, as a monitor whose guest waits in HLT does: up to the next deadline, which is then run.
   * @param limitTicks goes no further than this. @returns false when nothing would ever come due.
   */
  idle(limitTicks: number): boolean {
    const { clock, ledger } = this;
    if (!passIdleTime(ledger, clock, limitTicks)) return false;
    clock.fireDue();
    return true;
  }

  /** Devices in the address space, which see the time as it is at the instruction that reaches them. */
  private outsideMemory(): OutsideMemory {
    const { core, ledger, trace } = this;
    const { mmio } = this.platform;
    const claim = (gpa: number, bytes: AccessBytes): boolean => {
      const claimed = mmio.claims(gpa, bytes);
      if (claimed) core.requireExactTime();
      return claimed;
    };
    const note = (
      direction: 'read' | 'write',
      gpa: number,
      widthBytes: AccessBytes,
      value: number,
      claimed: boolean,
    ): void => {
      if (!trace.enabled) return;
      trace.record({
        ticks: ledger.ticks,
        kind: 'mmio',
        direction,
        gpa,
        widthBytes,
        value: value >>> 0,
        claimed,
      });
    };
    return {
      read: (gpa, bytes) => {
        const claimed = claim(gpa, bytes);
        const value = mmio.read(gpa, bytes);
        note('read', gpa, bytes, value, claimed);
        return value;
      },
      claimsPage: (page) => mmio.claimsPage(page),
      write: (gpa, bytes, value) => {
        const claimed = claim(gpa, bytes);
        mmio.write(gpa, bytes, value);
        note('write', gpa, bytes, value, claimed);
      },
    };
  }

  private requestEnd(end: MachineEnd): void {
    this.end ??= end;
    if (end.kind === 'exit') this.core.exitCode = end.code;
    this.core.setAttention(ATTENTION_EXIT, true);
  }

  /** The processor stops with 'exit' for every kind of end. */
  private reportEnd(stop: Stop): Stop {
    return stop.kind === 'exit' ? (this.takeEnd() ?? stop) : stop;
  }
}

/**
 * Divides the machine's one memory: state areas, what compiled code needs (the TLB, its own room, what is by page: where
 * compiled code is, and marks), physical memory.
 */
function layOut(memoryBytes: number, tlbShape: TlbShape, virtualMachines: number) {
  const stateAreas = 1 + AREAS_EACH * virtualMachines;
  const tlb = tlbPlaces(tlbShape, stateAreas * STATE_BYTES);
  const arenaBytes = tlb.end;
  const directoryBytes = arenaBytes + ARENA_BYTES;
  const bytesByPage = DIRECTORY_ENTRY_BYTES + 1;
  // Pages of all kinds are in both tables, those of the tables too: a little more than there are.
  const pagesBefore = directoryBytes / PAGE_BYTES;
  const guestPages = memoryBytes / PAGE_BYTES;
  const mostPages = Math.ceil(((pagesBefore + guestPages) * PAGE_BYTES) / (PAGE_BYTES - bytesByPage)) + 64;
  const marksBytes = directoryBytes + mostPages * DIRECTORY_ENTRY_BYTES;
  const memoryOffsetBytes = Math.ceil((marksBytes + mostPages) / PAGE_BYTES) * PAGE_BYTES;
  const pages = Math.ceil((memoryOffsetBytes + memoryBytes) / WASM_PAGE_BYTES);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const marks = new Uint8Array(memory.buffer, marksBytes, memory.buffer.byteLength / PAGE_BYTES);
  return {
    memory,
    stateAreas,
    stateBytes: 0,
    tlb,
    tlbShape,
    arenaBytes,
    directoryBytes,
    marksBytes,
    marks,
    memoryOffsetBytes,
  };
}

/** The processor is built before the devices. */
function apicBase(find: () => ApicBase): ApicBase {
  return {
    get base() {
      return find().base;
    },
    get enabled() {
      return find().enabled;
    },
    setBase: (value) => find().setBase(value),
    get taskPriorityClass() {
      return find().taskPriorityClass;
    },
    set taskPriorityClass(value) {
      find().taskPriorityClass = value;
    },
  };
}
