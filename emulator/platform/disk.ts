import { ImageError } from './load-plan.js';

export const SECTOR_BYTES = 512;
/** What a 28-bit sector number reaches. */
const MAX_SECTORS = 2 ** 28;
const HEADS = 16;
const SECTORS_PER_TRACK = 63;
/** A drive that is larger gives this many cylinders and is used by sector number (ATA-4, annex "LBA/CHS"). */
const MAX_CYLINDERS = 16_383;

/** How a drive counts cylinders, heads and sectors. */
export interface Geometry {
  cylinders: number;
  heads: number;
  sectors: number;
}

/** A disk in memory. Its bytes are its own: the user's image is copied and never written. */
export class Disk {
  readonly bytes: Uint8Array;
  readonly sectorCount: number;
  readonly geometry: Geometry;

  /** @throws ImageError when the image is empty, is not whole sectors, or is larger than a drive can be. */
  constructor(image: Uint8Array) {
    const rest = image.length % SECTOR_BYTES;
    if (image.length === 0 || rest !== 0) {
      const next = image.length - rest + SECTOR_BYTES;
      throw new ImageError(
        `disk image has ${image.length} bytes: expected a multiple of ${SECTOR_BYTES}, such as ${next} (pad it with zeros)`,
        'disk',
      );
    }
    this.sectorCount = image.length / SECTOR_BYTES;
    if (this.sectorCount > MAX_SECTORS) {
      throw new ImageError(
        `disk image has ${this.sectorCount} sectors: a drive here has at most ${MAX_SECTORS}`,
        'disk',
      );
    }
    this.bytes = image.slice();
    const cylinders = Math.floor(this.sectorCount / (HEADS * SECTORS_PER_TRACK));
    this.geometry = {
      cylinders: Math.max(1, Math.min(MAX_CYLINDERS, cylinders)),
      heads: HEADS,
      sectors: SECTORS_PER_TRACK,
    };
  }

  /** The bytes of `count` sectors from `first` on, to read or write. */
  sectors(first: number, count: number): Uint8Array {
    return this.bytes.subarray(first * SECTOR_BYTES, (first + count) * SECTOR_BYTES);
  }
}
