import {
  CR0_CD,
  CR0_NW,
  CR0_PG,
  CR4_PAE,
  EFER_LMA,
  EFER_LME,
  EFER_NXE,
  EFER_SCE,
  EFER_SVME,
} from '../arch/control.js';
import { isLegalPat } from '../arch/msrs.js';
import {
  INTERCEPTS,
  IOPM_BYTES,
  MSRPM_BYTES,
  NP_ENABLE,
  VMCB_CONTROL,
  VMCB_STATE,
  interceptBit,
} from '../arch/vmcb.js';
import type { VmcbField } from '../arch/vmcb.js';
import { isLegalInjection } from './svm-events.js';
import type { VmcbView } from '../platform/vmcb-view.js';

/** What the checks have to know of the processor. */
export interface CheckContext {
  /** The host's CR0, as VMRUN found it. */
  hostCr0: number;
  /** CR4 bits that the processor has; the others must be zero. */
  cr4Offered: number;
  /** The processor has no-execute pages. */
  noExecute: boolean;
  /** The page-directory-pointer entries at this CR3 have no reserved bit set. */
  hasGoodPointers(cr3: number): boolean;
}

/** A condition under which VMRUN ends at once with VMEXIT_INVALID. */
interface Rule {
  readonly rule: string;
  violated(vmcb: VmcbView, context: CheckContext): boolean;
}

const EFER_DEFINED = EFER_SCE | EFER_LME | EFER_LMA | EFER_SVME;
/** Physical addresses have 32 bits. */
const PHYSICAL_END = 2 ** 32;

const bit = (field: VmcbField, mask: number) => (vmcb: VmcbView) => (vmcb.read(field) & mask) !== 0;
const high = (field: VmcbField) => (vmcb: VmcbView) => vmcb.readHigh(field) !== 0;
const endsBeyondMemory = (field: VmcbField, bytes: number) => (vmcb: VmcbView) =>
  vmcb.readHigh(field) !== 0 || vmcb.read(field) + bytes > PHYSICAL_END;

const nested = bit(VMCB_CONTROL.nestedControl, NP_ENABLE);

const VMRUN_INTERCEPT = interceptBit(INTERCEPTS.VMRUN).mask;

/** APM vol. 2, section 15.5.1 "Basic Operation", "Canonicalization and Consistency Checks". */
const RULES: readonly Rule[] = [
  {
    rule: 'the VMRUN intercept is clear',
    violated: (v) => (v.read(VMCB_CONTROL.intercept4) & VMRUN_INTERCEPT) === 0,
  },
  { rule: 'ASID is 0', violated: (v) => v.read(VMCB_CONTROL.asid) === 0 },
  {
    rule: 'the I/O permissions map ends beyond 4 GB',
    violated: endsBeyondMemory(VMCB_CONTROL.iopmBasePa, IOPM_BYTES),
  },
  {
    rule: 'the MSR permissions map ends beyond 4 GB',
    violated: endsBeyondMemory(VMCB_CONTROL.msrpmBasePa, MSRPM_BYTES),
  },
  { rule: 'EVENTINJ is illegal', violated: (v) => !isLegalInjection(v.read(VMCB_CONTROL.eventInjection)) },
  { rule: 'EFER.SVME is clear', violated: (v) => (v.read(VMCB_STATE.efer) & EFER_SVME) === 0 },
  {
    rule: 'EFER has reserved bits set',
    violated: (v, { noExecute }) =>
      (v.read(VMCB_STATE.efer) & ~(EFER_DEFINED | (noExecute ? EFER_NXE : 0))) !== 0,
  },
  {
    rule: 'EFER.LME or LMA is set, and the processor has no long mode',
    violated: bit(VMCB_STATE.efer, EFER_LME | EFER_LMA),
  },
  { rule: 'EFER bits 63:32 are not zero', violated: high(VMCB_STATE.efer) },
  {
    rule: 'CR0.CD is clear and CR0.NW set',
    violated: (v) => (v.read(VMCB_STATE.cr0) & (CR0_CD | CR0_NW)) === CR0_NW,
  },
  { rule: 'CR0 bits 63:32 are not zero', violated: high(VMCB_STATE.cr0) },
  { rule: 'CR3 bits 63:32 are not zero', violated: high(VMCB_STATE.cr3) },
  {
    rule: 'CR4 has reserved bits set',
    violated: (v, { cr4Offered }) => (v.read(VMCB_STATE.cr4) & ~cr4Offered) !== 0,
  },
  { rule: 'CR4 bits 63:32 are not zero', violated: high(VMCB_STATE.cr4) },
  { rule: 'DR6 bits 63:32 are not zero', violated: high(VMCB_STATE.dr6) },
  { rule: 'DR7 bits 63:32 are not zero', violated: high(VMCB_STATE.dr7) },
  // Section 15.25.3 "Enabling Nested Paging".
  {
    rule: 'nested paging while the host has paging off',
    violated: (v, { hostCr0 }) => nested(v) && (hostCr0 & CR0_PG) === 0,
  },
  {
    rule: 'N_CR3 bits 63:32 are not zero',
    violated: (v) => nested(v) && v.readHigh(VMCB_CONTROL.nestedCr3) !== 0,
  },
  {
    rule: 'G_PAT has a type that does not exist',
    violated: (v) =>
      nested(v) &&
      !isLegalPat((BigInt(v.readHigh(VMCB_STATE.gPat)) << 32n) | BigInt(v.read(VMCB_STATE.gPat))),
  },
  // Section 15.5.1: with PAE paging and without nested paging, VMRUN loads the PDPTEs.
  {
    rule: 'a page-directory-pointer entry has reserved bits set',
    violated: (v, { hasGoodPointers }) =>
      !nested(v) &&
      (v.read(VMCB_STATE.cr0) & CR0_PG) !== 0 &&
      (v.read(VMCB_STATE.cr4) & CR4_PAE) !== 0 &&
      !hasGoodPointers(v.read(VMCB_STATE.cr3)),
  },
];

/** @returns the first rule that VMRUN finds broken, in words, or null when the VMCB is good. */
export function findRefusal(vmcb: VmcbView, context: CheckContext): string | null {
  return RULES.find(({ violated }) => violated(vmcb, context))?.rule ?? null;
}
