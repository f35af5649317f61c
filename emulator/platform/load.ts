import { ATTR_ACCESSED, ATTR_CODE, ATTR_DB, ATTR_G, ATTR_P, ATTR_RW, ATTR_S } from '../arch/descriptors.js';
import type { SegmentState, TableState } from '../arch/descriptors.js';
import { PAGE_BYTES } from '../arch/paging.js';
import { CS, DS, EAX, EBX, ES, ESI, FS, GS, SS } from '../arch/registers.js';
import type { SegmentIndex } from '../arch/registers.js';
import * as linux from './linux.js';
import { ImageError, hex } from './load-plan.js';
import type { LoadPlan, LoadSegment } from './load-plan.js';
import type { PhysicalMemory } from './memory.js';
import type { MmioBus } from './mmio.js';
import type { RomImage } from './rom.js';
import { BOOT_MAGIC, bootInformation } from './multiboot.js';

/** The part of a machine that loading touches. */
export interface LoadTarget {
  readonly memory: PhysicalMemory;
  readonly cpu: {
    setGpr(register: number, value: number): void;
    setSegment(segment: SegmentIndex, state: SegmentState): void;
    gdtr: TableState;
  };
  /** Flat 32-bit protected mode at CPL 0, paging and interrupts off, every other register as after reset. */
  resetFlat(entry: number): void;
  /** Real mode at the reset vector, everything as after reset. */
  resetHard(): void;
  /** Physical addresses beyond memory, where a ROM goes. */
  readonly mmio: MmioBus;
}

export interface LoadOptions {
  /** For a multiboot or Linux kernel. */
  commandLine?: string;
  /** Initial RAM disk, for a Linux kernel. */
  initrd?: Uint8Array;
}

/** What a loaded image finds at entry; other registers are as after reset. */
export interface EntryState {
  entry: number;
  eax: number;
  ebx: number;
  esi: number;
}

/**
 * Puts an image into memory and the processor at its entry: by Multiboot 0.6.96, section 3.2 "Machine state", or
 * by the Linux boot protocol, section "32-bit Boot Protocol". Nothing is changed when the image does not fit.
 * @throws ImageError when memory is too small, or an option does not fit the image.
 */
export function loadImage(machine: LoadTarget, plan: LoadPlan, options: LoadOptions = {}): EntryState {
  const { memory, cpu } = machine;
  for (const segment of plan.segments) requireFit(segment, memory.sizeBytes);
  requireOptions(plan, options);
  const { commandLine = '', initrd = null } = options;
  const state: EntryState = { entry: plan.entry, eax: 0, ebx: 0, esi: 0 };
  if (plan.rom) return loadRom(machine, plan.rom, plan.segments, state);
  const extra: LoadSegment[] = [];
  if (plan.format === 'multiboot') {
    const information = placeBootInformation(plan, memory.sizeBytes, commandLine);
    extra.push(information);
    state.eax = BOOT_MAGIC;
    state.ebx = information.gpa;
  }
  if (plan.kernel) {
    extra.push(...linux.linuxSegments(plan.kernel, memory.sizeBytes, { commandLine, initrd }));
    requireApart(plan.segments, extra);
    state.esi = linux.ZERO_PAGE;
  }
  for (const segment of [...plan.segments, ...extra]) write(memory, segment);
  machine.resetFlat(state.entry);
  if (plan.kernel) loadBootSegments(cpu);
  cpu.setGpr(EAX, state.eax);
  cpu.setGpr(EBX, state.ebx);
  cpu.setGpr(ESI, state.esi);
  return state;
}

function loadRom(
  machine: LoadTarget,
  rom: RomImage,
  segments: readonly LoadSegment[],
  state: EntryState,
): EntryState {
  machine.mmio.attach(rom.first, rom.bytes.length, rom);
  for (const segment of segments) write(machine.memory, segment);
  machine.resetHard();
  return state;
}

