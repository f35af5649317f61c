import { ApicTimer } from './apic-timer.js';
import type { Clock } from './clock.js';
import type { MmioBus, MmioDevice } from './mmio.js';
import { VectorSet } from './vector-set.js';

/** Where its registers lie after reset, and how much of the address space they take. */
export const LOCAL_APIC_BASE = 0xfee0_0000;
export const LOCAL_APIC_BYTES = 0x1000;

// Intel SDM vol. 3A, order number 253668-060, chapter 10 "APIC", table 10-1 "Local APIC Register Address Map".
const ID = 0x020;
const VERSION = 0x030;
const TASK_PRIORITY = 0x080;
const PROCESSOR_PRIORITY = 0x0a0;
const END_OF_INTERRUPT = 0x0b0;
const LOGICAL_DESTINATION = 0x0d0;
const DESTINATION_FORMAT = 0x0e0;
const SPURIOUS = 0x0f0;
const IN_SERVICE = 0x100;
const TRIGGER_MODE = 0x180;
const REQUEST = 0x200;
const REQUEST_END = 0x280;
const ERROR_STATUS = 0x280;
const COMMAND_LOW = 0x300;
const COMMAND_HIGH = 0x310;
const LVT_FIRST = 0x320;
const LVT_TIMER = 0x320;
const LVT_LINT0 = 0x350;
const LVT_LINT1 = 0x360;
const LVT_ERROR = 0x370;
const LVT_LAST = 0x370;
const TIMER_INITIAL = 0x380;
const TIMER_CURRENT = 0x390;
const TIMER_DIVIDE = 0x3e0;

/** Integrated, with six entries in its local vector table. */
const VERSION_VALUE = 0x0005_0014;
const SOFTWARE_ENABLE = 1 << 8;
const SPURIOUS_WRITABLE = 0x1ff;
const LVT_MASKED = 1 << 16;
const LVT_PERIODIC = 1 << 17;
/** Writable bits by entry, from the timer on: timer, thermal, performance, LINT0, LINT1, error. */
const LVT_WRITABLE = [0x3_00ff, 0x1_07ff, 0x1_07ff, 0x1_a7ff, 0x1_a7ff, 0x1_00ff] as const;
const LOGICAL_WRITABLE = 0xff00_0000;
const FORMAT_WRITABLE = 0xf000_0000;
const ID_WRITABLE = 0xff00_0000;
const COMMAND_LOW_WRITABLE = 0x000c_cfff;
const COMMAND_LEVEL_DEASSERT = 0x0000_8000;
const COMMAND_LEVEL_ASSERT = 0x0000_4000;

const ERROR_SEND_ILLEGAL_VECTOR = 1 << 5;
const ERROR_RECEIVE_ILLEGAL_VECTOR = 1 << 6;
const ERROR_ILLEGAL_REGISTER = 1 << 7;
/** Vectors below are reserved for exceptions. */
const FIRST_VECTOR = 16;

/** Delivery modes (section 10.5.1 "Local Vector Table"). */
export const DELIVER_FIXED = 0;
export const DELIVER_LOWEST = 1;
const DELIVER_NMI = 4;
const DELIVER_EXTINT = 7;

/** IA32_APIC_BASE (section 10.4.4 "Local APIC Status and Location"). */
const BASE_BOOTSTRAP = 1 << 8;
const BASE_ENABLE = 1 << 11;
const BASE_ADDRESS = 0xffff_f000;

/** What the APIC drives. */
export interface LocalApicWiring {
  clock: Clock;
  mmio: MmioBus;
  /** The processor's INTR: an interrupt of the APIC's own or of the PIC that it lets through. */
  setInterruptLine(level: boolean): void;
  requestNmi(): void;
  /** The PIC's acknowledge cycle. @returns the vector. */
  acknowledgePic(): number;
  /** A level-triggered interrupt was ended: the I/O APIC looks at its line again. */
  endOfLevelInterrupt(vector: number): void;
}

/**
 * The local APIC of the one processor. After reset it is where firmware leaves it: enabled in IA32_APIC_BASE,
 * disabled by software, LINT0 passing the PIC's interrupts through ("virtual wire mode"). Interrupts go to
 * itself only: INIT and start-up messages have nobody to go to, and x2APIC and TSC-deadline mode are not offered.
 */
