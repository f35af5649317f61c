import type { PortBus, PortDevice } from './bus.js';
import type { Clock } from './clock.js';
import { glyph } from './cp437.js';
import type { PhysicalMemory } from './memory.js';
import { PulseTime } from './pulse-time.js';

/** Text memory: plain memory to the processor; a character and its attribute for each place on the screen. */
export const TEXT_MEMORY = 0xb_8000;
const TEXT_BYTES = 0x8000;
export const TEXT_COLUMNS = 80;
export const TEXT_ROWS = 25;

// Ports and registers (IBM PS/2 Hardware Interface Technical Reference, "Video Subsystem", "Registers").
const FIRST_PORT = 0x3c0;
const PORT_COUNT = 0x10;
const CRTC_INDEX = 0x3d4;
const CRTC_DATA = 0x3d5;
const STATUS_1 = 0x3da;
const ATTRIBUTE = 0x3c0;
const ATTRIBUTE_READ = 0x3c1;
const STATUS_0_MISCELLANEOUS = 0x3c2;
const SEQUENCER = 0x3c4;
const DAC_READ_INDEX = 0x3c7;
const DAC_WRITE_INDEX = 0x3c8;
const DAC_DATA = 0x3c9;
const MISCELLANEOUS_READ = 0x3cc;
const GRAPHICS = 0x3ce;

const CURSOR_START = 0x0a;
const START_HIGH = 0x0c;
const START_LOW = 0x0d;
const CURSOR_HIGH = 0x0e;
const CURSOR_LOW = 0x0f;
const CURSOR_OFF = 0x20;
const GRAPHICS_MISCELLANEOUS = 0x06;
const GRAPHICS_MODE = 0x01;
const DAC_BYTES = 768;
const DAC_WRITING = 0;
const DAC_READING = 3;

const STATUS_NO_DISPLAY = 0x01;
const STATUS_RETRACE = 0x08;
/** 720 x 400 at 70 Hz, as in every VGA text mode: pixels of a line and lines of a frame, blanking included. */
const PIXEL_HZ = 28_322_000;
const LINE_PIXELS = 900;
const SHOWN_PIXELS = 720;
const FRAME_LINES = 449;
const SHOWN_LINES = 400;
const RETRACE_LINE = 412;
const RETRACE_LINES = 2;

/**
 * The text mode of a VGA, 80 x 25: where the screen starts, the cursor, and registers that read back as
 * written. Missing: graphics modes, fonts and planes; {@link VgaText.missing} says so when software asks.
 */
export class VgaText implements PortDevice {
  private readonly time: PulseTime;
  private readonly crtc = new Uint8Array(256);
  private readonly sequencer = new Uint8Array(256);
  private readonly graphics = new Uint8Array(256);
  private readonly attribute = new Uint8Array(256);
  private readonly dac = new Uint8Array(DAC_BYTES);
  /** Registers without an index, by port. */
  private readonly plain = new Uint8Array(PORT_COUNT);
  private crtcIndex = 0;
  private sequencerIndex = 0;
  private graphicsIndex = 0;
  private attributeIndex = 0;
  private attributeTakesData = false;
  private dacReadAt = 0;
  private dacWriteAt = 0;
  private dacState = DAC_WRITING;

  constructor(
    ports: PortBus,
    private readonly clock: Clock,
    private readonly memory: PhysicalMemory,
  ) {
    this.time = new PulseTime(clock.ledger.profile.frequencyHz, PIXEL_HZ);
    ports.attach(FIRST_PORT, PORT_COUNT, this);
    ports.attach(CRTC_INDEX, 2, this);
    ports.attach(STATUS_1, 1, this);
    this.reset();
  }

  /** As firmware leaves it in text mode 3: screen at the start of text memory, cursor in its first place. */
  reset(): void {
    for (const registers of [
      this.crtc,
      this.sequencer,
      this.graphics,
      this.attribute,
      this.dac,
      this.plain,
    ]) {
      registers.fill(0);
    }
    // A cursor on scan lines 13 and 14.
    this.crtc[CURSOR_START] = 13;
    this.crtc[CURSOR_START + 1] = 14;
    this.attributeTakesData = false;
    this.dacState = DAC_WRITING;
  }

  /** The screen: 25 lines of 80 characters. */
  lines(): string[] {
    const start = ((this.crtc[START_HIGH] << 8) | this.crtc[START_LOW]) * 2;
    return Array.from({ length: TEXT_ROWS }, (_, row) =>
      Array.from({ length: TEXT_COLUMNS }, (_unused, column) => {
        const offset = (start + (row * TEXT_COLUMNS + column) * 2) % TEXT_BYTES;
        return glyph(this.memory.read8(TEXT_MEMORY + offset));
      }).join(''),
    );
  }

