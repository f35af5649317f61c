import t from 'tap';
import { CR4_PAE, CR0_PG, EFER_SVME } from '../../../emulator/arch/control.js';
import { MSR_VM_CR, MSR_VM_HSAVE_PA } from '../../../emulator/arch/msrs.js';
import { CS, EAX, EBX, ECX, EDX, ESP, SS } from '../../../emulator/arch/registers.js';
import {
  EXIT_EXCEPTION,
  EXIT_NESTED_PAGE_FAULT,
  INTERCEPTS,
  VMCB_CONTROL,
  VMCB_STATE,
  exitCodeName,
} from '../../../emulator/arch/vmcb.js';
import type { CpuProfile, SvmFeatures } from '../../../emulator/cost/profile.js';
import { pentium4_672 } from '../../../emulator/cost/profiles/pentium4-672.js';
import { Bench, CODE, HOST_SAVE_HPA, IDT, KERNEL_CODE, KERNEL_DATA, VMCB_HPA } from './bench.js';

const NONE: SvmFeatures = { asids: 2, nextRip: false, decodeAssists: false, pauseFilter: false };
const withSvm = (svm: Partial<SvmFeatures>): CpuProfile => ({ ...pentium4_672, svm: { ...NONE, ...svm } });

/** A program at CPL 0 on the machine itself; faults end at label `handler`. */
function host(source: string, vectors: number[] = [], profile = pentium4_672): Bench {
  const bench = new Bench(profile).load(`host: ${source}\nhlt\nhandler: mov edi, 0x77\nhlt`);
  const { cpu } = bench.machine;
  for (const vector of vectors) bench.gate(vector, 'handler');
  cpu.setSegment(CS, KERNEL_CODE);
  cpu.setSegment(SS, KERNEL_DATA);
  cpu.gdtr = { base: 0x8000, limit: 0x2f };
  cpu.idtr = { base: IDT, limit: 0x7ff };
  cpu.eip = bench.symbols.host;
  cpu.eflags &= ~0x200;
  bench.machine.run({ instructions: 1000 });
  return bench;
}
const faulted = ({ machine }: Bench): boolean => machine.state().gprs.edi === 0x77;

// --- discovery and enabling (sections 15.4 "Enabling SVM", 15.30 "SVM Related MSRs")

const leaves: { name: string; svm: Partial<SvmFeatures> | null; ebx: number; edx: number }[] = [
  { name: 'no optional part', svm: null, ebx: 2, edx: 0x61 },
  { name: '64 ASIDs', svm: { asids: 64 }, ebx: 64, edx: 0x61 },
  { name: 'NRIPS', svm: { nextRip: true }, ebx: 2, edx: 0x69 },
  { name: 'decode assists', svm: { decodeAssists: true }, ebx: 2, edx: 0xe1 },
  { name: 'PAUSE filter', svm: { pauseFilter: true }, ebx: 2, edx: 0x1461 },
];
for (const { name, svm, ebx, edx } of leaves) {
  t.test(`CPUID 8000_000A: ${name}`, async (t) => {
    const { machine } = host('mov eax, 0x8000000a\ncpuid', [], svm === null ? pentium4_672 : withSvm(svm));
    t.equal(machine.cpu.gpr(EAX), 1, 'revision');
    t.equal(machine.cpu.gpr(EBX), ebx, 'ASIDs');
    t.equal(machine.cpu.gpr(ECX), 0);
    t.equal(machine.cpu.gpr(EDX), edx);
  });
}

t.test('CPUID 8000_0001 ECX tells SVM, AltMovCr8 and SKINIT', async (t) => {
  const { machine } = host('mov eax, 0x80000001\ncpuid');
  t.equal(machine.cpu.gpr(ECX), (1 << 2) | (1 << 4) | (1 << 12));
});

