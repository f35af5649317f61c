import type { LinuxKernel } from './linux-header.js';
import type { RomImage } from './rom.js';

/** The user's image cannot be loaded; the message says what is wrong, where, and what would be right. */
export class ImageError extends Error {
  override readonly name = 'ImageError';

  /** @param file which of the files that a user gives. */
  constructor(
    message: string,
    readonly file: 'image' | 'disk' = 'image',
  ) {
    super(message);
  }
}

/** Bytes that go to memory: `bytes`, then zeros up to `sizeBytes`. */
export interface LoadSegment {
  gpa: number;
  bytes: Uint8Array;
  sizeBytes: number;
}

/** What an image asks for, checked as far as that is possible without a machine. */
export interface LoadPlan {
  format: 'flat' | 'multiboot' | 'linux' | 'rom';
  /** Disjoint, in ascending order of address. */
  segments: readonly LoadSegment[];
  /** Where execution begins: in flat 32-bit protected mode, a ROM at the reset vector in real mode. */
  entry: number;
  /** For 'linux'. */
  kernel?: LinuxKernel;
  /** For 'rom': what lies below 4 GB. */
  rom?: RomImage;
}

export const hex = (value: number): string => `0x${value.toString(16)}`;

/** Sorts and checks segments. @throws ImageError for one past 4 GB, two that overlap, or an entry outside all. */
export function makePlan(
  format: LoadPlan['format'],
  unsorted: readonly LoadSegment[],
  entry: number,
): LoadPlan {
  const segments = unsorted.filter(({ sizeBytes }) => sizeBytes > 0).sort((a, b) => a.gpa - b.gpa);
  for (const [index, { gpa, sizeBytes }] of segments.entries()) {
    if (gpa + sizeBytes > 2 ** 32) {
      throw new ImageError(`segment at ${hex(gpa)} of ${hex(sizeBytes)} bytes ends above 4 GB`);
    }
    const after = segments[index + 1];
    if (after && gpa + sizeBytes > after.gpa) {
      throw new ImageError(
        `segment at ${hex(gpa)} of ${hex(sizeBytes)} bytes overlaps the one at ${hex(after.gpa)}`,
      );
    }
  }
  if (!segments.some(({ gpa, sizeBytes }) => entry >= gpa && entry < gpa + sizeBytes)) {
    throw new ImageError(`entry point ${hex(entry)} lies outside everything that the image loads`);
  }
  return { format, segments, entry };
}
