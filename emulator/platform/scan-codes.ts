/**
 * Scan code set 2 to set 1, as the keyboard controller translates (the ROM of the IBM AT's 8042; IBM PC AT
 * Technical Reference, "Keyboard Controller: Scan Code Translation"), for codes 0x00 to 0x84; later ones stay.
 */
const SET_1_BY_SET_2 = [
  0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29, 0x59, 0x65, 0x38,
  0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a, 0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11, 0x03, 0x5b, 0x67, 0x2e, 0x2d, 0x20,
  0x12, 0x05, 0x04, 0x5c, 0x68, 0x39, 0x2f, 0x21, 0x14, 0x13, 0x06, 0x5d, 0x69, 0x31, 0x30, 0x23, 0x22, 0x15,
  0x07, 0x5e, 0x6a, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5f, 0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60,
  0x6c, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0c, 0x61, 0x6d, 0x73, 0x28, 0x74, 0x1a, 0x0d, 0x62, 0x6e, 0x3a, 0x36,
  0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76, 0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b, 0x7c, 0x4f, 0x7d, 0x4b,
  0x47, 0x7e, 0x7f, 0x6f, 0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45, 0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49,
  0x46, 0x54, 0x80, 0x81, 0x82, 0x41, 0x54,
] as const;

/** In set 2 this precedes the code of a released key; in set 1 the code's bit 7 says so. */
const RELEASE = 0xf0;
const RELEASED = 0x80;

/** The controller's translator: keyboard bytes in, set 1 out. */
export class ScanCodeTranslator {
  private released = 0;

  /** @returns the byte for the processor, or null for the release prefix, which becomes a bit of the next byte. */
  translate(byte: number): number | null {
    if (byte === RELEASE) {
      this.released = RELEASED;
      return null;
    }
    const value = (SET_1_BY_SET_2[byte] ?? byte) | this.released;
    this.released = 0;
    return value;
  }
}

const LEFT_SHIFT = 0x2a;
/** The US layout: first set 1 code of each run of keys, and what they type plain and with shift. */
const LAYOUT: readonly (readonly [firstCode: number, plain: string, shifted: string])[] = [
  [0x01, '\x1b1234567890-=\b\t', '\x1b!@#$%^&*()_+\b\t'],
  [0x10, 'qwertyuiop[]\n', 'QWERTYUIOP{}\n'],
  [0x1e, "asdfghjkl;'`", 'ASDFGHJKL:"~'],
  [0x2b, '\\zxcvbnm,./', '|ZXCVBNM<>?'],
  [0x39, ' ', ' '],
];

interface Stroke {
  set1: number;
  shift: boolean;
}

const STROKES: ReadonlyMap<string, Stroke> = new Map(
  LAYOUT.flatMap(([first, plain, shifted]) => [
    ...Array.from(shifted, (key, index): [string, Stroke] => [key, { set1: first + index, shift: true }]),
    ...Array.from(plain, (key, index): [string, Stroke] => [key, { set1: first + index, shift: false }]),
  ]),
);

/**
 * The keys that type a text on a US keyboard, pressed and released, in scan code set 1 or 2. A carriage return
 * is the Enter key, as a newline is.
 * @throws RangeError for a character that the keyboard has no key for.
 */
export function scanCodesOf(text: string, set: 1 | 2): number[] {
  return Array.from(text.replaceAll('\r\n', '\n').replaceAll('\r', '\n')).flatMap((character) => {
    const stroke = STROKES.get(character);
    if (!stroke) throw new RangeError(`no key of a US keyboard types ${JSON.stringify(character)}`);
    const { set1, shift } = stroke;
    const key = [...press(set1, set), ...release(set1, set)];
    return shift ? [...press(LEFT_SHIFT, set), ...key, ...release(LEFT_SHIFT, set)] : key;
  });
}

function press(set1: number, set: 1 | 2): number[] {
  return [set === 1 ? set1 : SET_1_BY_SET_2.indexOf(set1 as (typeof SET_1_BY_SET_2)[number])];
}

function release(set1: number, set: 1 | 2): number[] {
  return set === 1 ? [set1 | RELEASED] : [RELEASE, ...press(set1, 2)];
}