export class LocalApic implements MmioDevice {
  readonly timer: ApicTimer;
  private readonly inService = new VectorSet();
  private readonly triggerMode = new VectorSet();
  private readonly requests = new VectorSet();
  private readonly lvt = new Int32Array((LVT_LAST - LVT_FIRST) / 16 + 1);
  private baseRegister = 0;
  private id = 0;
  private taskPriority = 0;
  private logicalDestination = 0;
  private destinationFormat = 0;
  private spurious = 0;
  private errors = 0;
  private shownErrors = 0;
  private commandLow = 0;
  private commandHigh = 0;
  /** The PIC's INT output, on LINT0. */
  private picLine = false;
  private level = false;
  private heldOff = false;
  /** For a monitor whose guest sets the task priority by itself: called when an interrupt begins to be held off by the last one known. */
  onHeldOff: () => void = () => {};

  constructor(private readonly wiring: LocalApicWiring) {
    this.timer = new ApicTimer(wiring.clock, () => this.raiseLocal(LVT_TIMER));
    this.reset();
  }

  reset(): void {
    this.resetRegisters();
    this.baseRegister = 0;
    this.writeBase(LOCAL_APIC_BASE | BASE_BOOTSTRAP | BASE_ENABLE);
  }

  /** IA32_APIC_BASE 31:0; the upper half is zero. */
  get base(): number {
    return this.baseRegister >>> 0;
  }

  /** WRMSR to its lower half. Registers moved to where memory is are hidden by the memory. @returns false for reserved bits: #GP(0). */
  setBase(value: number): boolean {
    const reserved = ~(BASE_ADDRESS | BASE_ENABLE | BASE_BOOTSTRAP);
    if (value & reserved) return false;
    // Whether this is the bootstrap processor is not for software to say.
    this.writeBase((value & ~BASE_BOOTSTRAP) | BASE_BOOTSTRAP);
    return true;
  }

  /** IA32_APIC_BASE's enable bit: without it there is no APIC, and CPUID says so. */
  get enabled(): boolean {
    return (this.baseRegister & BASE_ENABLE) !== 0;
  }

  /** CR8 (AMD64 APM vol. 2, rev. 3.44, "CR8 (Task Priority Register, TPR)"): bits 7:4 of the task-priority register; a write clears the others. */
  get taskPriorityClass(): number {
    return this.taskPriority >> 4;
  }
  set taskPriorityClass(value: number) {
    this.taskPriority = (value & 0xf) << 4;
    this.update();
  }

  /** An interrupt would be given to the processor if the task priority did not hold it off. */
  get isHeldOff(): boolean {
    if (this.taskPriority === 0 || this.deliverable >= 0) return false;
    return this.deliverableTo(Math.max(0, this.inService.highest)) >= 0;
  }

  /** Drives LINT0, which the PIC's INT output is wired to. */
  setPicLine(level: boolean): void {
    const rises = level && !this.picLine;
    this.picLine = level;
    if (rises && this.enabled && this.deliveryMode(LVT_LINT0) !== DELIVER_EXTINT) this.raiseLocal(LVT_LINT0);
    this.update();
  }

  /** The processor takes an interrupt. @returns its vector; a spurious one, of this APIC or the PIC, when it was withdrawn meanwhile. */
  acknowledge(): number {
    const vector = this.deliverable;
    if (vector >= 0) {
      this.requests.delete(vector);
      this.inService.add(vector);
      this.update();
      return vector;
    }
    const wasWithdrawn = this.requests.highest >= 0 || !this.wireOpen;
    return wasWithdrawn ? this.spurious & 0xff : this.wiring.acknowledgePic();
  }

  /** An interrupt message from the I/O APIC or this APIC itself. */
  accept(vector: number, mode: number, levelTriggered: boolean): void {
    if (!this.enabled) return;
    if (mode === DELIVER_NMI) this.wiring.requestNmi();
    if (mode !== DELIVER_FIXED && mode !== DELIVER_LOWEST) return;
    if (!this.softwareEnabled) return;
    if (vector < FIRST_VECTOR) return this.noteError(ERROR_RECEIVE_ILLEGAL_VECTOR);
    this.requests.add(vector);
    if (levelTriggered) this.triggerMode.add(vector);
    else this.triggerMode.delete(vector);
    this.update();
  }

  /** Whether a message with this destination is for this APIC (section 10.6.2 "Determining IPI Destination"). */
  isDestination(destination: number, logical: boolean): boolean {
    if (!logical) return destination === 0xff || destination === this.id >>> 24;
    const mine = this.logicalDestination >>> 24;
    if (this.destinationFormat >>> 28 === 0xf) return (mine & destination) !== 0;
    return mine >> 4 === destination >> 4 && (mine & destination & 0xf) !== 0;
  }

