import { CR0_PG } from '../arch/control.js';
import * as paging from '../arch/paging.js';
import { pageFrame, tableAddress } from '../platform/page-walk.js';
import type { Mmu } from './mmu.js';

/** One page-table entry on the way. */
export interface PageEntryView {
  level: 'PDPTE' | 'PDE' | 'PTE';
  /** Physical address of the entry. */
  address: number;
  /** The entry, both halves of a 64-bit one. */
  value: bigint;
  /** Linear addresses that it covers, in bytes. */
  spanBytes: number;
  /** It maps a page; else it names a table, or nothing. */
  isPage: boolean;
  /** Names of the bits that are set, as the manuals have them. */
  bits: readonly string[];
  /** Physical address of the table or page that it names; null when it is not present. */
  leadsTo: number | null;
}

/** The way of a linear address through the page tables. */
export interface PageWalkView {
  linear: number;
  format: string;
  /** From the root; the last one is where the way ends. */
  entries: readonly PageEntryView[];
  /** Null when an entry is not present or has a reserved bit set. */
  physical: number | null;
  /** What all entries together allow; empty when there is no page. */
  rights: readonly string[];
  /** Why there is no page. */
  trouble: 'not present' | 'reserved bit set' | null;
}

const LOW_BITS: readonly (readonly [number, string])[] = [
  [paging.PTE_P, 'P'],
  [paging.PTE_W, 'W'],
  [paging.PTE_U, 'U'],
  [paging.PTE_PWT, 'PWT'],
  [paging.PTE_PCD, 'PCD'],
  [paging.PTE_A, 'A'],
  [paging.PTE_D, 'D'],
  [paging.PTE_PS, 'PS'],
  [paging.PTE_G, 'G'],
];
/** In the last level's entries bit 7 is PAT. */
const PAT = 'PAT';

/** @returns null with paging off. */
export function viewPageWalk(mmu: Mmu, cr0: number, linear: number): PageWalkView | null {
  if ((cr0 & CR0_PG) === 0) return null;
  const { format } = mmu.root(linear);
  const walk = mmu.inspect(linear);
  const none = { linear, format: format.name, entries: [], physical: null, rights: [] };
  if (walk === null) return { ...none, trouble: 'not present' };
  const entries = Array.from({ length: walk.count }, (_, at): PageEntryView => {
    const level = walk.levels[at];
    const low = walk.lows[at];
    const high = walk.highs[at];
    const isPage = level.mapsPages === 'always' || (level.mapsPages === 'ps' && (low & paging.PTE_PS) !== 0);
    const names = LOW_BITS.filter(([bit]) => (low & bit) !== 0).map(([bit, name]) =>
      bit === paging.PTE_PS && level.mapsPages === 'always' ? PAT : name,
    );
    return {
      level: level.name,
      spanBytes: 2 ** level.shift,
      isPage,
      address: walk.addresses[at],
      value: (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0),
      bits: (high & paging.PTE_HIGH_NX) !== 0 ? [...names, 'NX'] : names,
      leadsTo:
        (low & paging.PTE_P) === 0
          ? null
          : isPage
            ? pageFrame(format, level, low, high)
            : tableAddress(low, high),
    };
  });
  if (walk.cause >= 0) {
    return { ...none, entries, trouble: walk.cause === 0 ? 'not present' : 'reserved bit set' };
  }
  return {
    ...none,
    entries,
    physical: walk.frame + (linear & ((1 << walk.pageShift) - 1)),
    rights: [
      'read',
      ...(walk.rights & paging.PTE_W ? ['write'] : []),
      ...(walk.noExecute ? [] : ['execute']),
      walk.rights & paging.PTE_U ? 'user' : 'supervisor',
    ],
    trouble: null,
  };
}
