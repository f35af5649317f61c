import t from 'tap';
import { findProfile } from '../../emulator/cost/catalog.js';
import type { CpuProfile } from '../../emulator/cost/profile.js';
import type { RunLimits } from '../../emulator/machine.js';
import type { GuestStop } from '../../emulator/vmm/vmm.js';
import type { Technique } from '../../emulator/vmm/catalog.js';
import type { Switches } from '../../emulator/vmm/switches.js';
import { PAGING_ON } from './guest-source.js';
import { guests } from './guests.js';
import type { GuestCase } from './guest-source.js';
import { randomGuests } from './random-guests.js';
import { finish, memoryDifferences, start, visible } from './run-guest.js';

/** Of a triple fault, SVM tells the monitor only the fault whose delivery failed, not those before it. */
function comparable(stop: GuestStop): object {
  return stop.kind === 'tripleFault' ? { ...stop, chain: stop.chain.slice(-3) } : stop;
}

const p4 = findProfile('pentium4-672');
const tagged: CpuProfile = { ...p4, name: 'tagged TLB', tlb: { ...p4.tlb, tagged: true } };

/** The members of the family, in the configurations that differ in what they do to the guest's memory. */
const configurations: { technique: Technique; profile: CpuProfile; switches?: Partial<Switches> }[] = [
  { technique: 'svm-shadow', profile: p4 },
  { technique: 'svm-shadow', profile: tagged },
  { technique: 'svm-nested', profile: p4 },
  { technique: 'svm-nested', profile: tagged, switches: { nestedLargePages: false } },
  { technique: 'svm-nested', profile: tagged, switches: { nestedFormat: 'pae' } },
  { technique: 'svm-nested', profile: p4, switches: { nestedFormat: 'pae', nestedLargePages: false } },
];

const all = [...guests, ...randomGuests(1, 8)];
const natives = new Map(
  all.map((guest) => {
    const vmm = start(guest, 'native');
    return [guest, { vmm, stop: finish(vmm) }] as const;
  }),
);

for (const { technique, profile, switches } of configurations) {
  t.test(`${technique}, ${profile.name}, ${JSON.stringify(switches ?? {})}`, async (t) => {
    for (const guest of all) {
      const native = natives.get(guest)!;
      t.match(native.stop.kind, /^(exit|tripleFault)$/, 'comes to an end');
      const vmm = start(guest, technique, profile, switches);
      const stop = finish(vmm);
      t.same(comparable(stop), comparable(native.stop), `${guest.name}: ends as on the bare machine`);
      t.same(visible(vmm), visible(native.vmm), `${guest.name}: registers and console`);
      t.same(
        memoryDifferences(native.vmm, vmm),
        [],
        `${guest.name}: memory, accessed and dirty bits included`,
      );
      const accounts = Object.values(vmm.host.ledger.accounts());
      const sum = accounts.reduce((total, cycles) => total + cycles, 0);
      t.equal(sum.toFixed(3), vmm.host.ledger.cyclesExact.toFixed(3), 'the accounts sum to the clock');
    }
  });
}

function guestNamed(part: string): GuestCase {
  const found = guests.find(({ name }) => name.includes(part));
  if (!found) throw new Error(`no guest is called '${part}'`);
  return found;
}

const slices: RunLimits[] = [{ instructions: 1 }, { instructions: 97 }, { cycles: 500 }, { cycles: 20_000 }];
for (const technique of ['svm-shadow', 'svm-nested'] as const) {
  for (const slice of slices) {
    t.test(`${technique}: a run in slices of ${JSON.stringify(slice)} is the run in one piece`, async (t) => {
      for (const name of ['ring 3', 'timer interrupts', 'window', 'address spaces', 'string output']) {
        const whole = start(guestNamed(name), technique, tagged);
        const cut = start(guestNamed(name), technique, tagged);
        t.same(finish(cut, slice), finish(whole), name);
        t.same(visible(cut), visible(whole), `${name}: registers`);
        t.equal(cut.host.ledger.ticks, whole.host.ledger.ticks, `${name}: time`);
        t.same(cut.host.ledger.snapshot(), whole.host.ledger.snapshot(), `${name}: counts`);
        t.same([...cut.exits], [...whole.exits], `${name}: exits`);
      }
    });
  }
}

for (const technique of ['svm-shadow', 'svm-nested'] as const) {
  t.test(`${technique}: what an owner changes between two runs is the guest from there on`, async (t) => {
    const vmm = start(guestNamed('ring 3'), technique);
    vmm.run({ instructions: 5200 });
    const { cpu } = vmm.guest;
    t.equal(cpu.cpl, 3);
    const { ebp } = vmm.guest.state().gprs;
    cpu.setGpr(5, ebp + 0x1234);
    cpu.setGpr(0, 1); // the system call that ends the program
    t.same(finish(vmm), { kind: 'exit', code: 0 });
    t.equal(vmm.guest.state().gprs.ebp, ebp + 0x1234);
  });
}

