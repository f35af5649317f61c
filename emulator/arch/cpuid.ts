/**
 * Feature bits of CPUID (AMD64 APM vol. 3, rev. 3.37, appendix E "Obtaining Processor Information Via the CPUID
 * Instruction"): position in EDX of function 1 and of function 8000_0001, and in ECX of either; null where it is not told.
 */
export const CPU_FEATURES = {
  /** The x87 coprocessor. */
  fpu: { basic: 0, extended: 0 },
  /** Virtual-8086 mode extensions and their like in protected mode. */
  vme: { basic: 1, extended: 1 },
  /** Debugging extensions: I/O breakpoints, CR4.DE. */
  de: { basic: 2, extended: 2 },
  /** 4 MB pages. */
  pse: { basic: 3, extended: 3 },
  tsc: { basic: 4, extended: 4 },
  msr: { basic: 5, extended: 5 },
  /** 64-bit page-table entries, 2 MB pages. */
  pae: { basic: 6, extended: 6 },
  cmpxchg8b: { basic: 8, extended: 8 },
  /** Told only while IA32_APIC_BASE enables it. */
  apic: { basic: 9, extended: 9 },
  sysenter: { basic: 11, extended: null },
  syscall: { basic: null, extended: 11 },
  /** Global pages. */
  pge: { basic: 13, extended: 13 },
  cmov: { basic: 15, extended: 15 },
  /** 4 MB pages above 4 GB. */
  pse36: { basic: 17, extended: 17 },
  /** No-execute pages, EFER.NXE. */
  nx: { basic: null, extended: 20 },
  rdtscp: { basic: null, extended: 27 },
  /** MONITOR and MWAIT. */
  monitor: { basic: null, extended: null, basicEcx: 3 },
  /** SVM: EFER.SVME and function 8000_000A. */
  svm: { basic: null, extended: null, extendedEcx: 2 },
  /** LOCK MOV CR0 means MOV CR8. */
  altMovCr8: { basic: null, extended: null, extendedEcx: 4 },
  skinit: { basic: null, extended: null, extendedEcx: 12 },
} as const satisfies Record<string, FeaturePositions>;

export interface FeaturePositions {
  basic: number | null;
  extended: number | null;
  basicEcx?: number;
  extendedEcx?: number;
}

/** A feature that the simulated processor can have; a profile lists those that it has. */
export type CpuFeature = keyof typeof CPU_FEATURES;

/** @throws RangeError for a feature that the simulated processor cannot have, naming those that it can. */
export function requireFeatures(features: readonly string[]): void {
  const unknown = features.filter((feature) => !Object.hasOwn(CPU_FEATURES, feature));
  if (unknown.length === 0) return;
  const names = unknown.map((feature) => `'${feature}'`).join(', ');
  throw new RangeError(
    `the simulated processor has no CPUID feature ${names}; there are: ${Object.keys(CPU_FEATURES).join(', ')}`,
  );
}
