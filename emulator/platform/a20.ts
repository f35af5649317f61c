/** ANDed to every physical address while the gate is closed: bit 20 reads as zero, as on the 8086. */
const CLOSED_MASK = ~(1 << 20);
export const OPEN_MASK = ~0;
const HIGH_UNIT = 2 ** 32;

/** A physical address as the gate lets it through. @param mask as {@link A20Gate.mask} gives it. */
export function throughA20(address: number, mask: number): number {
  if (mask === OPEN_MASK) return address;
  return Math.floor(address / HIGH_UNIT) * HIGH_UNIT + ((address & mask) >>> 0);
}

/** The A20 gate: one line, driven by the keyboard controller and by port 0x92 alike; the last write counts. */
export class A20Gate {
  private isOpen = true;
  /** Told of each change; the MMU must forget what it derived from the old mask. */
  onChange: ((mask: number) => void) | null = null;

  /** Open after reset, as firmware leaves it and every boot protocol here requires it. */
  get open(): boolean {
    return this.isOpen;
  }
  set open(value: boolean) {
    if (value === this.isOpen) return;
    this.isOpen = value;
    this.onChange?.(this.mask);
  }

  /** What a physical address is ANDed with; signed. */
  get mask(): number {
    return this.isOpen ? OPEN_MASK : CLOSED_MASK;
  }
}
