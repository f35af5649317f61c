import { PAGE_BYTES } from '../arch/paging.js';
import { NOTHING_OUTSIDE } from './mmio.js';
import type { OutsideMemory } from './mmio.js';

/** Told when a marked page is written, after the bytes changed and before the next instruction runs. */
export type PageWriteListener = (page: number, byteOffset: number, byteCount: number) => void;

/** Mark: some listener holds decoded or translated code of this page. Cleared by the first write. */
const MARK_CODE = 1;
/** Mark: a monitor derives something from this page and must see every write. Stays until it is taken away. */
const MARK_TRACED = 2;

/**
 * Physical memory: a window of a WebAssembly.Memory. A guest's physical memory is a window of its host's, so
 * guest-physical and host-physical addresses of one byte differ by `window offset` and both see every write.
 * Addresses are unsigned offsets into the window. What lies beyond it is for {@link outside}.
 */
export class PhysicalMemory {
  readonly u8: Uint8Array;
  private readonly view: DataView;
  /** What answers beyond the window; at first nothing: reads give all ones and writes are dropped. */
  outside: OutsideMemory = NOTHING_OUTSIDE;

  private constructor(
    private readonly buffer: ArrayBuffer,
    /** Where the window starts in the buffer; a multiple of the page size. */
    readonly baseBytes: number,
    readonly sizeBytes: number,
    /** Marks by page of the whole buffer, shared by all windows; not zero: a write must go through {@link noteWrite}. */
    readonly codePages: Uint8Array,
    private readonly listeners: {
      mark: number;
      basePage: number;
      pages: number;
      listener: PageWriteListener;
    }[],
  ) {
    this.u8 = new Uint8Array(buffer, baseBytes, sizeBytes);
    this.view = new DataView(buffer, baseBytes, sizeBytes);
  }

  /**
   * The window [baseBytes, baseBytes + sizeBytes) of a fresh WebAssembly.Memory's buffer.
   * @param marks zeros, one byte for each page of the buffer, where compiled code reaches them.
   */
  static over(
    memory: WebAssembly.Memory,
    baseBytes: number,
    sizeBytes: number,
    marks?: Uint8Array,
  ): PhysicalMemory {
    const { buffer } = memory;
    if (
      baseBytes % PAGE_BYTES !== 0 ||
      sizeBytes % PAGE_BYTES !== 0 ||
      baseBytes + sizeBytes > buffer.byteLength
    ) {
      throw new RangeError(
        `memory window ${baseBytes}+${sizeBytes} is not page-aligned inside ${buffer.byteLength} bytes`,
      );
    }
    const codePages = marks ?? new Uint8Array(buffer.byteLength / PAGE_BYTES);
    return new PhysicalMemory(buffer as ArrayBuffer, baseBytes, sizeBytes, codePages, []);
  }

  /** A smaller window of the same bytes, for a guest. `offsetBytes` is the host-physical address of its address 0. */
  window(offsetBytes: number, sizeBytes: number): PhysicalMemory {
    if (offsetBytes % PAGE_BYTES !== 0 || offsetBytes + sizeBytes > this.sizeBytes) {
      throw new RangeError(
        `guest window ${offsetBytes}+${sizeBytes} is not page-aligned inside ${this.sizeBytes} bytes`,
      );
    }
    return new PhysicalMemory(
      this.buffer,
      this.baseBytes + offsetBytes,
      sizeBytes,
      this.codePages,
      this.listeners,
    );
  }

  /** Has `listener` called for writes to pages of this window that are marked by {@link markCode}. Page numbers are this window's. */
  onCodeWrite(listener: PageWriteListener): void {
    this.listen(MARK_CODE, listener);
  }

  markCode(page: number): void {
    this.codePages[this.baseBytes / PAGE_BYTES + page] |= MARK_CODE;
  }

  /** Has `listener` called for every write, by whatever path, to pages of this window that are marked by {@link markTraced}. */
  onTracedWrite(listener: PageWriteListener): void {
    this.listen(MARK_TRACED, listener);
  }

  markTraced(page: number): void {
    this.codePages[this.baseBytes / PAGE_BYTES + page] |= MARK_TRACED;
  }

  unmarkTraced(page: number): void {
    this.codePages[this.baseBytes / PAGE_BYTES + page] &= ~MARK_TRACED;
  }

  private listen(mark: number, listener: PageWriteListener): void {
    this.listeners.push({
      mark,
      basePage: this.baseBytes / PAGE_BYTES,
      pages: this.sizeBytes / PAGE_BYTES,
      listener,
    });
  }

  /** Whether a write to `address` must go through {@link noteWrite}. */
  holdsCode(address: number): boolean {
    return this.codePages[(this.baseBytes + address) >>> 12] !== 0;
  }

  /** To be called after `byteCount` bytes at `address` (within one page) were written behind this class's back. */
  noteWrite(address: number, byteCount: number): void {
    const page = (this.baseBytes + address) >>> 12;
    const marks = this.codePages[page];
    if (marks === 0) return;
    this.codePages[page] = marks & ~MARK_CODE;
    for (const { mark, basePage, pages, listener } of this.listeners) {
      if (marks & mark && page >= basePage && page < basePage + pages) {
        listener(page - basePage, address & (PAGE_BYTES - 1), byteCount);
      }
    }
  }

  read8(address: number): number {
    return address < this.sizeBytes ? this.u8[address] : this.outside.read(address, 1);
  }

  read16(address: number): number {
    return address + 2 <= this.sizeBytes ? this.view.getUint16(address, true) : this.outside.read(address, 2);
  }

  /** @returns an unsigned 32-bit value. */
  read32(address: number): number {
    return address + 4 <= this.sizeBytes ? this.view.getUint32(address, true) : this.outside.read(address, 4);
  }

  write8(address: number, value: number): void {
    if (address >= this.sizeBytes) return this.outside.write(address, 1, value);
    this.u8[address] = value;
    this.noteWrite(address, 1);
  }

  write16(address: number, value: number): void {
    if (address + 2 > this.sizeBytes) return this.outside.write(address, 2, value);
    this.view.setUint16(address, value, true);
    this.noteRange(address, 2);
  }

  write32(address: number, value: number): void {
    if (address + 4 > this.sizeBytes) return this.outside.write(address, 4, value);
    this.view.setUint32(address, value, true);
    this.noteRange(address, 4);
  }

  /** @throws RangeError when the bytes do not fit; nothing is written then. */
  writeBytes(address: number, bytes: Uint8Array): void {
    if (address + bytes.length > this.sizeBytes) {
      throw new RangeError(
        `${bytes.length} bytes at 0x${address.toString(16)} do not fit into ${this.sizeBytes} bytes of memory`,
      );
    }
    this.u8.set(bytes, address);
    this.noteRange(address, bytes.length);
  }

  private noteRange(address: number, byteCount: number): void {
    for (let at = address, left = byteCount; left > 0;) {
      const inPage = Math.min(left, PAGE_BYTES - (at & (PAGE_BYTES - 1)));
      this.noteWrite(at, inPage);
      at += inPage;
      left -= inPage;
    }
  }
}
