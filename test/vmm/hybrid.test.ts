import t from 'tap';
import type { ExitReason } from '../../emulator/arch/exits.js';
import { findProfile } from '../../emulator/cost/catalog.js';
import type { CpuProfile } from '../../emulator/cost/profile.js';
import { loadImage, parseImage } from '../../emulator/platform/image.js';
import { runImage } from '../../emulator/index.js';
import type { RunResult, Technique } from '../../emulator/index.js';
import { AdaptivePolicy } from '../../emulator/vmm/hybrid/adaptive-policy.js';
import { cheapestHalves } from '../../emulator/vmm/hybrid/find-oracle.js';
import { HybridVmm } from '../../emulator/vmm/hybrid/hybrid-vmm.js';
import type { CreatePolicy, Half, Policy } from '../../emulator/vmm/hybrid/policy.js';
import type { Switches } from '../../emulator/vmm/switches.js';
import { assembleGuest, guestFolder, guestSource } from '../../kernel/guests.js';
import { PAGING_ON } from './guest-source.js';
import { guests } from './guests.js';
import type { GuestCase } from './guest-source.js';
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

// --- what it costs

const cycles = new Map<string, RunResult>();

function run(
  name: string,
  technique: Technique,
  switches: Partial<Switches> = {},
  parameters = {},
): RunResult {
  const key = JSON.stringify([name, technique, switches, parameters]);
  let result = cycles.get(key);
  if (!result) {
    const { bytes } = assembleGuest(guestSource(name), `${guestFolder}/${name}.asm`, parameters);
    result = runImage(bytes, { technique, switches, memoryBytes: 16 << 20 });
    cycles.set(key, result);
  }
  return result;
}

t.test('one half alone costs what its technique costs, to the last count', async (t) => {
  for (const name of ['page-edits', 'syscall-loop', 'little-os']) {
    for (const [policy, technique] of [
      ['software', 'binary-translation'],
      ['hardware', 'svm-shadow'],
    ] as const) {
      const alone = run(name, technique);
      const half = run(name, 'hybrid', { policy });
      t.same(half.counts, alone.counts, `${name}, ${policy}`);
      t.same(half.exits, alone.exits, `${name}, ${policy}: exits`);
      t.same(half.exitsByHalf?.[technique], alone.exits, `${name}, ${policy}: and whose they are`);
    }
  }
});

t.test(
  'section 7.3: on phases of system calls and page-table edits it beats both of its halves',
  async (t) => {
    const software = run('phases', 'binary-translation').cycles;
    const hardware = run('phases', 'svm-shadow').cycles;
    const adaptive = run('phases', 'hybrid').cycles;
    const oracle = run('phases', 'hybrid', { policy: 'oracle' }).cycles;
    t.ok(adaptive < 0.5 * Math.min(software, hardware), `${adaptive} against ${software} and ${hardware}`);
    t.ok(oracle <= adaptive, `the oracle needs ${oracle}`);
    t.ok(adaptive < 1.3 * oracle, 'and the policy is not far from it');
  },
);

for (const [name, parameters, most] of [
  ['page-edits', {}, 1.02],
  ['forkwait', {}, 1.05],
  ['little-os', {}, 1.02],
  // Their code is new most of the time, and one half's loss to the other is small.
  ['web-threads', {}, 1.4],
  ['compile', {}, 1.25],
  ['graphics', {}, 1.2],
  // It alternates too quickly for either half to gain by it.
  ['web-processes', { REQUESTS: '120' }, 1.05],
  ['phases', { PHASES: '1', SYSCALLS: '20000', EDITS: '2' }, 1.05],
  ['phases', { PHASES: '1', SYSCALLS: '1', EDITS: '5000' }, 1.05],
] as const) {
  t.test(`${name} ${JSON.stringify(parameters)}: near the better half`, async (t) => {
    const [software, hardware, adaptive] = (['binary-translation', 'svm-shadow', 'hybrid'] as const).map(
      (technique) => run(name, technique, {}, parameters).cycles,
    );
    const better = Math.min(software, hardware);
    t.ok(adaptive <= most * better, `${adaptive}, ${(adaptive / better).toFixed(3)} of ${better}`);
  });
}

/** Writes to its own code and to its descriptor table, an exit to each round. */
const PATCHES: GuestCase = {
  name: 'code and descriptors change in either half',
  code: `${PAGING_ON}
        mov ecx, 60
round:  mov [patch + 1], ecx            ; code, in a page with other code
        call patch
        add [RESULT], eax
        mov ebx, ecx
        shl ebx, 4
        mov [gdt + 0x22], bx            ; the base of a data segment
        mov ax, 0x23
        mov fs, ax
        mov eax, [fs:0]
        add [RESULT + 4], eax
        in al, 0x80
        dec ecx
        jnz round
        jmp done
patch:  mov eax, 0
        ret
done:   nop`,
};

t.test('guest mode does not wait for writes to code and descriptors', async (t) => {
  const native = start(PATCHES, 'native', p4);
  t.equal(finish(native).kind, 'exit');
  for (const period of [1, 2, 3, 7, 31]) {
    const vmm = hybrid(PATCHES, () => new Restless('binary-translation', period), p4);
    finish(vmm);
    t.same(visible(vmm), visible(native), `every ${period}: registers`);
    t.same(memoryDifferences(native, vmm), [], `every ${period}: memory`);
    t.ok(vmm.handovers > 1, `every ${period}: ${vmm.handovers} handovers`);
    const { 'svm-shadow': hardware, 'binary-translation': software } = vmm.exitsByHalf;
    t.notOk(hardware.has('PAGE_FAULT_TRACE'), `every ${period}: no page is traced for translation there`);
    t.ok(software.has('PAGE_FAULT_TRACE') || software.has('SIMULATE'), `every ${period}: here it is`);
  }
});

