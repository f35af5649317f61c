import type { SegmentState, TableState } from '../arch/descriptors.js';
import type { SegmentIndex } from '../arch/registers.js';
import type { OwnerHit } from './owner-points.js';
import type { TlbHistory } from './tlb.js';

/** An exception or interrupt on its way through an IDT. */
export interface Event {
  vector: number;
  /** `external` and `nmi` come from outside; the software kinds check the gate's DPL and push the next eip. */
  kind: 'exception' | 'external' | 'nmi' | 'int' | 'int3' | 'into' | 'int1';
  errorCode: number | null;
  /** For #PF: goes to CR2 before delivery. */
  cr2?: number;
}

/** Why `run` came back. Closed: a monitor switches over it exhaustively. */
export type Stop =
  /** HLT with nothing that could ever wake it (interrupts off, or no deadline set); or, with `because`, switched off or reset. */
  | { kind: 'halted'; because?: string }
  /** A byte was written to port 0xF4. */
  | { kind: 'exit'; code: number }
  /** Shutdown. `chain` names the faults that led to it, oldest first. */
  | { kind: 'tripleFault'; chain: readonly string[]; eip: number }
  | { kind: 'budget'; budget: 'instructions' | 'cycles' }
  /** `stopRequested` was set (a user's interrupt); at an instruction boundary, can be resumed. */
  | { kind: 'requested' }
  /** A point that the owner set was met; see {@link OwnerHit} for whether before or after the instruction. */
  | { kind: 'breakpoint'; hit: OwnerHit }
  // Only when a monitor owns the machine:
  /**
   * The deprivileged guest trapped: this event would go through the IDT. State is that at delivery (eip: the
   * faulting instruction for faults, the next one for traps and software interrupts); nothing was pushed.
   * 'trap.enter' has been charged to 'transition'. An external event leaves the line as it is: it has not been
   * acknowledged, so its vector is not known and given as 0.
   */
  | { kind: 'trap'; event: Event }
  /** Control reached the monitor's entry page; `offset` is the offset in that page. Nothing was charged. */
  | { kind: 'entry'; offset: number }
  /** #VMEXIT: host state is restored, the VMCB holds the exit. 'vmexit' has been charged to 'transition'. */
  | { kind: 'vmexit' };

/**
 * What a crossing between user code and its kernel does, for one that a monitor has seen going in the same way before. Places are
 * byte offsets in the machine's buffer.
 */
export interface ShortWay {
  /** What the clock advances by; of an INT n besides the price of the instruction. */
  readonly ticks: number;
  /** Words that must be as here, and words that become so: places with values. */
  readonly when: readonly Word[];
  readonly then: readonly Word[];
  /** EFLAGS of user code, arithmetic flags apart. */
  readonly userFlags: number;
  /** ESP with the frame on the stack: EIP, CS, EFLAGS, ESP, SS. */
  readonly esp: number;
  readonly frame: number;
  /** The selectors in it. */
  readonly codeSelector: number;
  readonly stackSelector: number;
  /** A name for what control has left, of any number but 0: after a return, and before a call. */
  readonly left: number;
  /** Times that it was gone; what it counts beside the clock is up to the monitor. */
  times: number;
}
export type Word = readonly [place: number, value: number];

/** INT n: pushes the frame. */
export interface ShortCall extends ShortWay {
  readonly vector: number;
  /** Number of the linear page that the instruction lies in. */
  readonly codePage: number;
  readonly eip: number;
  /** Of EFLAGS, arithmetic flags apart: what stays, and what is set. */
  readonly keptFlags: number;
  readonly setFlags: number;
}

/** Control comes to the monitor's entry page: pops the frame. */
export interface ShortReturn extends ShortWay {
  readonly entryOffset: number;
  /** A word by which callers of the page are told apart. */
  readonly site: Word;
  /** The last offset that is code. */
  readonly codeLimit: number;
}

