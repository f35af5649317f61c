import type { A20Gate } from './a20.js';
import type { PortBus, PortDevice } from './bus.js';
import { Keyboard } from './keyboard.js';
import { ScanCodeTranslator } from './scan-codes.js';

export const KEYBOARD_DATA_PORT = 0x60;
export const KEYBOARD_COMMAND_PORT = 0x64;

// IBM PC AT Technical Reference, "Keyboard Controller"; IBM PS/2 Hardware Interface Technical Reference, same title.
const STATUS_OUTPUT_FULL = 0x01;
const STATUS_SYSTEM = 0x04;
const STATUS_COMMAND = 0x08;
const STATUS_NOT_LOCKED = 0x10;

const CONFIG_INTERRUPT = 0x01;
const CONFIG_SYSTEM = 0x04;
const CONFIG_KEYBOARD_OFF = 0x10;
/** The second port: there is none, so its bit cannot be cleared. */
const CONFIG_MOUSE_OFF = 0x20;
const CONFIG_TRANSLATE = 0x40;
const CONFIG_ABSENT = 0x80 | 0x02;

const COMMAND_READ_RAM = 0x20;
const COMMAND_WRITE_RAM = 0x60;
const RAM_BYTES = 0x20;
const COMMAND_SELF_TEST = 0xaa;
const COMMAND_TEST_KEYBOARD = 0xab;
const COMMAND_KEYBOARD_OFF = 0xad;
const COMMAND_KEYBOARD_ON = 0xae;
const COMMAND_READ_INPUT = 0xc0;
const COMMAND_READ_OUTPUT = 0xd0;
const COMMAND_WRITE_OUTPUT = 0xd1;
const COMMAND_WRITE_BUFFER = 0xd2;
/** For the mouse: takes a byte that goes nowhere. */
const COMMAND_WRITE_MOUSE_BUFFER = 0xd3;
const COMMAND_WRITE_MOUSE = 0xd4;
const COMMAND_CLOSE_A20 = 0xdd;
const COMMAND_OPEN_A20 = 0xdf;
const COMMAND_READ_TEST = 0xe0;
const COMMAND_PULSE = 0xf0;

const SELF_TEST_PASSED = 0x55;
const INPUT_NOT_LOCKED = 0x80;
const OUTPUT_NO_RESET = 0x01;
const OUTPUT_A20 = 0x02;
const OUTPUT_INTERRUPT = 0x10;

/**
 * The i8042 with a keyboard and no second port: mouse commands have no effect and no answer. It answers at once
 * and takes the keyboard's next byte as soon as its buffer is read.
 */
export class KeyboardController implements PortDevice {
  readonly keyboard = new Keyboard();
  private readonly translator = new ScanCodeTranslator();
  private readonly ram = new Uint8Array(RAM_BYTES);
  private answers: number[] = [];
  /** The output buffer, or null while it is empty. */
  private buffer: number | null = null;
  /** An empty buffer shows what was in it. */
  private lastRead = 0;
  /** The command that the next data byte belongs to. */
  private command = 0;
  private lastWasCommand = false;
  private level = false;

  /**
   * @param setIrq1 called when the interrupt request changes.
   * @param requestReset called with the name of what asked for it.
   */
  constructor(
    ports: PortBus,
    private readonly a20: A20Gate,
    private readonly setIrq1: (level: boolean) => void,
    private readonly requestReset: (by: string) => void,
  ) {
    this.setConfig(CONFIG_INTERRUPT | CONFIG_SYSTEM | CONFIG_TRANSLATE);
    ports.attach(KEYBOARD_DATA_PORT, 1, this);
    ports.attach(KEYBOARD_COMMAND_PORT, 1, this);
  }

  /** Types a text. @throws RangeError for a character that no key of a US keyboard types. */
  type(text: string): void {
    this.keyboard.type(text);
    this.update();
  }

  /** As firmware leaves it: keyboard and its interrupt on, translating. */
  reset(): void {
    this.keyboard.reset();
    this.answers = [];
    this.buffer = null;
    this.command = 0;
    this.lastWasCommand = false;
    this.setConfig(CONFIG_INTERRUPT | CONFIG_SYSTEM | CONFIG_TRANSLATE);
    this.update();
  }

  readPort(port: number): number {
    if (port === KEYBOARD_COMMAND_PORT) return this.status;
    const value = this.buffer ?? this.lastRead;
    this.lastRead = value;
    this.buffer = null;
    this.update();
    return value;
  }