const msrs: { name: string; source: string; faults: boolean; msr?: number; value?: number }[] = [
  { name: 'EFER.SVME can be set', source: wrmsr(0xc000_0080, 0x1000), faults: false },
  {
    name: 'EFER.SVME cannot be set while VM_CR.SVMDIS is',
    source: `${wrmsr(0xc000_0080, 0)}\n${wrmsr(MSR_VM_CR, 0x10)}\n${wrmsr(0xc000_0080, 0x1000)}`,
    faults: true,
  },
  {
    name: 'VM_CR.SVMDIS cannot be set while EFER.SVME is',
    source: wrmsr(MSR_VM_CR, 0x10),
    faults: true,
  },
  { name: 'VM_CR has reserved bits', source: wrmsr(MSR_VM_CR, 0x20), faults: true },
  {
    name: 'VM_CR takes DPD, R_INIT, DIS_A20M',
    source: wrmsr(MSR_VM_CR, 7),
    faults: false,
    msr: MSR_VM_CR,
    value: 7,
  },
  {
    name: 'VM_CR.LOCK keeps itself and SVMDIS',
    source: `${wrmsr(MSR_VM_CR, 8)}\n${wrmsr(0xc000_0080, 0)}\n${wrmsr(MSR_VM_CR, 0x11)}`,
    faults: false,
    msr: MSR_VM_CR,
    value: 9,
  },
  {
    name: 'VM_HSAVE_PA takes a page',
    source: wrmsr(MSR_VM_HSAVE_PA, 0x5000),
    faults: false,
    msr: MSR_VM_HSAVE_PA,
    value: 0x5000,
  },
  { name: 'VM_HSAVE_PA must be a page', source: wrmsr(MSR_VM_HSAVE_PA, 0x5008), faults: true },
  {
    name: 'VM_HSAVE_PA must lie below the end of physical addresses',
    source: wrmsr(MSR_VM_HSAVE_PA, 0, 0x10),
    faults: true,
  },
];

function wrmsr(msr: number, low: number, high = 0): string {
  return `mov ecx, ${msr}\nmov eax, ${low}\nmov edx, ${high}\nwrmsr`;
}

for (const { name, source, faults, msr, value } of msrs) {
  t.test(name, async (t) => {
    const bench = host(source, [13]);
    t.equal(faulted(bench), faults);
    if (msr !== undefined) t.equal(bench.machine.cpu.msr(msr), value);
  });
}

t.test('a processor without SVM has neither its MSRs nor its instructions', async (t) => {
  const plain = {
    ...pentium4_672,
    features: pentium4_672.features.filter((name) => name !== 'svm' && name !== 'skinit'),
  };
  t.ok(faulted(host(wrmsr(MSR_VM_CR, 1), [13], plain)));
  t.ok(faulted(host(`${wrmsr(0xc000_0080, 0)}\n${wrmsr(0xc000_0080, 0x1000)}`, [13], plain)));
  t.ok(faulted(host(`${wrmsr(0xc000_0080, 0)}\nstgi`, [6], plain)));
});

for (const mnemonic of ['vmrun', 'vmload', 'vmsave', 'clgi', 'invlpga'] as const) {
  t.test(`${mnemonic} without EFER.SVME is #UD`, async (t) => {
    t.ok(faulted(host(`${wrmsr(0xc000_0080, 0)}\nmov eax, ${VMCB_HPA}\n${mnemonic}`, [6])));
  });
}

t.test('STGI works without EFER.SVME where there is SKINIT', async (t) => {
  t.notOk(faulted(host(`${wrmsr(0xc000_0080, 0)}\nstgi`, [6])));
});

// --- SKINIT (section 15.27 "Secure Startup with SKINIT")

