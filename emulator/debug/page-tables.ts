import { PAGE_BYTES, PTE_FRAME, PTE_P, PTE_U, PTE_W } from '../arch/paging.js';
import type { PageEntryView, PageWalkView, TlbEntry } from '../machine.js';
import type { Vmm } from '../vmm/vmm.js';
import type { NestedStanding, ShadowStanding } from './translation-views.js';
import { entryBits, nestedOf, nestedStanding, shadowOf, shadowStanding } from './translation-views.js';

/** An entry of a table of the monitor's. */
export interface MonitorEntryView {
  level: string;
  /** Where the entry lies, host-physical. */
  hpa: number;
  value: number;
  bits: readonly string[];
  /** Host-physical address of the table or page; null when not present. */
  leadsTo: number | null;
}

/** A TLB entry, and what is wrong with it: null when it says what the tables say. */
export interface TlbView extends TlbEntry {
  stale: string | null;
}

/** The way of one linear address through every table there is. */
export interface PageWays {
  gva: number;
  /** Null while the guest has paging off: then linear addresses are guest-physical. */
  guest: PageWalkView | null;
  /** Null when the guest's tables lead nowhere. */
  gpa: number | null;
  /** Null when the technique has no shadow page tables. */
  shadow: { entries: readonly MonitorEntryView[]; standing: ShadowStanding } | null;
  /** Of each of the guest's entries, where it lies, and of the page. Null when the technique has no nested page tables. */
  nested: readonly { gpa: number; entries: readonly MonitorEntryView[]; standing: NestedStanding }[] | null;
  /** Entries of the processor's TLB for the page. */
  tlb: readonly TlbView[];
}

/** The page tables' way of `gva`: the guest's own, the monitor's, and what the TLB holds of it. Changes nothing. */
export function pageWays(vmm: Vmm, gva: number): PageWays {
  const linear = gva >>> 0;
  const { guest: machine } = vmm;
  const guest = machine.pageWalk(linear);
  const gpa = guest === null ? linear : guest.physical;
  return {
    gva: linear,
    guest,
    gpa,
    shadow: shadowWay(vmm, linear, guest),
    nested: nestedWays(vmm, guest, gpa),
    tlb: tlbOf(vmm, linear),
  };
}

function shadowWay(vmm: Vmm, linear: number, guest: PageWalkView | null): PageWays['shadow'] {
  const shadow = shadowOf(vmm);
  if (shadow === null) return null;
  const look = shadow.look(linear);
  const entries = [
    ...(look.directory ? [entryView('PDE', look.directory)] : []),
    ...(look.entry ? [entryView('PTE', look.entry)] : []),
  ];
  return { entries, standing: shadowStanding(look, guest) };
}

function nestedWays(vmm: Vmm, guest: PageWalkView | null, gpa: number | null): PageWays['nested'] {
  const nested = nestedOf(vmm);
  if (nested === null) return null;
  const places = [...(guest?.entries.map(({ address }) => address) ?? []), ...(gpa === null ? [] : [gpa])];
  return places.map((place) => ({
    gpa: place,
    entries: nested.nestedWay(place).map(({ shift, hpa, value, isPage }) => ({
      ...entryView(NESTED_NAMES[shift] ?? 'entry', { hpa, value }),
      ...(isPage && { leadsTo: value & PTE_P ? (value & (-1 << shift)) >>> 0 : null }),
    })),
    standing: nestedStanding(nested, place),
  }));
}

/** By what an entry covers, as a shift; with 22 bits it is of two-level tables. */
const NESTED_NAMES: Readonly<Record<number, string>> = { 30: 'PDPTE', 22: 'PDE', 21: 'PDE', 12: 'PTE' };

function entryView(
  level: string,
  { hpa, value, high = 0 }: { hpa: number; value: number; high?: number },
): MonitorEntryView {
  const leadsTo = value & PTE_P ? (value & PTE_FRAME) >>> 0 : null;
  return { level, hpa, value, bits: entryBits(value, high), leadsTo };
}

/** What the TLB holds for a linear page. */
function tlbOf(vmm: Vmm, linear: number): TlbView[] {
  const covers = ({ linear: start, pageBytes }: TlbEntry) => linear >= start && linear < start + pageBytes;
  return vmm.host
    .tlbEntries()
    .filter(covers)
    .map((entry) => ({ ...entry, stale: staleness(vmm, entry, linear) }));
}

/** In what a TLB entry differs from the tables that a walk would read now. */
function staleness(vmm: Vmm, entry: TlbEntry, linear: number): string | null {
  const now = translation(vmm, linear);
  if (now === null) return 'the tables no longer map the page';
  if (now === 'monitor') return null;
  if (entry.physical + (linear - entry.linear) !== now.physical) return 'the tables now lead to another page';
  const lost = entryBits(entry.flags & (PTE_W | PTE_U) & ~now.rights);
  return lost.length > 0 ? `the tables no longer grant ${lost.join(' ')}` : null;
}

