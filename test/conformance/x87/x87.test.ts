import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import t from 'tap';
import { EAX } from '../../../emulator/arch/registers.js';
import { findProfile } from '../../../emulator/cost/catalog.js';
import { runImage, usableTechniques } from '../../../emulator/index.js';
import { Machine } from '../../../emulator/machine.js';
import { packageRoot } from '../../../emulator/root.js';
import { assembleGuest } from '../../../kernel/guests.js';
import { bareMachine, tables } from '../../cpu/bare.js';
import { differences, replay } from './replay.js';

t.test('what hardware gave', async (t) => {
  const path = join(packageRoot(), 'test/conformance/x87/hardware.jsonl.gz');
  const lines = gunzipSync(readFileSync(path)).toString('utf8').trimEnd().split('\n');
  const failures = lines.flatMap((line) => {
    const [name, image, code, memory, outcome] = JSON.parse(line) as string[];
    const [after, stored, flags] = outcome.split(' ');
    const tested = { name, image, code, memory };
    const found = differences(tested, { image: after, memory: stored, flags }, replay(tested));
    return found.length === 0 ? [] : [{ ...tested, found }];
  });
  t.same(failures, [], `${lines.length} cases`);
});

/** A sum whose exception is unmasked: the instruction after next that waits raises #MF. */
const UNMASKED = `
        lgdt [gdtr]
        lidt [idtr]
        fninit
        mov word [0x5000], 0x37b
        fldcw [0x5000]
        fld1
        fldz
        fdivp st1, st0
        fnstsw ax
after:  fld1
        hlt
`;

t.test('an unmasked exception is #MF at the next instruction that waits', async (t) => {
  const machine = bareMachine(
    `${UNMASKED}${tables((vector) => (vector === 16 ? 'mov ebx, [esp]\nsub ebx, after\nfnstenv [0x6000]\nhlt' : 'hlt'))}`,
  );
  t.equal(machine.run({ instructions: 100 }).kind, 'halted');
  t.equal(machine.cpu.gpr(EAX) & 0x80ff, 0x8084);
  t.equal(machine.cpu.gpr(3), 0);
  t.equal(machine.memory.read32(0x6000 + 12) - 0x10_0000 > 0, true, 'where the division lies');
});

t.test('without a coprocessor', async (t) => {
  const full = findProfile('pentium4-672');
  const profile = { ...full, features: full.features.filter((feature) => feature !== 'fpu') };
  const machine = Machine.create({ profile, memoryBytes: 2 << 20 });
  const { bytes } = assembleGuest(
    `bits 32
        org 0x100000
        finit
        mov word [0x5000], 0x5a5a
        fnstsw [0x5000]
        fnstcw [0x5002]
        fnstsw ax
        fld1
        hlt`,
    'none.asm',
  );
  machine.memory.writeBytes(0x10_0000, bytes);
  machine.resetFlat(0x10_0000);
  t.match(machine.run({ instructions: 10 }), { kind: 'tripleFault' });
  t.equal(machine.memory.read32(0x5000), 0xffff_ffff, 'the words that software looks for one with are ones');
  t.equal(machine.cpu.gpr(EAX), 0xffff);
  t.same([...machine.missing], [['fld1', 1]]);
});

t.test('the same under every technique: in the kernel, lazily switched, and in user mode', async (t) => {
  const { bytes, diagnostics } = assembleGuest(
    `
        bits 32
        org 0x100000
        lgdt [gdtr]
        lidt [idtr]
        mov ax, 0x2b
        ltr ax
        fninit
        fldpi
        fsqrt
        mov eax, cr0
        or eax, 8
        mov cr0, eax
        fld1
        faddp st1, st0
        fstp qword [0x200000]
        mov ax, 0x23
        mov ds, ax
        push dword 0x23
        push dword 0x90000
        push dword 0x2
        push dword 0x1b
        push dword user
        iretd
user:   fldl2e
        fimul dword [three]
        fst qword [0x200008]
        int 0x21
not_available:
        clts
        inc dword [count]
        iretd
gate21: fadd qword [0x200008]
        fnsave [0x200100]
        frstor [0x200100]
        mov al, [count]
        out 0xf4, al
        hlt
count:  dd 0
three:  dd 3
        align 8
gdt:    dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00cffb000000ffff, 0x00cff3000000ffff
        dw 103, tss - $$
        dd 0x00008910
gdtr:   dw 47
        dd gdt
idt:    times 7 dq 0
        dw not_available - $$, 8, 0x8e00, 0x10
        times 25 dq 0
        dw gate21 - $$, 8, 0xee00, 0x10
idtr:   dw 34 * 8 - 1
        dd idt
        align 4
tss:    dd 0, 0x80000, 0x10
        times 92 db 0
`,
    'float.asm',
  );
  t.same(diagnostics, []);
  const runs = usableTechniques()
    .filter((technique) => technique !== 'trap-and-emulate')
    .map((technique) =>
      runImage(bytes, { technique, memoryBytes: 4 << 20, limits: { instructions: 10_000 } }),
    );
  for (const run of runs) {
    t.equal(run.exitCode, 1, `${run.technique}: ${run.detail}`);
    t.same(run.state.x87, runs[0].state.x87, run.technique);
    t.equal(run.memoryDigest, runs[0].memoryDigest, run.technique);
  }
});
