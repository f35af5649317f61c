import { parseForm } from './encoding.js';
import type { Form } from './encoding.js';
import type { InstructionRow } from './operation.js';
import { ARITHMETIC_ROWS } from './table-arithmetic.js';
import { CONTROL_ROWS } from './table-control.js';
import { DATA_ROWS } from './table-data.js';
import { FLOAT_ROWS } from './table-float.js';
import { SIMD_ROWS } from './table-simd.js';
import { SYSTEM_ROWS } from './table-system.js';

/**
 * Every instruction form of the simulated processor: a Pentium III/4 class integer core with SVM. Where two rows
 * match the same bytes, the later one holds.
 */
export const INSTRUCTION_TABLE: readonly InstructionRow[] = [
  ...ARITHMETIC_ROWS,
  ...DATA_ROWS,
  ...CONTROL_ROWS,
  ...SYSTEM_ROWS,
  ...FLOAT_ROWS,
  ...SIMD_ROWS,
];

/** The same, taken apart. */
export const FORMS: readonly Form[] = INSTRUCTION_TABLE.map(parseForm);

/** By row, for who starts from a decoded operation. */
export const FORM_OF_ROW: ReadonlyMap<InstructionRow, Form> = new Map(FORMS.map((form) => [form.row, form]));
