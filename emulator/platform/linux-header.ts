import { ImageError, hex } from './load-plan.js';

// Linux documentation, "The Linux/x86 Boot Protocol", section "The Real-Mode Kernel Header". Offsets are those of
// the image and of the zero page alike.
export const SETUP_HEADER = 0x1f1;
const SETUP_SECTORS = 0x1f1;
const BOOT_FLAG = 0x1fe;
const BOOT_MAGIC = 0xaa55;
/** The byte after the jump's opcode: how far the header reaches past 0x202. */
const JUMP_LENGTH = 0x201;
const JUMP_END = 0x202;
const HEADER_MAGIC_AT = 0x202;
/** "HdrS". */
const HEADER_MAGIC = 0x5372_6448;
const VERSION = 0x206;
const LOAD_FLAGS = 0x211;
const LOADED_HIGH = 0x01;
const CODE32_START = 0x214;
const INITRD_MAX = 0x22c;
const COMMAND_LINE_SIZE = 0x238;
const PREFERRED_ADDRESS = 0x258;
const INIT_SIZE = 0x260;
/** End of the fields that a loader must find in version 2.02. */
const HEADER_2_02_END = 0x22c;

const SECTOR_BYTES = 512;
const DEFAULT_SETUP_SECTORS = 4;
/** Where the protected-mode kernel goes. */
export const LINUX_ORIGIN = 0x10_0000;
const DEFAULT_INITRD_MAX = 0x37ff_ffff;
const DEFAULT_COMMAND_LINE_BYTES = 255;

/** What a Linux image says about how it wants to be loaded. */
export interface LinuxKernel {
  /** The setup header, to be copied into the zero page at {@link SETUP_HEADER}. */
  header: Uint8Array;
  /** Memory that the kernel uses before it looks at the memory map: up to here. */
  neededEnd: number;
  /** Highest address that the initial RAM disk may occupy. */
  initrdMax: number;
  /** Longest command line, without the terminating zero. */
  commandLineBytes: number;
}

/** Whether an image has the header of the boot protocol. */
export function isLinuxImage(image: Uint8Array): boolean {
  if (image.length < HEADER_MAGIC_AT + 4) return false;
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  return (
    view.getUint16(BOOT_FLAG, true) === BOOT_MAGIC && view.getUint32(HEADER_MAGIC_AT, true) === HEADER_MAGIC
  );
}

/**
 * Reads the header of a bzImage.
 * @returns its protected-mode part, to lie at {@link LINUX_ORIGIN}, and the entry there.
 * @throws ImageError for a version before 2.02, a zImage, or a file that ends too soon.
 */
export function parseLinuxImage(image: Uint8Array): { kernel: LinuxKernel; code: Uint8Array; entry: number } {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const version = image.length >= VERSION + 2 ? view.getUint16(VERSION, true) : 0;
  if (version < 0x0202) {
    throw new ImageError(
      `Linux image has boot protocol ${version >> 8}.${String(version & 0xff).padStart(2, '0')}: expected at least 2.02 (Linux 2.4)`,
    );
  }
  const headerEnd = JUMP_END + image[JUMP_LENGTH];
  if (headerEnd < HEADER_2_02_END || headerEnd > image.length) {
    throw new ImageError(
      `Linux image's setup header ends at ${hex(headerEnd)}: expected ${hex(HEADER_2_02_END)} or more, inside the file of ${hex(image.length)} bytes`,
    );
  }
  if ((image[LOAD_FLAGS] & LOADED_HIGH) === 0) {
    throw new ImageError(
      'Linux image is a zImage, to be loaded low (loadflags bit 0 clear): build a bzImage',
    );
  }
  const codeAt = ((image[SETUP_SECTORS] || DEFAULT_SETUP_SECTORS) + 1) * SECTOR_BYTES;
  if (codeAt >= image.length) {
    throw new ImageError(
      `Linux image ends at ${hex(image.length)}, before its protected-mode code at ${hex(codeAt)}: the file is cut short`,
    );
  }
  /** A field of 4 bytes that an older or shorter header lacks. */
  const field = (offset: number, since: number, otherwise: number): number =>
    version >= since && offset + 4 <= headerEnd ? view.getUint32(offset, true) : otherwise;
  const code = image.subarray(codeAt);
  // Wherever it is loaded, a kernel moves itself to its preferred address at least.
  const preferred = field(PREFERRED_ADDRESS, 0x020a, LINUX_ORIGIN);
  const neededBytes = Math.max(code.length, field(INIT_SIZE, 0x020a, 0));
  return {
    kernel: {
      header: image.slice(SETUP_HEADER, headerEnd),
      neededEnd: Math.max(LINUX_ORIGIN, preferred) + neededBytes,
      initrdMax: field(INITRD_MAX, 0x0203, DEFAULT_INITRD_MAX),
      commandLineBytes: field(COMMAND_LINE_SIZE, 0x0206, DEFAULT_COMMAND_LINE_BYTES),
    },
    code,
    entry: view.getUint32(CODE32_START, true),
  };
}

/** Bytes of the header that {@link bareKernel} makes: up to the end of version 2.12. */
const BARE_HEADER_END = 0x268;
const BARE_VERSION = 0x020c;
/** As x86 Linux has it (COMMAND_LINE_SIZE less the zero). */
const BARE_COMMAND_LINE_BYTES = 2047;

/** The header of a decompressed kernel: it has none of its own, but finds one in the zero page. */
export function bareKernel(endGpa: number): LinuxKernel {
  const page = new Uint8Array(BARE_HEADER_END);
  const view = new DataView(page.buffer);
  view.setUint16(BOOT_FLAG, BOOT_MAGIC, true);
  view.setUint32(HEADER_MAGIC_AT, HEADER_MAGIC, true);
  view.setUint16(VERSION, BARE_VERSION, true);
  page[LOAD_FLAGS] = LOADED_HIGH;
  view.setUint32(INITRD_MAX, DEFAULT_INITRD_MAX, true);
  view.setUint32(COMMAND_LINE_SIZE, BARE_COMMAND_LINE_BYTES, true);
  return {
    header: page.slice(SETUP_HEADER),
    neededEnd: endGpa,
    initrdMax: DEFAULT_INITRD_MAX,
    commandLineBytes: BARE_COMMAND_LINE_BYTES,
  };
}

/** What every Linux kernel has in its read-only data, and hardly anything else. */
const BANNER = new TextEncoder().encode('Linux version ');

/** Whether an ELF file is a Linux kernel, by its banner. */
export function hasLinuxBanner(image: Uint8Array): boolean {
  const last = image.length - BANNER.length;
  for (let at = image.indexOf(BANNER[0]); at >= 0 && at <= last; at = image.indexOf(BANNER[0], at + 1)) {
    if (BANNER.every((byte, index) => image[at + index] === byte)) return true;
  }
  return false;
}
