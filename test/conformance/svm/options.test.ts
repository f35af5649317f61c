import t from 'tap';
import {
  EXIT_CR_READ,
  EXIT_CR_WRITE,
  EXIT_DR_WRITE,
  INTERCEPTS,
  VMCB_CONTROL,
} from '../../../emulator/arch/vmcb.js';
import { pentium4_672 } from '../../../emulator/cost/profiles/pentium4-672.js';
import { Bench, VMCB_HPA } from './bench.js';

// --- limits and optional features

t.test('a guest stopped at a limit goes on where it was', async (t) => {
  const bench = new Bench().load('mov ebx, 1\nmov ecx, 2\nmov edx, 3\nvmmcall');
  t.strictSame(bench.machine.vmrun(VMCB_HPA, { instructions: 2 }), {
    kind: 'budget',
    budget: 'instructions',
  });
  t.match(bench.machine.state().gprs, { ebx: 1, ecx: 2, edx: 0 });
  t.strictSame(bench.machine.continueGuest({ instructions: 100 }), { kind: 'vmexit' });
  t.equal(bench.machine.state().gprs.edx, 3);
  t.throws(() => bench.machine.continueGuest(), /no guest/);
});

const features: {
  name: string;
  svm: { nextRip: boolean; decodeAssists: boolean };
  code: string;
  exit: number;
  nextRip: string | null;
  info1: number;
  info1High?: number;
}[] = [
  {
    name: 'nRIP off',
    svm: { nextRip: false, decodeAssists: false },
    code: 'here: cpuid\nnext: nop',
    exit: INTERCEPTS.CPUID,
    nextRip: null,
    info1: 0,
  },
  {
    name: 'nRIP of an instruction',
    svm: { nextRip: true, decodeAssists: false },
    code: 'here: cpuid\nnext: nop',
    exit: INTERCEPTS.CPUID,
    nextRip: 'next',
    info1: 0,
  },
  {
    name: 'nRIP of a fault is 0',
    svm: { nextRip: true, decodeAssists: false },
    code: 'here: ud2\nnext: nop',
    exit: 0x46,
    nextRip: null,
    info1: 0,
  },
  {
    name: 'nRIP of int3',
    svm: { nextRip: true, decodeAssists: false },
    code: 'here: int3\nnext: nop',
    exit: 0x43,
    nextRip: 'next',
    info1: 0,
  },
  {
    name: 'nRIP of a control register access',
    svm: { nextRip: true, decodeAssists: false },
    code: 'here: mov eax, cr3\nnext: nop',
    exit: EXIT_CR_READ + 3,
    nextRip: 'next',
    info1: 0,
  },
  {
    name: 'decode assist of INVLPG',
    svm: { nextRip: false, decodeAssists: true },
    code: 'here: invlpg [0x12345]\nnext: nop',
    exit: INTERCEPTS.INVLPG,
    nextRip: null,
    info1: 0x1_2345,
  },
  {
    name: 'decode assist of INT n',
    svm: { nextRip: false, decodeAssists: true },
    code: 'here: int 0x44\nnext: nop',
    exit: INTERCEPTS.SWINT,
    nextRip: null,
    info1: 0x44,
  },
  {
    name: 'decode assist of MOV from CR3',
    svm: { nextRip: false, decodeAssists: true },
    code: 'here: mov esi, cr3',
    exit: EXIT_CR_READ + 3,
    nextRip: null,
    info1: 6,
    info1High: 0x8000_0000,
  },
  {
    name: 'decode assist of CLTS: no MOV',
    svm: { nextRip: false, decodeAssists: true },
    code: 'here: clts',
    exit: EXIT_CR_WRITE + 0,
    nextRip: null,
    info1: 0,
  },
  {
    name: 'decode assist of MOV to DR2',
    svm: { nextRip: false, decodeAssists: true },
    code: 'here: mov dr2, ebx',
    exit: EXIT_DR_WRITE + 2,
    nextRip: null,
    info1: 3,
  },
  {
    name: 'no decode assist',
    svm: { nextRip: false, decodeAssists: false },
    code: 'here: int 0x44\nnext: nop',
    exit: INTERCEPTS.SWINT,
    nextRip: null,
    info1: 0,
  },
];

for (const { name, svm, code, exit, nextRip, info1, info1High = 0 } of features) {
  t.test(`option: ${name}`, async (t) => {
    const bench = new Bench({ ...pentium4_672, svm: { ...svm, asids: 2, pauseFilter: false } })
      .intercept(exit)
      .load(code);
    bench.run();
    t.equal(bench.exit.code, exit);
    t.equal(bench.vmcb.read(VMCB_CONTROL.nextRip), nextRip === null ? 0 : bench.symbols[nextRip]);
    t.equal(bench.exit.info1, info1);
    t.equal(bench.vmcb.readHigh(VMCB_CONTROL.exitInfo1), info1High);
  });
}
