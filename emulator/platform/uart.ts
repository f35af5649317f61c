import type { PortBus, PortDevice } from './bus.js';
import { OutputBuffer } from './output.js';

/** COM1. */
export const UART_PORT = 0x3f8;

// Register offsets (National Semiconductor PC16550D, TL/C/8652, table II "Summary of Registers").
const RBR_THR = 0;
const IER = 1;
const IIR_FCR = 2;
const LCR = 3;
const MCR = 4;
const LSR = 5;
const MSR = 6;
const SCR = 7;

const IER_RECEIVED = 0x01;
const IER_TRANSMITTER_EMPTY = 0x02;
const IER_LINE_STATUS = 0x04;
const IER_MODEM_STATUS = 0x08;

const IIR_NONE = 0x01;
const IIR_MODEM_STATUS = 0x00;
const IIR_TRANSMITTER_EMPTY = 0x02;
const IIR_RECEIVED = 0x04;
const IIR_LINE_STATUS = 0x06;
const IIR_CHARACTER_TIMEOUT = 0x0c;
const IIR_FIFOS_ENABLED = 0xc0;

const FCR_ENABLE = 0x01;
const FCR_CLEAR_RECEIVER = 0x02;
const LCR_DLAB = 0x80;

const MCR_DTR = 0x01;
const MCR_RTS = 0x02;
const MCR_OUT1 = 0x04;
/** On a PC this output also gates the interrupt line. */
const MCR_OUT2 = 0x08;
const MCR_LOOPBACK = 0x10;

const LSR_DATA_READY = 0x01;
const LSR_OVERRUN = 0x02;
const LSR_TRANSMITTER_IDLE = 0x60;

const MSR_CTS = 0x10;
const MSR_DSR = 0x20;
const MSR_RI = 0x40;
const MSR_DCD = 0x80;
/** A terminal that is always there and ready. */
const MSR_CONNECTED = MSR_CTS | MSR_DSR | MSR_DCD;

const FIFO_BYTES = 16;
/** Receiver trigger level by FCR bits 7:6. */
const TRIGGER_BYTES = [1, 4, 8, 14] as const;

/**
 * The 16550 at COM1. A byte leaves the moment it is written and input arrives as fast as the guest takes it, so
 * the line speed has no effect; the registers behave as if it had.
 */
export class Uart implements PortDevice {
  readonly output = new OutputBuffer();
  private ier = 0;
  private fcr = 0;
  private lcr = 0;
  private mcr = 0;
  private scratch = 0;
  private divisor = 0;
  private overrun = false;
  /** THR became empty since the interrupt was last seen. */
  private transmitterEmptied = false;
  /** MSR delta bits. */
  private modemDelta = 0;
  private modemLines = MSR_CONNECTED;
  private fifo: number[] = [];
  /** Input that has not come down the line yet. */
  private incoming: number[] = [];
  private level = false;

  /** @param setIrq called when the interrupt request changes. */
  constructor(
    ports: PortBus,
    private readonly setIrq: (level: boolean) => void,
  ) {
    ports.attach(UART_PORT, 8, this);
  }

  /** Registers as after master reset; output and input that waits on the line stay ("Master Reset"). */
  reset(): void {
    this.ier = 0;
    this.fcr = 0;
    this.lcr = 0;
    this.mcr = 0;
    this.divisor = 0;
    this.overrun = false;
    this.transmitterEmptied = false;
    this.fifo = [];
    this.updateModemLines();
    this.modemDelta = 0;
    this.update();
  }

  /** Input from outside: waits without loss until the guest reads it. */
  receive(bytes: Iterable<number>): void {
    for (const byte of bytes) this.incoming.push(byte & 0xff);
    this.update();
  }

  readPort(port: number): number {
    const value = this.readRegister(port - UART_PORT);
    this.update();
    return value;
  }

  writePort(port: number, _width: 1 | 2 | 4, value: number): void {
    this.writeRegister(port - UART_PORT, value);
    this.update();
  }

  private readRegister(register: number): number {
    switch (register) {
      case RBR_THR:
        if (this.lcr & LCR_DLAB) return this.divisor & 0xff;
        return this.fifo.shift() ?? 0;
      case IER:
        return this.lcr & LCR_DLAB ? this.divisor >> 8 : this.ier;
      case IIR_FCR: {
        const cause = this.interruptCause();
        // Reading IIR clears the transmitter interrupt when that is the one shown (table V "Interrupt Control Functions").
        if (cause === IIR_TRANSMITTER_EMPTY) this.transmitterEmptied = false;
        return cause | (this.fifosEnabled ? IIR_FIFOS_ENABLED : 0);
      }
      case LCR:
        return this.lcr;
      case MCR:
        return this.mcr;
      case LSR: {
        const status =
          LSR_TRANSMITTER_IDLE | (this.fifo.length ? LSR_DATA_READY : 0) | (this.overrun ? LSR_OVERRUN : 0);
        this.overrun = false;
        return status;
      }
      case MSR: {
        const status = this.modemLines | this.modemDelta;
        this.modemDelta = 0;
        return status;
      }
      default:
        return this.scratch;
    }
  }

