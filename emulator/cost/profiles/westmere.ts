import type { CpuProfile } from '../profile.js';
import { nehalem, roundTrip } from './nehalem.js';

/** Nehalem's core in a smaller process: what ATC12 measures is a faster round trip, and 3000 cycles for a whole exit with its software. */
export const westmere: CpuProfile = {
  ...nehalem,
  name: 'westmere',
  description: 'Intel Xeon X5680, 3.33 GHz (Westmere): transitions a quarter faster than Nehalem',
  frequencyHz: 3_330_000_000,
  svm: { asids: 65_536, nextRip: true, decodeAssists: false, pauseFilter: true },
  prices: { ...nehalem.prices, ...roundTrip(761, 'ATC12 table 1, Westmere') },
};
