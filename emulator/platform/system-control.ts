import type { A20Gate } from './a20.js';
import type { PortBus, PortDevice } from './bus.js';

/** System control port A (IBM PS/2 Hardware Interface Technical Reference, "System Control Port A"). */
export const SYSTEM_CONTROL_A_PORT = 0x92;
/** Reset control of the PIIX and of most chip sets since (Intel 82371SB, "RC: Reset Control Register"). */
export const RESET_CONTROL_PORT = 0xcf9;

const A_FAST_RESET = 0x01;
const A_A20 = 0x02;
const RESET_CPU = 0x04;
const RESET_WRITABLE = 0x06;

/** The two chip-set registers that reset the machine; the first drives the A20 gate too. */
export class SystemControl implements PortDevice {
  private resetControl = 0;

  /** @param requestReset called with the name of what asked for it. */
  constructor(
    ports: PortBus,
    private readonly a20: A20Gate,
    private readonly requestReset: (by: string) => void,
  ) {
    ports.attach(SYSTEM_CONTROL_A_PORT, 1, this);
    ports.attach(RESET_CONTROL_PORT, 1, this);
  }

  reset(): void {
    this.resetControl = 0;
  }

  readPort(port: number): number {
    if (port === RESET_CONTROL_PORT) return this.resetControl;
    return this.a20.open ? A_A20 : 0;
  }

  writePort(port: number, _width: 1 | 2 | 4, value: number): void {
    if (port === SYSTEM_CONTROL_A_PORT) {
      this.a20.open = (value & A_A20) !== 0;
      if (value & A_FAST_RESET) this.requestReset('port 0x92');
      return;
    }
    const rises = value & ~this.resetControl & RESET_CPU;
    this.resetControl = value & RESET_WRITABLE;
    if (rises) this.requestReset('port 0xcf9');
  }
}