/** Where the last short way has led. */
export interface ShortWayEnd {
  readonly side: 'user' | 'kernel';
  readonly left: number;
  /** Of the processor, when control last came to the kernel. */
  readonly indirectJumps: number;
}

/**
 * A monitor's short ways past a stop. They may be gone or not: nothing depends on it but how long the run takes on the host. One
 * is gone when the clock's next deadline is not reached by it, and counts for one instruction that was emulated.
 */
export interface ShortWays {
  /** They may be gone now. Asked whenever the run loop looks up. */
  readonly isOpen: boolean;
  /** Others when they change. */
  readonly calls: readonly ShortCall[];
  readonly returns: readonly ShortReturn[];
  readonly end: ShortWayEnd;
  /** Told of the last one gone. @param indirectJumps in the kernel, between calls and returns. */
  follow(last: ShortCall | ShortReturn, end: ShortWayEnd, indirectJumps: number): void;
}

/** At most so many of each kind, with so many words: others are not gone. */
export const MOST_SHORT_WAYS = { each: 8, when: 24, then: 32 } as const;

/** What a run is told of the monitor that owns the processor. */
export interface Monitoring {
  /** Physical page that stops the run with 'entry'. */
  readonly entryPage: number;
  readonly shortWays: ShortWays | null;
}

/**
 * Where the last event was delivered, or the last IRET was executed, as byte offsets in the machine's buffer; while the
 * translations hold, another of its kind finds the same.
 */
export interface TransferPlaces {
  /** Of a delivery: the gate. */
  readonly gate: number;
  /** Of a delivery: SS:ESP in the TSS. */
  readonly tss: number;
  /** The descriptors of the new CS and SS. */
  readonly code: number;
  readonly stack: number;
  /** EIP, CS, EFLAGS, ESP and SS on the inner stack. */
  readonly frame: number;
}

export interface SegmentationImage {
  /** Place of the first word. */
  readonly place: number;
  readonly words: Int32Array;
}

export interface RunLimits {
  /** Instructions from now; default: no limit. */
  instructions?: number;
  /** Cycles from now; checked at each poll and before each instruction that follows one. */
  cycles?: number;
}

/** The result of one `step`: the instruction completed, or an event was delivered instead of or after it. */
export type StepResult =
  | { kind: 'done' }
  | { kind: 'halted' }
  | { kind: 'delivered'; event: Event }
  | { kind: 'shutdown'; chain: readonly string[] };

/** An access as nested tables see it. */
export interface NestedAccess {
  write: boolean;
  fetch: boolean;
  /** The processor's own, to the guest's page tables. */
  table: boolean;
}

/** Where nested tables lead, and what they let through from now on without being asked again. */
export interface NestedTranslation {
  physical: number;
  writable: boolean;
  executable: boolean;
}

/** A processor as its owner sees it: a user at the console, a test, or a monitor. All values unsigned unless said otherwise. */
export interface Processor {
  /** General register 0..7. Unsigned. */
  gpr(register: number): number;
  setGpr(register: number, value: number): void;
  eip: number;
  /** All bits, lazy flags materialised. Setting writes every defined bit. */
  eflags: number;
  /** Sets the flags under `mask`. */
  writeEflags(value: number, mask: number): void;
  cpl: number;
  /** Setting these does what hardware's loading of a saved state does: no privilege checks, no TLB flush; see {@link flushTlb}. */
  cr0: number;
  cr2: number;
  cr3: number;
  cr4: number;
  /** The class of the task priority, 0 to 15: the local APIC's, or in guest mode the virtual one where interrupts are masked virtually. */
  cr8: number;
  efer: number;
  debug(register: number): number;
  setDebug(register: number, value: number): void;
  gdtr: TableState;
  idtr: TableState;
  segment(segment: SegmentIndex): SegmentState;
  /** Whether a segment register holds just this. */
  holdsSegment(segment: SegmentIndex, state: SegmentState): boolean;
  /** Privilege, segment registers and what is derived from them, as words of the machine's buffer. */
  segmentation(): SegmentationImage;
  /** Times that segment registers were loaded: what they hold has not changed while this has not. */
  readonly segmentLoads: number;
  /** Loads the hidden part as it stands, without reading a descriptor. */
  setSegment(segment: SegmentIndex, state: SegmentState): void;
  /** MSRs that an owner may need to carry between processors. Unknown ones throw RangeError. */
  msr(index: number): number;
  setMsr(index: number, value: number): void;
  /** What the time-stamp counter shows less the machine's cycles; to be taken modulo 2^64. Reading it is not looking at the time. */
  readonly timeStampOffset: bigint;
  /** Executing HLT and waiting. */
  halted: boolean;
  /** Interrupts are held off for one instruction (after sti, mov ss, pop ss). */
  interruptShadow: boolean;

