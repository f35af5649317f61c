import { PAGE_BYTES } from '../arch/paging.js';
import { SETUP_HEADER } from './linux-header.js';
import type { LinuxKernel } from './linux-header.js';
import { ImageError, hex } from './load-plan.js';
import type { LoadSegment } from './load-plan.js';
import { HIGH_MEMORY_START, memoryMap } from './memory-map.js';

/** Where the zero page lies, and after it the descriptor table and the command line: low memory that no kernel loads to. */
export const ZERO_PAGE = 0x1_0000;
const GDT = ZERO_PAGE + PAGE_BYTES;
const COMMAND_LINE = GDT + PAGE_BYTES;
/** The initial stack begins at 576 KB (machine.ts); what grows down from it keeps this much. */
const LOW_END = 0x8_0000;

/** Selectors that the 32-bit boot protocol prescribes: flat 4 GB segments. */
export const BOOT_CODE_SELECTOR = 0x10;
export const BOOT_DATA_SELECTOR = 0x18;
const FLAT_CODE = [0x0000_ffff, 0x00cf_9a00] as const;
const FLAT_DATA = [0x0000_ffff, 0x00cf_9200] as const;
export const BOOT_GDT_BYTES = 32;

// Fields of the zero page (Linux documentation, "The Linux/x86 Boot Protocol", and "Zero Page").
const SCREEN_EXTENDED_KB = 0x02;
const SCREEN_MODE = 0x06;
const SCREEN_COLUMNS = 0x07;
const SCREEN_LINES = 0x0e;
const SCREEN_IS_VGA = 0x0f;
const SCREEN_CHARACTER_LINES = 0x10;
const ALTERNATIVE_MEMORY_KB = 0x1e0;
const E820_COUNT = 0x1e8;
const VIDEO_MODE = 0x1fa;
const VIDEO_MODE_NORMAL = 0xffff;
const LOADER_TYPE = 0x210;
const LOADER_UNKNOWN = 0xff;
const INITRD_GPA = 0x218;
const INITRD_BYTES = 0x21c;
const COMMAND_LINE_GPA = 0x228;
const E820_TABLE = 0x2d0;
const E820_ENTRY_BYTES = 20;

const KB = 1 << 10;
const EXTENDED_KB_LIMIT = 0xffff;

export interface LinuxOptions {
  commandLine: string;
  /** The initial RAM disk, or null. */
  initrd: Uint8Array | null;
}

/**
 * Everything that lies in memory beside the kernel for the 32-bit boot protocol: zero page, descriptor table,
 * command line, initial RAM disk.
 * @throws ImageError when the kernel's working memory, the command line or the RAM disk does not fit.
 */
export function linuxSegments(
  kernel: LinuxKernel,
  memoryBytes: number,
  { commandLine, initrd }: LinuxOptions,
): LoadSegment[] {
  if (kernel.neededEnd > memoryBytes) {
    throw new ImageError(
      `Linux kernel needs memory up to ${hex(kernel.neededEnd)} to start, there are ${memoryBytes / 2 ** 20} MB: give it ${Math.ceil(kernel.neededEnd / 2 ** 20)} MB or more`,
    );
  }
  const command = new TextEncoder().encode(`${commandLine}\0`);
  const longest = Math.min(kernel.commandLineBytes, LOW_END - COMMAND_LINE - 1);
  if (command.length - 1 > longest) {
    throw new ImageError(
      `command line has ${command.length - 1} bytes: this kernel takes at most ${longest}`,
    );
  }
  const disk = initrd === null ? null : placeInitrd(kernel, memoryBytes, initrd);
  const blocks = [
    { gpa: ZERO_PAGE, bytes: zeroPage(kernel, memoryBytes, disk) },
    { gpa: GDT, bytes: bootDescriptors() },
    { gpa: COMMAND_LINE, bytes: command },
    ...(disk ? [disk] : []),
  ];
  return blocks.map(({ gpa, bytes }) => ({ gpa, bytes, sizeBytes: bytes.length }));
}

/** Base of the table that {@link linuxSegments} puts into memory. */
export const BOOT_GDT_BASE = GDT;

/** As high as the kernel allows and memory goes, on a page boundary, above all that the kernel uses. */
function placeInitrd(
  kernel: LinuxKernel,
  memoryBytes: number,
  initrd: Uint8Array,
): { gpa: number; bytes: Uint8Array } {
  const end = Math.min(memoryBytes, kernel.initrdMax + 1);
  const gpa = Math.floor((end - initrd.length) / PAGE_BYTES) * PAGE_BYTES;
  if (gpa < kernel.neededEnd) {
    throw new ImageError(
      `initial RAM disk of ${initrd.length} bytes does not fit between the kernel's end ${hex(kernel.neededEnd)} and ${hex(end)}: give more memory or a smaller RAM disk`,
    );
  }
  return { gpa, bytes: initrd };
}

function zeroPage(
  kernel: LinuxKernel,
  memoryBytes: number,
  initrd: { gpa: number; bytes: Uint8Array } | null,
): Uint8Array {
  const page = new Uint8Array(PAGE_BYTES);
  const view = new DataView(page.buffer);
  const extendedKb = Math.max(0, Math.floor((memoryBytes - HIGH_MEMORY_START) / KB));
  page.set(kernel.header, SETUP_HEADER);
  view.setUint16(SCREEN_EXTENDED_KB, Math.min(extendedKb, EXTENDED_KB_LIMIT), true);
  page[SCREEN_MODE] = 3;
  page[SCREEN_COLUMNS] = 80;
  page[SCREEN_LINES] = 25;
  page[SCREEN_IS_VGA] = 1;
  view.setUint16(SCREEN_CHARACTER_LINES, 16, true);
  view.setUint32(ALTERNATIVE_MEMORY_KB, extendedKb, true);
  view.setUint16(VIDEO_MODE, VIDEO_MODE_NORMAL, true);
  page[LOADER_TYPE] = LOADER_UNKNOWN;
  view.setUint32(INITRD_GPA, initrd?.gpa ?? 0, true);
  view.setUint32(INITRD_BYTES, initrd?.bytes.length ?? 0, true);
  view.setUint32(COMMAND_LINE_GPA, COMMAND_LINE, true);
  const regions = memoryMap(memoryBytes);
  page[E820_COUNT] = regions.length;
  for (const [index, { start, sizeBytes, type }] of regions.entries()) {
    const at = E820_TABLE + index * E820_ENTRY_BYTES;
    view.setUint32(at, start, true);
    view.setUint32(at + 8, sizeBytes, true);
    view.setUint32(at + 16, type, true);
  }
  return page;
}

function bootDescriptors(): Uint8Array {
  const table = new Uint8Array(BOOT_GDT_BYTES);
  const view = new DataView(table.buffer);
  for (const [selector, [low, high]] of [
    [BOOT_CODE_SELECTOR, FLAT_CODE],
    [BOOT_DATA_SELECTOR, FLAT_DATA],
  ] as const) {
    view.setUint32(selector, low, true);
    view.setUint32(selector + 4, high, true);
  }
  return table;
}
