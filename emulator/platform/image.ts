import { isElf, parseElf } from './elf.js';
import { LINUX_ORIGIN, bareKernel, hasLinuxBanner, isLinuxImage, parseLinuxImage } from './linux-header.js';
import { ImageError, hex, makePlan } from './load-plan.js';
import type { LoadPlan, LoadSegment } from './load-plan.js';
import { HIGH_MEMORY_START } from './memory-map.js';
import { checkFlags, findMultibootHeader, parseAddressFields } from './multiboot.js';
import { RESET_VECTOR, RomImage } from './rom.js';
export { loadImage } from './load.js';
export type { EntryState, LoadOptions, LoadTarget } from './load.js';
export { ImageError } from './load-plan.js';
export type { LoadPlan, LoadSegment } from './load-plan.js';

/** Where a flat binary is loaded and entered. */
export const FLAT_ORIGIN = HIGH_MEMORY_START;

export interface ParseOptions {
  /** Where a flat binary is loaded and entered; default {@link FLAT_ORIGIN}. */
  origin?: number;
  /** The image is firmware, to be entered at the reset vector: nothing in the bytes tells that. */
  rom?: boolean;
}

/**
 * Recognises an image: multiboot 1 (header in the first 8192 bytes; ELF32 or address fields), a Linux bzImage or
 * vmlinux, else a flat binary.
 * @throws ImageError for an empty image, or one that is malformed or of a kind that is not supported.
 */
export function parseImage(
  image: Uint8Array,
  { origin = FLAT_ORIGIN, rom = false }: ParseOptions = {},
): LoadPlan {
  if (rom) return romPlan(new RomImage(image));
  if (image.length === 0) throw new ImageError('image is empty: expected a flat binary or a multiboot image');
  const header = findMultibootHeader(image);
  if (header) {
    checkFlags(header);
    const byFields = parseAddressFields(image, header);
    if (!byFields && !isElf(image)) {
      throw new ImageError(
        `multiboot header at ${hex(header.offset)} has no address fields and the file is not ELF: set flag bit 16 or link it as ELF32`,
      );
    }
    const { segments, entry } = byFields ?? parseElf(image);
    return makePlan('multiboot', segments, entry);
  }
  if (isLinuxImage(image)) {
    const { kernel, code, entry } = parseLinuxImage(image);
    const segment: LoadSegment = { gpa: LINUX_ORIGIN, bytes: code, sizeBytes: code.length };
    return { ...makePlan('linux', [segment], entry), kernel };
  }
  if (isElf(image)) return vmlinuxPlan(image);
  return makePlan('flat', [{ gpa: origin, bytes: image, sizeBytes: image.length }], origin);
}

function vmlinuxPlan(image: Uint8Array): LoadPlan {
  if (!hasLinuxBanner(image)) {
    throw new ImageError(
      'ELF file without a multiboot header in its first 8192 bytes, and no Linux kernel: add a header, or convert it to a flat binary',
    );
  }
  const { segments, entry } = parseElf(image);
  const plan = makePlan('linux', segments, entry);
  const end = Math.max(...plan.segments.map(({ gpa, sizeBytes }) => gpa + sizeBytes));
  return { ...plan, kernel: bareKernel(end) };
}

function romPlan(rom: RomImage): LoadPlan {
  return { format: 'rom', segments: [rom.shadow], entry: RESET_VECTOR, rom };
}
