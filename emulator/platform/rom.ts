import { ImageError, hex } from './load-plan.js';
import type { LoadSegment } from './load-plan.js';
import { HIGH_MEMORY_START } from './memory-map.js';
import type { MmioDevice } from './mmio.js';

const ALIGNMENT_BYTES = 4096;
/** The ROM's place in the address space ends at 4 GB and begins above the interrupt controllers' registers. */
const MAX_ROM_BYTES = 16 << 20;
/** What of its end shows below 1 MB too, as on every PC: there as memory, which firmware copies itself to anyway. */
const SHADOW_BYTES = 128 << 10;
const ADDRESS_SPACE_END = 2 ** 32;

/** Where the processor begins after reset: 16 bytes below 4 GB, in real mode with CS base 0xffff0000. */
export const RESET_VECTOR = ADDRESS_SPACE_END - 16;

/** Firmware: read-only below 4 GB, its end copied below 1 MB. */
export class RomImage implements MmioDevice {
  readonly first: number;
  private readonly view: DataView;

  /** @throws ImageError for an image of a size that no ROM has. */
  constructor(readonly bytes: Uint8Array) {
    if (bytes.length === 0 || bytes.length % ALIGNMENT_BYTES !== 0 || bytes.length > MAX_ROM_BYTES) {
      throw new ImageError(
        `ROM image has ${bytes.length} bytes: expected a multiple of ${ALIGNMENT_BYTES} up to ${hex(MAX_ROM_BYTES)}, its last 16 bytes being the reset vector`,
      );
    }
    this.first = ADDRESS_SPACE_END - bytes.length;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** The copy below 1 MB, so that it ends there. */
  get shadow(): LoadSegment {
    const bytes = this.bytes.subarray(-SHADOW_BYTES);
    return { gpa: HIGH_MEMORY_START - bytes.length, bytes, sizeBytes: bytes.length };
  }

  read32(offset: number): number {
    return this.view.getUint32(offset, true);
  }

  /** Read-only. */
  write32(): void {}
}
