import type { PortBus, PortDevice } from './bus.js';
import { PicChip } from './pic-chip.js';

export const PIC_MASTER_PORT = 0x20;
export const PIC_SLAVE_PORT = 0xa0;
/** The master's input that carries the slave's INT output, on every PC since the AT. */
const CASCADE_INPUT = 2;

/** The pair of 8259A of a PC: IRQ 0..15, one INT output to the processor. */
export class InterruptController {
  private readonly master: PicChip;
  private readonly slave: PicChip;
  private output = false;

  /** @param setOutput called when the INT output changes. */
  constructor(
    ports: PortBus,
    private readonly setOutput: (level: boolean) => void,
  ) {
    this.master = new PicChip(() => this.updateOutput(), 1 << CASCADE_INPUT);
    this.slave = new PicChip(() => this.updateCascade());
    attachChip(ports, PIC_MASTER_PORT, this.master);
    attachChip(ports, PIC_SLAVE_PORT, this.slave);
  }

  reset(): void {
    this.slave.reset();
    this.master.reset();
  }

  /** Drives IRQ 0..15. IRQ 2 is the cascade and belongs to nobody. */
  setLine(irq: number, level: boolean): void {
    if (irq >= 8) this.slave.setLine(irq - 8, level);
    else this.master.setLine(irq, level);
  }

  /** The two INTA cycles. @returns the vector; that of IRQ 7 (or 15) when the request has gone away meanwhile. */
  acknowledge(): number {
    const { input, vector, spurious } = this.master.acknowledge();
    if (spurious || input !== CASCADE_INPUT) return vector;
    // The slave's INT falls at its acknowledge, so that its next request is a fresh edge for the master.
    this.master.setLine(CASCADE_INPUT, false);
    return this.slave.acknowledge().vector;
  }

  private updateCascade(): void {
    this.master.setLine(CASCADE_INPUT, this.slave.output);
  }

  private updateOutput(): void {
    const level = this.master.output;
    if (level === this.output) return;
    this.output = level;
    this.setOutput(level);
  }
}

function attachChip(ports: PortBus, port: number, chip: PicChip): void {
  const device: PortDevice = {
    readPort: (at) => (at === port ? chip.readCommand() : chip.readData()),
    writePort: (at, _width, value) => (at === port ? chip.writeCommand(value) : chip.writeData(value)),
  };
  ports.attach(port, 2, device);
}
