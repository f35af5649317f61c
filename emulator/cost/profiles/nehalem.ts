import { guess, input } from '../price.js';
import type { CpuProfile } from '../profile.js';
import { core2_e6700 } from './core2-e6700.js';
import { NETBURST_FEATURES } from './pentium4-672.js';

/** AF21: see pentium4-672.ts; here the column for Nehalem. ATC12: Agesen et al., USENIX ATC 2012, table 1. */
const AF21 = 'AF21 Nehalem';
/** Entry and exit are measured together; how they share a round trip is taken from A06 table 1 for the Core 2 (937 to 1186). */
const ENTRY_SHARE = 937 / (937 + 1186);

/** The two halves of a measured round trip. */
export function roundTrip(cycles: number, source: string): Pick<CpuProfile['prices'], 'vmrun' | 'vmexit'> {
  const vmrun = Math.round(cycles * ENTRY_SHARE);
  return {
    vmrun: input(vmrun, `${source}: round trip ${cycles}, split as on the Core 2`),
    vmexit: input(cycles - vmrun, `${source}: round trip ${cycles}, split as on the Core 2`),
  };
}

/** What CPUID offers from this core on. */
export const NEHALEM_FEATURES = [...NETBURST_FEATURES, 'rdtscp'] as const;

/**
 * The first of its maker's cores with nested page tables and with tags in its TLB (EPT and VPID; SVM's nested paging
 * and ASIDs in the simulated processor). What a monitor's own code does keeps the Pentium 4's count of cycles.
 *
 * TLB: the second-level one, 512 entries for 4 KB pages in 4 ways (Intel SDM vol. 2A, CPUID leaf 2 descriptor CAh); the
 * model's only TLB. 16 bits of tag.
 *
 * Page-walk cache: that these cores have caches for paging structures is a fact (Intel SDM vol. 3A, section 4.10.3
 * "Paging-Structure Caches"; vol. 3C, "Information That May Be Cached": tagged with VPID); their size is published nowhere. 32 entries are a guess, of the
 * order of those that were modelled (24, Bhargava et al. 2008) and documented elsewhere (16, AMD Software Optimization Guide
 * for Family 16h, section 2.6.3 "Hardware Page Table Walker").
 */
export const nehalem: CpuProfile = {
  ...core2_e6700,
  name: 'nehalem',
  description: 'Intel Xeon X5570, 2.93 GHz (Nehalem): nested paging and tagged TLB',
  frequencyHz: 2_930_000_000,
  features: NEHALEM_FEATURES,
  physicalAddressBits: 40,
  tlb: { entries: 512, ways: 4, tagged: true },
  walkCache: { entries: 32 },
  svm: { asids: 65_536, nextRip: true, decodeAssists: false, pauseFilter: false },
  prices: {
    ...core2_e6700.prices,
    ...roundTrip(1009, 'ATC12 table 1, Nehalem'),
    divide: input(22, `${AF21}: latency of idiv r32 17 to 28`),
    'flags.read': input(1, `${AF21}: pushf`),
    'flags.write': input(14, `${AF21}: popf`),
    locked: input(20, `${AF21}: xchg with memory`),
    'segment.load': input(13, `${AF21}: mov sr,r`),
    'far.transfer': input(74, `${AF21}: call far`),
    'fast.syscall': guess(45, 'a syscall/sysret round trip takes about 90'),
    'fast.sysret': guess(45, 'a syscall/sysret round trip takes about 90'),
    'cr3.write': guess(175, 'about 150 to 200 on this core'),
    invlpg: guess(175, 'about 150 to 200 on this core'),
    cpuid: input(200, `${AF21}: about 200`),
    rdtsc: input(24, `${AF21}: rdtsc`),
    'walk.reference': guess(
      10,
      'found in the second-level cache, whose load-to-use latency is about 10 on this core',
    ),
    'walk.nested.reference': guess(10, 'as walk.reference'),
    'walk.cached': guess(2, 'Bhargava et al. 2008: a hit in a page-walk cache takes 2 cycles'),
    'vmcb.read': guess(25, 'vmread takes about 20 to 30'),
    'vmcb.write': guess(25, 'vmwrite takes about 20 to 30'),
  },
};
