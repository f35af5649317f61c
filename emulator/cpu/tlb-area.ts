/** Sizes of a modelled TLB. */
export interface TlbShape {
  readonly entries: number;
  readonly ways: number;
}

/** Where a TLB keeps what it holds, as byte offsets in one buffer, so that compiled code reaches it (cpu/tlb.ts says what each is). */
export interface TlbPlaces {
  /** 64-bit floating point, by entry. */
  readonly frames: number;
  /** 32-bit words: the first by linear page, three by entry, by set, by live fast entry, and one alone. */
  readonly fast: number;
  readonly tags: number;
  readonly asids: number;
  readonly flags: number;
  readonly nextWay: number;
  readonly fastPages: number;
  readonly fastCount: number;
  /** After the last of it; a multiple of the page size. */
  readonly end: number;
}

export interface TlbArea {
  readonly buffer: ArrayBufferLike;
  readonly places: TlbPlaces;
}

const PAGE_BYTES = 4096;
const WORD = 4;
const DOUBLE = 8;
/** Pages of a linear address space. */
export const LINEAR_PAGES = 1 << 20;
/** Fast entries that may be live before all are dropped to start over: enough for the large pages in use. */
export const MAX_FAST_PAGES = 1 << 13;

/** Lays a TLB out from `start` on, a multiple of the page size. */
export function tlbPlaces({ entries, ways }: TlbShape, start: number): TlbPlaces {
  let at = start;
  const take = (count: number, bytes: number): number => {
    const place = at;
    at += count * bytes;
    return place;
  };
  const places = {
    frames: take(entries, DOUBLE),
    fast: take(LINEAR_PAGES, WORD),
    tags: take(entries, WORD),
    asids: take(entries, WORD),
    flags: take(entries, WORD),
    nextWay: take(Math.ceil(entries / ways), WORD),
    fastPages: take(MAX_FAST_PAGES, WORD),
    fastCount: take(1, WORD),
  };
  return { ...places, end: Math.ceil(at / PAGE_BYTES) * PAGE_BYTES };
}

/** Room of its own. */
export function tlbArea(shape: TlbShape): TlbArea {
  const places = tlbPlaces(shape, 0);
  return { buffer: new ArrayBuffer(places.end), places };
}
