import t from 'tap';
import { findProfile } from '../../emulator/cost/catalog.js';
import type { CpuProfile } from '../../emulator/cost/profile.js';
import { usableTechniques } from '../../emulator/vmm/catalog.js';
import type { Technique } from '../../emulator/vmm/catalog.js';
import type { Switches } from '../../emulator/vmm/switches.js';
import type { GuestCase } from './guest-source.js';
import { finish, memoryDifferences, start, visible } from './run-guest.js';

// CR8 under every technique: its value, the interrupts that it holds off, and who notices when it goes down again.

const APIC = '0xfee00000';
const ENABLED = `
        mov dword [${APIC} + 0xf0], 0x1ff`;
/** An interrupt of the guest's own making, and a jump, after which the bare machine looks for interrupts too. */
const SEND = (vector: number): string => `
        mov dword [${APIC} + 0x300], 0x44000 | ${vector}
        jmp $ + 2`;
const TIMER = (vector: number, ticks: number): string => `
        mov dword [${APIC} + 0x320], ${vector}
        mov dword [${APIC} + 0x3e0], 0xb
        mov dword [${APIC} + 0x380], ${ticks}`;
/** Notes in the next word of RESULT how far the guest had come. */
const NOTE = `
        push eax
        mov eax, [RESULT]
        mov [RESULT + 4 + eax * 4], ebx
        inc dword [RESULT]
        mov dword [${APIC} + 0xb0], 0
        pop eax
        iret`;

/** Where an interrupt came is not the same under every technique: nothing of it stays on the stack. */
const FORGET = `
        cli
        times 4 push dword 0
        add esp, 16`;

const GUESTS: GuestCase[] = [
  {
    name: 'what is written is read, here and in the APIC, bits 3:0 of whose register go',
    code: `${ENABLED}
        mov dword [${APIC} + 0x80], 0x37
        mov ebx, cr8
        mov [RESULT], ebx
        xor esi, esi
again:  mov cr8, esi
        mov ecx, cr8
        mov [RESULT + 4 + esi * 8], ecx
        mov edx, [${APIC} + 0x80]
        mov [RESULT + 8 + esi * 8], edx
        inc esi
        cmp esi, 16
        jb again`,
  },
  {
    name: 'every register can be written from, flags stay, and 16 and more are refused',
    code: `
        mov ebp, 20
again:  mov eax, 3
        stc
        mov cr8, eax
        setc [RESULT + 4]
        mov ecx, 4
        mov cr8, ecx
        mov edx, cr8
        mov [RESULT + 8], edx
        mov esi, 5
        mov cr8, esi
        mov edi, cr8
        xchg esp, edi
        mov cr8, esp
        xchg esp, edi
        mov eax, 16
        mov cr8, eax
        mov ecx, 0x100
        mov cr8, ecx
        mov edx, 0x80000003
        mov cr8, edx
        mov ebx, cr8
        dec ebp
        jnz again`,
    // Over the error code and the four bytes of the instruction.
    handlers: {
      13: '        add esp, 4\n        add dword [esp], 4\n        inc dword [RESULT]\n        iret',
    },
  },
  {
    name: 'an interrupt waits for the priority to go down, and comes at once',
    code: `${ENABLED}
        sti
        mov ebp, 20
again:  xor ebx, ebx
        mov eax, 8
        mov cr8, eax
${SEND(0x61)}
        inc ebx
        mov eax, 6
        mov cr8, eax
        inc ebx
        mov eax, 5
        mov cr8, eax
        mov ebx, 100
        dec ebp
        jnz again`,
    handlers: { 0x61: NOTE },
  },
  {
    name: 'one of a higher class goes through, one of a lower does not',
    code: `${ENABLED}
        sti
        mov eax, 6
        mov cr8, eax
        mov ebx, 1
${SEND(0x51)}
        mov ebx, 2
${SEND(0x71)}
        mov ebx, 3
        xor eax, eax
        mov cr8, eax
        mov ebx, 4`,
    handlers: { 0x51: NOTE, 0x71: NOTE },
  },
  {
    name: 'the timer comes while the priority holds it off, unseen by any exit',
    code: `${ENABLED}
        sti
        xor eax, eax
        mov cr8, eax
${TIMER(0x61, 500)}
        mov eax, 9
        mov cr8, eax
        mov ebx, 1
        mov ecx, 60000
spin:   loop spin
        mov ebx, 2
        xor eax, eax
        mov cr8, eax
        mov ebx, 3`,
    handlers: { 0x61: NOTE },
  },
  {
    name: 'the priority has gone down before the timer comes, unseen by any exit',
    code: `${ENABLED}
        sti
        mov eax, 9
        mov cr8, eax
${TIMER(0x61, 5000)}
        cpuid
        xor ebx, ebx
        xor ecx, ecx
        xor edx, edx
        xor eax, eax
        mov cr8, eax
waits:  cmp dword [RESULT], 0
        je waits
${FORGET}`,
    handlers: { 0x61: NOTE },
  },
  {
    name: 'in HLT, with the priority too high and then not',
    code: `${ENABLED}
        xor ebx, ebx
        mov eax, 9
        mov cr8, eax
${TIMER(0x61, 500)}
        mov ecx, 60000
spin:   loop spin
        mov ebx, 1
        xor eax, eax
        mov cr8, eax
        sti
        hlt
        cli
${FORGET}`,
    handlers: { 0x61: NOTE },
  },
  {
    name: 'user code may not',
    code: `
        push dword 0x23
        push dword USER_STACK
        push dword 0x2
        push dword 0x1b
        push dword user
        iret
user:   mov cr8, eax
        mov eax, cr8
        int 0x80
        jmp $
done:   add esp, 20`,
    handlers: {
      13: '        add esp, 4\n        add dword [esp], 4\n        inc dword [ss:RESULT]\n        iret',
      0x80: '        mov ax, 0x10\n        mov ds, ax\n        jmp done',
    },
    userGates: [0x80],
  },
];

