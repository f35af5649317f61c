import t from 'tap';
import { audit, LISTED, withListed } from '../../../emulator/audit.js';
import type { AuditOptions } from '../../../emulator/audit.js';
import { INSTRUCTION_TABLE } from '../../../emulator/isa/table.js';
import { runImage } from '../../../emulator/run.js';
import { audit as auditCell, guest } from '../../../kernel/session/index.js';
import { displaySymbol } from '../../../kernel/session/display.js';
import { MEMORY_BYTES, ending, load, native, program } from './bench.js';
import type { Program } from './bench.js';
import { findProfile } from '../../../emulator/cost/catalog.js';
import { AuditVmm } from '../../../emulator/vmm/software/audit-vmm.js';
import { GUESTS } from './guests.js';

/** Runs `body` in ring 0; a #GP ends the guest. */
const kernel = (body: string) =>
  program(`
start:  mov esp, STACK_TOP
        load_tables
        mov edi, 0x200000
        ${body}
        exit 0
protection: exit 1
software: iret
        align 8
idt:    no_gates 1
        gate software, GATE_INT0        ; 1: int1
        no_gates 1
        gate software, GATE_INT0        ; 3: int3
        gate software, GATE_INT0        ; 4: into
        no_gates 8
        gate protection, GATE_INT0
        no_gates 0x80 - 14
        gate software, GATE_INT0
idtr:   dw idtr - idt - 1
        dd idt
pointer: dd 0x1234
        dw KERNEL_DS | 1
        flat_gdt
        kernel_tss STACK_TOP
`);

const look = ({ image, symbols }: Program, options: AuditOptions = {}) =>
  audit(image, { memoryBytes: MEMORY_BYTES, limits: { instructions: 1_000_000 }, symbols, ...options });

interface Row {
  mnemonic: string;
  /** With the instruction at the label `here`. */
  body: string;
  saw: RegExp;
  should: RegExp;
}

const WRONG: readonly Row[] = [
  {
    mnemonic: 'sgdt',
    body: 'here: sgdt [edi]',
    saw: /^memory base 0xf\w{7} limit/,
    should: /base 0x10\w{4} limit 0x2f$/,
  },
  {
    mnemonic: 'sidt',
    body: 'here: sidt [edi]',
    saw: /^memory base 0xf\w{7} limit/,
    should: /base 0x10\w{4} limit 0x407$/,
  },
  {
    mnemonic: 'sldt',
    body: 'mov dword [gdt + 0x20], 7\n mov dword [gdt + 0x24], 0x8200\n mov ax, 0x20\n lldt ax\nhere: sldt eax',
    saw: /^eax 0xfff0$/,
    should: /^eax 0x20$/,
  },
  { mnemonic: 'str', body: 'here: str [edi]', saw: /^memory 0xfff8$/, should: /^memory 0x28$/ },
  { mnemonic: 'smsw', body: 'here: smsw eax', saw: /^eax 0x8001\w+$/, should: /^eax 0x31$/ },
  {
    mnemonic: 'pushf',
    body: 'cli\nhere: pushf',
    saw: /^\[esp-4\] 0x2\w\w \(IF=1\)$/,
    should: /^\[esp-4\] 0x\w+ \(IF=0\)$/,
  },
  {
    mnemonic: 'popf',
    body: 'push dword 0x3202\nhere: popf',
    saw: /^flags IF=0 IOPL=0$/,
    should: /^flags IF=1 IOPL=3$/,
  },
  {
    mnemonic: 'lar',
    body: 'mov ax, KERNEL_DS\nhere: lar ebx, ax',
    saw: /^ebx 0xcfb300$/,
    should: /^ebx 0xcf9300$/,
  },
  {
    mnemonic: 'lsl',
    body: 'mov ax, KERNEL_DS\nhere: lsl ebx, ax',
    saw: /^ebx 0xf\w+fff$/,
    should: /^ebx 0xffffffff$/,
  },
  {
    mnemonic: 'verr',
    body: 'mov ax, KERNEL_DS | 1\nhere: verr ax',
    saw: /^flags ZF=1$/,
    should: /^flags ZF=0$/,
  },
  {
    mnemonic: 'verw',
    body: 'mov ax, KERNEL_DS | 1\nhere: verw ax',
    saw: /^flags ZF=1$/,
    should: /^flags ZF=0$/,
  },
  { mnemonic: 'mov', body: 'here: mov eax, cs', saw: /^eax 0x9$/, should: /^eax 0x8$/ },
  { mnemonic: 'mov', body: 'here: mov [edi], ss', saw: /^memory 0x11$/, should: /^memory 0x10$/ },
  {
    mnemonic: 'mov',
    body: 'mov eax, KERNEL_DS | 1\nhere: mov ds, ax',
    saw: /^goes through, ds 0x11/,
    should: /^#GP\(0x10\)$/,
  },
  { mnemonic: 'push', body: 'here: push cs', saw: /^\[esp-4\] 0x9$/, should: /^\[esp-4\] 0x8$/ },
  {
    mnemonic: 'pop',
    body: 'push dword KERNEL_DS | 1\nhere: pop es',
    saw: /^goes through, .*es 0x11/,
    should: /^#GP\(0x10\)$/,
  },
  {
    mnemonic: 'call',
    body: 'here: call KERNEL_CS:on\non:',
    saw: /^\[esp-4\] 0x9$/,
    should: /^\[esp-4\] 0x8$/,
  },
  {
    mnemonic: 'jmp',
    body: 'here: jmp (KERNEL_CS | 1):on\non:',
    saw: /^goes through/,
    should: /^#GP\(0x8\)$/,
  },
  {
    mnemonic: 'retf',
    body: 'push dword KERNEL_CS | 1\n push dword on\nhere: retf\non:',
    saw: /^goes through/,
    should: /^#GP\(0x8\)$/,
  },
  {
    mnemonic: 'iret',
    body: 'pushf\n push dword KERNEL_CS | 1\n push dword on\nhere: iret\non:',
    saw: /^goes through/,
    should: /^#GP\(0x8\)$/,
  },
  ...['lds', 'les', 'lfs', 'lgs'].map((mnemonic) => ({
    mnemonic,
    body: `here: ${mnemonic} ebx, [pointer]`,
    saw: new RegExp(`^goes through, ebx 0x1234, ${mnemonic.slice(1)} 0x11`),
    should: /^#GP\(0x10\)$/,
  })),
  {
    mnemonic: 'lss',
    body: 'here: lss ebx, [pointer]',
    saw: /^goes through, ebx 0x1234$/,
    should: /^#GP\(0x10\)$/,
  },
];

