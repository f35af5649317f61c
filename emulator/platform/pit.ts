import type { PortBus, PortDevice } from './bus.js';
import type { Clock } from './clock.js';
import { PitCounter } from './pit-counter.js';
import { PulseTime } from './pulse-time.js';

/** The PC's timer clock: a third of 3.579545 MHz, as every guest assumes it. */
export const PIT_HZ = 1_193_182;
export const PIT_PORT = 0x40;
const CONTROL_PORT = PIT_PORT + 3;
/** Gate of counter 2, speaker, refresh toggle (IBM PC AT Technical Reference, "System Board I/O", port B). */
export const SYSTEM_CONTROL_PORT = 0x61;
const CONTROL_GATE2 = 0x01;
/** Bits that read back as written: gate 2, speaker data, and the two check enables, which do nothing here. */
const CONTROL_WRITABLE = 0x0f;
const CONTROL_REFRESH_TOGGLE = 0x10;
const CONTROL_OUT2 = 0x20;
/** The refresh toggle changes each time counter 1's usual count runs out: every 15 us. */
const REFRESH_PULSES = 18;

/** The 8254 of a PC: counter 0 drives IRQ 0, counter 2 the speaker; counters 0 and 1 have their gates tied high. */
export class IntervalTimer implements PortDevice {
  private counters = freshCounters();
  private readonly time: PulseTime;
  private control = 0;
  private level = false;
  private deadline: object | null = null;

  /** @param setIrq0 called when counter 0's OUT changes. */
  constructor(
    ports: PortBus,
    private readonly clock: Clock,
    private readonly setIrq0: (level: boolean) => void,
  ) {
    this.time = new PulseTime(clock.ledger.profile.frequencyHz, PIT_HZ);
    ports.attach(PIT_PORT, 4, this);
    ports.attach(SYSTEM_CONTROL_PORT, 1, this);
    this.update();
  }

  reset(): void {
    this.counters = freshCounters();
    this.control = 0;
    this.update();
  }

  readPort(port: number): number {
    const now = this.time.pulseAt(this.clock.observe());
    if (port === SYSTEM_CONTROL_PORT) return this.readSystemControl(now);
    // The control register cannot be read ("Read/Write Operations Summary").
    if (port === CONTROL_PORT) return 0xff;
    return this.counters[port - PIT_PORT].readByte(now);
  }

  writePort(port: number, _width: 1 | 2 | 4, value: number): void {
    const now = this.now();
    if (port === SYSTEM_CONTROL_PORT) {
      this.control = value & CONTROL_WRITABLE;
      this.counters[2].setGate((value & CONTROL_GATE2) !== 0, now);
    } else if (port === CONTROL_PORT) this.writeControl(value, now);
    else this.counters[port - PIT_PORT].writeByte(value, now);
    this.update();
  }

  private now(): number {
    return this.time.pulseAt(this.clock.nowTicks);
  }

  private readSystemControl(now: number): number {
    const refresh = Math.floor(now / REFRESH_PULSES) % 2 ? CONTROL_REFRESH_TOGGLE : 0;
    return this.control | refresh | (this.counters[2].output(now) ? CONTROL_OUT2 : 0);
  }

  private writeControl(value: number, now: number): void {
    const select = value >> 6;
    if (select === 3) {
      // "Read-Back Command": bits 5 and 4 are active low.
      for (const [index, counter] of this.counters.entries()) {
        if ((value & (2 << index)) === 0) continue;
        if ((value & 0x20) === 0) counter.latchCount(now);
        if ((value & 0x10) === 0) counter.latchStatus(now);
      }
    } else if ((value & 0x30) === 0) this.counters[select].latchCount(now);
    else this.counters[select].setMode(value);
  }

  /** Brings IRQ 0 up to now and sets the deadline of its next change. */
  private update(): void {
    const now = this.now();
    const [counter] = this.counters;
    const level = counter.output(now);
    if (level !== this.level) {
      this.level = level;
      this.setIrq0(level);
    }
    if (this.deadline) this.clock.cancel(this.deadline);
    const next = counter.nextChange(now);
    this.deadline =
      next === Infinity ? null : this.clock.schedule(this.time.ticksAt(next), () => this.expire());
  }

  private expire(): void {
    this.deadline = null;
    this.update();
  }
}

/** As after power on; counter 2's gate is software's. */
function freshCounters(): PitCounter[] {
  return [new PitCounter(true), new PitCounter(true), new PitCounter(false)];
}
