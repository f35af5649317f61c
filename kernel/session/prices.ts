import { findProfile, profiles } from '../../emulator/index.js';
import type { CostKey, CpuProfile, Price } from '../../emulator/index.js';
import { table } from '../display/table.js';
import { View } from './display.js';

/** Prices to change, in cycles per event. */
export type PriceChanges = Readonly<Partial<Record<CostKey, number>>>;

/** `base` with some prices replaced. Each change is marked as a guess: it is a what-if, no fact. */
export function changePrices(base: CpuProfile, changes: PriceChanges): CpuProfile {
  const changed = Object.entries(changes).map(([key, value]): [string, Price] => {
    if (!(key in base.prices))
      throw new RangeError(`no price '${key}'; known: ${Object.keys(base.prices).join(', ')}`);
    return [key, { value: Math.round(value * 1000) / 1000, kind: 'guess', source: 'what-if' }];
  });
  const what = Object.entries(changes).map(([key, value]) => `${key} ${value}`);
  return {
    ...base,
    name: `${base.name} with ${what.join(', ')}`,
    prices: { ...base.prices, ...Object.fromEntries(changed) },
  };
}

/**
 * Prices of VMRUN and #VMEXIT that make an exit and its return cost `cycles` together, split as on `profile`.
 */
export function exitRoundTrip(cycles: number, profile: CpuProfile | string = 'pentium4-672'): PriceChanges {
  const { prices } = typeof profile === 'string' ? findProfile(profile) : profile;
  const share = prices.vmrun.value / (prices.vmrun.value + prices.vmexit.value);
  return { vmrun: cycles * share, vmexit: cycles * (1 - share) };
}

/** The prices of a processor: cycles per event, whether input, calibrated or a guess, and the source. */
export function prices(profile: string): View {
  return new View(
    table({
      caption: `${profile}: cycles per event`,
      columns: [
        { key: 'event', label: 'event' },
        { key: 'value', label: 'cycles' },
        { key: 'kind', label: 'kind' },
        { key: 'source', label: 'source' },
      ],
      rows: Object.entries(findProfile(profile).prices).map(([event, price]) => ({ event, ...price })),
    }),
  );
}

/** Names of the processors that come with Ringside. */
export function profileNames(): readonly string[] {
  return profiles.map(({ name }) => name);
}
