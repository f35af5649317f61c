import t from 'tap';
import { findProfile } from '../../emulator/cost/catalog.js';
import type { CpuProfile } from '../../emulator/cost/profile.js';
import type { Technique } from '../../emulator/vmm/catalog.js';
import type { Switches } from '../../emulator/vmm/switches.js';
import { PAGING_ON } from './guest-source.js';
import type { GuestCase } from './guest-source.js';
import { hypervisors } from './nested-guests.js';
import { finish, memoryDifferences, start, visible } from './run-guest.js';

// A guest that runs guests of its own (Ben-Yehuda et al., "The Turtles Project", OSDI 2010).

const p4 = findProfile('pentium4-672');
const tagged: CpuProfile = {
  ...p4,
  name: 'tagged TLB',
  tlb: { ...p4.tlb, tagged: true },
  svm: { asids: 8, nextRip: true, decodeAssists: true, pauseFilter: false },
};

const configurations: { technique: Technique; profile: CpuProfile; switches?: Partial<Switches> }[] = [
  { technique: 'binary-translation', profile: p4 },
  { technique: 'svm-shadow', profile: p4 },
  { technique: 'svm-shadow', profile: tagged },
  { technique: 'svm-nested', profile: p4 },
  { technique: 'svm-nested', profile: tagged },
  { technique: 'svm-nested', profile: tagged, switches: { nestedFormat: 'pae' } },
];

for (const guest of hypervisors) {
  t.test(guest.name, async (t) => {
    for (const base of [p4, tagged]) {
      const native = start(guest, 'native', base);
      const nativeStop = finish(native);
      t.same(nativeStop, { kind: 'exit', code: 0 }, 'native comes to its end');
      for (const { technique, profile, switches } of configurations.filter(
        ({ profile }) => profile === base,
      )) {
        const vmm = start(guest, technique, profile, switches);
        const label = `${technique}, ${profile.name}, ${JSON.stringify(switches ?? {})}`;
        t.same(finish(vmm), nativeStop, label);
        t.same(visible(vmm), visible(native), `${label}: registers`);
        t.same(memoryDifferences(native, vmm), [], `${label}: memory, the VMCB included`);
      }
    }
  });
}

const ROUNDS = 100;

/** A guest whose kernel executes CPUID. */
const single: GuestCase = { name: 'CPUID', code: `mov esi, ${ROUNDS}\nagain: cpuid\n dec esi\n jnz again` };

/** A hypervisor whose guest does; each of its exits takes six instructions that exit themselves. */
const double: GuestCase = {
  name: 'CPUID in a guest of a guest',
  code: hypervisors[1].code
    .replace(/vmrun[\s\S]*vmrun/, 'vmrun')
    .replace(
      /jmp finished/,
      `
        ; the loop of a small hypervisor
again:  add dword [STATE + 0x178], 2
        mov eax, VMCB
        clgi
        vmload
        vmrun
        vmsave
        stgi
        cmp dword [VMCB + 0x70], 0x72
        je again
        jmp finished`,
    )
    .replace('guest:  cpuid', `guest: ${'cpuid\n'.repeat(ROUNDS)}`),
};

t.test('exits multiply, as in Turtles', async (t) => {
  for (const technique of ['svm-shadow', 'svm-nested'] as const) {
    const count = (guest: GuestCase, profile: CpuProfile) => {
      const vmm = start(guest, technique, profile);
      t.same(finish(vmm), { kind: 'exit', code: 0 });
      const exits = [...vmm.exits.values()].reduce((sum, row) => sum + row.count, 0);
      return { exits, cycles: vmm.host.ledger.cyclesExact, cpuid: vmm.exits.get('CPUID')?.count };
    };
    const one = count(single, tagged);
    const two = count(double, tagged);
    t.equal(one.cpuid, ROUNDS);
    t.equal(two.cpuid, ROUNDS, 'the exits of the inner guest come to the monitor first');
    const multiplied = two.exits / ROUNDS;
    t.ok(
      multiplied > 5.9 && multiplied < 6.5,
      `${technique}: ${multiplied} exits for one of the inner guest`,
    );
    t.ok(two.cycles > 4 * one.cycles, `${technique}: ${two.cycles} cycles, not ${one.cycles}`);
  }
});

t.test('a guest without EFER.SVME finds VMRUN undefined, whatever runs it', async (t) => {
  const guest: GuestCase = {
    name: 'VMRUN without SVME',
    code: `${PAGING_ON}\n mov eax, 0x300000\n vmrun\n vmmcall`,
    handlers: { 6: 'inc dword [RESULT]\n add dword [esp], 3\n iret' },
  };
  for (const { technique, profile } of configurations) {
    const vmm = start(guest, technique, profile);
    t.same(finish(vmm), { kind: 'exit', code: 0 });
    t.equal(vmm.guest.memory.read32(0x6_0000), 2, technique);
  }
});