  read32(offset: number): number {
    const register = offset & ~0xf;
    if (register >= IN_SERVICE && register < TRIGGER_MODE) return word(this.inService, register - IN_SERVICE);
    if (register >= TRIGGER_MODE && register < REQUEST)
      return word(this.triggerMode, register - TRIGGER_MODE);
    if (register >= REQUEST && register < REQUEST_END) return word(this.requests, register - REQUEST);
    if (register >= LVT_FIRST && register <= LVT_LAST) return this.entry(register) >>> 0;
    switch (register) {
      case ID:
        return this.id >>> 0;
      case VERSION:
        return VERSION_VALUE;
      case TASK_PRIORITY:
        return this.taskPriority;
      case PROCESSOR_PRIORITY:
        return this.processorPriority;
      case LOGICAL_DESTINATION:
        return this.logicalDestination >>> 0;
      case DESTINATION_FORMAT:
        return this.destinationFormat >>> 0;
      case SPURIOUS:
        return this.spurious;
      case ERROR_STATUS:
        return this.shownErrors;
      case COMMAND_LOW:
        return this.commandLow;
      case COMMAND_HIGH:
        return this.commandHigh >>> 0;
      case TIMER_INITIAL:
        return this.timer.initial;
      case TIMER_CURRENT:
        return this.timer.readCurrent();
      case TIMER_DIVIDE:
        return this.timer.divide;
      case END_OF_INTERRUPT: // write-only
        return 0;
      default:
        this.noteError(ERROR_ILLEGAL_REGISTER);
        return 0;
    }
  }

  write32(offset: number, value: number): void {
    const register = offset & ~0xf;
    if (register >= LVT_FIRST && register <= LVT_LAST) this.setEntry(register, value);
    else {
      switch (register) {
        case ID:
          this.id = value & ID_WRITABLE;
          break;
        case TASK_PRIORITY:
          this.taskPriority = value & 0xff;
          break;
        case END_OF_INTERRUPT:
          this.endOfInterrupt();
          break;
        case LOGICAL_DESTINATION:
          this.logicalDestination = value & LOGICAL_WRITABLE;
          break;
        case DESTINATION_FORMAT:
          this.destinationFormat = (value & FORMAT_WRITABLE) | ~FORMAT_WRITABLE;
          break;
        case SPURIOUS:
          this.writeSpurious(value & SPURIOUS_WRITABLE);
          break;
        case ERROR_STATUS:
          this.shownErrors = this.errors;
          this.errors = 0;
          break;
        case COMMAND_LOW:
          this.send(value & COMMAND_LOW_WRITABLE);
          break;
        case COMMAND_HIGH:
          this.commandHigh = value & ID_WRITABLE;
          break;
        case TIMER_INITIAL:
          this.timer.setInitial(value);
          break;
        case TIMER_DIVIDE:
          this.timer.divide = value;
          break;
        case VERSION:
        case PROCESSOR_PRIORITY:
        case TIMER_CURRENT: // read-only
          break;
        default:
          this.noteError(ERROR_ILLEGAL_REGISTER);
      }
    }
    this.update();
  }

  private resetRegisters(): void {
    for (const vectors of [this.inService, this.triggerMode, this.requests]) vectors.clear();
    this.id = 0;
    this.taskPriority = 0;
    this.logicalDestination = 0;
    this.destinationFormat = -1;
    this.spurious = 0xff;
    this.errors = 0;
    this.shownErrors = 0;
    this.commandLow = 0;
    this.commandHigh = 0;
    this.lvt.fill(LVT_MASKED);
    // Not the hardware's reset but what firmware makes of it: virtual wire mode.
    this.lvt[(LVT_LINT0 - LVT_FIRST) / 16] = DELIVER_EXTINT << 8;
    this.lvt[(LVT_LINT1 - LVT_FIRST) / 16] = DELIVER_NMI << 8;
    this.timer.reset();
  }

  private writeBase(value: number): void {
    const { mmio } = this.wiring;
    const wasEnabled = this.enabled;
    mmio.detach(this);
    this.baseRegister = value;
    if (this.enabled) mmio.attachOver((value & BASE_ADDRESS) >>> 0, LOCAL_APIC_BYTES, this);
    else if (wasEnabled) this.resetRegisters();
    this.update();
  }

