import { PAGE_BYTES } from '../arch/paging.js';
import type { PortWidth } from './bus.js';

/** Bytes of an access to memory. */
export type AccessBytes = PortWidth;

/** What answers for physical addresses outside a machine's memory. Values are unsigned and fit the width. */
export interface OutsideMemory {
  read(address: number, bytes: AccessBytes): number;
  write(address: number, bytes: AccessBytes, value: number): void;
  /** Whether a device has registers in the page. */
  claimsPage(page: number): boolean;
}

/** A device with registers in the physical address space. It does not care where: `offset` counts from its start. */
export interface MmioDevice {
  /** A whole aligned doubleword; unsigned. */
  read32(offset: number): number;
  write32(offset: number, value: number): void;
}

interface Range {
  first: number;
  sizeBytes: number;
  device: MmioDevice;
}

/**
 * Physical addresses beyond memory. Devices see aligned doublewords: a narrower read takes its bytes from the
 * doubleword around it, a narrower write is dropped, as the devices on this bus do with it. Where nothing answers,
 * reads give all ones and writes are dropped.
 */
export class MmioBus implements OutsideMemory {
  private ranges: Range[] = [];
  /** Accesses where no device answers, by page number, for the run's report. */
  readonly unclaimed = new Map<number, number>();

  /** @throws RangeError when the addresses are taken or not aligned to doublewords. */
  attach(first: number, sizeBytes: number, device: MmioDevice): void {
    if (first % 4 !== 0 || sizeBytes % 4 !== 0) {
      throw new RangeError(`device at 0x${first.toString(16)}: its range is not aligned to 4 bytes`);
    }
    const taken = this.ranges.find(
      (range) => first < range.first + range.sizeBytes && range.first < first + sizeBytes,
    );
    if (taken) throw new RangeError(`physical address 0x${first.toString(16)} has two devices`);
    this.ranges.push({ first, sizeBytes, device });
  }

  /** Puts a processor's own registers on the bus: they hide what else answers there. */
  attachOver(first: number, sizeBytes: number, device: MmioDevice): void {
    this.ranges.unshift({ first, sizeBytes, device });
  }

  /** Takes a device off the bus, if it is on it. */
  detach(device: MmioDevice): void {
    this.ranges = this.ranges.filter((range) => range.device !== device);
  }

  /** Whether a device answers for the whole of an access within a doubleword. */
  claims(address: number, bytes: AccessBytes): boolean {
    return this.find(address, bytes) !== undefined;
  }

  claimsPage(page: number): boolean {
    const start = page * PAGE_BYTES;
    return this.ranges.some(
      ({ first, sizeBytes }) => first < start + PAGE_BYTES && start < first + sizeBytes,
    );
  }

  read(address: number, bytes: AccessBytes): number {
    const misplaced = address % 4;
    if (misplaced + bytes > 4) return this.readSplit(address, bytes);
    const range = this.find(address, bytes);
    if (!range) return this.miss(address, bytes);
    const word = range.device.read32(address - misplaced - range.first);
    return bytes === 4 ? word >>> 0 : (word >>> (8 * misplaced)) & (bytes === 2 ? 0xffff : 0xff);
  }

  write(address: number, bytes: AccessBytes, value: number): void {
    const range = this.find(address, bytes);
    if (!range) this.miss(address, bytes);
    else if (bytes === 4 && address % 4 === 0) range.device.write32(address - range.first, value >>> 0);
  }

  private readSplit(address: number, bytes: AccessBytes): number {
    let value = 0;
    for (let byte = 0; byte < bytes; byte++) value |= this.read(address + byte, 1) << (8 * byte);
    return value >>> 0;
  }

  private find(address: number, bytes: number): Range | undefined {
    return this.ranges.find(
      ({ first, sizeBytes }) => address >= first && address + bytes <= first + sizeBytes,
    );
  }

  private miss(address: number, bytes: AccessBytes): number {
    const page = Math.floor(address / PAGE_BYTES);
    this.unclaimed.set(page, (this.unclaimed.get(page) ?? 0) + 1);
    return ALL_ONES[bytes];
  }
}

const ALL_ONES: Readonly<Record<AccessBytes, number>> = { 1: 0xff, 2: 0xffff, 4: 0xffff_ffff };

/** Memory with nothing around it. */
export const NOTHING_OUTSIDE: OutsideMemory = {
  read: (_address, bytes) => ALL_ONES[bytes],
  write: () => {},
  claimsPage: () => false,
};
