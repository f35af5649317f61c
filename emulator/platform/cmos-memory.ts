// Where PC firmware leaves the size of memory (Ralf Brown's Interrupt List, file CMOS.LST).
const CMOS_BASE_KB = 0x15;
const CMOS_EXTENDED_KB = 0x17;
const CMOS_EXTENDED_KB_MEASURED = 0x30;
/** Above 16 MB, in units of 64 KB. */
const CMOS_ABOVE_16_MB = 0x34;
const CMOS_CHECKED_FIRST = 0x10;
const CMOS_CHECKED_LAST = 0x2d;
/** Sum of the bytes before it, high byte first. */
const CMOS_CHECKSUM = 0x2e;

const KB = 1 << 10;
const BASE_LIMIT_KB = 640;
const EXTENDED_START = 1 << 20;
const ABOVE_START = 16 << 20;
const ABOVE_UNIT = 64 << 10;
const WORD_LIMIT = 0xffff;

/** Writes what firmware would have found: base, extended and further memory, each as far as its field reaches. */
export function writeMemorySizes(cmos: Uint8Array, memoryBytes: number): void {
  const put = (at: number, value: number): void => {
    const word = Math.max(0, Math.min(WORD_LIMIT, Math.floor(value)));
    cmos[at] = word & 0xff;
    cmos[at + 1] = word >> 8;
  };
  const extendedKb = (memoryBytes - EXTENDED_START) / KB;
  put(CMOS_BASE_KB, Math.min(BASE_LIMIT_KB, memoryBytes / KB));
  put(CMOS_EXTENDED_KB, extendedKb);
  put(CMOS_EXTENDED_KB_MEASURED, extendedKb);
  put(CMOS_ABOVE_16_MB, (memoryBytes - ABOVE_START) / ABOVE_UNIT);
  const sum = cmos
    .subarray(CMOS_CHECKED_FIRST, CMOS_CHECKED_LAST + 1)
    .reduce((total, byte) => total + byte, 0);
  cmos[CMOS_CHECKSUM] = sum >> 8;
  cmos[CMOS_CHECKSUM + 1] = sum & 0xff;
}