  private get softwareEnabled(): boolean {
    return (this.spurious & SOFTWARE_ENABLE) !== 0;
  }

  /** Disabling masks every local interrupt ("Local APIC State After It Has Been Software Disabled"). */
  private writeSpurious(value: number): void {
    const wasEnabled = this.softwareEnabled;
    this.spurious = value;
    if (!wasEnabled || this.softwareEnabled) return;
    for (let register = LVT_FIRST; register <= LVT_LAST; register += 16) {
      this.setEntry(register, this.entry(register));
    }
  }

  private entry(register: number): number {
    return this.lvt[(register - LVT_FIRST) / 16];
  }

  private setEntry(register: number, value: number): void {
    const index = (register - LVT_FIRST) / 16;
    this.lvt[index] = (value & LVT_WRITABLE[index]) | (this.softwareEnabled ? 0 : LVT_MASKED);
    if (register !== LVT_TIMER) return;
    const entry = this.lvt[index];
    this.timer.setMode((entry & LVT_PERIODIC) !== 0, (entry & LVT_MASKED) !== 0);
  }

  private deliveryMode(register: number): number {
    return (this.entry(register) >> 8) & 7;
  }

  /** An interrupt by way of the local vector table. */
  private raiseLocal(register: number): void {
    const entry = this.entry(register);
    if (entry & LVT_MASKED) return;
    const hasMode = register !== LVT_TIMER && register !== LVT_ERROR;
    this.accept(entry & 0xff, hasMode ? this.deliveryMode(register) : DELIVER_FIXED, false);
  }

  /** Class of the task or of the interrupt in service, whichever is higher (section 10.8.3.1 "Task and Processor Priorities"). */
  private get processorPriority(): number {
    const serving = Math.max(0, this.inService.highest);
    const task = this.taskPriority;
    return task >> 4 >= serving >> 4 ? task : serving & 0xf0;
  }

  /** The vector that the processor would be given, or -1. */
  private get deliverable(): number {
    return this.deliverableTo(this.processorPriority);
  }

  private deliverableTo(priority: number): number {
    if (!this.enabled || !this.softwareEnabled) return -1;
    const vector = this.requests.highest;
    return vector >> 4 > priority >> 4 ? vector : -1;
  }

  /** Whether the PIC's interrupts reach the processor: through LINT0, or past an APIC that is not there. */
  private get wireOpen(): boolean {
    const isOpen =
      (this.entry(LVT_LINT0) & LVT_MASKED) === 0 && this.deliveryMode(LVT_LINT0) === DELIVER_EXTINT;
    return !this.enabled || isOpen;
  }

  private endOfInterrupt(): void {
    const vector = this.inService.highest;
    if (vector < 0) return;
    this.inService.delete(vector);
    if (this.triggerMode.has(vector)) this.wiring.endOfLevelInterrupt(vector);
  }

  /** A write to the low half of the interrupt command register (section 10.6.1): delivered at once, if to this APIC. */
  private send(command: number): void {
    this.commandLow = command;
    const mode = (command >> 8) & 7;
    const vector = command & 0xff;
    const isDeassert = (command & COMMAND_LEVEL_DEASSERT) !== 0 && (command & COMMAND_LEVEL_ASSERT) === 0;
    if (isDeassert || !this.isSelf((command >> 18) & 3, (command & 0x800) !== 0)) return;
    const hasVector = mode === DELIVER_FIXED || mode === DELIVER_LOWEST;
    if (hasVector && vector < FIRST_VECTOR) return this.noteError(ERROR_SEND_ILLEGAL_VECTOR);
    this.accept(vector, mode, false);
  }

  /** By destination shorthand: none, self, all including self, all excluding self. */
  private isSelf(shorthand: number, logical: boolean): boolean {
    if (shorthand === 0) return this.isDestination(this.commandHigh >>> 24, logical);
    return shorthand !== 3;
  }

  private noteError(error: number): void {
    if (this.errors & error) return;
    this.errors |= error;
    this.raiseLocal(LVT_ERROR);
  }

  private update(): void {
    const wasHeldOff = this.heldOff;
    this.heldOff = this.isHeldOff;
    if (this.heldOff && !wasHeldOff) this.onHeldOff();
    const level = this.deliverable >= 0 || (this.picLine && this.wireOpen);
    if (level === this.level) return;
    this.level = level;
    this.wiring.setInterruptLine(level);
  }
}

function word(vectors: VectorSet, offset: number): number {
  return vectors.words[offset >> 4] >>> 0;
}