function write(memory: PhysicalMemory, { gpa, bytes, sizeBytes }: LoadSegment): void {
  memory.writeBytes(gpa, bytes);
  memory.writeBytes(gpa + bytes.length, new Uint8Array(sizeBytes - bytes.length));
}

const FLAT: Omit<SegmentState, 'selector' | 'attributes'> = { base: 0, limit: 0xffff_ffff };
const FLAT_ATTRIBUTES = ATTR_P | ATTR_S | ATTR_RW | ATTR_ACCESSED | ATTR_DB | ATTR_G;

/** The segments of the 32-bit boot protocol, and the table that they come from. */
function loadBootSegments(cpu: LoadTarget['cpu']): void {
  cpu.gdtr = { base: linux.BOOT_GDT_BASE, limit: linux.BOOT_GDT_BYTES - 1 };
  cpu.setSegment(CS, {
    ...FLAT,
    selector: linux.BOOT_CODE_SELECTOR,
    attributes: FLAT_ATTRIBUTES | ATTR_CODE,
  });
  for (const segment of [DS, ES, SS, FS, GS] as const) {
    cpu.setSegment(segment, { ...FLAT, selector: linux.BOOT_DATA_SELECTOR, attributes: FLAT_ATTRIBUTES });
  }
}

function requireOptions({ format }: LoadPlan, { commandLine = '', initrd }: LoadOptions): void {
  if (initrd && format !== 'linux') {
    throw new ImageError(
      `an initial RAM disk was given, but the image is ${format}: only a Linux kernel takes one`,
    );
  }
  if (commandLine !== '' && (format === 'flat' || format === 'rom')) {
    throw new ImageError(
      `a command line was given, but the image is ${format}: only a multiboot or Linux kernel takes one`,
    );
  }
  if (commandLine.includes('\0'))
    throw new ImageError('the command line has a zero character, which would end it');
}

function requireFit({ gpa, sizeBytes }: LoadSegment, memoryBytes: number): void {
  const end = gpa + sizeBytes;
  if (end <= memoryBytes) return;
  throw new ImageError(
    `image needs ${hex(sizeBytes)} bytes at ${hex(gpa)}, memory has ${memoryBytes / 2 ** 20} MB: give --memory ${memoryNeeded(end)}M`,
  );
}

function requireApart(image: readonly LoadSegment[], extra: readonly LoadSegment[]): void {
  for (const segment of image) {
    const other = extra.find(
      ({ gpa, sizeBytes }) => gpa < segment.gpa + segment.sizeBytes && segment.gpa < gpa + sizeBytes,
    );
    if (!other) continue;
    throw new ImageError(
      `image occupies ${hex(segment.gpa)} to ${hex(segment.gpa + segment.sizeBytes)}, where the loader puts what it passes (${hex(other.gpa)}): link it at 1 MB or above`,
    );
  }
}

/** A round size that holds everything up to `endBytes`. */
function memoryNeeded(endBytes: number): number {
  let megabytes = 1;
  while (megabytes * 2 ** 20 < endBytes) megabytes *= 2;
  return megabytes;
}

/** Finds room for the boot information in whole pages of low memory that the image leaves free. */
function placeBootInformation(plan: LoadPlan, memoryBytes: number, commandLine: string): LoadSegment {
  const sizeBytes = bootInformation(0, memoryBytes, commandLine).length;
  for (let gpa = PAGE_BYTES; gpa + sizeBytes <= STACK_BOTTOM; gpa += PAGE_BYTES) {
    const taken = plan.segments.some(
      (segment) => gpa < segment.gpa + segment.sizeBytes && segment.gpa < gpa + sizeBytes,
    );
    if (!taken) return { gpa, bytes: bootInformation(gpa, memoryBytes, commandLine), sizeBytes };
  }
  throw new ImageError(
    `no room for ${sizeBytes} bytes of boot information below ${hex(STACK_BOTTOM)}: load the image at 1 MB`,
  );
}

/** The upper part of low memory is left to the initial stack, which begins at 576 KB (machine.ts). */
const STACK_BOTTOM = 0x8_0000;
