import { TICKS_PER_CYCLE } from '../cost/ledger.js';
import type { PortBus, PortDevice } from './bus.js';
import type { Clock } from './clock.js';
import { writeMemorySizes } from './cmos-memory.js';
import { PulseTime } from './pulse-time.js';
import { RTC_CENTURY, advance, secondsToAlarm, writeDate } from './rtc-time.js';
import type { RtcFormat } from './rtc-time.js';

export const RTC_PORT = 0x70;

/** What the clock shows when the machine is switched on: 21 October 2006, midnight UTC, the first day of ASPLOS XII. */
export const RTC_EPOCH_MS = Date.UTC(2006, 9, 21);

// Registers (Motorola MC146818A data sheet, section "Registers").
const REGISTER_A = 0x0a;
const REGISTER_B = 0x0b;
const REGISTER_C = 0x0c;
const REGISTER_D = 0x0d;
const REGISTER_BYTES = 128;

const A_UPDATE_IN_PROGRESS = 0x80;
const A_DIVIDER = 0x70;
/** The divider for the crystal of every PC; with another the time stands still here. */
const A_DIVIDER_32768_HZ = 0x20;
const A_RATE = 0x0f;

const B_SET = 0x80;
const B_PERIODIC = 0x40;
const B_ALARM = 0x20;
const B_UPDATE = 0x10;
const B_SQUARE_WAVE = 0x08;
const B_BINARY = 0x04;
const B_24_HOURS = 0x02;
const B_ENABLES = B_PERIODIC | B_ALARM | B_UPDATE;

/** Register C has the flags at the positions of their enables in B, and above them their sum. */
const C_REQUEST = 0x80;
const D_VALID_RAM_AND_TIME = 0x80;

const NMI_MASK = 0x80;
const CRYSTAL_HZ = 32_768;
/** Update-in-progress shows 244 us before an update of 1984 us ("Update Cycle"): in pulses of the crystal, rounded up. */
const UPDATE_PULSES = 73;

/**
 * The MC146818 with 128 bytes of CMOS memory. The time is {@link RTC_EPOCH_MS} plus the machine's clock, never
 * the host's. Time and flags are functions of the clock: a deadline is set only for an interrupt that is enabled.
 * The daylight saving bit is kept and has no effect.
 */
export class RealTimeClock implements PortDevice {
  private readonly registers = new Uint8Array(REGISTER_BYTES);
  private readonly time: PulseTime;
  private readonly secondTicks: number;
  private index = 0;
  /** Bit 7 of the index port: no NMI reaches the processor. */
  nmiMasked = false;
  /** When the divider chain was started; every second from then on is an update. */
  private startTicks: number;
  /** Updates, and pulses of the crystal, since the start that registers and flags have seen. */
  private seenUpdates = 0;
  private seenPulses = 0;
  private level = false;
  private deadline: object | null = null;

  /** @param setIrq8 called when the interrupt request changes. */
  constructor(
    ports: PortBus,
    private readonly clock: Clock,
    memoryBytes: number,
    private readonly setIrq8: (level: boolean) => void,
  ) {
    const { frequencyHz } = clock.ledger.profile;
    this.time = new PulseTime(frequencyHz, CRYSTAL_HZ);
    this.secondTicks = frequencyHz * TICKS_PER_CYCLE;
    this.startTicks = clock.nowTicks;
    this.registers[REGISTER_A] = A_DIVIDER_32768_HZ | 6;
    this.registers[REGISTER_B] = B_24_HOURS;
    this.registers[REGISTER_D] = D_VALID_RAM_AND_TIME;
    writeDate(this.registers, new Date(RTC_EPOCH_MS), this.format);
    writeMemorySizes(this.registers, memoryBytes);
    ports.attach(RTC_PORT, 2, this);
  }

  /** The RESET pin: interrupts off; time and memory stay ("RESET"). */
  reset(): void {
    this.observeTime(this.clock.nowTicks);
    this.registers[REGISTER_B] &= ~(B_ENABLES | B_SQUARE_WAVE);
    this.registers[REGISTER_C] = 0;
    this.nmiMasked = false;
    this.update();
  }

  /** The index port cannot be read. */
  readPort(port: number): number {
    if (port === RTC_PORT) return 0xff;
    const { index, registers } = this;
    const isMemory = index > REGISTER_D && index !== RTC_CENTURY;
    if (isMemory || index === REGISTER_B || index === REGISTER_D) return registers[index];
    this.observeTime(this.clock.observe());
    if (index === REGISTER_A)
      return registers[REGISTER_A] | (this.updateInProgress ? A_UPDATE_IN_PROGRESS : 0);
    const value = registers[index];
    if (index === REGISTER_C) {
      registers[REGISTER_C] = 0;
      this.update();
    }
    return value;
  }

