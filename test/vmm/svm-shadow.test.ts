import t from 'tap';
import { findProfile } from '../../emulator/cost/catalog.js';
import type { CpuProfile } from '../../emulator/cost/profile.js';
import type { RunLimits } from '../../emulator/machine.js';
import type { GuestStop } from '../../emulator/vmm/vmm.js';
import { guests } from './guests.js';
import type { GuestCase } from './guests.js';
import { randomGuests } from './random-guests.js';
import { finish, memoryDifferences, start, visible } from './run-guest.js';

/** Of a triple fault, SVM tells the monitor only the fault whose delivery failed, not those before it. */
function comparable(stop: GuestStop): object {
  return stop.kind === 'tripleFault' ? { ...stop, chain: stop.chain.slice(-3) } : stop;
}

const p4 = findProfile('pentium4-672');
const profiles: CpuProfile[] = [p4, { ...p4, name: 'tagged TLB', tlb: { ...p4.tlb, tagged: true } }];

const all = [...guests, ...randomGuests(1, 8)];

for (const profile of profiles) {
  for (const guest of all) {
    t.test(`${guest.name}, ${profile.name}`, async (t) => {
      const native = start(guest, 'native', profile);
      const nativeStop = finish(native);
      t.match(nativeStop.kind, /^(exit|tripleFault)$/, 'comes to an end');
      const vmm = start(guest, 'svm-shadow', profile);
      const stop = finish(vmm);
      t.same(comparable(stop), comparable(nativeStop), 'ends as on the bare machine');
      t.same(visible(vmm), visible(native), 'registers and console');
      t.same(memoryDifferences(native, vmm), [], 'memory, accessed and dirty bits included');
      const accounts = Object.values(vmm.host.ledger.accounts());
      const sum = accounts.reduce((total, cycles) => total + cycles, 0);
      t.equal(sum.toFixed(3), vmm.host.ledger.cyclesExact.toFixed(3), 'the accounts sum to the clock');
    });
  }
}

function guestNamed(part: string): GuestCase {
  const found = guests.find(({ name }) => name.includes(part));
  if (!found) throw new Error(`no guest is called '${part}'`);
  return found;
}

const slices: RunLimits[] = [{ instructions: 1 }, { instructions: 97 }, { cycles: 500 }, { cycles: 20_000 }];
for (const slice of slices) {
  t.test(`a run in slices of ${JSON.stringify(slice)} is the run in one piece`, async (t) => {
    for (const name of ['ring 3', 'timer interrupts', 'window', 'address spaces', 'string output']) {
      const whole = start(guestNamed(name), 'svm-shadow');
      const cut = start(guestNamed(name), 'svm-shadow');
      t.same(finish(cut, slice), finish(whole), name);
      t.same(visible(cut), visible(whole), `${name}: registers`);
      t.equal(cut.host.ledger.ticks, whole.host.ledger.ticks, `${name}: time`);
      t.same(cut.host.ledger.snapshot(), whole.host.ledger.snapshot(), `${name}: counts`);
      t.same([...cut.exits], [...whole.exits], `${name}: exits`);
    }
  });
}

t.test('what an owner changes between two runs is the guest from there on', async (t) => {
  const vmm = start(guestNamed('ring 3'), 'svm-shadow');
  vmm.run({ instructions: 5200 });
  const { cpu } = vmm.guest;
  t.equal(cpu.cpl, 3);
  const { ebp } = vmm.guest.state().gprs;
  cpu.setGpr(5, ebp + 0x1234);
  cpu.setGpr(0, 1); // the system call that ends the program
  t.same(finish(vmm), { kind: 'exit', code: 0 });
  t.equal(vmm.guest.state().gprs.ebp, ebp + 0x1234);
});

t.test('exits', async (t) => {
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
