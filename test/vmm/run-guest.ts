import { assemble } from '../../emulator/asm/index.js';
import { findProfile } from '../../emulator/cost/catalog.js';
import type { CpuProfile } from '../../emulator/cost/profile.js';
import type { RunLimits } from '../../emulator/machine.js';
import { loadImage, parseImage } from '../../emulator/platform/image.js';
import { createVmm } from '../../emulator/vmm/catalog.js';
import type { Switches } from '../../emulator/vmm/switches.js';
import type { GuestStop, Vmm } from '../../emulator/vmm/vmm.js';
import { source } from './guest-source.js';
import type { GuestCase } from './guest-source.js';

const MEMORY_BYTES = 4 << 20;
const LIMITS = { instructions: 1_000_000, cycles: 1_000_000_000 };

const images = new Map<GuestCase, Uint8Array>();

/** The guest as a flat image, assembled once. @throws Error with the diagnostics: a mistake in the test. */
export function image(guest: GuestCase): Uint8Array {
  const known = images.get(guest);
  if (known) return known;
  const { bytes, diagnostics } = assemble(source(guest));
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) throw new Error(`${guest.name}: ${JSON.stringify(errors, null, 1)}`);
  images.set(guest, bytes);
  return bytes;
}

export function start(
  guest: GuestCase,
  technique: string,
  profile: CpuProfile | string = 'pentium4-672',
  switches: Partial<Switches> = {},
): Vmm {
  const vmm = createVmm(technique, {
    profile: typeof profile === 'string' ? findProfile(profile) : profile,
    memoryBytes: MEMORY_BYTES,
    switches,
  });
  loadImage(vmm.guest, parseImage(image(guest)));
  return vmm;
}

/** Runs to the end, or to limits that no guest here should reach; in slices if asked to. */
export function finish(vmm: Vmm, slice: RunLimits = LIMITS): GuestStop {
  for (;;) {
    const stop = vmm.run(slice);
    if (stop.kind !== 'budget') return stop;
    if (slice === LIMITS || vmm.host.cpu.instructions > LIMITS.instructions) return stop;
  }
}

/** What a guest could see at its end, memory apart. */
export function visible(vmm: Vmm): object {
  const { guest } = vmm;
  return { state: guest.state(), console: guest.platform.console };
}

/** Where two memories differ, as text; empty when they are equal. */
export function memoryDifferences(expected: Vmm, actual: Vmm): string[] {
  const a = expected.guest.memory;
  const b = actual.guest.memory;
  if (Buffer.from(a.u8).equals(Buffer.from(b.u8))) return [];
  const differences: string[] = [];
  for (let gpa = 0; gpa < a.sizeBytes && differences.length < 16; gpa += 4) {
    const [left, right] = [a.read32(gpa), b.read32(gpa)];
    if (left !== right)
      differences.push(`0x${gpa.toString(16)}: ${left.toString(16)} became ${right.toString(16)}`);
  }
  return differences;
}