t.test('SKINIT begins in the loader block with a known state', async (t) => {
  const BLOCK = 0x2_0000;
  const bench = new Bench().load(`
host:   mov dword [${BLOCK}], 0x10000040      ; length and entry point
        mov dword [${BLOCK + 0x40}], 0x90f4f4f4
        mov ebx, 1
        mov ebp, 2
        mov eax, ${BLOCK + 0x123}
        skinit`);
  const { cpu } = bench.machine;
  cpu.setSegment(CS, KERNEL_CODE);
  cpu.eip = bench.symbols.host;
  bench.machine.raisePin('nmi');
  cpu.idtr = { base: 0, limit: 0 };
  const stop = bench.machine.run({ instructions: 7 });
  t.equal(stop.kind, 'halted', 'the loader ran, and GIF holds the NMI off');
  const { gprs, eip, segments, cr0 } = bench.machine.state();
  t.match(gprs, { eax: BLOCK, ebx: 0, ebp: 0, esp: BLOCK + 0x1_0000, edx: 0x0f43 });
  t.equal(eip, BLOCK + 0x41);
  t.match(segments.cs, { selector: 8, base: 0, limit: 0xffff_ffff });
  t.match(segments.ss, { selector: 16, base: 0, limit: 0xffff_ffff });
  t.equal(cr0 & 0x8000_0001, 1);
  t.equal(cpu.efer, 0);
  t.equal(cpu.msr(MSR_VM_CR), 7);
  t.equal(cpu.gpr(ESP), BLOCK + 0x1_0000);
});

// --- PAUSE filter (section 15.14.4 "PAUSE Intercept Filtering")

const spins = Array.from({ length: 6 }, (_, at) => `mov ebx, ${at}\npause`).join('\n') + '\nvmmcall';
const pauses: {
  name: string;
  offered?: boolean;
  count: number;
  threshold?: number;
  code?: string;
  ebx: number;
  exit: number;
}[] = [
  { name: 'count 0: the first exits', count: 0, ebx: 0, exit: INTERCEPTS.PAUSE },
  { name: 'count 3: three pass', count: 3, ebx: 3, exit: INTERCEPTS.PAUSE },
  { name: 'count 6: all pass', count: 6, ebx: 5, exit: INTERCEPTS.VMMCALL },
  {
    name: 'not offered: the count does not matter',
    offered: false,
    count: 3,
    ebx: 0,
    exit: INTERCEPTS.PAUSE,
  },
  {
    name: 'a threshold that the loop stays within',
    count: 3,
    threshold: 100,
    ebx: 3,
    exit: INTERCEPTS.PAUSE,
  },
  {
    name: 'a threshold that the loop exceeds: each begins anew',
    count: 3,
    threshold: 100,
    code:
      Array.from({ length: 6 }, (_, at) => `mov ebx, ${at}\ncpuid\nmov ebx, ${at}\npause`).join('\n') +
      '\nvmmcall',
    ebx: 5,
    exit: INTERCEPTS.VMMCALL,
  },
];
for (const { name, offered = true, count, threshold = 0, code = spins, ebx, exit } of pauses) {
  t.test(`PAUSE filter, ${name}`, async (t) => {
    const bench = new Bench(withSvm({ pauseFilter: offered })).intercept(INTERCEPTS.PAUSE).load(code);
    bench.vmcb.write(VMCB_CONTROL.pauseFilterCount, count);
    bench.vmcb.write(VMCB_CONTROL.pauseFilterThreshold, threshold);
    bench.run();
    t.equal(exitCodeName(bench.exit.code), exitCodeName(exit));
    t.equal(bench.machine.cpu.gpr(EBX), ebx);
  });
}

// --- instruction bytes (section 15.8.4 "Guest Instruction Bytes")

function instructionBytes(bench: Bench): number[] {
  const { memory } = bench.machine;
  return Array.from({ length: 1 + memory.read8(VMCB_HPA + 0xd0) }, (_, at) =>
    memory.read8(VMCB_HPA + 0xd0 + at),
  );
}

