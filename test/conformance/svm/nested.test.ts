import t from 'tap';
import { CR0_PG, CR4_PAE, CR4_PSE, EFER_NXE, EFER_SVME } from '../../../emulator/arch/control.js';
import { PTE_A, PTE_D, PTE_P, PTE_PS, PTE_U, PTE_W } from '../../../emulator/arch/paging.js';
import { EAX, EBX, EDX } from '../../../emulator/arch/registers.js';
import {
  EXIT_EXCEPTION,
  EXIT_NESTED_PAGE_FAULT,
  INTERCEPTS,
  NP_ENABLE,
  VMCB_CONTROL,
  VMCB_STATE,
  exitCodeName,
} from '../../../emulator/arch/vmcb.js';
import { profiles } from '../../../emulator/cost/catalog.js';
import type { CpuProfile } from '../../../emulator/cost/profile.js';
import { pentium4_672 } from '../../../emulator/cost/profiles/pentium4-672.js';
import { Bench, CODE, PAGE_DIRECTORY, PAGE_TABLE, VMCB_HPA } from './bench.js';

// Nested paging (APM vol. 2, rev. 3.44, section 15.25 "Nested Paging").

const ROOT = 0x4_0000;
const NESTED_DIRECTORY = 0x4_1000;
const NESTED_TABLE = 0x4_4000;
/** A page of the guest's data. */
const DATA = 0x3_0000;
const OTHER = 0x3_1000;
const GUEST_POINTERS = 0x4_8000;
const ALL = PTE_P | PTE_W | PTE_U;
const RESERVED_HIGH = 1 << 20;

type Format = '2-level' | 'PAE';

/** A guest with nested paging that maps the first 4 MB to themselves. */
class NestedBench extends Bench {
  constructor(
    readonly format: Format = '2-level',
    readonly large = false,
    profile?: CpuProfile,
  ) {
    super(profile);
    const { machine, vmcb } = this;
    const { cpu } = machine;
    cpu.cr0 = (cpu.cr0 | CR0_PG) >>> 0;
    cpu.cr4 = format === 'PAE' ? CR4_PAE : CR4_PSE;
    if (format === 'PAE') cpu.efer |= EFER_NXE;
    vmcb.write(VMCB_CONTROL.nestedControl, NP_ENABLE);
    vmcb.write(VMCB_CONTROL.nestedCr3, ROOT);
    vmcb.write(VMCB_STATE.gPat, 0x0007_0406, 0x0007_0406);
    if (format === 'PAE') this.fillPae();
    else this.fillTwoLevel();
  }

  private fillTwoLevel(): void {
    const { memory } = this.machine;
    memory.write32(ROOT, this.large ? ALL | PTE_PS : NESTED_TABLE | ALL);
    for (let page = 0; page < 1024; page++) memory.write32(NESTED_TABLE + page * 4, (page << 12) | ALL);
  }

  private fillPae(): void {
    const { memory } = this.machine;
    memory.write32(ROOT, NESTED_DIRECTORY | PTE_P);
    for (const half of [0, 1]) {
      const entry = this.large ? (half << 21) | ALL | PTE_PS : (NESTED_TABLE + half * 0x1000) | ALL;
      memory.write32(NESTED_DIRECTORY + half * 8, entry);
    }
    for (let page = 0; page < 1024; page++) memory.write32(NESTED_TABLE + page * 8, (page << 12) | ALL);
  }

  /** Where the nested entry of a guest-physical page lies. */
  entryHpa(gpa: number): number {
    return NESTED_TABLE + (gpa >>> 12) * (this.format === 'PAE' ? 8 : 4);
  }

  entry(gpa: number): number {
    return this.machine.memory.read32(this.entryHpa(gpa));
  }

  setEntry(gpa: number, low: number, high = 0): this {
    this.machine.memory.write32(this.entryHpa(gpa), low);
    if (this.format === 'PAE') this.machine.memory.write32(this.entryHpa(gpa) + 4, high);
    return this;
  }