/** What a walk of the processor would find for a linear address, as the host sees it. */
function translation(vmm: Vmm, linear: number): { physical: number; rights: number } | 'monitor' | null {
  const { guest, host } = vmm;
  const shadow = shadowOf(vmm);
  if (shadow !== null) {
    const { reserved, entry } = shadow.look(linear);
    if (reserved) return 'monitor';
    if (!entry || (entry.value & PTE_P) === 0) return null;
    return { physical: ((entry.value & PTE_FRAME) >>> 0) + (linear % PAGE_BYTES), rights: entry.value };
  }
  const walk = guest.pageWalk(linear);
  if (walk !== null && walk.physical === null) return null;
  const gpa = walk?.physical ?? linear;
  const rights = walk === null ? PTE_W | PTE_U : rightsOf(walk);
  const nested = nestedOf(vmm);
  if (nested !== null) {
    const { hpa } = nestedStanding(nested, gpa);
    return hpa === null ? null : { physical: hpa, rights };
  }
  return guest === host ? { physical: gpa, rights } : 'monitor';
}

function rightsOf({ rights }: PageWalkView): number {
  return (rights.includes('write') ? PTE_W : 0) | (rights.includes('user') ? PTE_U : 0);
}

/** Pages side by side that differ in nothing but where they are. */
export interface PageRange {
  linear: number;
  bytes: number;
  /** Of each page as the guest has it. */
  pageBytes: number;
  /** Guest-physical address of the first one. */
  gpa: number;
  /** Of the guest's entries; empty with paging off. */
  bits: readonly string[];
  shadow: ShadowStanding | null;
  nested: NestedStanding | null;
  tlb: readonly TlbView[];
}

/** What one directory entry covers. */
export interface PageDirectory {
  linear: number;
  bytes: number;
  /** The guest's entry; null with paging off. */
  guest: PageEntryView | null;
  /** The shadow's; null where there is none. */
  shadow: MonitorEntryView | null;
  ranges: readonly PageRange[];
}

const DIRECTORY_BYTES = 1 << 22;

/** Everything that the guest maps in [fromLinear, toLinear), as a tree: directory entries, and pages below them. Changes nothing. */
export function pageTree(vmm: Vmm, fromLinear = 0, toLinear = 2 ** 32): PageDirectory[] {
  const { guest } = vmm;
  const shadow = shadowOf(vmm);
  const nested = nestedOf(vmm);
  const tlb = vmm.host
    .tlbEntries()
    .map((entry) => ({ ...entry, stale: staleness(vmm, entry, entry.linear) }));
  const pieces = shadow !== null || nested !== null;
  const directories: { -readonly [K in keyof PageDirectory]: PageDirectory[K] }[] = [];
  let ranges: PageRange[] = [];
  const end = Math.min(toLinear, guest.pageWalk(fromLinear) === null ? guest.memory.sizeBytes : 2 ** 32);
  for (let linear = fromLinear - (fromLinear % PAGE_BYTES); linear < end;) {
    const walk = guest.pageWalk(linear);
    const last = walk?.entries.at(-1);
    const span = walk === null ? PAGE_BYTES : (last?.spanBytes ?? 2 ** 30);
    const next = linear - (linear % span) + span;
    const gpa = walk === null ? linear : walk.physical;
    if (gpa === null) {
      linear = next;
      continue;
    }
    const directory = walk?.entries.find(({ level }) => level === 'PDE') ?? null;
    const covered = directory?.spanBytes ?? DIRECTORY_BYTES;
    const start = linear - (linear % covered);
    if (directories.at(-1)?.linear !== start) {
      const entry = shadow?.look(linear).directory ?? null;
      ranges = [];
      directories.push({
        linear: start,
        bytes: covered,
        guest: directory,
        shadow: entry && entryView('PDE', entry),
        ranges,
      });
    }
    const step = pieces ? PAGE_BYTES : span;
    for (let at = linear; at < Math.min(next, end); at += step) {
      const here = gpa + (at - linear);
      append(ranges, {
        linear: at,
        bytes: step,
        pageBytes: span,
        gpa: here,
        bits: last?.bits ?? [],
        shadow: shadow && shadowStanding(shadow.look(at), walk),
        nested: nested && nestedStanding(nested, here),
        tlb: [],
      });
    }
    linear = next;
  }
  return directories.map((directory) => ({
    ...directory,
    ranges: directory.ranges.map((range) => ({
      ...range,
      tlb: tlb.filter(({ linear }) => linear < range.linear + range.bytes && linear >= range.linear),
    })),
  }));
}

/** Adds a page to the range before it if it goes on like that one. */
function append(ranges: PageRange[], page: PageRange): void {
  const last = ranges.at(-1);
  if (last && goesOn(last, page)) last.bytes += page.bytes;
  else ranges.push(page);
}

function goesOn(range: PageRange, page: PageRange): boolean {
  const alike = (a: ShadowStanding | NestedStanding | null, b: ShadowStanding | NestedStanding | null) =>
    a === b ||
    (a !== null &&
      b !== null &&
      a.agreement === b.agreement &&
      (a.hpa === null) === (b.hpa === null) &&
      (a.hpa === null || b.hpa === a.hpa + range.bytes) &&
      a.bits.join() === b.bits.join());
  return (
    range.linear + range.bytes === page.linear &&
    range.gpa + range.bytes === page.gpa &&
    range.pageBytes === page.pageBytes &&
    range.bits.join() === page.bits.join() &&
    (range.shadow?.why ?? '') === (page.shadow?.why ?? '') &&
    alike(range.shadow, page.shadow) &&
    alike(range.nested, page.nested)
  );
}
