import { timer } from '../timer.js';
import type { GuestCase } from './guest-source.js';
import { PAGING_ON, ENTER_USER, EXIT, MAP_ON_DEMAND } from './guest-source.js';

/** Guests of faults within faults, interrupts, system calls, devices and what a processor tells about itself. */
export const eventGuests: readonly GuestCase[] = [
  {
    name: 'interrupt frames on pages never touched before',
    userGates: [0x80],
    handlers: {
      14: MAP_ON_DEMAND,
      0x80: `mov ax, 0x10\n mov ds, ax\n ${EXIT}`,
    },
    code: `${PAGING_ON}
        mov dword [tss + 4], 0x340000
        mov dword [TABLE + 0x350 * 4], 0
        ${ENTER_USER}
user:   mov eax, [0x350000]
        int 0x80`,
  },
  {
    name: 'a page fault while another event is delivered',
    userGates: [0x80],
    handlers: {
      14: `
        mov ax, 0x10
        mov ds, ax
        mov eax, cr2
        mov [RESULT], eax
        pop dword [RESULT + 4]
        pop dword [RESULT + 8]
        ${EXIT}`,
      8: `mov dword [RESULT], 8\n pop dword [RESULT + 4]\n ${EXIT}`,
      0x80: 'iret',
    },
    code: `${PAGING_ON}
        mov word [idtr2], 0x7ff
        mov dword [idtr2 + 2], 0x35ff00
        lidt [idtr2]
        mov esi, idt
        mov edi, 0x35ff00
        mov ecx, 64
        rep movsd
        mov dword [TABLE + 0x360 * 4], 0
        invlpg [0x360000]
        ${ENTER_USER}
user:   int 0x80
idtr2:  dw 0, 0, 0`,
  },
  {
    name: 'double fault: the stack is gone',
    userGates: [0x80],
    handlers: { 14: 'iret', 8: 'iret', 0x80: 'iret' },
    code: `${PAGING_ON}
        mov dword [tss + 4], 0x350000
        mov dword [TABLE + 0x34f * 4], 0
        ${ENTER_USER}
user:   mov eax, [0x34f000]`,
  },
  { name: 'triple fault: no descriptor table', code: `${PAGING_ON}\n lidt [zero]\n ud2\nzero: dw 0, 0, 0` },
  {
    name: 'timer interrupts that wake a halted kernel',
    handlers: {
      0x20: `
        push eax
        inc dword [RESULT]
        mov al, 0x20
        out 0x20, al
        pop eax
        iret`,
    },
    code: `${PAGING_ON}
        ${timer(0x4a9)}
sleep:  sti
        hlt
        cli
        cmp dword [RESULT], 10
        jb sleep
        mov al, 0xff
        out 0x21, al`,
  },
  {
    name: 'a timer interrupt while interrupts are off waits for the window',
    handlers: { 0x20: 'inc dword [RESULT]\n iret' },
    code: `
        mov al, 0x11
        out 0x20, al
        mov al, 0x20
        out 0x21, al
        mov al, 4
        out 0x21, al
        mov al, 3
        out 0x21, al
        mov al, 0xfe
        out 0x21, al
        mov al, 0x30
        out 0x43, al
        mov al, 1
        out 0x40, al
        mov al, 0
        out 0x40, al
        mov ecx, 20000
spin:   dec ecx
        jnz spin
        mov ebx, [RESULT]
        sti
        nop
        nop
        mov edx, [RESULT]
        cli`,
  },
  {
    name: 'what a processor tells about itself',
    code: `
        xor eax, eax
        cpuid
        mov [RESULT], ebx
        mov eax, 1
        cpuid
        and edx, ~0x40                  ; PAE, which shadow page tables do not follow
        mov [RESULT + 4], edx
        mov ecx, 0x174
        mov eax, 0x8
        xor edx, edx
        wrmsr
        xor eax, eax
        rdmsr
        mov [RESULT + 8], eax
        smsw eax
        mov [RESULT + 12], eax
        sgdt [RESULT + 16]
        sidt [RESULT + 24]
        str [RESULT + 32]
        pushf
        pop dword [RESULT + 36]
        mov eax, cr0
        mov [RESULT + 40], eax
        mov eax, cr4
        mov [RESULT + 44], eax
        wbinvd
        clts`,
  },
  {
    name: 'sysenter and sysexit',
    code: `${PAGING_ON}
        mov ecx, 0x174
        mov eax, 8
        xor edx, edx
        wrmsr
        inc ecx
        mov eax, 0x6f000
        wrmsr
        inc ecx
        mov eax, kernel
        wrmsr
        ${ENTER_USER}
user:   mov ecx, esp
        mov edx, back
        xor eax, eax
        sysenter
back:   mov eax, 1
        sysenter
kernel: inc dword [RESULT]
        cmp eax, 1
        je finished
        sysexit
finished:`,
  },
  {
    name: 'string output to the serial line',
    code: `
        mov esi, text
        mov ecx, 6
        mov edx, 0x3f8
        cld
        rep outsb
        jmp printed
text:   db "hello", 10
printed: nop`,
  },
];
