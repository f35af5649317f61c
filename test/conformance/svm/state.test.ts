import t from 'tap';
import { EAX, ESP, FS, GS, TR } from '../../../emulator/arch/registers.js';
import { VMCB_CONTROL, VMCB_SEGMENTS, VMCB_STATE } from '../../../emulator/arch/vmcb.js';
import { Bench, KERNEL_DATA, USER_DATA } from './bench.js';

// --- state

t.test('#VMEXIT restores the host and stores the guest', async (t) => {
  const bench = new Bench().load(`
    mov eax, 0x23
    mov ds, ax
    mov es, ax
    mov esp, 0x12340
    lgdt [table]
    lidt [table]
    mov eax, 0x4000
    mov cr3, eax
    mov cr2, eax
    mov eax, 0x10
    mov cr4, eax
    mov eax, cr0
    or eax, 0x10000
    mov cr0, eax
    std
    mov eax, 0x5678
here: vmmcall
table: dw 0x77
    dd 0x88880000`);
  const { cpu } = bench.machine;
  cpu.setGpr(EAX, 0x1111);
  cpu.setGpr(ESP, 0x2222);
  cpu.cr2 = 0x3333;
  cpu.gdtr = { base: 0x4444, limit: 0x55 };
  cpu.idtr = { base: 0x6666, limit: 0x77 };
  cpu.eip = 0x8888;
  const before = bench.machine.state();
  bench.run();
  const after = bench.machine.state();
  t.equal(after.cr2, 0x4000, 'CR2 is not the host state that #VMEXIT restores');
  t.strictSame({ ...after, cr2: before.cr2 }, before);
  const { vmcb } = bench;
  const word = (name: keyof typeof VMCB_STATE): number => vmcb.read(VMCB_STATE[name]);
  t.strictSame(
    {
      rax: word('rax'),
      rsp: word('rsp'),
      cr0: word('cr0'),
      cr2: word('cr2'),
      cr3: word('cr3'),
      cr4: word('cr4'),
      rip: word('rip'),
    },
    {
      rax: 0x5678,
      rsp: 0x1_2340,
      cr0: 0x1_0011,
      cr2: 0x4000,
      cr3: 0x4000,
      cr4: 0x10,
      rip: bench.symbols.here,
    },
  );
  t.equal(word('rflags') & 0x400, 0x400, 'DF');
  t.strictSame(vmcb.segment(VMCB_SEGMENTS.ds), USER_DATA);
  t.strictSame(vmcb.segment(VMCB_SEGMENTS.ss), KERNEL_DATA);
  t.strictSame(vmcb.table(VMCB_SEGMENTS.gdtr), { base: 0x8888_0000, limit: 0x77 });
  t.strictSame(vmcb.table(VMCB_SEGMENTS.idtr), { base: 0x8888_0000, limit: 0x77 });
});

t.test('the guest sees what the VMCB holds', async (t) => {
  const bench = new Bench().load('mov ebx, eax\nmov ecx, cr2\nmov edx, dr6\nvmmcall');
  bench.vmcb.write(VMCB_STATE.rax, 0x1234_5678);
  bench.vmcb.write(VMCB_STATE.cr2, 0x0bad_cafe);
  bench.vmcb.write(VMCB_STATE.dr6, 0xffff_4ff0);
  bench.run();
  const { gprs } = bench.machine.state();
  t.match(gprs, { ebx: 0x1234_5678, ecx: 0x0bad_cafe, edx: 0xffff_4ff0 });
});

t.test('FS, GS, TR and LDTR stay those of the processor', async (t) => {
  const bench = new Bench().load('mov ebx, fs\nmov ecx, gs\nstr edx\nvmmcall');
  const { cpu } = bench.machine;
  for (const [segment, selector] of [
    [FS, 0x60],
    [GS, 0x68],
    [TR, 0x70],
  ] as const) {
    cpu.setSegment(segment, { ...cpu.segment(segment), selector });
  }
  bench.run();
  t.match(bench.machine.state().gprs, { ebx: 0x60, ecx: 0x68, edx: 0x70 });
});

t.test('TSC_OFFSET is added in guest mode only', async (t) => {
  const bench = new Bench().load('rdtsc\nmov ebx, eax\nmov ecx, edx\nvmmcall');
  bench.vmcb.write(VMCB_CONTROL.tscOffset, 0x8000_0000, 5);
  bench.run();
  const { gprs } = bench.machine.state();
  t.equal(gprs.ecx, 5);
  t.ok(gprs.ebx >= 0x8000_0000 && gprs.ebx < 0x8001_0000, `0x${gprs.ebx.toString(16)}`);
});

t.test('DR7 breakpoints are off after #VMEXIT', async (t) => {
  const bench = new Bench().load('vmmcall');
  bench.vmcb.write(VMCB_STATE.dr7, 0x4ff);
  bench.run();
  t.equal(bench.machine.cpu.debug(7), 0x400);
  t.equal(bench.vmcb.read(VMCB_STATE.dr7), 0x4ff);
});
