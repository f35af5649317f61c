import type { PortBus } from './bus.js';
import type { Clock } from './clock.js';
import { DebugPort } from './debug-port.js';
import { ExitPort } from './exit-port.js';
import { InterruptController } from './pic.js';
import { IntervalTimer } from './pit.js';
import { Uart } from './uart.js';

const IRQ_TIMER = 0;
const IRQ_COM1 = 4;

/** The devices of the PC, wired together. One per machine, physical or virtual. */
export class Platform {
  readonly pic: InterruptController;
  readonly pit: IntervalTimer;
  readonly uart: Uart;
  readonly debugPort: DebugPort;
  readonly exitPort: ExitPort;
  /** A monitor's notice that a virtual machine's INTR pin has changed; called after the pin. */
  onInterruptLine: ((level: boolean) => void) | null = null;

  /**
   * @param setInterruptLine the processor's INTR pin.
   * @param requestExit called with the byte written to port 0xF4.
   */
  constructor(
    ports: PortBus,
    clock: Clock,
    setInterruptLine: (level: boolean) => void,
    requestExit: (code: number) => void,
  ) {
    this.pic = new InterruptController(ports, (level) => {
      setInterruptLine(level);
      this.onInterruptLine?.(level);
    });
    this.pit = new IntervalTimer(ports, clock, (level) => this.pic.setLine(IRQ_TIMER, level));
    this.uart = new Uart(ports, (level) => this.pic.setLine(IRQ_COM1, level));
    this.debugPort = new DebugPort(ports);
    this.exitPort = new ExitPort(ports, requestExit);
  }

  /** The processor's interrupt-acknowledge cycle. @returns the vector. */
  acknowledgeInterrupt(): number {
    return this.pic.acknowledge();
  }

  /** What the guest printed so far, as text, by device. */
  get console(): { uart: string; debugPort: string } {
    return { uart: this.uart.output.text, debugPort: this.debugPort.output.text };
  }
}
