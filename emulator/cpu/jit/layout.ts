import { MOST_SHORT_WAYS } from '../processor.js';
import type { TlbPlaces, TlbShape } from '../tlb-area.js';

/** Where compiled code finds what it works on, as byte offsets in the machine's one memory. */
export interface CompiledLayout {
  memory: WebAssembly.Memory;
  /** The processor's state area. */
  stateBytes: number;
  /** Its TLB. */
  tlb: TlbPlaces;
  tlbShape: TlbShape;
  /** Marks by page of the memory (platform/memory.ts). */
  marksBytes: number;
  /** Room for what compiled code counts and looks up, ARENA_BYTES, that begins with the words of {@link CONTROL}. */
  arenaBytes: number;
  /** By page of the memory, DIRECTORY_ENTRY_BYTES each: where its table of compiled blocks is (code-directory.ts). */
  directoryBytes: number;
  /** Physical memory. */
  ram: { hostBytes: number; sizeBytes: number };
  /** Interpreted instructions of a block that make it hot. */
  hotInstructions: number;
}

/** Usual value of `hotInstructions`: about what compiling a block costs (20 us). */
export const HOT_INSTRUCTIONS = 2048;

export const ARENA_BYTES = 1 << 22;

/** One word for code of 16 bits, one for code of 32. */
export const DIRECTORY_ENTRY_BYTES = 8;

/**
 * The words by which engine, units and their helpers speak, as byte offsets from the arena's start. Instructions and
 * ticks count down.
 */
export const CONTROL = {
  instructions: 0,
  ticks: 4,
  /** Bits of {@link ALLOWED}: what may be done without leaving compiled code. */
  allowed: 8,
  /** Ticks that the last helper has charged, which the unit counts down. */
  helperTicks: 12,
  /** The unit under execution. */
  slot: 16,
  /** The page that instructions come from, as the fetcher would hold it: linear page number, host address. */
  linearPage: 20,
  hostPage: 24,
  /** Not 0: the next fetch goes through the TLB, be it from the same page. */
  refetch: 28,
  /** Not 0: a page fault has stopped the unit; its error code and linear address. */
  fault: 32,
  faultCode: 36,
  faultLinear: 40,
  /** Counted since the units were entered: entries of page tables read, page faults delivered, INVLPGs; the last one's linear address. */
  references: 44,
  faultsDelivered: 48,
  invalidations: 64,
  lastInvalidated: 68,
  /** The current address-space tag. */
  asid: 52,
  /** Host address of a page that must be left to the run loop; 1: none. */
  entryPage: 56,
  /** Not 0: a poll is owed for an event that was delivered. */
  poll: 60,
  /** What {@link MEMOS} begin with; then those. */
  memoKeys: 72,
  memos: 96,
} as const;
export const CONTROL_BYTES = 160;

/**
 * The short ways of a monitor, after the words of control: how things stand, and then a record of each, calls first. The side is
 * that of user code (0) or of the kernel (1); `last` is the number of a record and 1.
 */
/** What DELIVER gives for a short way, in place of 1. */
export const DONE_SHORT = 2;

export const SHORT_WAYS = {
  isOpen: CONTROL_BYTES,
  side: CONTROL_BYTES + 4,
  left: CONTROL_BYTES + 8,
  last: CONTROL_BYTES + 12,
  taken: CONTROL_BYTES + 16,
  /** The count of indirect jumps when control came to the kernel, and those in the kernel since compiled code was entered. */
  jumpsBefore: CONTROL_BYTES + 20,
  jumps: CONTROL_BYTES + 24,
  calls: CONTROL_BYTES + 28,
  returns: CONTROL_BYTES + 32,
  /** Not 0: what compiled code may count down ends before the deadline and the limit, so that they are not looked at. */
  isFar: CONTROL_BYTES + 36,
  /** What the last call took. */
  ticks: CONTROL_BYTES + 40,
  records: CONTROL_BYTES + 48,
} as const;
/** Fields of a record, in bytes; places are those of ShortWay. Pairs of `when` and `then` follow. */
export const SHORT_WAY = {
  ticks: 0,
  userFlags: 4,
  esp: 8,
  frame: 12,
  codeSelector: 16,
  stackSelector: 20,
  left: 24,
  times: 28,
  /** A call's vector, or a return's offset in the entry page. */
  key: 32,
  /** A call's page of code, or a return's value of the site. */
  place: 36,
  /** A return's place of the site. */
  site: 40,
  /** Where a call leads, or a return's last offset of code. */
  eip: 44,
  keptFlags: 48,
  setFlags: 52,
  whenCount: 56,
  thenCount: 60,
  when: 64,
  then: 64 + 8 * MOST_SHORT_WAYS.when,
} as const;
/** Pairs come in groups of so many: the last ones may be there several times. */
export const SHORT_WAY_GROUP = 4;
export const SHORT_WAY_BYTES = SHORT_WAY.then + 8 * MOST_SHORT_WAYS.then;
/** Where the rest of the arena begins. */
export const FIXED_BYTES = SHORT_WAYS.records + 2 * MOST_SHORT_WAYS.each * SHORT_WAY_BYTES;

export const ALLOWED = {
  /** INT n and IRETD. */
  transfers: 1,
  /** The delivery of page faults. */
  faults: 2,
  /** Walks of two-level page tables, into the TLB. */
  walks: 4,
  /** Going from one unit to the next. */
  chains: 8,
  /** INVLPG. */
  invalidations: 16,
  /** The short ways of a monitor. */
  shortWays: 32,
} as const;

/**
 * What holds for as long as compiled code is not left, since it loads no segment but with others of its kind: the
 * descriptors that were accepted last, by who uses them, and that no data segment is lost by going to ring 3. The
 * keys are 0 when compiled code is entered.
 */
export const MEMOS = [
  'enteredCode',
  'enteredStack',
  'returnedCode',
  'returnedStack',
  'dataSegments',
] as const;
export type Memo = (typeof MEMOS)[number];
/** Words of a memo of a descriptor: its linear address, its halves, its attributes. */
export const MEMO_BYTES = 16;
