import {
  PAGE_BYTES,
  PTE_A,
  PTE_D,
  PTE_FRAME,
  PTE_G,
  PTE_HIGH_NX,
  PTE_P,
  PTE_PS,
  PTE_U,
  PTE_W,
} from '../arch/paging.js';
import type { PageWalkView } from '../machine.js';
import { GUEST_HPA } from '../vmm/layout.js';
import { SvmNestedVmm } from '../vmm/hardware/svm-nested.js';
import { Monitor } from '../vmm/monitor.js';
import type { ShadowLook } from '../vmm/shadow-look.js';
import { ShadowMmu } from '../vmm/shadow-mmu.js';
import type { Vmm } from '../vmm/vmm.js';

/** How an entry of the monitor's stands beside what the guest's tables say now. */
export type Agreement =
  | 'agrees'
  /** Nothing is there yet; the first use fills it. */
  | 'absent'
  /** It no longer says what the guest's tables say. */
  | 'stale'
  /** Kept by the monitor for itself. */
  | 'monitor';

/** What the monitor's translation of one linear page is. Addresses are host-physical. */
export interface ShadowStanding {
  agreement: Agreement;
  /** In what it differs; of one that agrees, why it grants less than the guest's own entry. */
  why: string;
  /** Host-physical address of the page; null where nothing is mapped. */
  hpa: number | null;
  bits: readonly string[];
}

const BITS: readonly (readonly [mask: number, name: string])[] = [
  [PTE_P, 'P'],
  [PTE_W, 'W'],
  [PTE_U, 'U'],
  [PTE_A, 'A'],
  [PTE_D, 'D'],
  [PTE_PS, 'PS'],
  [PTE_G, 'G'],
];

/** Names of the bits of an entry of a monitor's table. @param high its high half, of one of 64 bits. */
export function entryBits(value: number, high = 0): readonly string[] {
  const names = BITS.filter(([mask]) => (value & mask) !== 0).map(([, name]) => name);
  return (high & PTE_HIGH_NX) !== 0 ? [...names, 'NX'] : names;
}

/** The shadow page tables that a monitor runs its guest on, if it does. */
export function shadowOf(vmm: Vmm): ShadowMmu | null {
  return vmm instanceof Monitor && vmm.paging instanceof ShadowMmu ? vmm.paging : null;
}

/** The monitor with nested page tables, if it is one. */
export function nestedOf(vmm: Vmm): SvmNestedVmm | null {
  return vmm instanceof SvmNestedVmm ? vmm : null;
}

/** @param guest the way through the guest's tables; null with paging off. */
export function shadowStanding(look: ShadowLook, guest: PageWalkView | null): ShadowStanding {
  const none = { hpa: null, bits: [], why: '' };
  if (look.reserved) return { ...none, agreement: 'monitor', why: "the monitor's own range" };
  const value = look.entry?.value ?? 0;
  if ((value & PTE_P) === 0)
    return { ...none, agreement: 'absent', why: look.derived === 0 ? '' : 'not used yet' };
  const seen = { hpa: (value & PTE_FRAME) >>> 0, bits: entryBits(value, look.entry?.high) };
  const difference = differenceOf(look, value, guest);
  if (difference !== null) return { ...seen, agreement: 'stale', why: difference };
  return { ...seen, agreement: 'agrees', why: restriction(value, guest) };
}

function differenceOf(
  { entry, derived, derivedHigh, linkStale }: ShadowLook,
  value: number,
  guest: PageWalkView | null,
): string | null {
  const forbids = ((entry?.high ?? 0) & PTE_HIGH_NX) !== 0;
  const forbidsNow = (derivedHigh & PTE_HIGH_NX) !== 0;
  if (derived === value && forbids === forbidsNow && !linkStale) return null;
  if (guest !== null && guest.physical === null) return 'the guest has taken the page away';
  const frame = ((value & PTE_FRAME) >>> 0) - GUEST_HPA;
  const page = guest?.physical ?? null;
  if (page !== null && frame >= 0 && page - (page % PAGE_BYTES) !== frame)
    return "the guest's entry now names another page";
  if (derived === 0) return 'the guest has cleared its A bit';
  if (linkStale) return "the guest's directory entry now grants other rights";
  const lost = entryBits(value & ~derived);
  const gained = entryBits(derived & ~value);
  return [
    ...(lost.length > 0 ? [`the guest's entry no longer grants ${lost.join(' ')}`] : []),
    ...(gained.length > 0 ? [`the guest's entry now grants ${gained.join(' ')}`] : []),
    ...(forbids && !forbidsNow ? ['the guest no longer forbids fetches (NX)'] : []),
    ...(forbidsNow && !forbids ? ['the guest now forbids fetches (NX)'] : []),
  ].join('; ');
}

/** Why a shadow entry that is up to date forbids writes that the guest's tables allow. */
function restriction(value: number, guest: PageWalkView | null): string {
  if (guest === null || (value & PTE_W) !== 0 || !guest.rights.includes('write')) return '';
  const dirty = guest.entries.at(-1)?.bits.includes('D') ?? false;
  return dirty ? 'read-only here: the page is traced' : "read-only here until the guest's D is set";
}

/** What a nested table makes of a guest-physical page. */
export interface NestedStanding {
  agreement: Extract<Agreement, 'agrees' | 'absent'>;
  hpa: number | null;
  bits: readonly string[];
  /** Of the page that the tables map, in bytes; null where nothing is mapped. */
  pageBytes: number | null;
}

export function nestedStanding(vmm: SvmNestedVmm, gpa: number): NestedStanding {
  const last = vmm.nestedWay(gpa).at(-1);
  if (!last?.isPage || (last.value & PTE_P) === 0)
    return { agreement: 'absent', hpa: null, bits: [], pageBytes: null };
  const pageBytes = 2 ** last.shift;
  const frame = (last.value & -pageBytes) >>> 0;
  return { agreement: 'agrees', hpa: frame + (gpa % pageBytes), bits: entryBits(last.value), pageBytes };
}