t.test('instruction bytes of a data fault, up to a page that cannot be read', async (t) => {
  const bench = new Bench(withSvm({ decodeAssists: true })).intercept(EXIT_EXCEPTION + 14);
  bench.load('jmp here\ntimes 0xff9 - ($ - $$) nop\nhere: mov eax, [0x30000]').paging(0x3_0000, 0x1_1000);
  bench.run();
  t.equal(exitCodeName(bench.exit.code), 'EXCP14');
  t.strictSame(instructionBytes(bench), [7, 0xa1, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00].slice(0, 8));
});

t.test(
  'instruction bytes: 15 where there is room, none for a fetch and none without the feature',
  async (t) => {
    for (const [assists, code, count] of [
      [true, 'here: mov eax, [0x30000]', 15],
      [true, 'jmp 0x30000', 0],
      [false, 'here: mov eax, [0x30000]', 0],
    ] as const) {
      const bench = new Bench(withSvm({ decodeAssists: assists })).intercept(EXIT_EXCEPTION + 14);
      bench.load(code).paging(0x3_0000).run();
      t.equal(exitCodeName(bench.exit.code), 'EXCP14');
      t.equal(instructionBytes(bench)[0], count, code);
    }
  },
);

// --- clean bits are hints (section 15.15 "VMCB State Caching")

t.test('clean bits that tell the truth change nothing', async (t) => {
  const results = [0, 0xffff_ffff].map((cleanBits) => {
    const bench = new Bench()
      .intercept(INTERCEPTS.CPUID)
      .load('mov ebx, 5\ncpuid\nhere: mov ebx, 6\nvmmcall');
    bench.run();
    bench.vmcb.write(VMCB_STATE.rip, bench.symbols.here);
    bench.vmcb.write(VMCB_CONTROL.cleanBits, cleanBits);
    bench.run();
    return { exit: bench.exit, state: bench.machine.state(), ticks: bench.machine.ledger.ticks };
  });
  t.strictSame(results[1], results[0]);
});

t.test('a field whose clean bit is clear is read anew', async (t) => {
  const bench = new Bench().load('mov ebx, 5\ncpuid\nvmmcall');
  bench.run();
  t.equal(exitCodeName(bench.exit.code), 'VMMCALL');
  bench.intercept(INTERCEPTS.CPUID).vmcb.write(VMCB_STATE.rip, CODE);
  bench.vmcb.write(VMCB_CONTROL.cleanBits, ~1 >>> 0);
  bench.run();
  t.equal(exitCodeName(bench.exit.code), 'CPUID');
});

// --- ASIDs

t.test('entries of one ASID survive the run of another', async (t) => {
  const bench = new Bench().load('mov ebx, [0x30000]\nvmmcall').paging();
  const { memory, cpu, ledger } = bench.machine;
  memory.write32(0x3_0000, 1);
  const run = (asid: number): number => {
    const before = ledger.snapshot().walk['walk.reference'] ?? 0;
    bench.vmcb.write(VMCB_STATE.rip, CODE);
    bench.vmcb.write(VMCB_CONTROL.asid, asid);
    bench.run();
    return (ledger.snapshot().walk['walk.reference'] ?? 0) - before;
  };
  t.equal(run(1), 4, 'cold');
  t.equal(run(2), 4, 'another address space is cold too');
  t.equal(run(1), 0, 'the first one is still there');
  t.equal(run(2), 0);
  t.equal(cpu.gpr(EBX), 1);
});

t.test('a CR3 write flushes only the current ASID, and keeps global entries', async (t) => {
  const bench = new Bench().load('mov ebx, [0x30000]\nmov ecx, cr3\nmov cr3, ecx\nvmmcall').paging();
  const { memory, ledger } = bench.machine;
  bench.vmcb.write(VMCB_STATE.cr4, 0x80);
  memory.write32(0xc000 + (0x3_0000 >>> 12) * 4, 0x3_0000 | 7 | 0x100);
  bench.run();
  const live = bench.machine.ledger.snapshot().walk['walk.reference'];
  bench.vmcb.write(VMCB_STATE.rip, CODE);
  bench.run();
  const again = (ledger.snapshot().walk['walk.reference'] ?? 0) - (live ?? 0);
  t.equal(again, 2, 'the code page is walked after the second flush; the data page stayed');
});

