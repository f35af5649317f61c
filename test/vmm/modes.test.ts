import t from 'tap';
import { usableTechniques } from '../../emulator/vmm/catalog.js';
import type { GuestCase } from './guest-source.js';
import { PAGING_ON } from './guest-source.js';
import { finish, memoryDifferences, start, visible } from './run-guest.js';

/** Where 16-bit code is copied to, so that a segment reaches it. */
const LOW = 0x8000;

/** Copies the code between `low` and `low_end` to LOW, where it can run in 16-bit segments of base LOW. */
const COPY_LOW = `
        mov esi, low
        mov edi, ${LOW}
        mov ecx, low_end - low
        cld
        rep movsb
`;

/** Modes that no software monitor runs directly, each entered and left again. */
const guests: readonly GuestCase[] = [
  {
    name: 'real mode, an interrupt there, and back',
    code: `${COPY_LOW}
        sub esp, 16
        sgdt [RESULT + 0x40]
        mov dword [RESULT + 0x60], 0x0000ffff
        mov dword [RESULT + 0x64], 0x00009a00 + (${LOW} >> 16)
        mov word [RESULT + 0x62], ${LOW} & 0xffff
        mov dword [RESULT + 0x68], 0x0000ffff
        mov dword [RESULT + 0x6c], 0x00009200
        mov dword [RESULT + 0x70], 0x0000ffff
        mov dword [RESULT + 0x74], 0x00cf9a00
        mov dword [RESULT + 0x78], 0x0000ffff
        mov dword [RESULT + 0x7c], 0x00cf9200
        mov word [RESULT + 0x50], 0x27
        mov dword [RESULT + 0x52], RESULT + 0x58
        lgdt [RESULT + 0x50]
        mov word [RESULT + 0x48], 0x3ff
        mov dword [RESULT + 0x4a], 0
        mov dword [0x21 * 4], (${LOW >> 4} << 16) + (service - low)
        lidt [RESULT + 0x48]
        jmp 0x08:0
back:   mov ax, 0x20
        mov ds, ax
        mov ss, ax
        mov es, ax
        mov esp, STACK
        jmp over
        bits 16
low:    mov ax, 0x10
        mov ds, ax
        mov ss, ax
        mov es, ax
        mov eax, cr0
        and al, 0xfe
        mov cr0, eax
        jmp ${LOW >> 4}:real - low
real:   mov ax, RESULT >> 4
        mov ds, ax
        mov ss, ax
        mov sp, 0x800
        mov word [0], 0x1234
        int 0x21
        mov [2], cx
        smsw [4]
        pushf
        pop word [6]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp dword 0x18:back
service:
        mov cx, 0x4321
        iret
low_end:
        bits 32
over:`,
  },
  {
    name: 'virtual-8086 mode with a monitor for its interrupts',
    handlers: {
      13: `
        add esp, 4
        inc dword [ss:RESULT]
        movzx eax, word [esp + 4]
        shl eax, 4
        add eax, [esp]
        mov al, [ss:eax]
        cmp al, 0xf4
        je .done
        cmp al, 0xcd
        jne .one
        inc dword [esp]
.one:   inc dword [esp]
        iret
.done:  mov ax, 0x10
        mov ds, ax
        mov es, ax
        jmp over`,
    },
    code: `${PAGING_ON}${COPY_LOW}
        push dword 0
        push dword 0
        push dword ${LOW >> 4}
        push dword RESULT >> 4
        push dword RESULT >> 4
        push dword 0x800
        push dword 0x20202
        push dword ${LOW >> 4}
        push dword 0
        iret
        bits 16
low:    mov bx, ds
        mov [es:0x10], bx
        cli
        int 0x30
        pushf
        mov ax, 0x300
        mov ds, ax
        mov [0x20], bx
        xor cx, cx
again:  inc cx
        cmp cx, 100
        jne again
        push cx
        hlt
low_end:
        bits 32
over:   mov esp, STACK`,
  },
  {
    name: 'task switches by jump, call and interrupt',
    handlers: { 14: 'pop eax\n inc dword [RESULT]\n iret' },
    code: `${PAGING_ON}
        sgdt [RESULT + 0x100]
        mov esi, [RESULT + 0x102]
        mov edi, RESULT + 0x200
        mov ecx, 12
        cld
        rep movsd
        mov dword [edi], 0x00680067 | ((RESULT + 0x300) << 16)
        mov word [edi], 0x67
        mov word [edi + 2], (RESULT + 0x300) & 0xffff
        mov dword [edi + 4], 0x8900 | ((RESULT + 0x300) >> 16)
        mov word [RESULT + 0x100], 0x37
        mov dword [RESULT + 0x102], RESULT + 0x200
        lgdt [RESULT + 0x100]
        mov ax, 0x28
        and byte [RESULT + 0x200 + 0x2d], 0xfd
        ltr ax
        mov dword [RESULT + 0x300 + 0x1c], DIRECTORY
        mov dword [RESULT + 0x300 + 0x20], task
        mov dword [RESULT + 0x300 + 0x24], 2
        mov dword [RESULT + 0x300 + 0x28], 0xa
        mov dword [RESULT + 0x300 + 0x38], STACK - 0x1000
        mov dword [RESULT + 0x300 + 0x48], 0x10
        mov dword [RESULT + 0x300 + 0x4c], 0x08
        mov dword [RESULT + 0x300 + 0x50], 0x10
        mov dword [RESULT + 0x300 + 0x54], 0x10
        mov dword [tss + 0x1c], DIRECTORY
        mov ebx, 1
        call 0x30:0
        inc ebx
        call 0x30:0
        add ebx, 10
        sidt [RESULT + 0x110]
        mov eax, [RESULT + 0x112]
        mov dword [eax + 0x31 * 8], 0x300000
        mov dword [eax + 0x31 * 8 + 4], 0x8500
        int 0x31
        add ebx, 100
        clts
        jmp 0x30:0
task:   inc dword [RESULT + 4]
        mov [RESULT + 8], eax
        inc eax
        mov ecx, cr0
        mov [RESULT + 12], ecx
        pushf
        pop ecx
        test ch, 0x40
        jz .last
        iret
        jmp task
.last:  mov [RESULT + 16], eax`,
  },
];

for (const guest of guests) {
  t.test(guest.name, async (t) => {
    const native = start(guest, 'native');
    t.same(finish(native), { kind: 'exit', code: 0 });
    for (const technique of usableTechniques()) {
      // These kernels look at tables and flags, which trap-and-emulate gets right only where that traps.
      const switches = technique === 'trap-and-emulate' ? { sensitiveTraps: true } : {};
      const vmm = start(guest, technique, 'pentium4-672', switches);
      t.same(finish(vmm), { kind: 'exit', code: 0 }, technique);
      t.same(visible(vmm), visible(native), `${technique}: state`);
      t.same(memoryDifferences(native, vmm), [], `${technique}: memory`);
    }
  });
}