  /** Guest paging with PAE: the first 4 MB to themselves. */
  pae(): this {
    const { memory } = this.machine;
    memory.write32(GUEST_POINTERS, (GUEST_POINTERS + 0x1000) | PTE_P);
    for (const half of [0, 1]) {
      memory.write32(GUEST_POINTERS + 0x1000 + half * 8, (GUEST_POINTERS + 0x2000 + half * 0x1000) | ALL);
    }
    for (let page = 0; page < 1024; page++) {
      memory.write32(GUEST_POINTERS + 0x2000 + page * 8, (page << 12) | ALL);
    }
    this.vmcb.write(VMCB_STATE.cr3, GUEST_POINTERS);
    this.vmcb.write(VMCB_STATE.cr4, CR4_PAE);
    this.vmcb.write(VMCB_STATE.cr0, (this.vmcb.read(VMCB_STATE.cr0) | CR0_PG) >>> 0);
    return this;
  }

  get references(): { guest: number; nested: number } {
    const { walk } = this.machine.ledger.snapshot();
    return { guest: walk['walk.reference'] ?? 0, nested: walk['walk.nested.reference'] ?? 0 };
  }
}

// --- #NPF exit information (section 15.25.6 "Nested Page Faults, Fault Ordering")

interface FaultRow {
  name: string;
  format?: Format;
  prepare: (bench: NestedBench) => void;
  code: string;
  /** Both halves. */
  info1: readonly [high: number, low: number];
  info2: number;
}

const faults: FaultRow[] = [
  {
    name: 'not present, read',
    prepare: (b) => b.setEntry(DATA, 0),
    code: `here: mov eax, [${DATA + 8}]`,
    info1: [1, 0x04],
    info2: DATA + 8,
  },
  {
    name: 'not present, write',
    prepare: (b) => b.setEntry(DATA, 0),
    code: `here: mov [${DATA + 8}], eax`,
    info1: [1, 0x06],
    info2: DATA + 8,
  },
  {
    name: 'not present, fetch without NX',
    prepare: (b) => b.setEntry(DATA, 0),
    code: `jmp here\nhere equ ${DATA}`,
    info1: [1, 0x04],
    info2: DATA,
  },
  {
    name: 'not present, fetch with NX',
    format: 'PAE',
    prepare: (b) => b.setEntry(DATA, 0),
    code: `jmp here\nhere equ ${DATA}`,
    info1: [1, 0x14],
    info2: DATA,
  },
  {
    name: 'fetch from a no-execute page',
    format: 'PAE',
    prepare: (b) => b.setEntry(DATA, DATA | ALL, 0x8000_0000),
    code: `jmp here\nhere equ ${DATA}`,
    info1: [1, 0x15],
    info2: DATA,
  },
  {
    name: 'a page without the user bit, read by the guest kernel',
    prepare: (b) => b.setEntry(DATA, DATA | PTE_P | PTE_W),
    code: `here: mov eax, [${DATA}]`,
    info1: [1, 0x05],
    info2: DATA,
  },
  {
    name: 'a read-only page written by the guest kernel, whatever the CR0.WP of the host',
    prepare: (b) => b.setEntry(DATA, DATA | PTE_P | PTE_U),
    code: `here: mov [${DATA + 4}], eax`,
    info1: [1, 0x07],
    info2: DATA + 4,
  },
  {
    name: 'a read-only page, read-modify-write',
    prepare: (b) => b.setEntry(DATA, DATA | PTE_P | PTE_U),
    code: `here: inc dword [${DATA + 4}]`,
    info1: [1, 0x07],
    info2: DATA + 4,
  },
  {
    name: 'a reserved bit in a nested entry',
    format: 'PAE',
    prepare: (b) => b.setEntry(DATA, DATA | ALL, RESERVED_HIGH),
    code: `here: mov eax, [${DATA}]`,
    info1: [1, 0x0d],
    info2: DATA,
  },
  {
    name: "the guest's page directory in a read-only page",
    prepare: (b) => b.paging().setEntry(PAGE_DIRECTORY, PAGE_DIRECTORY | PTE_P | PTE_U),
    code: 'here: nop',
    info1: [2, 0x07],
    info2: PAGE_DIRECTORY,
  },
  {
    name: "the guest's page directory in a page without the user bit",
    prepare: (b) => b.paging().setEntry(PAGE_DIRECTORY, PAGE_DIRECTORY | PTE_P | PTE_W),
    code: 'here: nop',
    info1: [2, 0x07],
    info2: PAGE_DIRECTORY,
  },
  {
    name: "the guest's page directory not present",
    prepare: (b) => b.paging().setEntry(PAGE_DIRECTORY, 0),
    code: 'here: nop',
    info1: [2, 0x06],
    info2: PAGE_DIRECTORY,
  },
  {
    name: "an entry of the guest's page table, not present: its own address",
    prepare: (b) => b.paging().setEntry(PAGE_TABLE, 0),
    code: 'here: nop',
    info1: [2, 0x06],
    info2: PAGE_TABLE + (CODE >>> 12) * 4,
  },
  {
    name: 'a reserved bit on the way to a guest table',
    format: 'PAE',
    prepare: (b) => b.paging().setEntry(PAGE_TABLE, PAGE_TABLE | ALL, RESERVED_HIGH),
    code: 'here: nop',
    info1: [2, 0x0f],
    info2: PAGE_TABLE + (CODE >>> 12) * 4,
  },
  {
    name: 'a user read under guest paging',
    prepare: (b) => b.paging().user().setEntry(DATA, 0),
    code: `here: mov eax, [${DATA}]`,
    info1: [1, 0x04],
    info2: DATA,
  },
];

