import t from 'tap';
import { profiles } from '../../../emulator/cost/catalog.js';
import { INTERCEPTS, EXIT_EXCEPTION, VMCB_CONTROL, exitCodeName } from '../../../emulator/arch/vmcb.js';
import { Bench } from './bench.js';

// What entering and leaving guest mode costs: VMRUN once, #VMEXIT once, whatever the exit is about.

const X = INTERCEPTS;

const rows: {
  name: string;
  code: string;
  intercept?: number[];
  prepare?: (bench: Bench) => void;
  exit: number;
}[] = [
  { name: 'an exit at the first instruction', code: 'vmmcall', exit: X.VMMCALL },
  { name: 'an exit after some work', code: 'mov ecx, 50\nagain: loop again\nvmmcall', exit: X.VMMCALL },
  { name: 'CPUID', code: 'cpuid', intercept: [X.CPUID], exit: X.CPUID },
  {
    name: 'a port',
    code: 'in al, 0x80',
    intercept: [X.IOIO],
    prepare: (b) => b.machine.memory.u8.fill(0xff, 0x3000, 0x6000),
    exit: X.IOIO,
  },
  { name: 'an exception', code: 'ud2', intercept: [EXIT_EXCEPTION + 6], exit: EXIT_EXCEPTION + 6 },
  {
    name: 'a page fault',
    code: 'mov eax, [0x30000]',
    intercept: [EXIT_EXCEPTION + 14],
    prepare: (b) => void b.paging(0x3_0000),
    exit: EXIT_EXCEPTION + 14,
  },
  {
    name: 'an interrupt before the first instruction',
    code: 'nop',
    intercept: [X.INTR],
    prepare: (b) => ((b.machine.cpu.interruptLine = true), void b.flags(0x200)),
    exit: X.INTR,
  },
  {
    name: 'a VMCB that VMRUN refuses',
    code: 'nop',
    prepare: (b) => b.vmcb.write(VMCB_CONTROL.asid, 0),
    exit: -1,
  },
];

for (const profile of profiles) {
  const { vmrun, vmexit } = profile.prices;
  t.test(`${profile.name}: ${vmrun.value} and ${vmexit.value} cycles`, async (t) => {
    for (const { name, code, intercept = [], prepare, exit } of rows) {
      const bench = new Bench(profile).intercept(...intercept).load(code);
      prepare?.(bench);
      bench.run();
      t.equal(exitCodeName(bench.exit.code), exitCodeName(exit), name);
      const { transition } = bench.machine.ledger.accounts();
      t.equal(transition, vmrun.value + vmexit.value, `${name}: one VMRUN, one #VMEXIT`);
    }
  });

  t.test(`${profile.name}: every further round trip costs the same`, async (t) => {
    const bench = new Bench(profile).load('again: vmmcall\njmp again');
    const { ledger } = bench.machine;
    for (let round = 1; round <= 5; round++) {
      bench.run();
      t.equal(ledger.accounts().transition, round * (vmrun.value + vmexit.value));
    }
  });
}