const p4 = findProfile('pentium4-672');
const PLAIN: CpuProfile = { ...p4, features: p4.features.filter((feature) => feature !== 'altMovCr8') };

const CONFIGURATIONS: readonly (readonly [Technique, Partial<Switches>])[] = [
  ...usableTechniques().map((technique) => [technique, {}] as const),
  ['binary-translation', { inCacheEmulation: false }],
  ['binary-translation', { unitLimit: 1, chaining: false, adaptive: false }],
  ['svm-shadow', { exitAvoidance: true, leanHandlers: true }],
];

for (const guest of GUESTS) {
  t.test(guest.name, async (t) => {
    const native = start(guest, 'native');
    t.equal(finish(native).kind, 'exit', 'comes to an end');
    for (const [technique, switches] of CONFIGURATIONS) {
      const name = `${technique} ${JSON.stringify(switches)}`;
      const vmm = start(guest, technique, p4, switches);
      t.equal(finish(vmm).kind, 'exit', `${name}: comes to an end`);
      t.same(visible(vmm), visible(native), `${name}: registers`);
      t.same(memoryDifferences(native, vmm), [], `${name}: memory`);
      t.equal(vmm.guest.cpu.cr8, native.guest.cpu.cr8, `${name}: CR8`);
    }
  });
}

t.test('cut into slices of a few instructions', async (t) => {
  const guest = GUESTS[2];
  const native = start(guest, 'native');
  finish(native);
  for (const technique of usableTechniques()) {
    const vmm = start(guest, technique);
    finish(vmm, { instructions: 7 });
    t.same(memoryDifferences(native, vmm), [], technique);
  }
});

t.test('without AltMovCr8 there is no such instruction', async (t) => {
  const guest: GuestCase = {
    name: 'undefined',
    code: '        mov cr8, eax\n        mov eax, cr8',
    handlers: { 6: '        add dword [esp], 4\n        inc dword [RESULT]\n        iret' },
  };
  for (const technique of usableTechniques()) {
    const vmm = start(guest, technique, PLAIN);
    finish(vmm);
    t.equal(vmm.guest.memory.read32(0x60000), 2, technique);
  }
});

t.test('the hardware family writes V_TPR without an exit after the first', async (t) => {
  const guest: GuestCase = {
    name: 'many writes',
    code: '        mov ecx, 500\nagain:  mov eax, ecx\n        and eax, 15\n        mov cr8, eax\n        loop again',
  };
  for (const technique of ['svm-shadow', 'svm-nested'] as const) {
    const vmm = start(guest, technique);
    finish(vmm);
    t.equal(vmm.exits.get('CR_WRITE')?.count, 1, technique);
    t.equal(vmm.guest.cpu.cr8, 1, `${technique}: and the last is known at the end`);
  }
  const translated = start(guest, 'binary-translation');
  finish(translated);
  t.equal(translated.exits.get('CR_WRITE'), undefined, 'binary translation writes it in the cache');
});