for (const { name, format, prepare, code, info1, info2 } of faults) {
  t.test(`#NPF: ${name}`, async (t) => {
    const bench = new NestedBench(format);
    bench.load(code);
    prepare(bench);
    t.strictSame(bench.run(), { kind: 'vmexit' });
    t.equal(exitCodeName(bench.exit.code), 'NPF');
    t.strictSame([bench.vmcb.readHigh(VMCB_CONTROL.exitInfo1), bench.exit.info1], info1, 'EXITINFO1');
    t.equal(bench.exit.info2, info2, 'EXITINFO2');
    t.equal(bench.exit.eip, bench.symbols.here);
    t.equal(bench.exit.interrupted, 0);
  });
}

t.test('#NPF during the delivery of an exception says which', async (t) => {
  const bench = new NestedBench().load('xor ecx, ecx\nhere: div ecx').gate(0, 'here');
  bench.setEntry(0x1_f000, 0);
  bench.run();
  t.equal(exitCodeName(bench.exit.code), 'NPF');
  t.equal(bench.exit.info2 & ~0xfff, 0x1_f000, "the guest's stack");
  t.equal(bench.exit.interrupted >>> 0, 0x8000_0300);
});

// --- order of faults

const order: { name: string; prepare: (b: NestedBench) => void; exit: number; info1: number }[] = [
  {
    name: "the guest's page not present comes before the nested fault of the page",
    prepare: (b) => {
      b.setEntry(DATA, 0);
      b.machine.memory.write32(PAGE_TABLE + (DATA >>> 12) * 4, DATA);
    },
    exit: EXIT_EXCEPTION + 14,
    info1: 0,
  },
  {
    name: "the guest's rights come before the nested fault of the page",
    prepare: (b) => {
      b.user().setEntry(DATA, 0);
      b.machine.memory.write32(PAGE_TABLE + (DATA >>> 12) * 4, DATA | PTE_P | PTE_W);
    },
    exit: EXIT_EXCEPTION + 14,
    info1: 5,
  },
  {
    name: "a nested fault on the guest's table comes before the guest's page fault",
    prepare: (b) => {
      b.machine.memory.write32(PAGE_DIRECTORY, GUEST_POINTERS | ALL);
      b.machine.memory.write32(GUEST_POINTERS + (CODE >>> 12) * 4, CODE | ALL);
      b.setEntry(GUEST_POINTERS, 0);
    },
    exit: EXIT_NESTED_PAGE_FAULT,
    info1: 6,
  },
];

for (const { name, prepare, exit, info1 } of order) {
  t.test(`order: ${name}`, async (t) => {
    const bench = new NestedBench().load(`here: mov eax, [${DATA}]`).paging() as NestedBench;
    bench.intercept(EXIT_EXCEPTION + 14);
    prepare(bench);
    bench.run();
    t.equal(exitCodeName(bench.exit.code), exitCodeName(exit));
    t.equal(bench.exit.info1, info1);
  });
}

t.test(
  "a page fault of the guest's own does not exit: it goes through the guest's IDT with the guest's address",
  async (t) => {
    const bench = new NestedBench().load(`mov eax, [${DATA + 12}]\nhandler: mov ebx, cr2\nvmmcall`);
    bench.gate(14, 'handler').paging(DATA).run();
    t.equal(exitCodeName(bench.exit.code), 'VMMCALL');
    t.equal(bench.machine.cpu.gpr(EBX), DATA + 12);
  },
);

// --- references of a cold walk: n guest levels, m nested levels: nm + n + m

