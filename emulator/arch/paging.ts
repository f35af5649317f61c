import type { CpuFeature } from './cpuid.js';

/** Page-table facts of legacy mode (AMD64 APM vol. 2, rev. 3.44, section 5.2 "Legacy-Mode Page Translation"). */

export const PAGE_BYTES = 4096;
export const LARGE_PAGE_BYTES = 4 << 20;

/** Bits of an entry's low half, the same in both formats. */
export const PTE_P = 1 << 0;
export const PTE_W = 1 << 1;
export const PTE_U = 1 << 2;
export const PTE_PWT = 1 << 3;
export const PTE_PCD = 1 << 4;
export const PTE_A = 1 << 5;
export const PTE_D = 1 << 6;
/** In a page-directory entry: maps a large page (4 MB ones need CR4.PSE). */
export const PTE_PS = 1 << 7;
export const PTE_G = 1 << 8;
/** Page frame of a 4 KB entry: its low 32 bits. */
export const PTE_FRAME = 0xffff_f000 | 0;
/** Page frame of a 4 MB entry: its low 32 bits. */
export const PDE_LARGE_FRAME = 0xffc0_0000 | 0;
/** What of CR3 is the address of a page-directory-pointer table. */
export const PAE_ROOT_MASK = 0xffff_ffe0 | 0;
/** In the high half of a 64-bit entry: no instruction may be fetched from the page (EFER.NXE). */
export const PTE_HIGH_NX = 0x8000_0000 | 0;

/** What an entry at one level of the tables is. Entries reserve bits that must be zero, tables and pages different ones. */
export interface PagingLevel {
  readonly name: 'PDPTE' | 'PDE' | 'PTE';
  /** Position in the linear address of the level's index; a page that the level maps has `1 << shift` bytes. */
  readonly shift: number;
  /** Of the index. */
  readonly indexMask: number;
  /** `always` for the last level; `ps`: entries with PS set. */
  readonly mapsPages: 'never' | 'ps' | 'always';
  /** Entries have rights and an accessed bit: all but those of a PAE page-directory-pointer table. */
  readonly hasRights: boolean;
  /** Must be zero, low and high half, in an entry that names a table. */
  readonly tableReserved: readonly [low: number, high: number];
  /** In an entry that maps a page. */
  readonly pageReserved: readonly [low: number, high: number];
}

/** A layout of page tables. */
export interface PagingFormat {
  readonly name: '2-level' | '2-level PSE' | 'PAE' | 'PAE NX';
  readonly entryBytes: 4 | 8;
  /** From the root. */
  readonly levels: readonly PagingLevel[];
  /** 4 MB pages take address bits 39:32 from entry bits 20:13. */
  readonly pse36: boolean;
}

/** What of a processor (its profile) decides which bits are reserved in its formats. */
export interface PagingFeatures {
  /** Width of a physical address, 32 to 40. */
  readonly physicalAddressBits: number;
  readonly features: readonly CpuFeature[];
}

const NOTHING: readonly [number, number] = [0, 0];

/**
 * 32-bit entries (APM vol. 2, sections 5.2.1 "CR3 Register", 5.2.2 "4-Kbyte Non-PAE Page Translation", 5.2.4 "4-Mbyte Page
 * Translation"). Bits 21 and, without PSE-36 or beyond the physical address, 20:13 of a 4 MB entry are reserved; so is
 * bit 12, which is PAT.
 */
function twoLevelFormat(pse: boolean, { features, physicalAddressBits }: PagingFeatures): PagingFormat {
  const pse36 = features.includes('pse36');
  const high = pse36 ? Math.min(physicalAddressBits, 40) - 32 : 0;
  const reserved = 0x003f_f000 & ~(((1 << high) - 1) << 13);
  const common = { indexMask: 0x3ff, hasRights: true, tableReserved: NOTHING } as const;
  return {
    name: pse ? '2-level PSE' : '2-level',
    entryBytes: 4,
    levels: [
      { ...common, name: 'PDE', shift: 22, mapsPages: pse ? 'ps' : 'never', pageReserved: [reserved, 0] },
      { ...common, name: 'PTE', shift: 12, mapsPages: 'always', pageReserved: NOTHING },
    ],
    pse36,
  };
}

/** Reserved in a PDPTE besides the address: bits 2:1 and 8:5. */
const PDPTE_RESERVED_LOW = 0x1e6;
/** Bits 20:12 of a 2 MB entry, bit 12 being PAT. */
const LARGE_2MB_RESERVED_LOW = 0x001f_f000;

/**
 * 64-bit entries (APM vol. 2, sections 5.2.3 "4-Kbyte PAE Page Translation", 5.2.5 "2-Mbyte PAE Page Translation"). Physical
 * address bits that the processor lacks are reserved, as are 62:52, and 63 unless NX is enabled.
 */
function paeFormat(nx: boolean, { physicalAddressBits }: PagingFeatures): PagingFormat {
  const beyondAddress = -1 << (physicalAddressBits - 32);
  const high = nx ? beyondAddress & ~PTE_HIGH_NX : beyondAddress;
  return {
    name: nx ? 'PAE NX' : 'PAE',
    entryBytes: 8,
    levels: [
      {
        name: 'PDPTE',
        shift: 30,
        indexMask: 3,
        mapsPages: 'never',
        hasRights: false,
        tableReserved: [PDPTE_RESERVED_LOW, beyondAddress],
        pageReserved: NOTHING,
      },
      {
        name: 'PDE',
        shift: 21,
        indexMask: 0x1ff,
        mapsPages: 'ps',
        hasRights: true,
        tableReserved: [0, high],
        pageReserved: [LARGE_2MB_RESERVED_LOW, high],
      },
      {
        name: 'PTE',
        shift: 12,
        indexMask: 0x1ff,
        mapsPages: 'always',
        hasRights: true,
        tableReserved: NOTHING,
        pageReserved: [0, high],
      },
    ],
    pse36: false,
  };
}

/** The formats that a processor reads, by what its control registers say. */
export interface PagingFormats {
  readonly twoLevel: PagingFormat;
  readonly twoLevelPse: PagingFormat;
  readonly pae: PagingFormat;
  readonly paeNx: PagingFormat;
}

export function pagingFormats(features: PagingFeatures): PagingFormats {
  return {
    twoLevel: twoLevelFormat(false, features),
    twoLevelPse: twoLevelFormat(true, features),
    pae: paeFormat(false, features),
    paeNx: paeFormat(true, features),
  };
}