t.test('svm-shadow: exits', async (t) => {
  const rows: [name: string, reason: string, count: number][] = [
    ['entry written', 'INVLPG', 5],
    ['entry written', 'PAGE_FAULT_TRUE', 1],
    ['entry written', 'PAGE_FAULT_TRACE', 7],
    ['address spaces', 'CR3_WRITE', 22],
    ['address spaces', 'CR3_READ', 10],
    ['true page faults', 'PAGE_FAULT_TRUE', 16],
    ['ring 3', 'SOFTWARE_INTERRUPT', 0],
    ['timer interrupts', 'HLT', 10],
    ['window', 'INTERRUPT', 1],
    ['window', 'INTERRUPT_WINDOW', 1],
    ['processor tells', 'CPUID', 2],
    ['processor tells', 'MSR_WRITE', 1],
    ['read-only pages with CR0.WP clear', 'EMULATE', 1],
  ];
  for (const [name, reason, count] of rows) {
    const vmm = start(guestNamed(name), 'svm-shadow');
    finish(vmm);
    const row = [...vmm.exits].find(([key]) => key === reason)?.[1];
    t.equal(row?.count ?? 0, count, `${name}: ${reason}`);
    if (row) t.ok(row.minCycles <= row.cycles / row.count && row.cycles / row.count <= row.maxCycles);
  }
});

t.test('svm-nested: what the guest does to its page tables never exits', async (t) => {
  // Each page of memory, a page of devices apart, exits once; with large pages, the whole memory does.
  for (const guest of guests) {
    const vmm = start(guest, 'svm-nested');
    finish(vmm);
    const reasons = [...vmm.exits.keys()].filter((reason) =>
      /^(PAGE_FAULT|CR|INVLPG|SOFTWARE_INTERRUPT|IRET|PUSHF|POPF|DESCRIPTOR|SYSTEM_CALL|SEGMENT)/.test(
        reason,
      ),
    );
    t.same(reasons, [], guest.name);
    const fills = vmm.exits.get('NESTED_PAGE_FAULT')?.count ?? 0;
    // Behind a closed A20 gate there are no large pages.
    const most = guest.name.includes('A20') ? 10 : 2;
    t.ok(fills >= 1 && fills <= most, `${guest.name}: ${fills} nested page faults`);
  }
});

t.test(
  'svm-nested: after warm-up the guest pages, switches address spaces and faults without an exit',
  async (t) => {
    const churn = `${PAGING_ON}
        mov dword [DIRECTORY2], TABLE | P | W | U
        mov ebp, 200
again:  mov eax, DIRECTORY2
        mov cr3, eax
        mov dword [ENTRY], 0
        invlpg [WINDOW]
        mov eax, [WINDOW]           ; faults; the handler maps the page
        mov dword [ENTRY], FRAMES | P | W
        invlpg [WINDOW]
        mov dword [WINDOW], ebp
        mov eax, DIRECTORY
        mov cr3, eax
        dec ebp
        jnz again`;
    const handler = `
        add esp, 4
        mov dword [ENTRY], FRAMES | P
        iret`;
    const guest: GuestCase = { name: 'churn', code: churn, handlers: { 14: handler } };
    for (const switches of [{}, { nestedFormat: 'pae' as const }, { nestedLargePages: false }]) {
      const vmm = start(guest, 'svm-nested', p4, switches);
      t.equal(vmm.run({ instructions: 7000 }).kind, 'budget', 'in the loop');
      const warm = new Map([...vmm.exits].map(([reason, { count }]) => [reason, count]));
      t.same(finish(vmm), { kind: 'exit', code: 0 });
      const after = [...vmm.exits].filter(([reason, { count }]) => count !== warm.get(reason));
      t.same(
        after.map(([reason, { count }]) => [reason, count]),
        [['IOIO_OUT', 1]],
        `${JSON.stringify(switches)}: only the exit port`,
      );
    }
  },
);

t.test('svm-nested: large nested pages take fewer faults and shorter walks', async (t) => {
  const guest = guestNamed('address spaces');
  const run = (switches: Partial<Switches>) => {
    const vmm = start(guest, 'svm-nested', tagged, switches);
    finish(vmm);
    const walk = vmm.host.ledger.snapshot().walk['walk.nested.reference'] ?? 0;
    return { faults: vmm.exits.get('NESTED_PAGE_FAULT')!.count, walk };
  };
  for (const nestedFormat of ['two-level', 'pae'] as const) {
    const large = run({ nestedFormat });
    const small = run({ nestedFormat, nestedLargePages: false });
    t.ok(large.faults < small.faults, `${nestedFormat}: ${large.faults} faults, not ${small.faults}`);
    t.ok(large.walk < small.walk, `${nestedFormat}: ${large.walk} references, not ${small.walk}`);
  }
});