const walks: {
  name: string;
  format: Format;
  large?: boolean;
  guest: 'off' | '2-level' | 'PAE';
  references: { guest: number; nested: number };
}[] = [
  { name: '2x2', format: '2-level', guest: '2-level', references: { guest: 2, nested: 6 } },
  { name: '3x3', format: 'PAE', guest: 'PAE', references: { guest: 3, nested: 12 } },
  { name: '3x2', format: '2-level', guest: 'PAE', references: { guest: 3, nested: 8 } },
  { name: '2x3', format: 'PAE', guest: '2-level', references: { guest: 2, nested: 9 } },
  {
    name: '2x1, 4 MB',
    format: '2-level',
    large: true,
    guest: '2-level',
    references: { guest: 2, nested: 3 },
  },
  { name: '3x2, 2 MB', format: 'PAE', large: true, guest: 'PAE', references: { guest: 3, nested: 8 } },
  { name: 'paging off, 2 levels', format: '2-level', guest: 'off', references: { guest: 0, nested: 2 } },
  { name: 'paging off, 3 levels', format: 'PAE', guest: 'off', references: { guest: 0, nested: 3 } },
  {
    name: 'paging off, 4 MB',
    format: '2-level',
    large: true,
    guest: 'off',
    references: { guest: 0, nested: 1 },
  },
];

for (const { name, format, large = false, guest, references } of walks) {
  t.test(`a cold walk, ${name}: ${references.guest + references.nested} references`, async (t) => {
    const bench = new NestedBench(format, large);
    bench.load('vmmcall');
    if (guest === '2-level') bench.paging();
    if (guest === 'PAE') bench.pae();
    t.strictSame(bench.run(), { kind: 'vmexit' });
    t.equal(exitCodeName(bench.exit.code), 'VMMCALL');
    t.strictSame(bench.references, references);
    const { ledger } = bench.machine;
    const { prices } = ledger.profile;
    const { guest: own, nested } = references;
    t.equal(
      ledger.accounts().walk,
      own * prices['walk.reference'].value + nested * prices['walk.nested.reference'].value,
      'each one priced',
    );
  });
}

/** As many on a processor with a page-walk cache: the walk of one address finds what it itself has read before. */
for (const profile of profiles) {
  t.test(`a cold walk on ${profile.name}`, async (t) => {
    for (const { name, format, large, guest, references } of walks) {
      const bench = new NestedBench(format, large, profile).load('vmmcall');
      if (guest === '2-level') bench.paging();
      if (guest === 'PAE') (bench as NestedBench).pae();
      bench.run();
      const { walk } = bench.machine.ledger.snapshot();
      const read = bench.references;
      const cached = walk['walk.cached'] ?? 0;
      t.equal(read.guest, references.guest, `${name}: the guest's entries, each read once`);
      t.equal(read.nested + cached, references.nested, `${name}: nested entries, ${cached} of them again`);
      t.equal(cached > 0, profile.walkCache !== undefined && references.guest > 0, name);
    }
  });
}

for (const { format, guest, references } of [
  { format: '2-level', guest: 'paging', references: { guest: 2, nested: 4, cached: 2 } },
  { format: 'PAE', guest: 'pae', references: { guest: 3, nested: 6, cached: 6 } },
] as const) {
  t.test(
    `a cold walk with a page-walk cache finds the nested tables' upper entries there, ${format}`,
    async (t) => {
      const bench = new NestedBench(format, false, { ...pentium4_672, walkCache: { entries: 24 } });
      bench.load('vmmcall')[guest]();
      bench.run();
      const { walk } = bench.machine.ledger.snapshot();
      t.strictSame({ ...bench.references, cached: walk['walk.cached'] }, references);
    },
  );
}

t.test('the TLB holds the combined translation: a second access walks nothing', async (t) => {
  const bench = new NestedBench().load(`mov eax, [${DATA}]\nmov ebx, [${DATA + 4}]\nvmmcall`);
  bench.paging().run();
  t.strictSame(bench.references, { guest: 4, nested: 12 });
  const entry = bench.machine.memory.read32(PAGE_TABLE);
  t.ok(entry & PTE_P);
});

// --- what the tables do

