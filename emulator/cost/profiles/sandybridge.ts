import { guess } from '../price.js';
import type { CpuProfile } from '../profile.js';
import { nehalem, roundTrip } from './nehalem.js';

/** The last core of ATC12's table. No instruction table at hand has its column: what is not measured there is Nehalem's. */
export const sandybridge: CpuProfile = {
  ...nehalem,
  name: 'sandybridge',
  description: 'Intel Core i7-2600, 3.4 GHz (Sandy Bridge)',
  frequencyHz: 3_400_000_000,
  svm: { asids: 65_536, nextRip: true, decodeAssists: false, pauseFilter: true },
  prices: {
    ...nehalem.prices,
    ...roundTrip(784, 'ATC12 table 1, Sandy Bridge'),
    'vmcb.read': guess(20, 'vmread, between Nehalem and what later cores take'),
    'vmcb.write': guess(20, 'vmwrite, between Nehalem and what later cores take'),
  },
};
