import { guess, input } from '../price.js';
import type { CpuProfile } from '../profile.js';
import { NEHALEM_FEATURES, nehalem } from './nehalem.js';

const AF21 = 'AF21 Zen 3';

/**
 * A current core, and one that speaks SVM itself: the VMCB is ordinary memory there.
 *
 * TLB: the second-level data TLB, 2048 entries (AMD Software Optimization Guide for Family 19h, section 2.7
 * "L1 and L2 Translation Lookaside Buffers"), here in 8 ways. The real one has a physical address of 48 bits; the model stops at 40.
 *
 * Page-walk cache: its maker's cores have had one since the Opteron of Bhargava et al. 2008. On this one entries of page
 * directories share the second-level TLB, and those above them have a page directory cache (the same guide, section 2.7
 * "Hardware Page Table Walkers"); one cache of 64 entries in place of both is a guess. The nested TLB, which keeps
 * guest-physical to host-physical translations of the guest's tables, has no place in the model: a walk reads the last
 * level of nested tables each time, except where nested pages are large.
 */
export const zen3: CpuProfile = {
  ...nehalem,
  name: 'zen3',
  description: 'AMD EPYC 7763, 2.45 GHz (Zen 3): a current core with SVM',
  frequencyHz: 2_450_000_000,
  features: NEHALEM_FEATURES,
  physicalAddressBits: 40,
  tlb: { entries: 2048, ways: 8, tagged: true },
  walkCache: { entries: 64 },
  svm: { asids: 32_768, nextRip: true, decodeAssists: true, pauseFilter: true },
  prices: {
    ...nehalem.prices,
    alu: input(0.25, `${AF21}: reciprocal throughput of add r,r`),
    multiply: input(3, `${AF21}: latency of imul r32`),
    divide: input(10, `${AF21}: latency of idiv r32 9 to 12`),
    'flags.read': input(4, `${AF21}: pushf`),
    'flags.write': input(13, `${AF21}: popf`),
    locked: input(8, `${AF21}: locked read-modify-write, about 8`),
    cpuid: input(140, `${AF21}: 130 to 150`),
    rdtsc: input(36, `${AF21}: rdtsc`),
    'control.write': guess(50, 'mov to cr8 takes about 50 on current cores'),
    'cr3.write': guess(200, 'about 180 to 250 on current cores'),
    invlpg: guess(150, 'about 100 to 200 on current cores'),
    'walk.reference': guess(
      13,
      'found in the second-level cache, whose load-to-use latency is 12 to 14 on current cores',
    ),
    'walk.nested.reference': guess(13, 'as walk.reference'),
    vmrun: guess(450, 'round trips of current cores lie between 500 and 1500 cycles'),
    vmexit: guess(550, 'round trips of current cores lie between 500 and 1500 cycles'),
    'vmcb.read': guess(4, 'a load that hits the first-level cache: the VMCB is memory'),
    'vmcb.write': guess(2, 'a store: the VMCB is memory'),
    'svm.state': guess(100, 'vmload and vmsave move some 150 bytes'),
  },
};
