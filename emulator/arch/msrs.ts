/** Model-specific register numbers (AMD64 APM vol. 2, rev. 3.44, appendix A "MSR Cross-Reference"). */

export const MSR_TSC = 0x0000_0010;
export const MSR_APIC_BASE = 0x0000_001b;
export const MSR_SYSENTER_CS = 0x0000_0174;
export const MSR_SYSENTER_ESP = 0x0000_0175;
export const MSR_SYSENTER_EIP = 0x0000_0176;
export const MSR_DEBUG_CTL = 0x0000_01d9;
export const MSR_PAT = 0x0000_0277;
export const MSR_EFER = 0xc000_0080;
export const MSR_STAR = 0xc000_0081;
export const MSR_LSTAR = 0xc000_0082;
export const MSR_CSTAR = 0xc000_0083;
export const MSR_SFMASK = 0xc000_0084;
export const MSR_FS_BASE = 0xc000_0100;
export const MSR_GS_BASE = 0xc000_0101;
export const MSR_KERNEL_GS_BASE = 0xc000_0102;
/** What RDTSCP puts into ECX. */
export const MSR_TSC_AUX = 0xc000_0103;
export const MSR_TSC_RATIO = 0xc000_0104;
export const MSR_VM_CR = 0xc001_0114;
export const MSR_IGNNE = 0xc001_0115;
export const MSR_SMM_CTL = 0xc001_0116;
/** Page where VMRUN saves the host's state. */
export const MSR_VM_HSAVE_PA = 0xc001_0117;

/** PAT after reset: WB, WT, UC-, UC, twice (section 7.8.2 "PAT Indexing"). */
export const PAT_RESET = 0x0007_0406_0007_0406n;
/** Types that an entry of the PAT can have: UC, WC, WT, WP, WB, UC-. */
const PAT_TYPES: ReadonlySet<bigint> = new Set([0n, 1n, 4n, 5n, 6n, 7n]);

export function isLegalPat(value: bigint): boolean {
  for (let at = 0n; at < 64n; at += 8n) if (!PAT_TYPES.has((value >> at) & 0xffn)) return false;
  return true;
}

/** VM_CR (section 15.30.1 "VM_CR MSR"). */
export const VM_CR_DPD = 1 << 0;
export const VM_CR_R_INIT = 1 << 1;
export const VM_CR_DIS_A20M = 1 << 2;
export const VM_CR_LOCK = 1 << 3;
export const VM_CR_SVM_DISABLE = 1 << 4;