t.test('guest-physical is not host-physical', async (t) => {
  for (const format of ['2-level', 'PAE'] as const) {
    for (const paging of [false, true]) {
      const bench = new NestedBench(format).load(`mov ebx, [${DATA}]\nmov dword [${DATA}], 7\nvmmcall`);
      if (paging) bench.paging();
      (bench as NestedBench).setEntry(DATA, OTHER | ALL);
      const { memory } = bench.machine;
      memory.write32(OTHER, 0x1234);
      bench.run();
      t.equal(bench.machine.cpu.gpr(EBX), 0x1234);
      t.equal(memory.read32(OTHER), 7);
      t.equal(memory.read32(DATA), 0);
    }
  }
});

t.test('nested accessed and dirty bits', async (t) => {
  const bench = new NestedBench().load(`mov eax, [${DATA}]\nmov [${OTHER}], eax\nvmmcall`) as NestedBench;
  bench.paging().run();
  t.equal(bench.entry(DATA) & (PTE_A | PTE_D), PTE_A, 'a page that was read');
  t.equal(bench.entry(OTHER) & (PTE_A | PTE_D), PTE_A | PTE_D, 'a page that was written');
  t.equal(bench.entry(PAGE_TABLE) & (PTE_A | PTE_D), PTE_A | PTE_D, "the guest's table counts as written");
  t.equal(bench.entry(0x3_2000) & (PTE_A | PTE_D), 0, 'a page that was not touched');
  const guestEntry = (gva: number) => bench.machine.memory.read32(PAGE_TABLE + (gva >>> 12) * 4);
  t.equal(guestEntry(DATA) & (PTE_A | PTE_D), PTE_A, "the guest's own bits, read");
  t.equal(guestEntry(OTHER) & (PTE_A | PTE_D), PTE_A | PTE_D, "the guest's own bits, written");
});

t.test('a first write after a read walks again and sets both dirty bits', async (t) => {
  const bench = new NestedBench().load(
    `mov eax, [${DATA}]\nmov [${DATA}], eax\nmov [${DATA + 4}], eax\nvmmcall`,
  ) as NestedBench;
  bench.paging().run();
  t.strictSame(bench.references, { guest: 6, nested: 18 });
  t.equal(bench.entry(DATA) & PTE_D, PTE_D);
});

t.test('the guest writes CR3 without an exit, and finds its own value there', async (t) => {
  const bench = new NestedBench()
    .load(`mov eax, ${PAGE_DIRECTORY}\nmov cr3, eax\nmov ebx, cr3\nvmmcall`)
    .paging();
  t.strictSame(bench.run(), { kind: 'vmexit' });
  t.equal(exitCodeName(bench.exit.code), 'VMMCALL');
  t.equal(bench.machine.cpu.gpr(EBX), PAGE_DIRECTORY);
  t.equal(bench.vmcb.read(VMCB_STATE.cr3), PAGE_DIRECTORY, 'gCR3 is guest-physical in the VMCB too');
});

t.test(
  'under PAE the guest loads no PDPTEs: a bad one is a page fault of the access, not #GP of MOV CR3',
  async (t) => {
    const bench = new NestedBench('PAE').load(
      `mov eax, ${GUEST_POINTERS}\nmov dword [${GUEST_POINTERS + 8}], 7\nmov cr3, eax\nhere: mov eax, [0x40000000]`,
    ) as NestedBench;
    bench.pae().intercept(EXIT_EXCEPTION + 14, EXIT_EXCEPTION + 13);
    bench.run();
    t.equal(exitCodeName(bench.exit.code), 'EXCP14');
    t.equal(bench.exit.info1 & 9, 9, 'present, reserved bit');
    t.equal(bench.exit.eip, bench.symbols.here);
  },
);

t.test(
  'a 4 MB page of the guest on 4 KB nested ones is a TLB entry a page; INVLPG takes them all',
  async (t) => {
    const bench = new NestedBench().load(`
    mov eax, [${DATA}]
    mov eax, [${OTHER}]
    invlpg [${DATA}]
    mov ebx, [${OTHER}]
    vmmcall`) as NestedBench;
    bench.machine.memory.write32(PAGE_DIRECTORY, ALL | PTE_PS);
    bench.vmcb.write(VMCB_STATE.cr3, PAGE_DIRECTORY);
    bench.vmcb.write(VMCB_STATE.cr4, CR4_PSE);
    bench.vmcb.write(VMCB_STATE.cr0, (bench.vmcb.read(VMCB_STATE.cr0) | CR0_PG) >>> 0);
    bench.run();
    t.equal(exitCodeName(bench.exit.code), 'VMMCALL');
    // Code, two pages of data; after INVLPG the code page and one of data again.
    t.strictSame(bench.references, { guest: 5, nested: 20 });
  },
);

