import t from 'tap';
import { CR4_PAE, CR4_PGE, CR4_PSE } from '../../emulator/arch/control.js';
import { CS, EAX, EBX, ECX, EDX, ESP, SS } from '../../emulator/arch/registers.js';
import { findProfile } from '../../emulator/cost/catalog.js';
import { Machine } from '../../emulator/machine.js';
import { ORIGIN, balances, bareMachine } from './bare.js';

const GP = { vector: 13, kind: 'exception', errorCode: 0 };
const NM = { vector: 7, kind: 'exception', errorCode: null };
const UD = { vector: 6, kind: 'exception', errorCode: null };

t.test('what system instructions refuse, and what is reported as missing', async (t) => {
  const rows: [what: string, source: string, event: object | null, missing: string[]][] = [
    ['CR0: PG without PE', 'mov eax, 0x80000000\nmov cr0, eax', GP, []],
    ['CR0: NW without CD', 'mov eax, 0x20000001\nmov cr0, eax', GP, []],
    ['CR0: real mode', 'mov eax, 0\nmov cr0, eax', null, []],
    ['CR4: VME and PVI', 'mov eax, 3\nmov cr4, eax', null, []],
    ['CR4: a bit that does not exist', 'mov eax, 0x8000\nmov cr4, eax', GP, []],
    ['CR4: what CPUID offers', `mov eax, ${CR4_PSE | CR4_PAE | CR4_PGE}\nmov cr4, eax`, null, []],
    ['an unknown MSR', 'mov ecx, 0x1234\nrdmsr', GP, ['MSR 0x1234']],
    ['long mode', 'mov ecx, 0xc0000080\nmov eax, 0x100\nwrmsr', GP, ['long mode']],
    ['a performance counter', 'mov ecx, 0\nrdpmc', GP, ['performance counter 0']],
    ['syscall without EFER.SCE', 'syscall', UD, []],
    ['vmrun without EFER.SVME', 'vmrun', UD, []],
    ['SSE2', 'addpd xmm0, [0x5000]', UD, ['addpd Vx,Wx']],
    ['SSSE3', 'db 0x0f, 0x38, 0x00, 0xc0', UD, ['opcode 0f 38']],
    ['what is undefined for good', 'ud2', UD, []],
    ['LOCK where it may not be', 'db 0xf0, 0x90', UD, []],
    ['x87, to be emulated', 'mov eax, 5\nmov cr0, eax\nfninit', NM, []],
    ['x87, a task switch before', 'mov eax, 9\nmov cr0, eax\nfnstsw ax', NM, []],
    ['fwait with MP, a task switch before', 'mov eax, 0x0b\nmov cr0, eax\nfwait', NM, []],
  ];
  for (const [what, source, event, missing] of rows) {
    const machine = bareMachine(`${source}\njmp $`);
    const stop = machine.runMonitored(0, { instructions: 10 });
    if (event) t.match(stop, { kind: 'trap', event }, what);
    else t.equal(stop.kind, 'budget', what);
    t.same([...machine.missing.keys()], [], `${what}: left to the processor that the monitor asks`);
    machine.cpu.step();
    t.same([...machine.missing.keys()], missing, what);
  }
});

t.test('time stamp counter', async (t) => {
  const machine = bareMachine(
    'rdtsc\nmov ebx, eax\nmov ecx, 0x10\nmov eax, 1000000\nmov edx, 3\nwrmsr\nrdtsc\nhlt',
  );
  machine.run();
  const { cpu, ledger, clock } = machine;
  t.ok(cpu.gpr(EBX) > 0 && cpu.gpr(EBX) < ledger.cycles, 'counts the cycles');
  t.equal(cpu.gpr(EDX), 3);
  t.ok(cpu.gpr(EAX) >= 1_000_000 && cpu.gpr(EAX) < 1_000_000 + ledger.cycles, 'and can be set');
  t.ok(clock.observed, 'the run says that it has seen the time');
  t.ok(balances(machine));
});

t.test('cpuid', async (t) => {
  const machine = bareMachine('mov eax, 0\ncpuid\nhlt');
  machine.run();
  const vendor = [EBX, EDX, ECX].flatMap((register) => {
    const word = machine.cpu.gpr(register);
    return [0, 8, 16, 24].map((shift) => String.fromCharCode((word >>> shift) & 0xff));
  });
  t.equal(vendor.join(''), 'Ringside x86');
});

t.test('the fast system calls', async (t) => {
  const machine = bareMachine(`
        mov ecx, 0x174
        mov eax, 0x08
        xor edx, edx
        wrmsr
        inc ecx
        mov eax, 0x90000
        wrmsr
        inc ecx
        mov eax, kernel
        wrmsr
        mov edx, user
        mov ecx, 0x80000
        sysexit
user:   inc esi
        sysenter
kernel: hlt`);
  const { cpu } = machine;
  machine.run({ instructions: 14 });
  t.equal(cpu.gpr(6), 1);
  t.same([cpu.cpl, cpu.segment(CS).selector, cpu.segment(SS).selector], [3, 0x1b, 0x23], 'sysexit');
  t.equal(cpu.gpr(ESP), 0x80000);
  t.same(machine.run(), { kind: 'halted' });
  t.same([cpu.cpl, cpu.segment(CS).selector, cpu.segment(SS).selector], [0, 0x08, 0x10], 'sysenter');
  t.equal(cpu.gpr(ESP), 0x90000);
});

t.test('port accesses from ring 3 go by IOPL, then by the bitmap of the TSS', async (t) => {
  /** The bitmap starts at byte 104 and allows ports 0x80 and 0x81; the byte after it ends it. */
  const TSS = ORIGIN + 0x1000;
  const rows: [what: string, source: string, iopl: number, limit: number, allowed: boolean][] = [
    ['IOPL 3', 'in al, 0x40', 3, 0, true],
    ['allowed by the bitmap', 'in al, 0x80', 0, 104 + 0x20, true],
    ['allowed, two bytes', 'in ax, 0x80', 0, 104 + 0x20, true],
    ['the second byte is not', 'in ax, 0x81', 0, 104 + 0x20, false],
    ['forbidden by the bitmap', 'in al, 0x82', 0, 104 + 0x20, false],
    ['beyond the TSS limit', 'in al, 0x80', 0, 104 + 0x10, false],
    ['a TSS without a bitmap', 'in al, 0x80', 0, 103, false],
  ];
  for (const [what, source, iopl, limit, allowed] of rows) {
    const machine = bareMachine(`${source}\njmp $`);
    const { cpu, memory } = machine;
    memory.u8.fill(0xff, TSS, TSS + 0x200);
    memory.write16(TSS + 102, 104);
    memory.write8(TSS + 104 + 0x10, 0xfc);
    cpu.setSegment(7, { ...cpu.segment(7), base: TSS, limit });
    cpu.cpl = 3;
    cpu.eflags |= iopl << 12;
    const stop = machine.runMonitored(0, { instructions: 1 });
    if (allowed) t.equal(stop.kind, 'budget', what);
    else t.match(stop, { kind: 'trap', event: GP }, what);
  }
});

t.test('a CPUID feature that there is not', async (t) => {
  const full = findProfile('pentium4-672');
  const features = [...full.features, 'sse2' as 'pse'];
  t.throws(() => Machine.create({ profile: { ...full, features }, memoryBytes: 1 << 20 }), {
    name: 'RangeError',
    message: /no CPUID feature 'sse2'; there are: .*pae/,
  });
});
