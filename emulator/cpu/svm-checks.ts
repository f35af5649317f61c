import { CR0_CD, CR0_NW, CR4_DE, CR4_PAE, EFER_LMA, EFER_LME, EFER_SCE, EFER_SVME } from '../arch/control.js';
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

/** A condition under which VMRUN ends at once with VMEXIT_INVALID. */
interface Rule {
  readonly rule: string;
  violated(vmcb: VmcbView): boolean;
}

/** CR4 bits that exist: VME to PCE, OSFXSR, OSXMMEXCPT. */
const CR4_DEFINED = 0x7ff;
const EFER_DEFINED = EFER_SCE | EFER_LME | EFER_LMA | EFER_SVME;
/** Physical addresses have 32 bits. */
const PHYSICAL_END = 2 ** 32;

const bit = (field: VmcbField, mask: number) => (vmcb: VmcbView) => (vmcb.read(field) & mask) !== 0;
const high = (field: VmcbField) => (vmcb: VmcbView) => vmcb.readHigh(field) !== 0;
const endsBeyondMemory = (field: VmcbField, bytes: number) => (vmcb: VmcbView) =>
  vmcb.readHigh(field) !== 0 || vmcb.read(field) + bytes > PHYSICAL_END;

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
  { rule: 'EFER has reserved bits set', violated: bit(VMCB_STATE.efer, ~EFER_DEFINED) },
  { rule: 'EFER bits 63:32 are not zero', violated: high(VMCB_STATE.efer) },
  {
    rule: 'CR0.CD is clear and CR0.NW set',
    violated: (v) => (v.read(VMCB_STATE.cr0) & (CR0_CD | CR0_NW)) === CR0_NW,
  },
  { rule: 'CR0 bits 63:32 are not zero', violated: high(VMCB_STATE.cr0) },
  { rule: 'CR3 bits 63:32 are not zero', violated: high(VMCB_STATE.cr3) },
  { rule: 'CR4 has reserved bits set', violated: bit(VMCB_STATE.cr4, ~CR4_DEFINED) },
  { rule: 'CR4 bits 63:32 are not zero', violated: high(VMCB_STATE.cr4) },
  { rule: 'DR6 bits 63:32 are not zero', violated: high(VMCB_STATE.dr6) },
  { rule: 'DR7 bits 63:32 are not zero', violated: high(VMCB_STATE.dr7) },
];

/** Legal in the manual; refused so that nobody runs with what this processor does not have. */
const MISSING_FEATURES: readonly Rule[] = [
  { rule: 'nested paging', violated: bit(VMCB_CONTROL.nestedControl, NP_ENABLE) },
  { rule: 'long mode', violated: bit(VMCB_STATE.efer, EFER_LME | EFER_LMA) },
  { rule: 'PAE paging', violated: bit(VMCB_STATE.cr4, CR4_PAE) },
  { rule: 'debugging extensions', violated: bit(VMCB_STATE.cr4, CR4_DE) },
];

/** Why VMRUN refuses a VMCB. */
export interface Refusal {
  /** In words: the rule broken, or the feature that is not offered yet. */
  rule: string;
  isMissing: boolean;
}

/** @returns the first reason, or null when the VMCB is good. */
export function findRefusal(vmcb: VmcbView): Refusal | null {
  const broken = RULES.find(({ violated }) => violated(vmcb));
  if (broken) return { rule: broken.rule, isMissing: false };
  const missing = MISSING_FEATURES.find(({ violated }) => violated(vmcb));
  return missing ? { rule: missing.rule, isMissing: true } : null;
}
