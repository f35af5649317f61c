import type { CpuProfile } from './profile.js';
import { core2_e6700 } from './profiles/core2-e6700.js';
import { nehalem } from './profiles/nehalem.js';
import { pentium4_672 } from './profiles/pentium4-672.js';
import { sandybridge } from './profiles/sandybridge.js';
import { westmere } from './profiles/westmere.js';
import { zen3 } from './profiles/zen3.js';

const byName = {
  'pentium4-672': pentium4_672,
  'core2-e6700': core2_e6700,
  nehalem,
  westmere,
  sandybridge,
  zen3,
} as const;

export type ProfileName = keyof typeof byName;

/** Every processor there is; the first is the default. */
export const profiles: readonly CpuProfile[] = Object.values(byName);

/** @throws RangeError when there is no such profile; the message names those there are. */
export function findProfile(name: string): CpuProfile {
  const found = profiles.find((profile) => profile.name === name);
  if (found) return found;
  const known = profiles.map((profile) => profile.name).join(', ');
  throw new RangeError(`no processor profile is called '${name}'; there are: ${known}`);
}