  /** Where the cursor stands, counted from 0, or null when it is off or not on the screen. */
  get cursor(): { row: number; column: number } | null {
    const { crtc } = this;
    const at = ((crtc[CURSOR_HIGH] << 8) | crtc[CURSOR_LOW]) - ((crtc[START_HIGH] << 8) | crtc[START_LOW]);
    if (crtc[CURSOR_START] & CURSOR_OFF || at < 0 || at >= TEXT_ROWS * TEXT_COLUMNS) return null;
    return { row: Math.floor(at / TEXT_COLUMNS), column: at % TEXT_COLUMNS };
  }

  /** What software has set up that is not shown, in words; null in text mode. */
  get missing(): string | null {
    return this.graphics[GRAPHICS_MISCELLANEOUS] & GRAPHICS_MODE
      ? 'the guest has set a VGA graphics mode: only 80 x 25 text is shown'
      : null;
  }

  readPort(port: number): number {
    switch (port) {
      case CRTC_INDEX:
        return this.crtcIndex;
      case CRTC_DATA:
        return this.crtc[this.crtcIndex];
      case STATUS_1:
        this.attributeTakesData = false;
        return this.beamStatus();
      case ATTRIBUTE:
        return this.attributeIndex;
      case ATTRIBUTE_READ:
        return this.attribute[this.attributeIndex & 0x1f];
      case STATUS_0_MISCELLANEOUS:
        return 0;
      case MISCELLANEOUS_READ:
        return this.plain[STATUS_0_MISCELLANEOUS - FIRST_PORT];
      case SEQUENCER:
        return this.sequencerIndex;
      case SEQUENCER + 1:
        return this.sequencer[this.sequencerIndex];
      case GRAPHICS:
        return this.graphicsIndex;
      case GRAPHICS + 1:
        return this.graphics[this.graphicsIndex];
      case DAC_READ_INDEX:
        return this.dacState;
      case DAC_WRITE_INDEX:
        return Math.floor(this.dacWriteAt / 3);
      case DAC_DATA: {
        const value = this.dac[this.dacReadAt];
        this.dacReadAt = (this.dacReadAt + 1) % DAC_BYTES;
        return value;
      }
      default:
        return this.plain[port - FIRST_PORT];
    }
  }

  writePort(port: number, _width: 1 | 2 | 4, value: number): void {
    switch (port) {
      case CRTC_INDEX:
        this.crtcIndex = value;
        break;
      case CRTC_DATA:
        this.crtc[this.crtcIndex] = value;
        break;
      case STATUS_1: // feature control: nothing is wired to it
        break;
      case ATTRIBUTE:
        if (this.attributeTakesData) this.attribute[this.attributeIndex & 0x1f] = value;
        else this.attributeIndex = value & 0x3f;
        this.attributeTakesData = !this.attributeTakesData;
        break;
      case SEQUENCER:
        this.sequencerIndex = value;
        break;
      case SEQUENCER + 1:
        this.sequencer[this.sequencerIndex] = value;
        break;
      case GRAPHICS:
        this.graphicsIndex = value;
        break;
      case GRAPHICS + 1:
        this.graphics[this.graphicsIndex] = value;
        break;
      case DAC_READ_INDEX:
        this.dacReadAt = value * 3;
        this.dacState = DAC_READING;
        break;
      case DAC_WRITE_INDEX:
        this.dacWriteAt = value * 3;
        this.dacState = DAC_WRITING;
        break;
      case DAC_DATA:
        this.dac[this.dacWriteAt] = value & 0x3f;
        this.dacWriteAt = (this.dacWriteAt + 1) % DAC_BYTES;
        break;
      default:
        this.plain[port - FIRST_PORT] = value;
    }
  }

  /** Where the beam is: not in the shown part, in the vertical retrace. */
  private beamStatus(): number {
    const pixel = this.time.pulseAt(this.clock.observe()) % (LINE_PIXELS * FRAME_LINES);
    const line = Math.floor(pixel / LINE_PIXELS);
    const shown = line < SHOWN_LINES && pixel % LINE_PIXELS < SHOWN_PIXELS;
    const retrace = line >= RETRACE_LINE && line < RETRACE_LINE + RETRACE_LINES;
    return (shown ? 0 : STATUS_NO_DISPLAY) | (retrace ? STATUS_RETRACE : 0);
  }
}
