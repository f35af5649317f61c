import { SECTOR_BYTES } from './disk.js';
import type { Disk, Geometry } from './disk.js';

/** The most sectors of one block in READ and WRITE MULTIPLE. */
export const MAX_MULTIPLE = 16;
const FIXED_DRIVE = 0x0040;
const CAPABLE_OF_LBA = 0x0200;
const ALWAYS_ONE = 0x4000;
/** Words 54 to 58 and 64 to 70 are valid. */
const VALID_FIELDS = 0x0003;
const PIO_MODES_3_AND_4 = 0x0003;
const PIO_CYCLE_NS = 120;
/** ATA-1 to ATA-4. */
const MAJOR_VERSIONS = 0x001e;

/** What IDENTIFY DEVICE answers (ANSI NCITS 317-1998, ATA/ATAPI-4, section 8.12, table 8). @param multiple sectors of a block; 0: none set. */
export function identify(disk: Disk, geometry: Geometry, multiple: number): Uint8Array {
  const bytes = new Uint8Array(SECTOR_BYTES);
  const view = new DataView(bytes.buffer);
  const put = (word: number, value: number): void => view.setUint16(word * 2, value, true);
  const putLong = (word: number, value: number): void => view.setUint32(word * 2, value, true);
  /** Two characters a word, the first in the upper byte. */
  const putText = (word: number, words: number, text: string): void => {
    for (const [index, character] of Array.from(text.padEnd(words * 2)).entries()) {
      bytes[(word * 2 + index) ^ 1] = character.charCodeAt(0);
    }
  };
  put(0, FIXED_DRIVE);
  put(1, disk.geometry.cylinders);
  put(3, disk.geometry.heads);
  put(6, disk.geometry.sectors);
  putText(10, 10, 'RS0001');
  putText(23, 4, '1.0');
  putText(27, 20, 'RINGSIDE DISK');
  put(47, 0x8000 | MAX_MULTIPLE);
  put(49, CAPABLE_OF_LBA);
  put(50, ALWAYS_ONE);
  put(51, 2 << 8); // PIO mode
  put(53, VALID_FIELDS);
  put(54, geometry.cylinders);
  put(55, geometry.heads);
  put(56, geometry.sectors);
  putLong(57, geometry.cylinders * geometry.heads * geometry.sectors);
  put(59, multiple === 0 ? 0 : 0x0100 | multiple);
  putLong(60, disk.sectorCount);
  put(64, PIO_MODES_3_AND_4);
  put(67, PIO_CYCLE_NS);
  put(68, PIO_CYCLE_NS);
  put(80, MAJOR_VERSIONS);
  for (const word of [83, 84, 87]) put(word, ALWAYS_ONE);
  return bytes;
}
