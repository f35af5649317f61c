import t from 'tap';
import { FLAG_IF } from '../../../emulator/arch/flags.js';
import {
  MSR_KERNEL_GS_BASE,
  MSR_STAR,
  MSR_SYSENTER_CS,
  MSR_SYSENTER_EIP,
  MSR_SYSENTER_ESP,
} from '../../../emulator/arch/msrs.js';
import { CS, DS, ES, ESP, FS, GS, LDTR, SEGMENT_NAMES, SS, TR } from '../../../emulator/arch/registers.js';
import { INTERCEPTS, VMCB_SEGMENTS, VMCB_STATE } from '../../../emulator/arch/vmcb.js';
import { Bench, CODE, KERNEL_DATA, VMCB_HPA } from './bench.js';

// --- VMRUN as an instruction of a program

const HOST = 0x3_8000;

function program(source: string, prepare: (bench: Bench) => void = () => {}): Bench {
  const bench = new Bench().load(source);
  const { machine } = bench;
  prepare(bench);
  machine.cpu.setSegment(CS, { ...machine.cpu.segment(CS), selector: 0x08 });
  for (const segment of [DS, ES, SS] as const) machine.cpu.setSegment(segment, KERNEL_DATA);
  machine.cpu.gdtr = { base: 0x8000, limit: 0x2f };
  machine.cpu.idtr = { base: 0x9000, limit: 0x7ff };
  machine.cpu.setGpr(ESP, HOST);
  machine.cpu.eip = bench.symbols.host;
  bench.vmcb.write(VMCB_STATE.rip, bench.symbols.guest ?? CODE);
  machine.cpu.eflags &= ~FLAG_IF;
  return bench;
}

t.test('a program goes on after its VMRUN', async (t) => {
  const bench = program(`
host:   mov eax, ${VMCB_HPA}
        vmrun
        mov ecx, 2
        vmrun
        hlt
guest:  inc ebx
        vmmcall`);
  t.strictSame(bench.machine.run({ instructions: 100 }), { kind: 'halted' });
  t.match(bench.machine.state().gprs, { eax: VMCB_HPA, ecx: 2, ebx: 1 });
  t.equal(bench.exit.code, INTERCEPTS.VMMCALL);
  t.strictSame(bench.machine.ledger.snapshot().transition, { vmrun: 2, vmexit: 2 });
});

t.test('interrupts wait from #VMEXIT to STGI', async (t) => {
  const bench = program(
    `
host:   mov eax, ${VMCB_HPA}
        vmrun
        sti
        nop
        nop
        mov ecx, 1
        stgi
        nop
        hlt
handler:
        mov edx, ecx
        hlt
guest:  vmmcall`,
    (b) => void b.gate(0x24, 'handler'),
  );
  const { ports, platform } = bench.machine;
  for (const [port, value] of [
    [0x20, 0x11],
    [0x21, 0x20],
    [0x21, 0x04],
    [0x21, 0x01],
  ])
    ports.write(port, 1, value);
  platform.pic.setLine(4, true);
  bench.machine.run({ instructions: 100 });
  t.equal(bench.machine.state().gprs.edx, 1);
});

const faults: { name: string; source: string; vector: number; prepare?: (b: Bench) => void }[] = [
  { name: 'VMRUN with an address inside a page', source: `mov eax, ${VMCB_HPA + 8}\nvmrun`, vector: 13 },
  { name: 'VMRUN with an address outside memory', source: 'mov eax, 0x80000000\nvmrun', vector: 13 },
  {
    name: 'VMRUN without EFER.SVME',
    source: `mov eax, ${VMCB_HPA}\nvmrun`,
    vector: 6,
    prepare: (b) => (b.machine.cpu.efer = 0),
  },
  {
    name: 'VMRUN without a host save area',
    source: `mov eax, ${VMCB_HPA}\nvmrun`,
    vector: 13,
    prepare: (b) => b.machine.cpu.setMsr(0xc001_0117, 0),
  },
  { name: 'VMMCALL outside guest mode', source: 'vmmcall', vector: 6 },
  { name: 'CLGI without EFER.SVME', source: 'clgi', vector: 6, prepare: (b) => (b.machine.cpu.efer = 0) },
  { name: 'VMLOAD with an address inside a page', source: 'mov eax, 4\nvmload', vector: 13 },
];

for (const { name, source, vector, prepare } of faults) {
  t.test(`${name} raises vector ${vector}`, async (t) => {
    const bench = program(`host: ${source}\nhlt\nhandler: mov edx, 0x77\nhlt`, (b) => {
      b.gate(vector, 'handler');
      prepare?.(b);
    });
    bench.machine.run({ instructions: 100 });
    t.equal(bench.machine.state().gprs.edx, 0x77);
  });
}

t.test('VMSAVE and VMLOAD move FS, GS, TR, LDTR and the system-call MSRs', async (t) => {
  const bench = program(`host: mov eax, ${VMCB_HPA}\nvmsave\nmov eax, 0x3a000\nvmload\nhlt`);
  const { cpu, memory } = bench.machine;
  const values = {
    [MSR_KERNEL_GS_BASE]: 1,
    [MSR_STAR]: 2,
    [MSR_SYSENTER_CS]: 3,
    [MSR_SYSENTER_ESP]: 4,
    [MSR_SYSENTER_EIP]: 5,
  };
  for (const [msr, value] of Object.entries(values)) cpu.setMsr(Number(msr), value);
  const extra = [FS, GS, TR, LDTR] as const;
  for (const segment of extra) {
    cpu.setSegment(segment, {
      selector: segment * 8,
      attributes: 0x493,
      limit: segment * 16,
      base: segment << 16,
    });
  }
  const saved = extra.map((segment) => cpu.segment(segment));
  bench.machine.run({ instructions: 100 });
  for (const [index, segment] of extra.entries()) {
    const name = SEGMENT_NAMES[segment] as 'fs' | 'gs' | 'tr' | 'ldtr';
    t.strictSame(bench.vmcb.segment(VMCB_SEGMENTS[name]), saved[index], name);
    t.strictSame(
      cpu.segment(segment),
      { selector: 0, attributes: 0, limit: 0, base: 0 },
      `${name} from zeros`,
    );
  }
  const fields = ['kernelGsBase', 'star', 'sysenterCs', 'sysenterEsp', 'sysenterEip'] as const;
  t.strictSame(
    fields.map((field) => bench.vmcb.read(VMCB_STATE[field])),
    [1, 2, 3, 4, 5],
  );
  t.equal(cpu.msr(MSR_STAR), 0);
  t.equal(memory.read32(0x3a000), 0);
});
