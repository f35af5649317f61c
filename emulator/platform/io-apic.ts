import { DELIVER_FIXED, DELIVER_LOWEST } from './local-apic.js';
import type { MmioBus, MmioDevice } from './mmio.js';

export const IO_APIC_BASE = 0xfec0_0000;
const IO_APIC_BYTES = 0x1000;
const PINS = 24;
/** The timer is wired to pin 2: pin 0 is for a PIC in virtual wire mode, which goes through the local APIC here. */
const TIMER_PIN = 2;

// Intel 82093AA data sheet, order number 290566-001, chapter 3 "Register Description".
const SELECT = 0x00;
const WINDOW = 0x10;
const REGISTER_ID = 0x00;
const REGISTER_VERSION = 0x01;
const REGISTER_ARBITRATION = 0x02;
const REGISTER_REDIRECTION = 0x10;
const VERSION_VALUE = ((PINS - 1) << 16) | 0x11;
const ID_WRITABLE = 0x0f00_0000;

const ENTRY_LOGICAL = 1 << 11;
const ENTRY_ACTIVE_LOW = 1 << 13;
const ENTRY_REMOTE_IRR = 1 << 14;
const ENTRY_LEVEL = 1 << 15;
const ENTRY_MASKED = 1 << 16;
const ENTRY_LOW_WRITABLE = 0x1_afff;
const ENTRY_HIGH_WRITABLE = 0xff00_0000;

/** Who takes its messages. */
export interface InterruptDestination {
  isDestination(destination: number, logical: boolean): boolean;
  accept(vector: number, mode: number, levelTriggered: boolean): void;
}

/** The I/O APIC: sends a message to the local APIC for each of 24 inputs, as its redirection table says. */
export class IoApic implements MmioDevice {
  private readonly low = new Int32Array(PINS);
  private readonly high = new Int32Array(PINS);
  private readonly lines = new Uint8Array(PINS);
  private select = 0;
  private id = 0;

  constructor(
    mmio: MmioBus,
    private readonly destination: InterruptDestination,
  ) {
    this.reset();
    mmio.attach(IO_APIC_BASE, IO_APIC_BYTES, this);
  }

  reset(): void {
    this.low.fill(ENTRY_MASKED);
    this.high.fill(0);
    this.select = 0;
    this.id = 0;
  }

  /** Drives the input that an IRQ of the PC is wired to. */
  setIrq(irq: number, level: boolean): void {
    const pin = irq === 0 ? TIMER_PIN : irq;
    const was = this.asserted(pin);
    this.lines[pin] = level ? 1 : 0;
    const isEdge = (this.low[pin] & ENTRY_LEVEL) === 0;
    // An edge at a masked input is lost ("Interrupt Mask").
    if (this.asserted(pin) && (!isEdge || !was)) this.deliver(pin);
  }

  /** The local APIC has ended a level-triggered interrupt: an input that is still active asks again. */
  endOfInterrupt(vector: number): void {
    for (let pin = 0; pin < PINS; pin++) {
      const entry = this.low[pin];
      if ((entry & ENTRY_REMOTE_IRR) === 0 || (entry & 0xff) !== vector) continue;
      this.low[pin] &= ~ENTRY_REMOTE_IRR;
      if (this.asserted(pin)) this.deliver(pin);
    }
  }

  read32(offset: number): number {
    if (offset === SELECT) return this.select;
    if (offset !== WINDOW) return 0;
    const { select } = this;
    const pin = (select - REGISTER_REDIRECTION) >> 1;
    if (pin >= 0 && pin < PINS) return (select & 1 ? this.high[pin] : this.low[pin]) >>> 0;
    if (select === REGISTER_VERSION) return VERSION_VALUE;
    return select === REGISTER_ID || select === REGISTER_ARBITRATION ? this.id : 0;
  }

  write32(offset: number, value: number): void {
    if (offset === SELECT) this.select = value & 0xff;
    if (offset !== WINDOW) return;
    const { select } = this;
    const pin = (select - REGISTER_REDIRECTION) >> 1;
    if (select === REGISTER_ID) this.id = value & ID_WRITABLE;
    if (pin < 0 || pin >= PINS) return;
    if (select & 1) this.high[pin] = value & ENTRY_HIGH_WRITABLE;
    else this.writeEntry(pin, value);
  }

  private writeEntry(pin: number, value: number): void {
    const remote = value & ENTRY_LEVEL ? this.low[pin] & ENTRY_REMOTE_IRR : 0;
    this.low[pin] = (value & ENTRY_LOW_WRITABLE) | remote;
    if (this.low[pin] & ENTRY_LEVEL && this.asserted(pin)) this.deliver(pin);
  }

  private asserted(pin: number): boolean {
    return (this.lines[pin] !== 0) !== ((this.low[pin] & ENTRY_ACTIVE_LOW) !== 0);
  }

  private deliver(pin: number): void {
    const entry = this.low[pin];
    if (entry & (ENTRY_MASKED | ENTRY_REMOTE_IRR)) return;
    if (!this.destination.isDestination(this.high[pin] >>> 24, (entry & ENTRY_LOGICAL) !== 0)) return;
    const mode = (entry >> 8) & 7;
    const isLevel = (entry & ENTRY_LEVEL) !== 0 && (mode === DELIVER_FIXED || mode === DELIVER_LOWEST);
    if (isLevel) this.low[pin] |= ENTRY_REMOTE_IRR;
    this.destination.accept(entry & 0xff, mode, isLevel);
  }
}