// --- how the adaptive policy decides: intervals of four exits, everything in ticks

type Fed = [by: Half, reason: ExitReason, ticks: number, translated: number, free?: boolean];

/** Feeds the policy exits, a hundred ticks of guest between them. @returns the half that it wants after each. */
function decide(exits: readonly Fed[]): string {
  const policy = new AdaptivePolicy(4, (key) => (key === 'vmexit' || key === 'vmrun' ? 500 : 0));
  let atTicks = 0;
  let translateTicks = 0;
  let wanted = '';
  for (const [by, reason, ticks, translated, free] of exits) {
    atTicks += ticks + translated + 100;
    translateTicks += translated;
    const half = policy.choose({
      ...{ by, reason, ticks, atTicks, translateTicks },
      freeInGuestMode: free ?? null,
    });
    wanted += half === 'svm-shadow' ? 'h' : 's';
  }
  return wanted;
}

const repeat = (count: number, exit: Fed): Fed[] => Array.from({ length: count }, () => exit);
/** An exit that costs 1,000 more in guest mode than a callout. */
const missed: Fed = ['svm-shadow', 'CR3_WRITE', 1500, 0];
const saved = (translated: number): Fed => ['binary-translation', 'CR3_WRITE', 500, translated];
const free = (translated: number): Fed => ['binary-translation', 'SYSTEM_CALL', 500, translated];

t.test('the adaptive policy counts what translating costs', async (t) => {
  const rows: [name: string, exits: Fed[], wanted: string][] = [
    ['it leaves guest mode for what is missed there', repeat(4, missed), 'hhhs'],
    [
      'it stays while translating costs no more than it saves',
      [...repeat(4, missed), ...repeat(16, saved(900))],
      'hhhs' + 's'.repeat(16),
    ],
    [
      'what was missed is allowed to be translated at once',
      [...repeat(4, missed), ...repeat(4, saved(2000)), ...repeat(12, saved(0))],
      'hhhs' + 's'.repeat(16),
    ],
    [
      'it goes back when it translates more than that',
      [...repeat(4, missed), ...repeat(12, saved(3000))],
      'hhhs' + 'ssss' + 'ssss' + 'sssh',
    ],
    [
      'what the processor would do by itself sends it back too',
      [...repeat(4, missed), ...repeat(8, free(0))],
      'hhhs' + 'sssssssh',
    ],
    [
      'an access to the page of a traced table does, one to translated code does not',
      [...repeat(4, missed), ...repeat(8, ['binary-translation', 'SIMULATE', 500, 0, false])],
      'hhhs' + 's'.repeat(8),
    ],
    [
      'and this is the same as free',
      [...repeat(4, missed), ...repeat(8, ['binary-translation', 'SIMULATE', 500, 0, true])],
      'hhhs' + 'sssssssh',
    ],
    [
      'it comes again when as much is missed as was translated',
      [...repeat(4, missed), ...repeat(8, free(1500)), ...repeat(16, missed)],
      'hhhs' + 'sssssssh' + 'h'.repeat(11) + 'sssss',
    ],
  ];
  for (const [name, exits, wanted] of rows) t.equal(decide(exits), wanted, name);
});

t.test('slices change nothing', async (t) => {
  const guest: GuestCase = guests.find(({ name }) => /timer/.test(name))!;
  const policy: CreatePolicy = () => new Restless('binary-translation', 2);
  const whole = hybrid(guest, policy, p4);
  finish(whole);
  const sliced = hybrid(guest, policy, p4);
  finish(sliced, { instructions: 5 });
  t.same(sliced.host.ledger.cyclesExact, whole.host.ledger.cyclesExact);
  t.equal(sliced.handovers, whole.handovers);
  t.same(memoryDifferences(whole, sliced), []);
});

t.test('the trace shows handovers, and whose an exit is', async (t) => {
  const guest = guests[0];
  const vmm = hybrid(guest, () => new Restless('svm-shadow', 1), p4);
  vmm.host.trace.enabled = true;
  finish(vmm);
  const events = [...vmm.host.trace.query({})];
  const handovers = events.filter(({ kind }) => kind === 'handover');
  t.equal(handovers.length, vmm.handovers);
  t.match(handovers[0], { kind: 'handover', to: 'binary-translation' });
  t.same(
    new Set(events.flatMap((event) => (event.kind === 'exit' ? [event.by] : []))),
    new Set(['svm-shadow', 'binary-translation']),
  );
});

// --- the oracle's arithmetic

t.test('the cheapest half for each stretch', async (t) => {
  const rows: [name: string, software: number[], hardware: number[], handover: number, expected: string][] = [
    ['one half is better throughout', [10, 20, 30], [5, 10, 15], 1, 'hhh'],
    ['changes where that pays', [10, 110, 120], [50, 60, 200], 5, 'shs'],
    ['and not where going over costs more', [10, 25, 35], [20, 30, 40], 50, 'sss'],
    ['the shorter recording counts', [10, 20], [5, 10, 100], 1, 'hh'],
  ];
  for (const [name, software, hardware, handover, expected] of rows) {
    const halves = cheapestHalves(
      { 'binary-translation': software, 'svm-shadow': hardware },
      { 'binary-translation': handover, 'svm-shadow': handover },
    );
    t.equal(halves.map((half) => (half === 'svm-shadow' ? 'h' : 's')).join(''), expected, name);
  }
});