  writePort(port: number, _width: 1 | 2 | 4, value: number): void {
    this.lastWasCommand = port === KEYBOARD_COMMAND_PORT;
    if (this.lastWasCommand) this.execute(value);
    else this.writeData(value);
    this.update();
  }

  private get status(): number {
    return (
      STATUS_NOT_LOCKED |
      (this.buffer === null ? 0 : STATUS_OUTPUT_FULL) |
      (this.config & CONFIG_SYSTEM ? STATUS_SYSTEM : 0) |
      (this.lastWasCommand ? STATUS_COMMAND : 0)
    );
  }

  private get config(): number {
    return this.ram[0];
  }
  private setConfig(value: number): void {
    this.ram[0] = (value & ~CONFIG_ABSENT) | CONFIG_MOUSE_OFF;
  }

  private execute(command: number): void {
    this.command = 0;
    if (command >= COMMAND_READ_RAM && command < COMMAND_READ_RAM + RAM_BYTES) {
      this.answers.push(this.ram[command - COMMAND_READ_RAM]);
      return;
    }
    if (command >= COMMAND_WRITE_RAM && command < COMMAND_WRITE_RAM + RAM_BYTES) {
      this.command = command;
      return;
    }
    if (command >= COMMAND_PULSE) {
      // Lines whose bit is 0 are pulsed low; of the four only the reset line is wired.
      if ((command & OUTPUT_NO_RESET) === 0) this.requestReset('the keyboard controller');
      return;
    }
    switch (command) {
      case COMMAND_SELF_TEST:
        this.setConfig(this.config | CONFIG_SYSTEM);
        this.answers.push(SELF_TEST_PASSED);
        break;
      case COMMAND_TEST_KEYBOARD:
      case COMMAND_READ_TEST:
        this.answers.push(0);
        break;
      case COMMAND_KEYBOARD_OFF:
        this.setConfig(this.config | CONFIG_KEYBOARD_OFF);
        break;
      case COMMAND_KEYBOARD_ON:
        this.setConfig(this.config & ~CONFIG_KEYBOARD_OFF);
        break;
      case COMMAND_READ_INPUT:
        this.answers.push(INPUT_NOT_LOCKED);
        break;
      case COMMAND_READ_OUTPUT:
        this.answers.push(
          OUTPUT_NO_RESET | (this.a20.open ? OUTPUT_A20 : 0) | (this.level ? OUTPUT_INTERRUPT : 0),
        );
        break;
      case COMMAND_WRITE_OUTPUT:
      case COMMAND_WRITE_BUFFER:
      case COMMAND_WRITE_MOUSE_BUFFER:
      case COMMAND_WRITE_MOUSE:
        this.command = command;
        break;
      case COMMAND_CLOSE_A20:
      case COMMAND_OPEN_A20:
        this.a20.open = command === COMMAND_OPEN_A20;
        break;
    }
  }

  private writeData(value: number): void {
    const { command } = this;
    this.command = 0;
    if (command === 0) {
      // A byte for the keyboard lets it talk again.
      this.setConfig(this.config & ~CONFIG_KEYBOARD_OFF);
      this.keyboard.send(value);
    } else if (command === COMMAND_WRITE_RAM) this.setConfig(value);
    else if (command < COMMAND_WRITE_RAM + RAM_BYTES) this.ram[command - COMMAND_WRITE_RAM] = value;
    else if (command === COMMAND_WRITE_BUFFER) this.answers.push(value);
    else if (command === COMMAND_WRITE_OUTPUT) {
      this.a20.open = (value & OUTPUT_A20) !== 0;
      if ((value & OUTPUT_NO_RESET) === 0) this.requestReset('the keyboard controller');
    }
  }

  /** Fills the output buffer and drives IRQ 1. */
  private update(): void {
    // The line falls when the buffer is read, so that each byte is an edge of its own.
    if (this.buffer === null) this.drive(false);
    while (this.buffer === null) {
      const next = this.answers.shift() ?? this.takeFromKeyboard();
      if (next === null) break;
      this.buffer = next;
    }
    this.drive(this.buffer !== null && (this.config & CONFIG_INTERRUPT) !== 0);
  }

  /** @returns null when the keyboard has nothing to say. */
  private takeFromKeyboard(): number | null {
    while ((this.config & CONFIG_KEYBOARD_OFF) === 0) {
      const byte = this.keyboard.take();
      if (byte === null) return null;
      const value = this.config & CONFIG_TRANSLATE ? this.translator.translate(byte) : byte;
      if (value !== null) return value;
    }
    return null;
  }

  private drive(level: boolean): void {
    if (level === this.level) return;
    this.level = level;
    this.setIrq1(level);
  }
}