  private writeRegister(register: number, value: number): void {
    switch (register) {
      case RBR_THR:
        if (this.lcr & LCR_DLAB) this.divisor = (this.divisor & 0xff00) | value;
        else this.transmit(value);
        break;
      case IER:
        if (this.lcr & LCR_DLAB) this.divisor = (this.divisor & 0x00ff) | (value << 8);
        else this.enableInterrupts(value & 0x0f);
        break;
      case IIR_FCR:
        this.writeFifoControl(value);
        break;
      case LCR:
        this.lcr = value;
        break;
      case MCR:
        this.mcr = value & 0x1f;
        this.updateModemLines();
        break;
      case SCR:
        this.scratch = value;
        break;
      case LSR:
      case MSR: // read-only here; writing LSR is for factory tests
        break;
    }
  }

  private transmit(byte: number): void {
    if (this.mcr & MCR_LOOPBACK) this.loopBack(byte);
    else this.output.push(byte);
    // Writing THR ends the interrupt and its emptying raises it again: an edge each time.
    this.transmitterEmptied = false;
    this.update();
    this.transmitterEmptied = true;
  }

  private loopBack(byte: number): void {
    if (this.fifo.length < this.fifoCapacity) {
      this.fifo.push(byte);
      return;
    }
    // With FIFOs the byte in the shift register is lost; without, the one not yet read is overwritten.
    this.overrun = true;
    if (!this.fifosEnabled) this.fifo = [byte];
  }

  private enableInterrupts(value: number): void {
    // Enabling the transmitter interrupt while THR is empty raises it at once.
    if (value & ~this.ier & IER_TRANSMITTER_EMPTY) this.transmitterEmptied = true;
    this.ier = value;
  }

  private writeFifoControl(value: number): void {
    // Changing the enable bit clears both FIFOs; the other bits need it set.
    if ((value ^ this.fcr) & FCR_ENABLE) this.fifo = [];
    if (value & FCR_ENABLE && value & FCR_CLEAR_RECEIVER) this.fifo = [];
    this.fcr = value & FCR_ENABLE ? value : 0;
  }

  /** In loopback the four modem outputs drive the four modem inputs ("Modem Control Register"). */
  private updateModemLines(): void {
    const { mcr } = this;
    const lines =
      mcr & MCR_LOOPBACK
        ? (mcr & MCR_RTS ? MSR_CTS : 0) |
          (mcr & MCR_DTR ? MSR_DSR : 0) |
          (mcr & MCR_OUT1 ? MSR_RI : 0) |
          (mcr & MCR_OUT2 ? MSR_DCD : 0)
        : MSR_CONNECTED;
    const changed = this.modemLines ^ lines;
    // The ring indicator's delta bit reports only its trailing edge.
    const deltas = (changed & (MSR_CTS | MSR_DSR | MSR_DCD)) | (changed & this.modemLines & MSR_RI);
    this.modemDelta |= deltas >> 4;
    this.modemLines = lines;
  }

  private get fifosEnabled(): boolean {
    return (this.fcr & FCR_ENABLE) !== 0;
  }

  private get fifoCapacity(): number {
    return this.fifosEnabled ? FIFO_BYTES : 1;
  }

  /** The pending enabled interrupt of highest priority, as IIR bits 3:0. */
  private interruptCause(): number {
    if (this.ier & IER_LINE_STATUS && this.overrun) return IIR_LINE_STATUS;
    if (this.ier & IER_RECEIVED && this.fifo.length) {
      const trigger = this.fifosEnabled ? TRIGGER_BYTES[this.fcr >> 6] : 1;
      // Bytes below the trigger level with nothing behind them: the timeout of four characters is over at once.
      return this.fifo.length >= trigger ? IIR_RECEIVED : IIR_CHARACTER_TIMEOUT;
    }
    if (this.ier & IER_TRANSMITTER_EMPTY && this.transmitterEmptied) return IIR_TRANSMITTER_EMPTY;
    if (this.ier & IER_MODEM_STATUS && this.modemDelta) return IIR_MODEM_STATUS;
    return IIR_NONE;
  }

  private update(): void {
    // A receiver that was read empty takes its request back before the next byte is there: an edge for each.
    this.updateIrq();
    while (!(this.mcr & MCR_LOOPBACK) && this.incoming.length && this.fifo.length < this.fifoCapacity) {
      this.fifo.push(this.incoming.shift() as number);
    }
    this.updateIrq();
  }

  private updateIrq(): void {
    const level =
      (this.mcr & MCR_OUT2) !== 0 && !(this.mcr & MCR_LOOPBACK) && this.interruptCause() !== IIR_NONE;
    if (level === this.level) return;
    this.level = level;
    this.setIrq(level);
  }
}
