import { EAX, EBX, ECX, EDX } from '../arch/registers.js';
import type { Cpu } from './cpu.js';

/** Twelve characters. A name of its own: no guest should take the simulated processor for one whose errata it knows. */
const VENDOR = 'Ringside x86';
/** Family 15, model 4, stepping 3: what a Pentium 4 672 reports. */
export const SIGNATURE = 0x0f43;

/** CPUID 1 EDX (AMD64 APM vol. 3, rev. 3.37, appendix E "Obtaining Processor Information Via the CPUID Instruction"). No FPU. */
const FEATURES = bits({ vme: 1, pse: 3, tsc: 4, msr: 5, cmpxchg8b: 8, sysenter: 11, pge: 13, cmov: 15 });
/** CPUID 8000_0001 EDX. */
const EXTENDED_FEATURES = bits({
  vme: 1,
  pse: 3,
  tsc: 4,
  msr: 5,
  cmpxchg8b: 8,
  syscall: 11,
  pge: 13,
  cmov: 15,
});

/** In both words, while IA32_APIC_BASE enables it. */
const FEATURE_APIC = 1 << 9;

const MAX_BASIC = 1;
const EXTENDED = 0x8000_0000;
const BRAND_FIRST = 0x8000_0002;
const BRAND_LAST = 0x8000_0004;
/** Three leaves of 16 bytes, the last byte zero. */
const BRAND_BYTES = 48;

function bits(positions: Readonly<Record<string, number>>): number {
  return Object.values(positions).reduce((word, position) => word | (1 << position), 0);
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
function leaf(number: number, brand: string, hasApic: boolean): readonly number[] {
  const [vendor0, vendor1, vendor2] = words(VENDOR, 3);
  if (number === 0) return [MAX_BASIC, vendor0, vendor2, vendor1];
  if (number === EXTENDED) return [BRAND_LAST | 0, vendor0, vendor2, vendor1];
  if (number === EXTENDED + 1) return [SIGNATURE, 0, 0, EXTENDED_FEATURES | (hasApic ? FEATURE_APIC : 0)];
  if (number >= BRAND_FIRST && number <= BRAND_LAST) {
    const first = (number - BRAND_FIRST) * 4;
    return words(brand.slice(0, BRAND_BYTES - 1), BRAND_BYTES / 4).slice(first, first + 4);
  }
  return [SIGNATURE, 0, 0, FEATURES | (hasApic ? FEATURE_APIC : 0)];
}

export function cpuid(cpu: Cpu): void {
  if (cpu.guestMode) cpu.svmUnit.interceptInstruction('cpuid');
  const [eax, ebx, ecx, edx] = leaf(cpu.gpr(EAX), cpu.parts.profile.description, cpu.parts.localApic.enabled);
  cpu.s32[EAX * 2] = eax;
  cpu.s32[EBX * 2] = ebx;
  cpu.s32[ECX * 2] = ecx;
  cpu.s32[EDX * 2] = edx;
}
