import { ImageError, hex } from './load-plan.js';
import type { LoadSegment } from './load-plan.js';

// Tool Interface Standard, "Executable and Linking Format (ELF) Specification", version 1.2, book I, "ELF Header", "Program Header".
const MAGIC = [0x7f, 0x45, 0x4c, 0x46];
const HEADER_BYTES = 52;
const PROGRAM_HEADER_BYTES = 32;
const EI_CLASS = 4;
const ELFCLASS32 = 1;
const EI_DATA = 5;
const ELFDATA2LSB = 1;
const ET_EXEC = 2;
const EM_386 = 3;
const PT_LOAD = 1;

export function isElf(image: Uint8Array): boolean {
  return MAGIC.every((byte, index) => image[index] === byte);
}

/**
 * The loadable segments of an ELF32 executable for the 386, at their physical addresses.
 * @returns the entry as a physical address: the file gives it as a virtual one.
 * @throws ImageError for any other kind of ELF, or one whose tables leave the file.
 */
export function parseElf(image: Uint8Array): { segments: LoadSegment[]; entry: number } {
  if (image.length < HEADER_BYTES) {
    throw new ImageError(`ELF file ends after ${image.length} bytes, inside its header of ${HEADER_BYTES}`);
  }
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  expectField('class', image[EI_CLASS], ELFCLASS32, 'ELF32');
  expectField('data encoding', image[EI_DATA], ELFDATA2LSB, 'little-endian');
  expectField('type', view.getUint16(16, true), ET_EXEC, 'an executable');
  expectField('machine', view.getUint16(18, true), EM_386, 'the 386');
  const tableOffset = view.getUint32(28, true);
  const entryBytes = view.getUint16(42, true);
  const count = view.getUint16(44, true);
  if (entryBytes < PROGRAM_HEADER_BYTES) {
    throw new ImageError(
      `ELF program headers have ${entryBytes} bytes each; expected at least ${PROGRAM_HEADER_BYTES}`,
    );
  }
  if (tableOffset + count * entryBytes > image.length) {
    throw new ImageError(
      `ELF program headers at ${hex(tableOffset)} (${count} of ${entryBytes} bytes) reach past the file's end at ${hex(image.length)}`,
    );
  }
  const loads: { virtual: number; segment: LoadSegment }[] = [];
  for (let index = 0; index < count; index++) {
    const at = tableOffset + index * entryBytes;
    const word = (offset: number): number => view.getUint32(at + offset, true);
    if (word(0) !== PT_LOAD) continue;
    const [fileOffset, virtual, gpa, fileBytes, sizeBytes] = [4, 8, 12, 16, 20].map(word);
    if (fileBytes > sizeBytes) {
      throw new ImageError(
        `ELF segment ${index} has ${hex(fileBytes)} bytes in the file but ${hex(sizeBytes)} in memory`,
      );
    }
    if (fileOffset + fileBytes > image.length) {
      throw new ImageError(
        `ELF segment ${index} (${hex(fileBytes)} bytes at ${hex(fileOffset)}) reaches past the file's end at ${hex(image.length)}`,
      );
    }
    loads.push({
      virtual,
      segment: { gpa, bytes: image.subarray(fileOffset, fileOffset + fileBytes), sizeBytes },
    });
  }
  if (loads.length === 0) throw new ImageError('ELF file has no loadable segment');
  const entry = view.getUint32(24, true);
  const home = loads.find(({ virtual, segment }) => entry >= virtual && entry - virtual < segment.sizeBytes);
  return {
    segments: loads.map(({ segment }) => segment),
    entry: home ? entry - home.virtual + home.segment.gpa : entry,
  };
}

function expectField(field: string, value: number, expected: number, meaning: string): void {
  if (value !== expected) throw new ImageError(`ELF ${field} is ${value}; expected ${expected} (${meaning})`);
}
