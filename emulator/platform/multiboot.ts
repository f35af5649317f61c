import { ImageError, hex } from './load-plan.js';
import type { LoadSegment } from './load-plan.js';
import { HIGH_MEMORY_START, LOW_MEMORY_END, memoryMap } from './memory-map.js';

// Multiboot Specification version 0.6.96, sections 3.1 "OS image format" and 3.3 "Boot information format".
const HEADER_MAGIC = 0x1bad_b002;
const HEADER_BYTES = 12;
const ADDRESS_FIELDS_END = 32;
/** The header lies completely within this much of the file, on a multiple of 4. */
const SEARCH_BYTES = 8192;
/** EAX at entry. */
export const BOOT_MAGIC = 0x2bad_b002;

const FLAG_PAGE_ALIGN_MODULES = 1 << 0;
const FLAG_MEMORY_INFO = 1 << 1;
const FLAG_VIDEO_MODE = 1 << 2;
const FLAG_ADDRESS_FIELDS = 1 << 16;
/** Bits that a loader must understand or refuse; the upper 16 may be ignored. */
const REQUIRED_FLAGS = 0xffff;

export interface MultibootHeader {
  /** Of its first byte, in the file. */
  offset: number;
  flags: number;
}

/** Finds the header: magic, flags and a checksum that makes them sum to zero. */
export function findMultibootHeader(image: Uint8Array): MultibootHeader | null {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const end = Math.min(image.length, SEARCH_BYTES) - HEADER_BYTES;
  for (let offset = 0; offset <= end; offset += 4) {
    const magic = view.getUint32(offset, true);
    const flags = view.getUint32(offset + 4, true);
    if (magic === HEADER_MAGIC && ((magic + flags + view.getUint32(offset + 8, true)) | 0) === 0)
      return { offset, flags };
  }
  return null;
}

/** @throws ImageError naming a required feature that this machine does not have. */
export function checkFlags({ flags, offset }: MultibootHeader): void {
  const where = `multiboot header at ${hex(offset)}`;
  if (flags & FLAG_VIDEO_MODE) {
    throw new ImageError(
      `${where} requires a video mode (flag bit 2); this machine has no display: clear the bit`,
    );
  }
  const unknown = flags & REQUIRED_FLAGS & ~(FLAG_PAGE_ALIGN_MODULES | FLAG_MEMORY_INFO);
  if (unknown !== 0) {
    const bits = Array.from({ length: 16 }, (_, bit) => bit).filter((bit) => unknown & (1 << bit));
    throw new ImageError(
      `${where} requires unknown features (flag bits ${bits.join(', ')}); version 0.6.96 defines 0 to 2`,
    );
  }
}

/** Where the header's own address fields load the file, or null when it has none and the file must be ELF. */
export function parseAddressFields(
  image: Uint8Array,
  { offset, flags }: MultibootHeader,
): { segments: LoadSegment[]; entry: number } | null {
  if ((flags & FLAG_ADDRESS_FIELDS) === 0) return null;
  if (offset + ADDRESS_FIELDS_END > image.length) {
    throw new ImageError(`multiboot header at ${hex(offset)}: the file ends inside its address fields`);
  }
  const view = new DataView(image.buffer, image.byteOffset + offset, ADDRESS_FIELDS_END);
  const [headerGpa, loadGpa, loadEnd, bssEnd, entry] = [12, 16, 20, 24, 28].map((at) =>
    view.getUint32(at, true),
  );
  const fileOffset = offset - (headerGpa - loadGpa);
  if (loadGpa > headerGpa || fileOffset < 0) {
    throw new ImageError(
      `multiboot load_addr ${hex(loadGpa)} and header_addr ${hex(headerGpa)} put the file's start ${
        fileOffset < 0 ? 'before the file' : 'after its header'
      } (the header is at ${hex(offset)} in the file)`,
    );
  }
  const fileBytes = loadEnd === 0 ? image.length - fileOffset : loadEnd - loadGpa;
  if (fileBytes < 0 || fileOffset + fileBytes > image.length) {
    throw new ImageError(
      `multiboot load_end_addr ${hex(loadEnd)} asks for bytes that the file of ${hex(image.length)} bytes has not (load_addr is ${hex(loadGpa)})`,
    );
  }
  if (bssEnd !== 0 && bssEnd < loadGpa + fileBytes) {
    throw new ImageError(
      `multiboot bss_end_addr ${hex(bssEnd)} lies before the end of the loaded bytes ${hex(loadGpa + fileBytes)}`,
    );
  }
  const sizeBytes = bssEnd === 0 ? fileBytes : bssEnd - loadGpa;
  const bytes = image.subarray(fileOffset, fileOffset + fileBytes);
  return { segments: [{ gpa: loadGpa, bytes, sizeBytes }], entry };
}

const INFO_BYTES = 116;
const INFO_MEMORY = 1 << 0;
const INFO_COMMAND_LINE = 1 << 2;
const INFO_MODULES = 1 << 3;
const INFO_MEMORY_MAP = 1 << 6;
const INFO_LOADER_NAME = 1 << 9;
const MAP_ENTRY_BYTES = 24;

/** The boot information structure with its map and strings, as bytes to lie at `gpa`. */
export function bootInformation(gpa: number, memoryBytes: number, commandLine: string): Uint8Array {
  const regions = memoryMap(memoryBytes);
  const encoder = new TextEncoder();
  const command = encoder.encode(`${commandLine}\0`);
  const loader = encoder.encode('ringside\0');
  const mapBytes = regions.length * MAP_ENTRY_BYTES;
  const commandAt = INFO_BYTES + mapBytes;
  const loaderAt = commandAt + command.length;
  const bytes = new Uint8Array(loaderAt + loader.length);
  const view = new DataView(bytes.buffer);
  const put = (offset: number, value: number): void => view.setUint32(offset, value, true);
  put(0, INFO_MEMORY | INFO_COMMAND_LINE | INFO_MODULES | INFO_MEMORY_MAP | INFO_LOADER_NAME);
  put(4, LOW_MEMORY_END >> 10); // mem_lower, in KB
  put(8, Math.max(0, memoryBytes - HIGH_MEMORY_START) / 1024); // mem_upper, in KB
  put(16, gpa + commandAt);
  put(44, mapBytes);
  put(48, gpa + INFO_BYTES);
  put(64, gpa + loaderAt);
  for (const [index, { start, sizeBytes, type }] of regions.entries()) {
    const at = INFO_BYTES + index * MAP_ENTRY_BYTES;
    put(at, MAP_ENTRY_BYTES - 4); // an entry's size does not count the size field
    put(at + 4, start);
    put(at + 12, sizeBytes);
    put(at + 20, type);
  }
  bytes.set(command, commandAt);
  bytes.set(loader, loaderAt);
  return bytes;
}
