import type { PortBus, PortDevice } from './bus.js';

export const EXIT_PORT = 0xf4;

/** Ends the run with the byte written to port 0xF4 as exit code, as QEMU's isa-debug-exit does (there: 2n + 1). */
export class ExitPort implements PortDevice {
  constructor(
    ports: PortBus,
    private readonly requestExit: (code: number) => void,
  ) {
    ports.attach(EXIT_PORT, 1, this);
  }

  /** Nothing to read: the bus floats. */
  readPort(): number {
    return 0xff;
  }

  writePort(_port: number, _width: 1 | 2 | 4, value: number): void {
    this.requestExit(value);
  }
}
