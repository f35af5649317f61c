import { PAGE_BYTES } from '../arch/paging.js';
import { EAX, EBX } from '../arch/registers.js';
import { isElf, parseElf } from './elf.js';
import { ImageError, hex, makePlan } from './load-plan.js';
import type { LoadPlan, LoadSegment } from './load-plan.js';
import type { PhysicalMemory } from './memory.js';
import {
  BOOT_MAGIC,
  HIGH_MEMORY_START,
  bootInformation,
  checkFlags,
  findMultibootHeader,
  parseAddressFields,
} from './multiboot.js';
export { ImageError } from './load-plan.js';
export type { LoadPlan, LoadSegment } from './load-plan.js';

/** Where a flat binary is loaded and entered. */
export const FLAT_ORIGIN = HIGH_MEMORY_START;

/**
 * Recognises an image: multiboot 1 (header in the first 8192 bytes; ELF32 or address fields), else a flat binary.
 * @param options.origin where a flat binary is loaded and entered.
 * @throws ImageError for an empty image, a malformed or unsupported multiboot image, or an ELF file without the header.
 */
export function parseImage(image: Uint8Array, { origin = FLAT_ORIGIN }: { origin?: number } = {}): LoadPlan {
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
  if (isElf(image)) {
    throw new ImageError(
      'ELF file without a multiboot header in its first 8192 bytes: add one, or convert it to a flat binary',
    );
  }
  return makePlan('flat', [{ gpa: origin, bytes: image, sizeBytes: image.length }], origin);
}

/** The part of a machine that loading touches. */
export interface LoadTarget {
  readonly memory: PhysicalMemory;
  readonly cpu: { setGpr(register: number, value: number): void };
  /** Flat 32-bit protected mode at CPL 0, paging and interrupts off, every other register as after reset. */
  resetFlat(entry: number): void;
}

/** What a loaded image finds at entry. */
export interface EntryState {
  entry: number;
  eax: number;
  ebx: number;
}

/**
 * Puts an image into memory and the processor at its entry (Multiboot 0.6.96, section 3.2 "Machine state"). Nothing
 * is changed when the image does not fit.
 * @throws ImageError when memory is too small.
 */
export function loadImage(
  machine: LoadTarget,
  plan: LoadPlan,
  { commandLine = '' }: { commandLine?: string } = {},
): EntryState {
  const { memory, cpu } = machine;
  for (const segment of plan.segments) requireFit(segment, memory.sizeBytes);
  const information =
    plan.format === 'multiboot' ? placeBootInformation(plan, memory.sizeBytes, commandLine) : null;
  for (const { gpa, bytes, sizeBytes } of plan.segments) {
    memory.writeBytes(gpa, bytes);
    memory.writeBytes(gpa + bytes.length, new Uint8Array(sizeBytes - bytes.length));
  }
  if (information) memory.writeBytes(information.gpa, information.bytes);
  const state = { entry: plan.entry, eax: information ? BOOT_MAGIC : 0, ebx: information?.gpa ?? 0 };
  machine.resetFlat(state.entry);
  cpu.setGpr(EAX, state.eax);
  cpu.setGpr(EBX, state.ebx);
  return state;
}

function requireFit({ gpa, sizeBytes }: LoadSegment, memoryBytes: number): void {
  const end = gpa + sizeBytes;
  if (end <= memoryBytes) return;
  throw new ImageError(
    `image needs ${hex(sizeBytes)} bytes at ${hex(gpa)}, memory has ${memoryBytes / 2 ** 20} MB: give --memory ${memoryNeeded(end)}M`,
  );
}

/** A round size that holds everything up to `endBytes`. */
function memoryNeeded(endBytes: number): number {
  let megabytes = 1;
  while (megabytes * 2 ** 20 < endBytes) megabytes *= 2;
  return megabytes;
}

/** Finds room for the boot information in whole pages of low memory that the image leaves free. */
function placeBootInformation(
  plan: LoadPlan,
  memoryBytes: number,
  commandLine: string,
): { gpa: number; bytes: Uint8Array } {
  const sizeBytes = bootInformation(0, memoryBytes, commandLine).length;
  for (let gpa = PAGE_BYTES; gpa + sizeBytes <= STACK_BOTTOM; gpa += PAGE_BYTES) {
    const taken = plan.segments.some(
      (segment) => gpa < segment.gpa + segment.sizeBytes && segment.gpa < gpa + sizeBytes,
    );
    if (!taken) return { gpa, bytes: bootInformation(gpa, memoryBytes, commandLine) };
  }
  throw new ImageError(
    `no room for ${sizeBytes} bytes of boot information below ${hex(STACK_BOTTOM)}: load the image at 1 MB`,
  );
}

/** The upper part of low memory is left to the initial stack, which begins at 576 KB (machine.ts). */
const STACK_BOTTOM = 0x8_0000;