t.test('INVLPGA takes one page of one ASID', async (t) => {
  const bench = new Bench().load(`
guest:  mov ebx, [0x30000]
        vmmcall
host:   mov eax, 0x30000
        mov ecx, 1
        invlpga
        hlt`);
  bench.paging();
  const { memory, cpu, machine } = {
    ...bench.machine,
    machine: bench.machine,
    cpu: bench.machine.cpu,
    memory: bench.machine.memory,
  };
  memory.write32(0x3_0000, 1);
  memory.write32(0x3_1000, 2);
  bench.run();
  memory.write32(0xc000 + 0x30 * 4, 0x3_1000 | 7);
  cpu.setSegment(CS, KERNEL_CODE);
  cpu.eip = bench.symbols.host;
  cpu.eflags &= ~0x200;
  machine.run({ instructions: 10 });
  bench.vmcb.write(VMCB_STATE.rip, CODE);
  bench.run();
  t.equal(cpu.gpr(EBX), 2);
});

// --- host state

t.test('#VMEXIT into a host whose PDPTEs have become bad is a shutdown', async (t) => {
  const bench = new Bench().load('mov dword [0x38000], 0x3\nvmmcall');
  const { cpu, memory } = bench.machine;
  memory.write32(0x3_8000, 0x3_9001);
  cpu.cr4 = CR4_PAE;
  cpu.cr3 = 0x3_8000;
  cpu.cr0 = (cpu.cr0 | CR0_PG) >>> 0;
  t.match(bench.run(), { kind: 'tripleFault', chain: ['#VMEXIT into a bad host state'] });
});

t.test('#VMEXIT sets PE and clears VM and the DR7 enables, whatever the save area says', async (t) => {
  const bench = new Bench().load(
    `mov dword [${HOST_SAVE_HPA + 0x558}], 0x10\nor dword [${HOST_SAVE_HPA + 0x570}], 0x20000\nvmmcall`,
  );
  bench.run();
  t.equal(bench.machine.cpu.cr0 & 1, 1);
  t.equal(bench.machine.cpu.eflags & 0x2_0000, 0);
  t.equal(bench.machine.cpu.cpl, 0);
  t.equal(bench.machine.cpu.efer & EFER_SVME, EFER_SVME);
});

// --- latency rows

t.test('VMRUN and #VMEXIT cost what the profile says, for every exit that has a code', async (t) => {
  const { vmrun, vmexit } = pentium4_672.prices;
  for (const exit of [INTERCEPTS.CPUID, INTERCEPTS.HLT, INTERCEPTS.INVD, INTERCEPTS.RDTSC]) {
    const code = {
      [INTERCEPTS.CPUID]: 'cpuid',
      [INTERCEPTS.HLT]: 'hlt',
      [INTERCEPTS.INVD]: 'invd',
      [INTERCEPTS.RDTSC]: 'rdtsc',
    }[exit]!;
    const bench = new Bench().intercept(exit).load(code);
    bench.run();
    t.equal(bench.machine.ledger.accounts().transition, vmrun.value + vmexit.value, code);
    t.equal(
      bench.machine.ledger.accounts().guest,
      0,
      `${code}: an intercepted instruction costs the guest nothing`,
    );
  }
  const refused = new Bench().load('nop');
  refused.vmcb.write(VMCB_CONTROL.asid, 0);
  refused.run();
  t.equal(
    refused.machine.ledger.accounts().transition,
    vmrun.value + vmexit.value,
    'a refused VMCB costs both ways too',
  );
  t.equal(exitCodeName(EXIT_NESTED_PAGE_FAULT), 'NPF');
});
