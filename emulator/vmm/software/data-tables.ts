import { FLAG_IF, FLAG_IOPL, FLAG_NT, FLAG_TF } from '../../arch/flags.js';
import type { AreaFrames } from './area-frames.js';
import { GS_CR8_REFUSED, GS_POPF_INTERRUPT_FLAG, GS_POPF_REFUSED } from './area.js';

/** Flags in bits 15:8 of an image that a popf in the cache cannot give the guest. */
const REFUSED = FLAG_TF | FLAG_IOPL | FLAG_NT;

/** Fills the tables by which popf in the cache tells images apart without touching a flag. */
export function writePopfTables(area: AreaFrames): void {
  for (let byte = 0; byte < 256; byte++) {
    const image = byte << 8;
    area.writeByte(GS_POPF_REFUSED + byte, image & REFUSED ? 1 : 0);
    area.write(GS_POPF_INTERRUPT_FLAG + 4 * byte, image & FLAG_IF);
  }
}

/** CR8 holds a class of 16. */
const PRIORITY_CLASSES = 16;

/** Fills the table by which mov cr8 in the cache tells which values the register takes. */
export function writeTaskPriorityTable(area: AreaFrames): void {
  for (let value = 0; value < 256; value++)
    area.writeByte(GS_CR8_REFUSED + value, value < PRIORITY_CLASSES ? 0 : 1);
}