for (const tlbControl of [0, 1, 3, 7]) {
  t.test(`TLB_CONTROL ${tlbControl} and a changed nested entry`, async (t) => {
    const bench = new NestedBench().load(`mov ebx, [${DATA}]\nvmmcall`).paging() as NestedBench;
    const { memory, cpu } = bench.machine;
    memory.write32(DATA, 1);
    memory.write32(OTHER, 2);
    bench.run();
    t.equal(cpu.gpr(EBX), 1);
    bench.setEntry(DATA, OTHER | ALL);
    bench.vmcb.write(VMCB_STATE.rip, CODE);
    bench.vmcb.write(VMCB_CONTROL.tlbControl, tlbControl);
    bench.run();
    t.equal(cpu.gpr(EBX), tlbControl === 0 ? 1 : 2);
  });
}

t.test('G_PAT takes the place of PAT in the guest, and comes back in the VMCB', async (t) => {
  const bench = new NestedBench().load(`
    mov ecx, 0x277
    rdmsr
    mov ebx, eax
    mov eax, 0x01010101
    mov edx, 0x06060606
    wrmsr
    vmmcall`);
  bench.vmcb.write(VMCB_STATE.gPat, 0x0505_0505, 0x0404_0404);
  bench.run();
  t.equal(exitCodeName(bench.exit.code), 'VMMCALL');
  t.equal(bench.machine.cpu.gpr(EBX), 0x0505_0505);
  t.strictSame(
    [bench.vmcb.read(VMCB_STATE.gPat), bench.vmcb.readHigh(VMCB_STATE.gPat)],
    [0x0101_0101, 0x0606_0606],
  );
  bench.vmcb.write(VMCB_CONTROL.nestedControl, 0);
  bench.vmcb.write(VMCB_STATE.rip, CODE);
  bench.run();
  t.equal(bench.machine.cpu.gpr(EBX), 0x0007_0406, "the host's own stays");
});

t.test('without nested paging the guest shares PAT with the host', async (t) => {
  const bench = new Bench().load('mov ecx, 0x277\nrdmsr\nmov ebx, eax\nvmmcall');
  bench.vmcb.write(VMCB_STATE.gPat, 0x0505_0505, 0);
  bench.run();
  t.equal(bench.machine.cpu.gpr(EBX), 0x0007_0406);
});

const refused: { name: string; prepare: (b: NestedBench) => void }[] = [
  { name: 'the host has paging off', prepare: (b) => (b.machine.cpu.cr0 = 0x11) },
  { name: 'N_CR3 lies above 4 GB', prepare: (b) => b.vmcb.write(VMCB_CONTROL.nestedCr3, ROOT, 1) },
  { name: 'G_PAT has a reserved type', prepare: (b) => b.vmcb.write(VMCB_STATE.gPat, 0x0000_0200, 0) },
  {
    name: 'G_PAT has a reserved type in its high half',
    prepare: (b) => b.vmcb.write(VMCB_STATE.gPat, 0, 0x0800_0000),
  },
];

for (const { name, prepare } of refused) {
  t.test(`VMEXIT_INVALID: ${name}`, async (t) => {
    const bench = new NestedBench().load('vmmcall') as NestedBench;
    prepare(bench);
    bench.run();
    t.equal(exitCodeName(bench.exit.code), 'INVALID');
    t.equal(bench.machine.cpu.gpr(EAX), 0, 'nothing of the guest was run');
  });
}

t.test('after the guest the host walks its own tables again', async (t) => {
  const bench = new NestedBench().load('mov edx, 5\nvmmcall') as NestedBench;
  bench.setEntry(DATA, OTHER | ALL);
  const { cpu, memory } = bench.machine;
  cpu.cr3 = 0x4_a000;
  memory.write32(0x4_a000, 0x4_b000 | ALL);
  memory.write32(0x4_b000 + (DATA >>> 12) * 4, 0x2_0000 | ALL);
  bench.run();
  t.equal(cpu.gpr(EDX), 5);
  t.equal(cpu.translate(DATA, { write: false, user: false, fetch: false }), 0x2_0000);
  t.equal(cpu.efer & EFER_SVME, EFER_SVME);
  t.equal(memory.read32(VMCB_HPA + 0x70), INTERCEPTS.VMMCALL);
});
