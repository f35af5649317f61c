import { bitNames, GPR_NAMES, SEGMENT_NAMES } from '../../emulator/index.js';
import type { BitNamed, Processor, SegmentIndex } from '../../emulator/index.js';
import type { MimeBundle } from '../display/bundle.js';
import { formatNumber } from '../display/numbers.js';
import { MARKS, table } from '../display/table.js';
import { displaySymbol } from './display.js';
import type { Displayable } from './display.js';

const SINGLE = ['eip', 'eflags', 'cr0', 'cr2', 'cr3', 'cr4'] as const;
type RegisterName = (typeof GPR_NAMES)[number] | (typeof SINGLE)[number] | (typeof SEGMENT_NAMES)[number];

/** Registers by name: unsigned 32-bit numbers, of segment registers the selector. */
export type RegisterValues = Readonly<Record<RegisterName, number>>;

export function registerValues(cpu: Processor): RegisterValues {
  const rows: [string, number][] = [
    ...GPR_NAMES.map((name, index): [string, number] => [name, cpu.gpr(index)]),
    ...SINGLE.map((name): [string, number] => [name, cpu[name]]),
    ...SEGMENT_NAMES.map((name, index): [string, number] => [
      name,
      cpu.segment(index as SegmentIndex).selector,
    ]),
  ];
  return Object.fromEntries(rows.map(([name, value]) => [name, value >>> 0])) as RegisterValues;
}

const NAMED_BITS: Readonly<Partial<Record<string, BitNamed>>> = { eflags: 'eflags', cr0: 'cr0', cr4: 'cr4' };

/** A guest's registers. As a cell's value: a table with those marked that the last command changed. */
export class Registers implements Displayable {
  /** Names of the registers that differ from what they held before the last command. */
  readonly changed: readonly RegisterName[];

  constructor(
    readonly values: RegisterValues,
    /** What they held before the last command that ran the guest. */
    readonly before: RegisterValues,
    /** The privilege level that the guest believes to have. */
    readonly cpl: number,
  ) {
    this.changed = (Object.keys(values) as RegisterName[]).filter((name) => values[name] !== before[name]);
  }

  [displaySymbol](): MimeBundle {
    const { values, before, changed, cpl } = this;
    const hex = (value: number) => formatNumber(value, 'hex');
    return table({
      caption: `registers, CPL ${cpl}; ${MARKS.changed.symbol} changed by the last command`,
      columns: [
        { key: 'name', label: 'register' },
        { key: 'value', label: 'value', code: true },
        { key: 'was', label: 'was', code: true },
        { key: 'bits', label: 'bits' },
      ],
      rows: (Object.keys(values) as RegisterName[]).map((name) => {
        const isChanged = changed.includes(name);
        const value = hex(values[name]);
        const register = NAMED_BITS[name];
        return {
          name,
          value: isChanged ? { value, mark: 'changed' as const } : value,
          was: isChanged ? hex(before[name]) : '',
          bits: register ? bitNames(register, values[name]) : '',
        };
      }),
    });
  }

  toString(): string {
    return this[displaySymbol]()['text/plain'];
  }
}
