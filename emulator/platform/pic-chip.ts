/**
 * One 8259A (Intel 8259A Programmable Interrupt Controller, order number 231468-003; section titles cited).
 * Only 8086 mode is modelled: a PC cannot use the 8080 call sequence.
 */
export class PicChip {
  /** Interrupt request register: edges latched (edge mode) or levels (level mode), not yet acknowledged. */
  private irr = 0;
  /** In-service register. */
  private isr = 0;
  /** Interrupt mask register. */
  private imr = 0;
  private lines = 0;
  private vectorBase = 0;
  /** Next initialisation word expected by the odd port; 0: none, the chip is in operation. */
  private nextWord: 0 | 2 | 3 | 4 = 0;
  private initialised = false;
  private levelTriggered = false;
  private single = false;
  private needsWord4 = false;
  private automaticEoi = false;
  private rotateOnAutomaticEoi = false;
  private specialFullyNested = false;
  private specialMask = false;
  private readInService = false;
  private pollNext = false;
  /** The input of lowest priority; the one after it is the highest ("Automatic Rotation"). */
  private lowestPriority = 7;

  /** @param cascadeInputs a master's inputs that carry a slave's INT output, as a bit mask. */
  constructor(
    private readonly onChange: () => void,
    private readonly cascadeInputs = 0,
  ) {}

  /** As after power on: nothing is raised until the chip is initialised. Lines stay as they are driven, and ask. */
  reset(): void {
    this.writeIcw1(0);
    this.vectorBase = 0;
    this.irr = this.lines;
    this.nextWord = 0;
    this.initialised = false;
    this.onChange();
  }

  /** Drives input 0..7. */
  setLine(input: number, level: boolean): void {
    const bit = 1 << input;
    if (level) {
      if (this.levelTriggered || (this.lines & bit) === 0) this.irr |= bit;
      this.lines |= bit;
    } else {
      // "Edge and Level Triggered Modes": an input must stay high until the acknowledge, else its request is gone.
      this.lines &= ~bit;
      this.irr &= ~bit;
    }
    this.onChange();
  }

  /** The INT output. A chip that was not initialised since reset never raises it. */
  get output(): boolean {
    return this.highestRequest() >= 0;
  }

  /**
   * Acknowledges the highest request: sets its in-service bit, or ends it at once in automatic-EOI mode.
   * @returns input 0..7 and whether it was a real request; without one the chip answers as for input 7 and sets no bit.
   */
  acknowledge(): { input: number; vector: number; spurious: boolean } {
    const input = this.highestRequest();
    if (input < 0) return { input: 7, vector: this.vectorBase | 7, spurious: true };
    const bit = 1 << input;
    if (!this.levelTriggered) this.irr &= ~bit;
    if (!this.automaticEoi) this.isr |= bit;
    else if (this.rotateOnAutomaticEoi) this.lowestPriority = input;
    this.onChange();
    return { input, vector: this.vectorBase | input, spurious: false };
  }

  readCommand(): number {
    if (this.pollNext) {
      // "Poll Command": the read acts as an acknowledge; bit 7 tells whether there was a request.
      this.pollNext = false;
      const { input, spurious } = this.acknowledge();
      return spurious ? 0 : 0x80 | input;
    }
    return this.readInService ? this.isr : this.irr;
  }

  readData(): number {
    return this.pollNext ? this.readCommand() : this.imr;
  }

  writeCommand(value: number): void {
    if (value & 0x10) this.writeIcw1(value);
    else if (value & 0x08) this.writeOcw3(value);
    else this.writeOcw2(value);
    this.onChange();
  }

  writeData(value: number): void {
    switch (this.nextWord) {
      case 0:
        this.imr = value;
        break;
      case 2:
        this.vectorBase = value & 0xf8;
        this.nextWord = this.single ? (this.needsWord4 ? 4 : 0) : 3;
        break;
      case 3:
        // The wiring says which inputs are cascaded; a PC cannot change it.
        this.nextWord = this.needsWord4 ? 4 : 0;
        break;
      case 4:
        this.automaticEoi = (value & 0x02) !== 0;
        this.specialFullyNested = (value & 0x10) !== 0;
        this.nextWord = 0;
        break;
    }
    this.onChange();
  }

  /** "Initialization Command Words 1 and 2": what ICW1 resets. */
  private writeIcw1(value: number): void {
    this.levelTriggered = (value & 0x08) !== 0;
    this.single = (value & 0x02) !== 0;
    this.needsWord4 = (value & 0x01) !== 0;
    this.irr = this.levelTriggered ? this.lines : 0;
    this.isr = 0;
    this.imr = 0;
    this.lowestPriority = 7;
    this.specialMask = false;
    this.readInService = false;
    this.pollNext = false;
    this.automaticEoi = false;
    this.rotateOnAutomaticEoi = false;
    this.specialFullyNested = false;
    this.nextWord = 2;
    this.initialised = true;
  }

  /** "Operation Control Word 2": end of interrupt and rotation, by its R, SL and EOI bits. */
  private writeOcw2(value: number): void {
    const level = value & 7;
    switch (value >> 5) {
      case 0b001:
        this.endHighest();
        break;
      case 0b011:
        this.isr &= ~(1 << level);
        break;
      case 0b101: {
        const ended = this.endHighest();
        if (ended >= 0) this.lowestPriority = ended;
        break;
      }
      case 0b100:
        this.rotateOnAutomaticEoi = true;
        break;
      case 0b000:
        this.rotateOnAutomaticEoi = false;
        break;
      case 0b111:
        this.isr &= ~(1 << level);
        this.lowestPriority = level;
        break;
      case 0b110:
        this.lowestPriority = level;
        break;
      case 0b010: // no operation
        break;
    }
  }

  private writeOcw3(value: number): void {
    if (value & 0x40) this.specialMask = (value & 0x20) !== 0;
    if (value & 0x04) this.pollNext = true;
    else if (value & 0x02) this.readInService = (value & 0x01) !== 0;
  }

  /** Non-specific EOI. In special mask mode a masked in-service bit is passed over. @returns the input ended, or -1. */
  private endHighest(): number {
    const inService = this.specialMask ? this.isr & ~this.imr : this.isr;
    const input = this.byPriority().find((candidate) => inService & (1 << candidate)) ?? -1;
    if (input >= 0) this.isr &= ~(1 << input);
    return input;
  }

  /** @returns the input that INT stands for, or -1. */
  private highestRequest(): number {
    if (!this.initialised || this.nextWord !== 0) return -1;
    const requests = this.irr & ~this.imr;
    if (requests === 0) return -1;
    const blocking = this.specialMask ? this.isr & ~this.imr : this.isr;
    for (const input of this.byPriority()) {
      const bit = 1 << input;
      if (blocking & bit) {
        // "Special Fully Nested Mode": a slave in service does not lock out its own higher requests.
        const nests = this.specialFullyNested && (this.cascadeInputs & bit) !== 0;
        return nests && requests & bit ? input : -1;
      }
      if (requests & bit) return input;
    }
    return -1;
  }

  /** Inputs from highest to lowest priority. */
  private byPriority(): readonly number[] {
    return PRIORITY_ORDERS[this.lowestPriority];
  }
}

const PRIORITY_ORDERS: readonly (readonly number[])[] = Array.from({ length: 8 }, (_, lowest) =>
  Array.from({ length: 8 }, (_unused, place) => (lowest + 1 + place) & 7),
);
