import t from 'tap';
import {
  CR0_CD,
  CR0_ET,
  CR0_NW,
  CR0_PE,
  CR0_PG,
  CR4_PAE,
  EFER_LMA,
  EFER_LME,
  EFER_SVME,
} from '../../../emulator/arch/control.js';
import { FLAG_VM } from '../../../emulator/arch/flags.js';
import { VECTOR_GP } from '../../../emulator/arch/vectors.js';
import { EXIT_EXCEPTION, INTERCEPTS, VMCB_CONTROL, VMCB_STATE } from '../../../emulator/arch/vmcb.js';
import { Bench, CODE } from './bench.js';

const refused: { name: string; prepare: (bench: Bench) => void }[] = [
  { name: 'EFER.SVME clear', prepare: (b) => b.vmcb.write(VMCB_STATE.efer, 0) },
  { name: 'a reserved EFER bit', prepare: (b) => b.vmcb.write(VMCB_STATE.efer, EFER_SVME | 2) },
  { name: 'EFER above bit 31', prepare: (b) => b.vmcb.write(VMCB_STATE.efer, EFER_SVME, 1) },
  { name: 'EFER.LME without long mode', prepare: (b) => b.vmcb.write(VMCB_STATE.efer, EFER_SVME | EFER_LME) },
  { name: 'CR0.NW without CD', prepare: (b) => b.vmcb.write(VMCB_STATE.cr0, CR0_PE | CR0_ET | CR0_NW) },
  { name: 'CR0 above bit 31', prepare: (b) => b.vmcb.write(VMCB_STATE.cr0, CR0_PE | CR0_ET, 1) },
  { name: 'CR3 above bit 31', prepare: (b) => b.vmcb.write(VMCB_STATE.cr3, 0, 1) },
  { name: 'a reserved CR4 bit', prepare: (b) => b.vmcb.write(VMCB_STATE.cr4, 1 << 12) },
  { name: 'CR4 above bit 31', prepare: (b) => b.vmcb.write(VMCB_STATE.cr4, 0, 1) },
  { name: 'DR6 above bit 31', prepare: (b) => b.vmcb.write(VMCB_STATE.dr6, 0, 1) },
  { name: 'DR7 above bit 31', prepare: (b) => b.vmcb.write(VMCB_STATE.dr7, 0, 1) },
  {
    name: 'VMRUN not intercepted',
    prepare: (b) => b.vmcb.write(VMCB_CONTROL.intercept4, b.vmcb.read(VMCB_CONTROL.intercept4) & ~1),
  },
  { name: 'ASID 0', prepare: (b) => b.vmcb.write(VMCB_CONTROL.asid, 0) },
  { name: 'I/O permissions map above 4 GB', prepare: (b) => b.vmcb.write(VMCB_CONTROL.iopmBasePa, 0, 1) },
  { name: 'MSR permissions map above 4 GB', prepare: (b) => b.vmcb.write(VMCB_CONTROL.msrpmBasePa, 0, 1) },
  { name: 'EFER.LMA without long mode', prepare: (b) => b.vmcb.write(VMCB_STATE.efer, EFER_SVME | EFER_LMA) },
  {
    name: 'I/O permissions map that ends above 4 GB',
    prepare: (b) => b.vmcb.write(VMCB_CONTROL.iopmBasePa, 0xffff_e000),
  },
  {
    name: 'MSR permissions map that ends above 4 GB',
    prepare: (b) => b.vmcb.write(VMCB_CONTROL.msrpmBasePa, 0xffff_f000),
  },
  ...[1, 5, 6, 7].map((type) => ({
    name: `EVENTINJ of reserved type ${type}`,
    prepare: (b: Bench) => b.vmcb.write(VMCB_CONTROL.eventInjection, 0x8000_0020 | (type << 8)),
  })),
  {
    name: 'EVENTINJ: exception with vector 2',
    prepare: (b) => b.vmcb.write(VMCB_CONTROL.eventInjection, 0x8000_0302),
  },
  {
    name: 'EVENTINJ: exception with vector 32',
    prepare: (b) => b.vmcb.write(VMCB_CONTROL.eventInjection, 0x8000_0320),
  },
  {
    name: 'a page-directory-pointer entry with a reserved bit',
    prepare: (b) => {
      b.machine.memory.write32(0xb000, 0x1 | (1 << 8));
      b.vmcb.write(VMCB_STATE.cr3, 0xb000);
      b.vmcb.write(VMCB_STATE.cr4, CR4_PAE);
      b.vmcb.write(VMCB_STATE.cr0, (CR0_PE | CR0_ET | CR0_PG) >>> 0);
    },
  },
];

for (const { name, prepare } of refused) {
  t.test(`VMEXIT_INVALID: ${name}`, async (t) => {
    const bench = new Bench().load('mov ebx, 1\nvmmcall');
    prepare(bench);
    const before = bench.machine.state();
    t.strictSame(bench.run(), { kind: 'vmexit' });
    t.equal(bench.exit.code, -1);
    t.equal(bench.vmcb.readHigh(VMCB_CONTROL.exitCode), 0xffff_ffff);
    t.equal(bench.exit.eip, CODE);
    t.strictSame(bench.machine.state(), before, 'the host is as it was');
    t.equal(bench.machine.cpu.instructions, 0);
  });
}

t.test('legal oddities are accepted', async (t) => {
  for (const cr0 of [CR0_PE | CR0_ET | CR0_CD, CR0_PE | CR0_ET | CR0_CD | CR0_NW, CR0_PE]) {
    const bench = new Bench().load('vmmcall');
    bench.vmcb.write(VMCB_STATE.cr0, cr0);
    bench.run();
    t.equal(bench.exit.code, INTERCEPTS.VMMCALL, `cr0 ${cr0.toString(16)}`);
  }
});

t.test('the mode decides the privilege level where it says one', async (t) => {
  const rows: [what: string, cr0: number, flags: number, cpl: number][] = [
    ['real mode', CR0_ET, 0, 0],
    ['virtual-8086 mode', CR0_PE | CR0_ET, FLAG_VM, 3],
    ['protected mode', CR0_PE | CR0_ET, 0, 1],
  ];
  for (const [what, cr0, flags, cpl] of rows) {
    const bench = new Bench().load('mov [cs:0x5000], eax\nvmmcall').intercept(EXIT_EXCEPTION + VECTOR_GP);
    bench.vmcb.write(VMCB_STATE.cr0, cr0);
    bench.vmcb.write(VMCB_STATE.cpl, 1);
    bench.flags(flags);
    bench.run();
    // A code segment can be written in real mode only.
    t.equal(bench.exit.code, cr0 & CR0_PE ? EXIT_EXCEPTION + VECTOR_GP : INTERCEPTS.VMMCALL, what);
    t.equal(bench.vmcb.read(VMCB_STATE.cpl), cpl, what);
  }
});
