/** End of conventional memory, and where memory goes on after the hole for video memory and ROMs. */
export const LOW_MEMORY_END = 0xa_0000;
export const HIGH_MEMORY_START = 0x10_0000;

export const MAP_AVAILABLE = 1;
const MAP_RESERVED = 2;

/** A region as e820 and multiboot describe it. */
export interface MemoryRegion {
  start: number;
  sizeBytes: number;
  type: number;
}

/** What firmware would tell of a machine with `memoryBytes` of memory, in ascending order. */
export function memoryMap(memoryBytes: number): MemoryRegion[] {
  const region = (start: number, end: number, type: number): MemoryRegion => ({
    start,
    sizeBytes: Math.min(end, memoryBytes) - start,
    type,
  });
  return [
    region(0, LOW_MEMORY_END, MAP_AVAILABLE),
    region(LOW_MEMORY_END, HIGH_MEMORY_START, MAP_RESERVED),
    region(HIGH_MEMORY_START, Infinity, MAP_AVAILABLE),
  ].filter(({ sizeBytes }) => sizeBytes > 0);
}
