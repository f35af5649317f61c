import { applies, describeValues, SWITCHES } from '../../emulator/index.js';
import type { SwitchName, Switches, Technique } from '../../emulator/index.js';
import { table } from '../display/table.js';
import { checkNames } from './current.js';
import { View } from './display.js';

/** The mechanisms that can be switched or sized: of one technique, or all. @throws RangeError naming the techniques. */
export function switches(technique?: Technique): View {
  if (technique !== undefined) checkNames({ technique });
  return new View(
    table({
      caption: technique ? `switches of ${technique}` : 'switches of the monitors',
      columns: [
        { key: 'name', label: 'switch' },
        { key: 'values', label: 'values' },
        { key: 'default', label: 'default', align: 'left' },
        { key: 'techniques', label: 'for' },
        { key: 'description', label: 'what it changes' },
      ],
      rows: Object.entries(SWITCHES)
        .filter(([name]) => technique === undefined || applies(name as SwitchName, technique))
        .map(([name, row]) => ({
          name,
          values: describeValues(row),
          default: String(row.default),
          techniques: row.techniques.join(', '),
          description: row.description,
        })),
    }),
  );
}

/**
 * Those of `given` that `technique` has, for a comparison of several techniques.
 * @throws RangeError for a switch that none of the compared techniques has.
 */
export function switchesFor(
  technique: Technique,
  given: Partial<Switches>,
  compared: readonly Technique[],
): Partial<Switches> {
  const own = Object.entries(given).filter(([name]) => {
    // An unknown name is left to the emulator, whose message lists those there are.
    if (!Object.hasOwn(SWITCHES, name)) return true;
    const row = SWITCHES[name as SwitchName];
    if (!compared.some((other) => applies(name as SwitchName, other))) {
      throw new RangeError(
        `none of ${compared.join(', ')} has the switch '${name}', which is for ${row.techniques.join(', ')}`,
      );
    }
    return applies(name as SwitchName, technique);
  });
  return Object.fromEntries(own);
}

/** Settings in words, for captions: empty when everything is at its default. */
export function describeSettings(changed: Partial<Switches>): string {
  const settings = Object.entries(changed).map(([name, value]) => `${name} ${String(value)}`);
  return settings.length > 0 ? ` with ${settings.join(', ')}` : '';
}
