import { scanCodesOf } from './scan-codes.js';

// Commands and answers (IBM PS/2 Hardware Interface Technical Reference, "Keyboards", "Commands from the System").
const ACKNOWLEDGE = 0xfa;
const RESEND = 0xfe;
const SELF_TEST_PASSED = 0xaa;
const COMMAND_LEDS = 0xed;
const COMMAND_ECHO = 0xee;
const COMMAND_SCAN_CODES = 0xf0;
const COMMAND_IDENTIFY = 0xf2;
const COMMAND_TYPEMATIC = 0xf3;
const COMMAND_ENABLE = 0xf4;
const COMMAND_DEFAULT_DISABLE = 0xf5;
const COMMAND_DEFAULT = 0xf6;
const COMMAND_RESEND = 0xfe;
const COMMAND_RESET = 0xff;
/** An MF2 keyboard with 101 or 102 keys. */
const IDENTITY = [0xab, 0x83] as const;

/**
 * A US keyboard with scan code sets 1 and 2. Keys do not repeat. Typed text waits, without loss, while scanning
 * is disabled and until the controller takes each byte.
 */
export class Keyboard {
  /** Answers go before keys. */
  private answers: number[] = [];
  private keys: number[] = [];
  private scanning = true;
  private set: 1 | 2 = 2;
  /** The command whose argument comes next. */
  private command = 0;
  private lastSent = 0;
  /** Bits 2:0 of the LED command's argument: caps, num and scroll lock. */
  leds = 0;

  /** Presses and releases the keys that type `text`. @throws RangeError for a character without a key; nothing is typed then. */
  type(text: string): void {
    for (const byte of scanCodesOf(text, this.set)) this.keys.push(byte);
  }

  reset(): void {
    this.answers = [];
    this.keys = [];
    this.command = 0;
    this.leds = 0;
    this.setDefaults();
  }

  /** The next byte for the controller, or null. */
  take(): number | null {
    const byte = this.answers.shift() ?? (this.scanning ? this.keys.shift() : undefined);
    if (byte === undefined) return null;
    this.lastSent = byte;
    return byte;
  }

  /** A byte from the system. */
  send(byte: number): void {
    const { command } = this;
    this.command = 0;
    if (command !== 0 && byte < COMMAND_LEDS) this.argument(command, byte);
    else this.execute(byte);
  }

  private execute(byte: number): void {
    switch (byte) {
      case COMMAND_LEDS:
      case COMMAND_SCAN_CODES:
      case COMMAND_TYPEMATIC:
        this.command = byte;
        return this.answer(ACKNOWLEDGE);
      case COMMAND_ECHO:
        return this.answer(COMMAND_ECHO);
      case COMMAND_IDENTIFY:
        return this.answer(ACKNOWLEDGE, ...IDENTITY);
      case COMMAND_ENABLE:
        this.scanning = true;
        return this.answer(ACKNOWLEDGE);
      case COMMAND_DEFAULT_DISABLE:
      case COMMAND_DEFAULT:
        this.setDefaults();
        this.scanning = byte === COMMAND_DEFAULT;
        return this.answer(ACKNOWLEDGE);
      case COMMAND_RESEND:
        return this.answer(this.lastSent);
      case COMMAND_RESET:
        this.reset();
        return this.answer(ACKNOWLEDGE, SELF_TEST_PASSED);
      default:
        return this.answer(RESEND);
    }
  }

  private argument(command: number, byte: number): void {
    if (command === COMMAND_LEDS) this.leds = byte & 7;
    if (command === COMMAND_SCAN_CODES) {
      // Set 3 is for terminals; no PC keyboard is asked to have it, and this one has it not.
      if (byte > 2) return this.answer(RESEND);
      if (byte === 0) return this.answer(ACKNOWLEDGE, this.set);
      this.set = byte as 1 | 2;
    }
    this.answer(ACKNOWLEDGE);
  }

  private setDefaults(): void {
    this.scanning = true;
    this.set = 2;
  }

  private answer(...bytes: number[]): void {
    this.answers.push(...bytes);
  }
}
