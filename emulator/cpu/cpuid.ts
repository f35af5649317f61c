import { CPU_FEATURES } from '../arch/cpuid.js';
import type { CpuFeature, FeaturePositions } from '../arch/cpuid.js';
import { EAX, EBX, ECX, EDX } from '../arch/registers.js';
import { svmFeatures } from '../cost/profile.js';
import type { SvmFeatures } from '../cost/profile.js';
import type { Cpu } from './cpu.js';

/** Twelve characters. A name of its own: no guest should take the simulated processor for one whose errata it knows. */
const VENDOR = 'Ringside x86';
/** Family 15, model 4, stepping 3: what a Pentium 4 672 reports. */
export const SIGNATURE = 0x0f43;

const MAX_BASIC = 1;
const EXTENDED = 0x8000_0000;
const BRAND_FIRST = 0x8000_0002;
const BRAND_LAST = 0x8000_0004;
/** Widths of addresses. */
const ADDRESS_SIZES = 0x8000_0008;
const LINEAR_ADDRESS_BITS = 32;
const SVM_FEATURES = 0x8000_000a;
const EXTENDED_LAST = SVM_FEATURES;
/** Three leaves of 16 bytes, the last byte zero. */
const BRAND_BYTES = 48;

/** EDX or ECX of one of the two functions that tell features. */
function featureWord(
  word: keyof FeaturePositions,
  features: ReadonlySet<CpuFeature>,
  hasApic: boolean,
): number {
  let bits = 0;
  for (const feature of features) {
    const positions: FeaturePositions = CPU_FEATURES[feature];
    const position = positions[word] ?? null;
    if (position !== null && (feature !== 'apic' || hasApic)) bits |= 1 << position;
  }
  return bits;
}

const SVM_REVISION = 1;

/** EDX of function 8000_000A (APM vol. 3, appendix E.4.9 "Function 8000_000Ah, SVM Features"). */
function svmFeatureWord({ nextRip, decodeAssists, pauseFilter }: SvmFeatures): number {
  const nestedPaging = 1 << 0;
  // Clean bits are accepted and need not be used; flushes by ASID are done.
  const cleanBitsAndFlushByAsid = (1 << 5) | (1 << 6);
  return (
    nestedPaging |
    cleanBitsAndFlushByAsid |
    (nextRip ? 1 << 3 : 0) |
    (decodeAssists ? 1 << 7 : 0) |
    (pauseFilter ? (1 << 10) | (1 << 12) : 0)
  );
}

/** Little-endian words of an ASCII text, cut or padded with zero bytes. */
function words(text: string, count: number): number[] {
  const bytes = Uint8Array.from({ length: count * 4 }, (_, at) =>
    at < text.length ? text.charCodeAt(at) & 0x7f : 0,
  );
  const view = new DataView(bytes.buffer);
  return Array.from({ length: count }, (_, index) => view.getInt32(index * 4, true));
}

/** @returns EAX, EBX, ECX, EDX. Leaves beyond the last give the last basic leaf's, as on Intel processors. */
function leaf(cpu: Cpu, number: number): readonly number[] {
  const { profile, localApic } = cpu.parts;
  const [vendor0, vendor1, vendor2] = words(VENDOR, 3);
  if (number === 0) return [MAX_BASIC, vendor0, vendor2, vendor1];
  if (number === EXTENDED) return [EXTENDED_LAST | 0, vendor0, vendor2, vendor1];
  if (number === EXTENDED + 1) {
    const [ecx, edx] = (['extendedEcx', 'extended'] as const).map((word) =>
      featureWord(word, cpu.features, localApic.enabled),
    );
    return [SIGNATURE, 0, ecx, edx];
  }
  if (number >= BRAND_FIRST && number <= BRAND_LAST) {
    const first = (number - BRAND_FIRST) * 4;
    const brand = profile.description.slice(0, BRAND_BYTES - 1);
    return words(brand, BRAND_BYTES / 4).slice(first, first + 4);
  }
  if (number === ADDRESS_SIZES) return [profile.physicalAddressBits | (LINEAR_ADDRESS_BITS << 8), 0, 0, 0];
  if (number === SVM_FEATURES && cpu.features.has('svm')) {
    const svm = svmFeatures(profile);
    return [SVM_REVISION, svm.asids, 0, svmFeatureWord(svm)];
  }
  if (number > BRAND_LAST && number <= EXTENDED_LAST) return [0, 0, 0, 0];
  const [ecx, edx] = (['basicEcx', 'basic'] as const).map((word) =>
    featureWord(word, cpu.features, localApic.enabled),
  );
  return [SIGNATURE, 0, ecx, edx];
}

export function cpuid(cpu: Cpu): void {
  if (cpu.guestMode) cpu.svmUnit.interceptInstruction('cpuid');
  const [eax, ebx, ecx, edx] = leaf(cpu, cpu.gpr(EAX));
  cpu.s32[EAX * 2] = eax;
  cpu.s32[EBX * 2] = ebx;
  cpu.s32[ECX * 2] = ecx;
  cpu.s32[EDX * 2] = edx;
}
