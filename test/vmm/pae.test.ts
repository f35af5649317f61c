import t from 'tap';
import { assemble } from '../../emulator/asm/index.js';
import { runImage } from '../../emulator/run.js';
import type { Technique } from '../../emulator/vmm/catalog.js';

/** Asks CPUID, then pages with 64-bit entries: page 0x400000 is 0x300000, not to be executed. Ends with the #PF of a fetch. */
const { bytes, diagnostics } = assemble(`
        bits 32
        org 0x100000
        mov eax, 1
        cpuid
        and edx, 0x40
        mov [0x300010], edx
        mov eax, 0x80000001
        cpuid
        and edx, 0x100000
        mov [0x300014], edx
        lidt [idtr]
        lgdt [gdtr]
        mov dword [0x200000], 0x201001
        mov dword [0x201000], 0x83
        mov dword [0x201008], 0x200083
        mov dword [0x201010], 0x202003
        mov dword [0x202000], 0x300003
        mov dword [0x202004], 0x80000000
        mov ecx, 0xc0000080
        mov eax, 0x800
        xor edx, edx
        wrmsr
        mov eax, 0x20
        mov cr4, eax
        mov eax, 0x200000
        mov cr3, eax
        mov eax, cr0
        bts eax, 31
        mov cr0, eax
        mov dword [0x400000], 0x1234
        jmp 0x400000
fault:  pop dword [0x300018]
        mov al, 7
        out 0xf4, al
        align 8
idt:    times 14 dq 0
        dw fault - $$, 8, 0x8e00, 0x10
idtr:   dw 15 * 8 - 1
        dd idt
gdt:    dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdtr:   dw 23
        dd gdt
`);

const run = (technique: Technique) => runImage(bytes, { technique, memoryBytes: 4 << 20 });

t.test('a guest with PAE and NX under nested paging is as on the bare machine', async (t) => {
  t.same(diagnostics, []);
  const native = run('native');
  t.match(native, { outcome: 'exit', exitCode: 7 });
  const nested = run('svm-nested');
  t.match(nested, { outcome: 'exit', exitCode: 7 });
  t.equal(
    nested.memoryDigest,
    native.memoryDigest,
    'what CPUID said, the entries and the error code among it',
  );
});

t.test(
  'shadow page tables do not follow PAE: the virtual processor has none, and says who asked',
  async (t) => {
    for (const technique of ['svm-shadow', 'binary-translation'] as const) {
      const refused = run(technique);
      t.equal(refused.outcome, 'triple-fault', technique);
      t.match(refused.detail, /#GP/, technique);
    }
  },
);