  /** Instructions completed since reset, each rep iteration group counted once. */
  readonly instructions: number;
  /** Counts instructions whose effect the owner has brought about by itself. */
  countInstructions(count: number): void;
  /** Of them, near jumps through a register or memory, modulo 2^32: a performance counter, which costs nothing. */
  readonly indirectJumps: number;

  /** Copies every architectural register, hidden segment parts, MSRs, halted and shadow from `other`. TLB and counts stay. */
  copyFrom(other: Processor): void;

  /**
   * Executes exactly one instruction at eip without polling interrupts, budget or deadlines, exceptions
   * delivered through this processor's IDT (never to a monitor). Used by monitors on the virtual processor and
   * by debuggers. Does not use cached decodings, so it sees bytes as they are now.
   */
  step(): StepResult;
  /** Delivers an event through this processor's IDT as hardware would, with double faults and shutdown. */
  deliver(event: Event): StepResult;
  /**
   * Where the last change between rings 3 and 0 found what it needed, taken away: an event delivered without an error code, or an
   * IRET. Null when there was none since, or it was out of the ordinary.
   */
  takeTransfer(): TransferPlaces | null;

  /** Between VMRUN and #VMEXIT of a program that this processor runs: its registers are those of that program's guest. */
  readonly guestMode: boolean;
  /** In guest mode: with nested paging. */
  readonly nestedPaging: boolean;
  /** GIF, always set where nobody has cleared it. */
  readonly globalInterrupts: boolean;
  /**
   * For a virtual processor in guest mode, which `step` does not poll: an injected event, an interrupt or a virtual one
   * that is due is delivered, or ends guest mode if intercepted. @returns null when nothing was due.
   */
  pollGuestMode(): StepResult | null;
  /** In guest mode: something is pending that {@link pollGuestMode} will take once the guest can take it. */
  readonly guestEventPending: boolean;
  /**
   * In guest mode with nested paging: the guest's access to a guest-physical address through the nested tables, with
   * its effect on their A and D. @returns null when it would be a nested page fault, or there are no nested tables.
   */
  translateNested(gpa: number, access: NestedAccess): NestedTranslation | null;

  /** The INTR pin. A pending line is taken at the next poll point where it is allowed. */
  interruptLine: boolean;

  // --- translation, as data
  /** Linear to physical by walking the tables as they are, without side effects; null when not mapped for this access. */
  translate(linear: number, access: { write: boolean; user: boolean; fetch: boolean }): number | null;
  flushTlb(): void;
  /** The page tables have changed behind this processor's back: drops everything that it has read from them, the PDPTE registers too. */
  refreshTranslation(): void;
  invalidateLinear(linear: number): void;
  /**
   * Under PAE paging: the physical addresses of the page directories that the page-directory-pointer registers name, null
   * where one is not present. Else, and with nested paging, empty.
   */
  readonly pageDirectories: readonly (number | null)[];
  /** The A20 gate: what physical addresses are ANDed with on their way to the bus; signed. */
  readonly addressMask: number;
  /** What has gone from the TLB since reset. */
  readonly tlbHistory: TlbHistory;
}
