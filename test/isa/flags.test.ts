import t from 'tap';
import { FLAG_CF, FLAG_OF, FLAG_PF, FLAG_SF, FLAG_ZF, FLAG_AF } from '../../emulator/arch/flags.js';
import { STATE_BYTES } from '../../emulator/arch/state.js';
import * as flags from '../../emulator/isa/semantics/flags.js';

const s32 = new Int32Array(STATE_BYTES / 4);
const BITS = [FLAG_CF, FLAG_PF, FLAG_AF, FLAG_ZF, FLAG_SF, FLAG_OF];
const COMBINATIONS = Array.from({ length: 64 }, (_, number) =>
  BITS.reduce((value, bit, index) => value | (number & (1 << index) ? bit : 0), 0),
);

t.test('all 64 combinations of the arithmetic flags survive the lazy form', async (t) => {
  const read = COMBINATIONS.map((value) => {
    flags.setArithmeticFlags(s32, value);
    return flags.readArithmeticFlags(s32);
  });
  t.same(read, COMBINATIONS);
});

/** The conditions as the manual states them. */
const DEFINITIONS: readonly ((flag: (bit: number) => boolean) => boolean)[] = [
  (f) => f(FLAG_OF),
  (f) => f(FLAG_CF),
  (f) => f(FLAG_ZF),
  (f) => f(FLAG_CF) || f(FLAG_ZF),
  (f) => f(FLAG_SF),
  (f) => f(FLAG_PF),
  (f) => f(FLAG_SF) !== f(FLAG_OF),
  (f) => f(FLAG_ZF) || f(FLAG_SF) !== f(FLAG_OF),
];

t.test('each condition and its negation under all combinations', async (t) => {
  for (const [number, name] of flags.CONDITION_NAMES.entries()) {
    const wrong = COMBINATIONS.filter((value) => {
      flags.setArithmeticFlags(s32, value);
      const holds = DEFINITIONS[number >> 1]((bit) => (value & bit) !== 0) !== ((number & 1) === 1);
      return flags.CONDITIONS[number](s32) !== holds;
    });
    t.same(wrong, [], name);
  }
});

/** Flags by their definition, computed the plain way: the oracle for one operation at one width. */
function expectedFlags(
  width: number,
  result: number,
  carry: boolean,
  overflow: boolean,
  adjust: boolean,
): number {
  const low = result & (2 ** width - 1);
  const ones = [...(low & 0xff).toString(2)].filter((digit) => digit === '1').length;
  return (
    (carry ? FLAG_CF : 0) |
    (ones % 2 === 0 ? FLAG_PF : 0) |
    (adjust ? FLAG_AF : 0) |
    (low === 0 ? FLAG_ZF : 0) |
    (low >> (width - 1) ? FLAG_SF : 0) |
    (overflow ? FLAG_OF : 0)
  );
}

const signed8 = (value: number): number => (value << 24) >> 24;

/** Operation, its exact result, and its result on signed values and on low digits. */
const OPERATIONS: readonly {
  name: string;
  operate: (s32: Int32Array, left: number, right: number, shift: number) => number;
  exact: (left: number, right: number, carry: number) => number;
}[] = [
  { name: 'add', operate: flags.add, exact: (left, right) => left + right },
  { name: 'adc', operate: flags.addWithCarry, exact: (left, right, carry) => left + right + carry },
  { name: 'sub', operate: flags.subtract, exact: (left, right) => left - right },
  { name: 'sbb', operate: flags.subtractWithBorrow, exact: (left, right, carry) => left - right - carry },
];

t.test('8-bit addition and subtraction, every pair of operands and carry', async (t) => {
  for (const { name, operate, exact } of OPERATIONS) {
    let wrong = '';
    for (let number = 0; number < 1 << 17; number++) {
      const left = number & 0xff;
      const right = (number >> 8) & 0xff;
      const carry = number >> 16;
      flags.setArithmeticFlags(s32, carry);
      const result = operate(s32, left, right, 24);
      const value = exact(left, right, carry);
      const signed = exact(signed8(left), signed8(right), carry);
      const digit = exact(left & 15, right & 15, carry);
      const expected = expectedFlags(
        8,
        value,
        value < 0 || value > 255,
        signed !== signed8(signed),
        digit < 0 || digit > 15,
      );
      if ((result & 0xff) !== (value & 0xff) || flags.readArithmeticFlags(s32) !== expected) {
        wrong = `${left} ${right} carry ${carry}`;
      }
    }
    t.equal(wrong, '', name);
  }
});
