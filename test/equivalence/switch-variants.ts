import { findProfile } from '../../emulator/cost/catalog.js';
import type { CpuProfile } from '../../emulator/cost/profile.js';
import { usableTechniques } from '../../emulator/vmm/catalog.js';
import type { Technique } from '../../emulator/vmm/catalog.js';
import { SWITCHES } from '../../emulator/vmm/switches.js';
import type { SwitchName, SwitchRow, SwitchValue, Switches } from '../../emulator/vmm/switches.js';

/** A technique with one switch at a value that is not its default. */
export interface SwitchVariant {
  technique: Technique;
  name: SwitchName;
  value: SwitchValue;
}

/** Without truncation a guest may see its monitor, without coherence stale code: that is what these switches are for. */
export const WRONG_ON_PURPOSE: ReadonlySet<string> = new Set([
  'truncation',
  'coherence',
] satisfies SwitchName[]);

const base = findProfile('pentium4-672');

/** A processor with every optional part that monitors make use of: without them some switches change nothing. */
export const EVERY_OPTION: CpuProfile = {
  ...base,
  name: 'every option',
  tlb: { ...base.tlb, tagged: true },
  walkCache: { entries: 8 },
  svm: { asids: 8, nextRip: true, decodeAssists: true, pauseFilter: true },
};

/** Values that differ from the default; of a count its ends, or small ones where the far end is only room. */
export function otherValues(row: SwitchRow): SwitchValue[] {
  switch (row.kind) {
    case 'flag':
      return [!row.default];
    case 'choice':
      return row.values.filter((value) => value !== row.default) as SwitchValue[];
    case 'count': {
      const step = row.multipleOf ?? 1;
      return [row.min, row.min + step].filter((value) => value !== row.default);
    }
  }
}

/** Every switch of every technique, at every value that a guest must not notice. */
export function switchVariants(): SwitchVariant[] {
  const rows = Object.entries(SWITCHES) as [SwitchName, SwitchRow][];
  return usableTechniques().flatMap((technique) =>
    rows
      .filter(([name, row]) => row.techniques.includes(technique) && !WRONG_ON_PURPOSE.has(name))
      .flatMap(([name, row]) => otherValues(row).map((value) => ({ technique, name, value }))),
  );
}

/** What to run: trap-and-emulate is right only where sensitive instructions trap. */
export function switchesOf({ technique, name, value }: SwitchVariant): Partial<Switches> {
  const needed = technique === 'trap-and-emulate' ? { sensitiveTraps: true } : {};
  return { ...needed, [name]: value };
}