/** Sensitive and not privileged, and yet the monitor gets control. */
const TRAPPED: readonly [mnemonic: string, body: string][] = [
  ['int', 'here: int 0x80'],
  ['int1', 'here: db 0xf1'],
  ['int3', 'here: int3'],
  ['into', 'mov al, 0x7f\n add al, 1\nhere: into'],
  ['iret', 'pushf\n push dword KERNEL_CS\n push dword on\nhere: iret\non:'],
];

const siteAt = (tested: Program, options?: AuditOptions) =>
  look(tested, options).rows.find(({ symbol }) => symbol === 'here');

for (const { mnemonic, body, saw, should } of WRONG) {
  t.test(`${mnemonic}: ${body.split('here: ')[1].split('\n')[0]}`, async (t) => {
    const row = siteAt(kernel(body));
    t.match(row, { mnemonic, ring: 0, times: 1, trapped: 0, differed: 1, difference: { saw, should } });
  });
}

for (const [mnemonic, body] of TRAPPED) {
  t.test(`${mnemonic} reaches the monitor`, async (t) => {
    t.match(siteAt(kernel(body)), { mnemonic, times: 1, trapped: 1, differed: 0, difference: null });
  });
}

t.test('every silent mnemonic has a row here', async (t) => {
  const silent = INSTRUCTION_TABLE.filter(({ sensitivity }) => sensitivity === 'silent');
  const tested = [...WRONG.map(({ mnemonic }) => mnemonic), ...TRAPPED.map(([mnemonic]) => mnemonic)];
  t.same([...new Set(silent.map(({ mnemonic }) => mnemonic))].sort(), [...new Set(tested)].sort());
});

t.test('how the list is counted', async (t) => {
  t.equal(LISTED.length, 17);
  t.equal(LISTED.flat().length, 18);
  const silent = INSTRUCTION_TABLE.filter(({ sensitivity }) => sensitivity === 'silent');
  t.same(
    [...new Set(silent.map(({ mnemonic }) => withListed(mnemonic)))].sort(),
    LISTED.map(([name]) => name).sort(),
  );
});

t.test('what looks the same is listed and not called wrong; a loop counts', async (t) => {
  const row = siteAt(kernel('mov ecx, 5\n mov eax, KERNEL_DS\nhere: mov fs, ax\n dec ecx\n jnz here'));
  t.match(row, { mnemonic: 'mov', times: 5, trapped: 0, differed: 0, difference: null });
});

t.test('in ring 3', async (t) => {
  const row = siteAt(kernel('here: mov eax, cs'), { kernelRing: 'ring3' });
  t.match(row, { difference: { saw: /^eax 0xb$/, should: /^eax 0x8$/ } });
  t.throws(() => look(kernel(''), { kernelRing: 'ring2' as 'ring3' }), /kernelRing.*ring1/);
});

t.test('the guest ends as on bare hardware', async (t) => {
  const profile = findProfile('pentium4-672');
  for (const { name, source } of GUESTS) {
    const tested = program(source);
    const vmm = load(new AuditVmm({ profile, memoryBytes: MEMORY_BYTES }), tested);
    t.same(ending(vmm), ending(native(tested)), name);
  }
});

t.test('in a cell', async (t) => {
  const program = guest('sensitive');
  const shown = auditCell(program, { memoryBytes: MEMORY_BYTES });
  const text = shown[displaySymbol]()['text/plain'];
  t.match(text, /of the 17 of Robin & Irvine \(sgdt, .*verr\/verw.*18 mnemonics, VERR and VERW count as one/);
  t.match(text, /reached the monitor each time: int/);
  t.match(text, /mov ax, ?cs.*0x9.*0x8/);
  t.ok(shown.rows.every(({ times, trapped }) => times > trapped));
  const bare = runImage(program.bytes, { memoryBytes: MEMORY_BYTES });
  t.equal(bare.outcome, shown.result.outcome);
});
