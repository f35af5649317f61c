import { assemble } from '../../../emulator/asm/index.js';
import { CS } from '../../../emulator/arch/registers.js';
import { findProfile } from '../../../emulator/cost/catalog.js';
import { loadImage, parseImage } from '../../../emulator/platform/image.js';
import { createVmm } from '../../../emulator/vmm/catalog.js';
import type { Switches } from '../../../emulator/vmm/switches.js';
import type { Vmm } from '../../../emulator/vmm/vmm.js';
import { MEMORY_BYTES } from './bench.js';
import type { Program } from './bench.js';
import type { BootGuest } from './boot-parts.js';

const BOOT_SECTOR = 0x7c00;
/** The highest 64 KB below 4 GB, and below 1 MB, are the same to a ROM of that size. */
const ROM_BYTES = 0x1_0000;
const RESET_OFFSET = 0xfff0;

/** Assembles a guest that starts in real mode. @throws Error with the first diagnostics: a mistake in the test. */
export function bootProgram({ source, rom = false }: BootGuest): Program {
  const text = rom
    ? `bits 16\norg 0\n${source}\n times ${RESET_OFFSET} - ($ - $$) db 0\n jmp 0xf000:0\n times ${ROM_BYTES} - ($ - $$) db 0\n`
    : `bits 16\norg ${BOOT_SECTOR}\n${source}`;
  const { bytes, symbols, diagnostics } = assemble(text);
  if (diagnostics.length > 0) throw new Error(JSON.stringify(diagnostics.slice(0, 3), null, 1));
  return { image: bytes, symbols };
}

/** A machine that is about to execute the first instruction. */
export function boot(
  { rom = false }: BootGuest,
  { image }: Program,
  technique: string,
  switches: Partial<Switches> = {},
): Vmm {
  const profile = findProfile('pentium4-672');
  const vmm = createVmm(technique, { profile, memoryBytes: MEMORY_BYTES, switches });
  const { guest } = vmm;
  if (rom) {
    loadImage(guest, parseImage(image, { rom }));
    return vmm;
  }
  guest.resetHard();
  guest.memory.writeBytes(BOOT_SECTOR, image);
  guest.cpu.setSegment(CS, { ...guest.cpu.segment(CS), selector: 0, base: 0 });
  guest.cpu.eip = BOOT_SECTOR;
  return vmm;
}
