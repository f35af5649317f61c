export type PortWidth = 1 | 2 | 4;

/** A device on the I/O bus. `port` is absolute; `value` is unsigned and fits the width. */
export interface PortDevice {
  readPort(port: number, width: PortWidth): number;
  writePort(port: number, width: PortWidth, value: number): void;
}

/**
 * The 64 K I/O ports. A port where no device answers reads all ones and swallows writes, as on a PC. An access
 * wider than a device's registers is split into byte accesses unless the device claims it whole.
 */
export class PortBus {
  private readonly devices = new Map<number, { device: PortDevice; widths: readonly PortWidth[] }>();
  /** Accesses to ports without a device, by port, for the run's report. */
  readonly unclaimed = new Map<number, number>();

  /** @throws RangeError when a port is taken: two devices on one port is a mistake of the machine's parts list. */
  attach(first: number, count: number, device: PortDevice, widths: readonly PortWidth[] = [1]): void {
    for (let port = first; port < first + count; port++) {
      if (this.devices.has(port)) throw new RangeError(`port 0x${port.toString(16)} has two devices`);
      this.devices.set(port, { device, widths });
    }
  }

  read(port: number, width: PortWidth): number {
    const entry = this.devices.get(port);
    if (entry?.widths.includes(width)) return entry.device.readPort(port, width);
    if (width === 1) return this.miss(port, 0xff);
    const half = (width >> 1) as PortWidth;
    return (this.read(port, half) | (this.read((port + half) & 0xffff, half) << (half * 8))) >>> 0;
  }

  write(port: number, width: PortWidth, value: number): void {
    const entry = this.devices.get(port);
    if (entry?.widths.includes(width)) entry.device.writePort(port, width, value);
    else if (width === 1) this.miss(port, 0);
    else {
      const half = (width >> 1) as PortWidth;
      this.write(port, half, (half === 1 ? value & 0xff : value & 0xffff) >>> 0);
      this.write((port + half) & 0xffff, half, value >>> (half * 8));
    }
  }

  /** Whether a device answers for some byte of the access. */
  claims(port: number, width: PortWidth): boolean {
    for (let byte = 0; byte < width; byte++) if (this.devices.has((port + byte) & 0xffff)) return true;
    return false;
  }

  private miss(port: number, value: number): number {
    this.unclaimed.set(port, (this.unclaimed.get(port) ?? 0) + 1);
    return value;
  }
}
