import type { PortBus, PortDevice, PortWidth } from './bus.js';

/** PCI Local Bus Specification 2.1, section 3.7.4.1 "Configuration Mechanism #1". */
export const PCI_ADDRESS_PORT = 0xcf8;
export const PCI_DATA_PORT = 0xcfc;
const ADDRESS_ENABLE = 0x8000_0000;
const ADDRESS_WRITABLE = 0x80ff_fffc;
const FUNCTION_SHIFT = 8;
const FUNCTIONS = 1 << 16;

/** The 256 bytes of configuration space of one function. */
export interface PciFunction {
  readConfiguration(offset: number, width: PortWidth): number;
  writeConfiguration(offset: number, width: PortWidth, value: number): void;
}

/** Where a function sits. */
export interface PciPlace {
  bus: number;
  device: number;
  function: number;
}

/** The way into PCI configuration space. Where no function sits, everything reads as ones: the bus is found empty. */
export class PciConfiguration implements PortDevice {
  private readonly functions = new Map<number, PciFunction>();
  private address = 0;

  constructor(ports: PortBus) {
    // Only a doubleword reaches the address register; narrower accesses are ordinary ones, to whatever is there.
    ports.attach(PCI_ADDRESS_PORT, 1, this, [4]);
    for (const [offset, widths] of DATA_WIDTHS.entries())
      ports.attach(PCI_DATA_PORT + offset, 1, this, widths);
  }

  /** @throws RangeError for a place that does not exist or is taken. */
  register(place: PciPlace, pciFunction: PciFunction): void {
    const { bus, device, function: number } = place;
    const key = (bus << 8) | (device << 3) | number;
    const exists = bus >= 0 && bus < 256 && device >= 0 && device < 32 && number >= 0 && number < 8;
    if (!exists || key >= FUNCTIONS) throw new RangeError(`no PCI function ${bus}:${device}.${number}`);
    if (this.functions.has(key)) throw new RangeError(`PCI function ${bus}:${device}.${number} is taken`);
    this.functions.set(key, pciFunction);
  }

  reset(): void {
    this.address = 0;
  }

  readPort(port: number, width: PortWidth): number {
    if (port === PCI_ADDRESS_PORT) return this.address;
    return this.selected?.readConfiguration(this.offset(port), width) ?? ALL_ONES[width];
  }

  writePort(port: number, width: PortWidth, value: number): void {
    if (port === PCI_ADDRESS_PORT) this.address = (value & ADDRESS_WRITABLE) >>> 0;
    else this.selected?.writeConfiguration(this.offset(port), width, value);
  }

  private get selected(): PciFunction | undefined {
    if ((this.address & ADDRESS_ENABLE) === 0) return undefined;
    return this.functions.get((this.address >>> FUNCTION_SHIFT) & (FUNCTIONS - 1));
  }

  private offset(port: number): number {
    return (this.address & 0xfc) | (port - PCI_DATA_PORT);
  }
}

/** Widths that fit into the doubleword from each byte of the data port on. */
const DATA_WIDTHS: readonly (readonly PortWidth[])[] = [[1, 2, 4], [1, 2], [1, 2], [1]];
const ALL_ONES: Readonly<Record<PortWidth, number>> = { 1: 0xff, 2: 0xffff, 4: 0xffff_ffff };
