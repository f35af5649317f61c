import type { Technique } from './catalog.js';
import { SWITCHES } from './switches.js';
import type { SwitchName, SwitchRow, Switches, SwitchValue } from './switches.js';

const ROWS: Readonly<Record<string, SwitchRow>> = SWITCHES;

/** The switches of a technique, in the table's order. */
export function switchesOf(technique: Technique): SwitchName[] {
  return (Object.keys(SWITCHES) as SwitchName[]).filter((name) => applies(name, technique));
}

/** Whether a technique has the mechanism that the switch is about. */
export function applies(name: SwitchName, technique: Technique): boolean {
  return ROWS[name].techniques.includes(technique);
}

/** A value for every switch: the one given, or its default. Nothing is checked. */
export function withDefaults(given: Partial<Switches> = {}): Switches {
  const defaults = Object.entries(SWITCHES).map(([name, row]) => [name, row.default] as const);
  return { ...(Object.fromEntries(defaults) as Switches), ...given };
}

/** Those of `given` that differ from the defaults, in the table's order: what makes a run another run. */
export function changedSwitches(given: Partial<Switches>): Partial<Switches> {
  const all = withDefaults(given);
  return Object.fromEntries(
    Object.entries(SWITCHES)
      .filter(([name, row]) => all[name as SwitchName] !== row.default)
      .map(([name]) => [name, all[name as SwitchName]]),
  );
}

/**
 * Refuses what a technique cannot do.
 * @throws RangeError that names the switch and what would be right.
 */
export function checkSwitches(technique: Technique, given: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(given)) {
    const row = findRow(name);
    if (!row.techniques.includes(technique)) {
      throw new RangeError(
        `'${technique}' has no switch '${name}', which is for ${row.techniques.join(', ')}; ${describeOwn(technique)}`,
      );
    }
    if (!isValue(row, value))
      throw new RangeError(`${name} = ${String(value)}: expected ${describeValues(row)}`);
  }
}

/**
 * One setting as text, such as `chaining=off` or `cacheBytes=64K`.
 * @throws RangeError that says what is wrong and what would be right.
 */
export function parseSwitch(text: string): [SwitchName, SwitchValue] {
  const [, name, word] = /^([^=]*)=(.*)$/.exec(text) ?? [];
  if (name === undefined) throw new RangeError(`'${text}': expected NAME=VALUE, such as ${example()}`);
  const row = findRow(name);
  const value = parseValue(row, word);
  if (!isValue(row, value)) throw new RangeError(`${text}: expected ${describeValues(row)}`);
  return [name as SwitchName, value as SwitchValue];
}

/** The values that a switch takes, in words. */
export function describeValues(row: SwitchRow): string {
  switch (row.kind) {
    case 'flag':
      return 'on or off (true or false)';
    case 'choice':
      return row.values.join(' or ');
    case 'count': {
      const { multipleOf = 1 } = row;
      const what = multipleOf === 1 ? 'a whole number' : `a multiple of ${multipleOf}`;
      return `${what} from ${row.min} to ${row.max} (${row.unit})`;
    }
  }
}

function findRow(name: string): SwitchRow {
  if (Object.hasOwn(ROWS, name)) return ROWS[name];
  throw new RangeError(`no switch is called '${name}'; there are: ${Object.keys(SWITCHES).join(', ')}`);
}

function describeOwn(technique: Technique): string {
  const own = switchesOf(technique);
  return own.length > 0 ? `it has: ${own.join(', ')}` : 'it has none';
}

function example(): string {
  const [name, row] = Object.entries(ROWS)[0];
  return `${name}=${String(row.default)}`;
}

function isValue(row: SwitchRow, value: unknown): boolean {
  switch (row.kind) {
    case 'flag':
      return typeof value === 'boolean';
    case 'choice':
      return row.values.some((choice) => choice === value);
    case 'count':
      return (
        typeof value === 'number' &&
        value >= row.min &&
        value <= row.max &&
        value % (row.multipleOf ?? 1) === 0
      );
  }
}

const FLAG_WORDS: Readonly<Record<string, boolean>> = { on: true, true: true, off: false, false: false };
const UNIT_FACTORS: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20 };

/** @returns what the word says, or something that {@link isValue} refuses. */
function parseValue(row: SwitchRow, word: string): unknown {
  switch (row.kind) {
    case 'flag':
      return Object.hasOwn(FLAG_WORDS, word) ? FLAG_WORDS[word] : undefined;
    case 'choice':
      return word;
    case 'count': {
      const [, digits, unit] = /^(\d+)([KM]?)$/i.exec(word) ?? [];
      return digits === undefined ? undefined : Number(digits) * UNIT_FACTORS[unit.toUpperCase()];
    }
  }
}