  writePort(port: number, _width: 1 | 2 | 4, value: number): void {
    if (port === RTC_PORT) {
      this.nmiMasked = (value & NMI_MASK) !== 0;
      this.index = value & (REGISTER_BYTES - 1);
      return;
    }
    this.observeTime(this.clock.nowTicks);
    switch (this.index) {
      case REGISTER_A:
        this.writeDivider(value & (A_DIVIDER | A_RATE));
        break;
      case REGISTER_B:
        // Setting the time turns the update interrupt off.
        this.registers[REGISTER_B] = value & B_SET ? value & ~B_UPDATE : value;
        break;
      case REGISTER_C:
      case REGISTER_D: // read-only
        break;
      default:
        this.registers[this.index] = value;
    }
    this.update();
  }

  private writeDivider(value: number): void {
    const ran = this.dividerRuns;
    this.registers[REGISTER_A] = value;
    if (ran || !this.dividerRuns) return;
    // The first update comes half a second after the divider is released ("Divider Control").
    this.startTicks = this.clock.nowTicks - Math.floor(this.secondTicks / 2);
    this.seenUpdates = 0;
    this.seenPulses = this.time.pulseAt(this.clock.nowTicks - this.startTicks);
  }

  private get format(): RtcFormat {
    const b = this.registers[REGISTER_B];
    return { binary: (b & B_BINARY) !== 0, hours24: (b & B_24_HOURS) !== 0 };
  }

  private get dividerRuns(): boolean {
    return (this.registers[REGISTER_A] & A_DIVIDER) === A_DIVIDER_32768_HZ;
  }

  private get updates(): boolean {
    return this.dividerRuns && (this.registers[REGISTER_B] & B_SET) === 0;
  }

  private get updateInProgress(): boolean {
    if (!this.updates) return false;
    return this.seenPulses % CRYSTAL_HZ >= CRYSTAL_HZ - UPDATE_PULSES;
  }

  /** Pulses of the crystal between two periodic interrupts; Infinity when there are none. */
  private get periodPulses(): number {
    const rate = this.registers[REGISTER_A] & A_RATE;
    if (rate === 0 || !this.dividerRuns) return Infinity;
    // The two fastest codes repeat two slower ones (table 5 "Periodic Interrupt Rate").
    return 1 << ((rate <= 2 ? rate + 7 : rate) - 1);
  }

  /** Brings registers and flags up to `ticks`. */
  private observeTime(ticks: number): void {
    if (!this.dividerRuns) return;
    const { registers, periodPulses } = this;
    const elapsedTicks = ticks - this.startTicks;
    const updates = Math.floor(elapsedTicks / this.secondTicks) - this.seenUpdates;
    const pulses = this.time.pulseAt(elapsedTicks);
    let flags = 0;
    if (Math.floor(pulses / periodPulses) > Math.floor(this.seenPulses / periodPulses)) flags |= B_PERIODIC;
    if (updates > 0 && this.updates) {
      flags |= B_UPDATE;
      if (secondsToAlarm(registers, this.format) <= updates) flags |= B_ALARM;
      advance(registers, updates, this.format);
    }
    this.seenUpdates += updates;
    this.seenPulses = pulses;
    registers[REGISTER_C] |= flags;
    if (registers[REGISTER_C] & registers[REGISTER_B] & B_ENABLES) registers[REGISTER_C] |= C_REQUEST;
  }

  /** Drives IRQ 8 by what is flagged, and sets the deadline of the next enabled flag. */
  private update(): void {
    const { registers, clock } = this;
    if (registers[REGISTER_C] & registers[REGISTER_B] & B_ENABLES) registers[REGISTER_C] |= C_REQUEST;
    else registers[REGISTER_C] &= ~C_REQUEST;
    const level = (registers[REGISTER_C] & C_REQUEST) !== 0;
    if (level !== this.level) {
      this.level = level;
      this.setIrq8(level);
    }
    if (this.deadline) clock.cancel(this.deadline);
    const nextTicks = level ? Infinity : this.nextInterruptTicks();
    this.deadline = nextTicks === Infinity ? null : clock.schedule(nextTicks, () => this.expire());
  }

  private expire(): void {
    this.deadline = null;
    this.observeTime(this.clock.nowTicks);
    this.update();
  }

  private nextInterruptTicks(): number {
    const { registers, periodPulses } = this;
    const enabled = registers[REGISTER_B];
    let nextTicks = Infinity;
    if (enabled & B_PERIODIC && periodPulses !== Infinity) {
      const pulse = (Math.floor(this.seenPulses / periodPulses) + 1) * periodPulses;
      nextTicks = this.startTicks + this.time.ticksAt(pulse);
    }
    if (!this.updates) return nextTicks;
    let updates = Infinity;
    if (enabled & B_ALARM) updates = secondsToAlarm(registers, this.format);
    if (enabled & B_UPDATE) updates = 1;
    return Math.min(nextTicks, this.startTicks + (this.seenUpdates + updates) * this.secondTicks);
  }
}
