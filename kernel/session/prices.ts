import { findProfile, profiles } from '../../emulator/index.js';
import type { CostKey, CpuProfile, Price, ProfileName } from '../../emulator/index.js';
import { table } from '../display/table.js';
import { View } from './display.js';
import { checkOptions } from './options.js';

/** Prices to change, in cycles per event. */
export type PriceChanges = Readonly<Partial<Record<CostKey, number>>>;

/** `base` with some prices replaced. Each change is marked as a guess: it is a what-if, no fact. */
export function changePrices(base: CpuProfile, changes: PriceChanges): CpuProfile {
  const changed = Object.entries(changes).map(([key, value]): [string, Price] => {
    if (!Object.hasOwn(base.prices, key))
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

/** What of a processor to change; the rest stays as it is. */
export interface ProcessorChanges extends Partial<Omit<CpuProfile, 'prices' | 'tlb'>> {
  tlb?: Partial<CpuProfile['tlb']>;
  prices?: PriceChanges;
}

/**
 * A processor of your own, for `run`, `compare` and `machine`: `processor('nehalem', { tlb: { entries: 64 } })`.
 * @param base the name of one that there is, or one of your own.
 * @throws RangeError for a processor, a price or a name of something in it that there is not; what makes no sense in it is refused when it is run.
 */
export function processor(base: ProfileName | CpuProfile, changes: ProcessorChanges = {}): CpuProfile {
  checkOptions('processor(base, changes)', changes);
  const from = typeof base === 'string' ? findProfile(base) : base;
  const { tlb, prices = {}, ...others } = changes;
  const named = others.name ?? `${from.name}, changed`;
  return { ...changePrices(from, prices), ...others, tlb: { ...from.tlb, ...tlb }, name: named };
}

/**
 * Prices of VMRUN and #VMEXIT that make an exit and its return cost `cycles` together, split as on `profile`.
 */
export function exitRoundTrip(
  cycles: number,
  profile: CpuProfile | ProfileName = 'pentium4-672',
): PriceChanges {
  const { prices } = typeof profile === 'string' ? findProfile(profile) : profile;
  const share = prices.vmrun.value / (prices.vmrun.value + prices.vmexit.value);
  return { vmrun: cycles * share, vmexit: cycles * (1 - share) };
}

/** The prices of a processor: cycles per event, whether input, calibrated or a guess, and the source. */
export function prices(profile: ProfileName): View {
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
export function profileNames(): readonly ProfileName[] {
  return profiles.map(({ name }) => name as ProfileName);
}
