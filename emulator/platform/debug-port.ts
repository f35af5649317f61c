import type { PortBus, PortDevice } from './bus.js';
import { OutputBuffer } from './output.js';

/** The debug console of Bochs and QEMU: reading it back tells a guest that it is there. */
export const DEBUG_PORT = 0xe9;

/** Prints every byte written to port 0xE9, at no cost but the port access. */
export class DebugPort implements PortDevice {
  readonly output = new OutputBuffer();

  constructor(ports: PortBus) {
    ports.attach(DEBUG_PORT, 1, this);
  }

  readPort(): number {
    return DEBUG_PORT;
  }

  writePort(_port: number, _width: 1 | 2 | 4, value: number): void {
    this.output.push(value);
  }
}
