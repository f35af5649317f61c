import type { PortBus, PortDevice } from './bus.js';

/**
 * The ACPI power management control register, where QEMU has it (0x604), and where Bochs and old versions of
 * QEMU have it (0xB004). There are no ACPI tables here; software that knows the emulators writes to both.
 */
export const POWER_OFF_PORTS = [0x604, 0xb004] as const;
/** SLP_EN; the sleep type beside it is 0, which both emulators take for S5 (ACPI 6.5, section 4.8.3.2.1 "PM1 Control Registers"). */
const SLEEP_ENABLE = 0x2000;
const SLEEP_TYPE = 0x1c00;

/** Ends the run when software switches the machine off. */
export class PowerOff implements PortDevice {
  /** @param requestPowerOff called with the name of what asked for it. */
  constructor(
    ports: PortBus,
    private readonly requestPowerOff: (by: string) => void,
  ) {
    for (const port of POWER_OFF_PORTS) ports.attach(port, 1, this, [2]);
  }

  /** Nothing to read: the bus floats. */
  readPort(): number {
    return 0xffff;
  }

  writePort(port: number, _width: 1 | 2 | 4, value: number): void {
    const sleeps = (value & (SLEEP_ENABLE | SLEEP_TYPE)) === SLEEP_ENABLE;
    if (sleeps) this.requestPowerOff(`port 0x${port.toString(16)}`);
  }
}
