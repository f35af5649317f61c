import { PAGE_BYTES } from '../arch/paging.js';
import type { Technique } from './catalog.js';
import { MAX_CACHE_BYTES } from './software/area.js';

interface SwitchFacts {
  /** The techniques that have the mechanism; others refuse the switch. */
  techniques: readonly Technique[];
  /** One line: what the switch changes. */
  description: string;
}

/** On or off. */
export interface FlagRow extends SwitchFacts {
  kind: 'flag';
  default: boolean;
}

/** One of a few names. */
export interface ChoiceRow extends SwitchFacts {
  kind: 'choice';
  values: readonly string[];
  default: string;
}

/** A whole number in a range. */
export interface CountRow extends SwitchFacts {
  kind: 'count';
  min: number;
  max: number;
  /** Only its multiples are allowed; 1 unless told. */
  multipleOf?: number;
  unit: string;
  default: number;
}

export type SwitchRow = FlagRow | ChoiceRow | CountRow;

/** The techniques that have shadow page tables, that translate, and that run guests in guest mode. */
const SHADOWED: readonly Technique[] = ['trap-and-emulate', 'binary-translation', 'svm-shadow', 'hybrid'];
const TRANSLATING: readonly Technique[] = ['binary-translation', 'hybrid'];
const HARDWARE: readonly Technique[] = ['svm-shadow', 'svm-nested', 'hybrid'];

/**
 * The mechanisms of the monitors that can be switched or sized, for what-if questions. None changes what a guest
 * can see but time; each changes counts. The defaults are what the technique is. A new one is a row here, read as
 * `this.switches.name` in a monitor, and a test of the direction of its effect (test/vmm/switches).
 */
export const SWITCHES = {
  kernelRing: {
    kind: 'choice',
    values: ['ring1', 'ring3'],
    default: 'ring1',
    techniques: ['trap-and-emulate'],
    description:
      "where the guest's kernel runs; in ring 3, kernel and user code need shadow page tables of their own",
  },
  sensitiveTraps: {
    kind: 'flag',
    default: false,
    techniques: ['trap-and-emulate'],
    description: 'a processor on which every sensitive instruction traps when deprivileged',
  },
  traces: {
    kind: 'choice',
    values: ['eager', 'lazy'],
    default: 'eager',
    techniques: SHADOWED,
    description:
      'when edits of page tables reach the shadow: at each store, by traces; or lazily, when a TLB would have to forget (section 7.2)',
  },
  shadowCache: {
    kind: 'count',
    min: 0,
    max: 1024,
    unit: 'address spaces',
    default: 64,
    techniques: SHADOWED,
    description: 'address spaces whose shadows are kept; 0: thrown away at each load of CR3',
  },
  prevalidation: {
    kind: 'flag',
    default: false,
    techniques: SHADOWED,
    description:
      'entries of the shadow that the guest has used are filled ahead of faults when an address space is loaded',
  },
  chaining: {
    kind: 'flag',
    default: true,
    techniques: TRANSLATING,
    description:
      'jumps in the translation cache lead to translated code directly, or by placement not at all',
  },
  returnCache: {
    kind: 'flag',
    default: true,
    techniques: TRANSLATING,
    description:
      'returns, indirect jumps and jumps to other pages find their target through a hash table in the cache',
  },
  inCacheEmulation: {
    kind: 'flag',
    default: true,
    techniques: TRANSLATING,
    description:
      'cli, sti, pushf, popf, rdtsc and reads of control registers are emulated without leaving the cache',
  },
  rdtsc: {
    kind: 'choice',
    values: ['in-cache', 'callout', 'trap'],
    default: 'in-cache',
    techniques: TRANSLATING,
    description: 'how translated code reads the time-stamp counter',
  },
  adaptive: {
    kind: 'flag',
    default: true,
    techniques: TRANSLATING,
    description:
      'instructions that keep trapping on page tables, devices or the monitor are retranslated into callouts',
  },
  directExecution: {
    kind: 'flag',
    default: true,
    techniques: TRANSLATING,
    description: 'user code runs as it is; off: it is translated too',
  },
  truncation: {
    kind: 'flag',
    default: true,
    techniques: TRANSLATING,
    description:
      'guest segments end below the monitor; off: nothing but honesty keeps a guest kernel from its memory',
  },
  coherence: {
    kind: 'flag',
    default: true,
    techniques: ['binary-translation'],
    description:
      'a store to code drops what was translated from it; off: the stale translation runs on, which is wrong on purpose',
  },
  unitLimit: {
    kind: 'count',
    min: 1,
    max: 24,
    unit: 'instructions',
    default: 12,
    techniques: TRANSLATING,
    description: 'the longest translation unit',
  },
  cacheBytes: {
    kind: 'count',
    min: 2 * PAGE_BYTES,
    max: MAX_CACHE_BYTES,
    multipleOf: PAGE_BYTES,
    unit: 'bytes',
    default: 2 << 20,
    techniques: TRANSLATING,
    description: 'size of the translation cache, which is emptied when it is full',
  },
  addressSpaceTags: {
    kind: 'flag',
    default: true,
    techniques: HARDWARE,
    description:
      'where the processor tags its TLB, the guest keeps its entries across exits; off: each VMRUN flushes them',
  },
  decodeAssists: {
    kind: 'flag',
    default: true,
    techniques: HARDWARE,
    description:
      'where the processor decodes the instruction that exited, the monitor does not; off: it decodes from guest memory',
  },
  leanHandlers: {
    kind: 'flag',
    default: false,
    techniques: HARDWARE,
    description:
      'a handler that knows its instruction reads only the registers that it needs from the VMCB, and keeps them until the guest runs',
  },
  exitAvoidance: {
    kind: 'flag',
    default: false,
    techniques: HARDWARE,
    description:
      'exits that follow each other closely are taken as one, what lies between being carried out by the monitor (ATC 2012)',
  },
  policy: {
    kind: 'choice',
    values: ['adaptive', 'oracle', 'software', 'hardware'],
    default: 'adaptive',
    techniques: ['hybrid'],
    description:
      'who runs the guest: by what its exits have cost; by a recording of it made beforehand; or one half alone',
  },
  policyInterval: {
    kind: 'count',
    min: 4,
    max: 4096,
    unit: 'exits',
    default: 8,
    techniques: ['hybrid'],
    description: 'how many exits the adaptive policy looks at before it decides again',
  },
  nestedFormat: {
    kind: 'choice',
    values: ['two-level', 'pae'],
    default: 'two-level',
    techniques: ['svm-nested'],
    description:
      'format of the nested page tables: 4 KB and 4 MB pages in two levels, or 4 KB and 2 MB pages in three',
  },
  nestedLargePages: {
    kind: 'flag',
    default: true,
    techniques: ['svm-nested'],
    description: 'nested page tables map with large pages where all of one is memory',
  },
} as const satisfies Readonly<Record<string, SwitchRow>>;

export type SwitchName = keyof typeof SWITCHES;

type ValueOf<Row> = Row extends { kind: 'flag' }
  ? boolean
  : Row extends { kind: 'choice'; values: readonly (infer Value)[] }
    ? Value
    : number;

/** A value for every switch. */
export type Switches = { [Name in SwitchName]: ValueOf<(typeof SWITCHES)[Name]> };
export type SwitchValue = Switches[SwitchName];
