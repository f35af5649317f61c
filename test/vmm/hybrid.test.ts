import t from 'tap';
import { findProfile } from '../../emulator/cost/catalog.js';
import type { CpuProfile } from '../../emulator/cost/profile.js';
import { loadImage, parseImage } from '../../emulator/platform/image.js';
import { HybridVmm } from '../../emulator/vmm/hybrid/hybrid-vmm.js';
import type { CreatePolicy, Half, Policy } from '../../emulator/vmm/hybrid/policy.js';
import type { Switches } from '../../emulator/vmm/switches.js';
import { guests } from './guests.js';
import type { GuestCase } from './guests.js';
import { hypervisors } from './nested-guests.js';
import { randomGuests } from './random-guests.js';
import { finish, image, memoryDifferences, start, visible } from './run-guest.js';

const p4 = findProfile('pentium4-672');
const tagged: CpuProfile = { ...p4, name: 'tagged TLB', tlb: { ...p4.tlb, tagged: true } };

/** Sends the guest to the other half after every so many exits. */
class Restless implements Policy {
  readonly name = 'restless';
  private seen = 0;
  private half: Half;

  constructor(
    readonly first: Half,
    private readonly period: number,
  ) {
    this.half = first;
  }

  choose(): Half {
    if (++this.seen % this.period === 0)
      this.half = this.half === 'svm-shadow' ? 'binary-translation' : 'svm-shadow';
    return this.half;
  }
}

function hybrid(
  guest: GuestCase,
  policy: CreatePolicy,
  profile: CpuProfile,
  switches: Partial<Switches> = {},
) {
  const vmm = new HybridVmm({ profile, memoryBytes: 4 << 20, switches, policy });
  loadImage(vmm.guest, parseImage(image(guest)));
  return vmm;
}

const CONFIGURATIONS: readonly {
  name: string;
  policy: CreatePolicy;
  profile: CpuProfile;
  switches?: Partial<Switches>;
}[] = [
  { name: 'to and fro at each exit', policy: () => new Restless('binary-translation', 1), profile: p4 },
  {
    name: 'to and fro, tagged TLB, from hardware',
    policy: () => new Restless('svm-shadow', 1),
    profile: tagged,
  },
  {
    name: 'every third exit, smallest cache',
    policy: () => new Restless('svm-shadow', 3),
    profile: p4,
    switches: { cacheBytes: 8192 },
  },
  {
    name: 'to and fro with variants of both halves',
    policy: () => new Restless('binary-translation', 2),
    profile: tagged,
    switches: { directExecution: false, chaining: false, exitAvoidance: true, leanHandlers: true },
  },
];

const all = [...guests, ...hypervisors, ...randomGuests(7, 8)];
for (const { name, policy, profile, switches } of CONFIGURATIONS) {
  t.test(name, async (t) => {
    let handovers = 0;
    for (const guest of all) {
      const native = start(guest, 'native', profile);
      const expected = finish(native);
      const vmm = hybrid(guest, policy, profile, switches);
      t.equal(finish(vmm).kind, expected.kind, `${guest.name}: ends as on the bare machine`);
      t.same(visible(vmm), visible(native), `${guest.name}: registers and console`);
      t.same(memoryDifferences(native, vmm), [], `${guest.name}: memory`);
      const accounts = Object.values(vmm.host.ledger.accounts());
      const sum = accounts.reduce((total, cycles) => total + cycles, 0);
      t.equal(sum.toFixed(3), vmm.host.ledger.cyclesExact.toFixed(3), `${guest.name}: the accounts sum`);
      handovers += vmm.handovers;
    }
    t.ok(handovers > 100, `${handovers} handovers`);
  });
}
