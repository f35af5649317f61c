import type { GuestCase } from './guest-source.js';
import { timer } from '../timer.js';

// Guests that are hypervisors. VMCB and its like lie where test/vmm/guests.ts leaves room.

const SYMBOLS = `
VMCB equ 0x210000
HSAVE equ 0x211000
IOMAP equ 0x212000
NROOT equ 0x220000
NTABLE equ 0x221000
L2_STACK equ 0x50000
STATE equ VMCB + 0x400
`;

/** EFER.SVME, a host save area, and a VMCB for a guest in flat 32-bit mode at \`guest\` that intercepts SHUTDOWN, VMRUN and VMMCALL. */
const HYPERVISOR = `
        mov ecx, 0xc0000080
        rdmsr
        or eax, 0x1000
        wrmsr
        mov ecx, 0xc0010117
        mov eax, HSAVE
        xor edx, edx
        wrmsr
        mov dword [VMCB + 0x0c], 1 << 31
        mov dword [VMCB + 0x10], 3
        mov dword [VMCB + 0x40], IOMAP
        mov dword [VMCB + 0x48], IOMAP + 0x3000
        mov dword [VMCB + 0x58], 1
        mov dword [STATE + 0x10], 0x0c9b0008
        mov dword [STATE + 0x14], 0xffffffff
        mov eax, 0x0c930010
        mov [STATE + 0x00], eax
        mov [STATE + 0x20], eax
        mov [STATE + 0x30], eax
        mov dword [STATE + 0x04], 0xffffffff
        mov dword [STATE + 0x24], 0xffffffff
        mov dword [STATE + 0x34], 0xffffffff
        mov dword [STATE + 0x64], 0x2f
        mov dword [STATE + 0x68], gdt
        mov dword [STATE + 0x84], ${0x100 * 8 - 1}
        mov dword [STATE + 0x88], idt
        mov dword [STATE + 0xd0], 0x1000
        mov dword [STATE + 0x158], 0x11
        mov dword [STATE + 0x160], 0x400
        mov dword [STATE + 0x168], 0xffff0ff0
        mov dword [STATE + 0x170], 2
        mov dword [STATE + 0x178], guest
        mov dword [STATE + 0x1d8], L2_STACK
`;

/** Runs the guest to its next exit and notes the code. */
const RUN = `
        mov eax, VMCB
        vmrun
        mov eax, [VMCB + 0x70]
        mov edi, [RESULT]
        mov [RESULT + 4 + edi * 4], eax
        inc dword [RESULT]
`;

/** Puts the hypervisor's registers where timing leaves no trace. */
const FORGET = `
        xor eax, eax
        xor ebx, ebx
        xor ecx, ecx
        xor edx, edx
        xor edi, edi
`;

function hypervisor(
  name: string,
  code: string,
  guest: string,
  handlers: Record<number, string> = {},
): GuestCase {
  return {
    name: `a hypervisor: ${name}`,
    handlers,
    code: `${SYMBOLS}${HYPERVISOR}${code}
        jmp finished
guest:  ${guest}
        vmmcall
        jmp $
finished:`,
  };
}

/** Nested tables for 0 to 4 MB as they are, and paging on for the hypervisor, as nested paging demands. */
const NESTED = `
        mov edi, NTABLE
        mov eax, 7
        mov ecx, 1024
fill:   mov [edi], eax
        add edi, 4
        add eax, 0x1000
        loop fill
        mov dword [NROOT], NTABLE | 7
        mov dword [DIRECTORY], NTABLE | 7
        mov eax, DIRECTORY
        mov cr3, eax
        mov eax, cr0
        or eax, 0x80000000
        mov cr0, eax
        mov dword [VMCB + 0x90], 1
        mov dword [VMCB + 0xb0], NROOT
        mov dword [STATE + 0x268], 0x00070406
        mov dword [STATE + 0x26c], 0x00070406
`;

export const hypervisors: readonly GuestCase[] = [
  hypervisor(
    'an exit and a second VMRUN',
    `${RUN}\n add dword [STATE + 0x178], 3\n${RUN}`,
    'mov ebx, 5\n vmmcall\n inc ebx',
  ),
  hypervisor(
    'CPUID intercepted',
    `or dword [VMCB + 0x0c], 1 << 18\n${RUN}\n add dword [STATE + 0x178], 2\n${RUN}`,
    'cpuid',
  ),
  hypervisor(
    'what only the hypervisor intercepts: RDTSC, PUSHF, CR0',
    `
        or dword [VMCB + 0x0c], (1 << 14) | (1 << 16)
        or dword [VMCB + 0x00], 1
        ${RUN}
        add dword [STATE + 0x178], 2
        ${RUN}
        add dword [STATE + 0x178], 1
        ${RUN}
        add dword [STATE + 0x178], 3
        ${RUN}`,
    'rdtsc\n pushf\n mov eax, cr0',
  ),
  hypervisor('a VMCB that VMRUN refuses', `mov dword [VMCB + 0x58], 0\n${RUN}`, 'nop'),
  ...[1 << 24, 0].map((masking) =>
    hypervisor(
      `a virtual interrupt that its guest's CR8 holds off${masking ? ', interrupts masked virtually' : ''}`,
      `
        mov dword [VMCB + 0x60], ${masking | (1 << 8) | (5 << 16) | 9}
        mov dword [VMCB + 0x64], 0x41
        mov dword [STATE + 0x170], 0x202
        ${RUN}
        mov eax, cr8
        mov [RESULT + 0x40], eax`,
      `mov eax, 8
        mov cr8, eax
        inc ebx
        mov eax, 5
        mov cr8, eax
        inc ebx
        mov eax, 4
        mov cr8, eax
        jmp $ + 2
        mov ebx, 100`,
      { 0x41: 'mov [RESULT + 0x44], ebx\n iret' },
    ),
  ),
  hypervisor('an injected interrupt', `mov dword [VMCB + 0xa8], 0x80000040\n${RUN}`, 'mov ecx, 7', {
    0x40: 'mov ebx, 0x1234\n iret',
  }),
  hypervisor(
    'an injected exception with its code',
    `
        mov dword [VMCB + 0xa8], 0x80000b0d
        mov dword [VMCB + 0xac], 0x1230
        ${RUN}`,
    'mov ecx, 7',
    { 13: 'pop ebx\n iret' },
  ),
  hypervisor(
    'a virtual interrupt that waits for STI',
    `
        mov dword [VMCB + 0x60], (1 << 8) | (1 << 20) | (1 << 24)
        mov dword [VMCB + 0x64], 0x41
        ${RUN}`,
    'mov ecx, 3\n.wait: loop .wait\n sti\n nop\n mov edx, ebx',
    { 0x41: 'inc ebx\n iret' },
  ),
  hypervisor(
    'the interrupt window',
    `
        mov dword [VMCB + 0x60], (1 << 8) | (1 << 20)
        or dword [VMCB + 0x0c], 1 << 4
        ${RUN}
        mov dword [VMCB + 0x60], 0
        ${RUN}`,
    'mov ecx, 3\n sti\n nop\n inc ecx',
  ),
  hypervisor(
    'an exception intercepted, and one that is not',
    `
        or dword [VMCB + 0x08], 1 << 13
        ${RUN}
        add dword [STATE + 0x178], 2
        ${RUN}`,
    'mov eax, 0x1230\n mov ds, ax\n xor ecx, ecx\n div ecx',
    { 0: 'add dword [esp], 2\n inc ebp\n iret' },
  ),
  hypervisor(
    'shadowing by hand: page faults of a guest with paging exit',
    `
        or dword [VMCB + 0x08], 1 << 14
        mov edi, TABLE
        mov eax, 7
        mov ecx, 1024
fill:   mov [edi], eax
        add edi, 4
        add eax, 0x1000
        loop fill
        mov dword [TABLE + 0x300 * 4], 0
        mov dword [DIRECTORY], TABLE | 7
        mov dword [STATE + 0x150], DIRECTORY
        mov dword [STATE + 0x158], 0x80000011
        ${RUN}
        mov eax, [VMCB + 0x80]
        mov [RESULT + 0x40], eax
        mov dword [TABLE + 0x300 * 4], 0x301000 | 7
        ${RUN}`,
    'mov dword [0x300010], 0x77\n mov ebx, [0x300010]',
  ),
  hypervisor(
    'HLT of the guest ends with an interrupt to the hypervisor',
    `
        ${timer(0x4a9)}
        or dword [VMCB + 0x0c], 1
        mov dword [VMCB + 0x60], 1 << 24
        sti
again:  mov eax, VMCB
        clgi
        vmrun
        stgi
        nop
        cmp dword [VMCB + 0x70], 0x60
        jne odd
        cmp dword [RESULT], 5
        jb again
odd:    mov al, 0xff
        out 0x21, al
        cli
        ${FORGET}
        mov dword [STATE + 0x178], 0
        mov dword [STATE + 0x1f8], 0`,
    'hlt\n jmp guest',
    {
      0x20: 'push eax\n inc dword [RESULT]\n mov al, 0x20\n out 0x20, al\n pop eax\n iret',
    },
  ),
  hypervisor(
    'nested paging: a page missing, another given',
    `${NESTED}
        mov dword [NTABLE + 0x300 * 4], 0
        mov dword [0x301010], 0x55
        ${RUN}
        mov eax, [VMCB + 0x78]
        mov [RESULT + 0x40], eax
        mov eax, [VMCB + 0x7c]
        mov [RESULT + 0x44], eax
        mov eax, [VMCB + 0x80]
        mov [RESULT + 0x48], eax
        mov dword [NTABLE + 0x300 * 4], 0x301000 | 7
        mov byte [VMCB + 0x5c], 1
        ${RUN}
        ; another page behind the same address
        mov dword [NTABLE + 0x300 * 4], 0x302000 | 7
        mov dword [0x302010], 0x66
        sub dword [STATE + 0x178], 6
        ${RUN}
        mov eax, cr0
        and eax, 0x7fffffff
        mov cr0, eax`,
    'mov ebx, [0x300010]\n mov edx, ebx\n mov esi, [0x300010]',
  ),
  hypervisor(
    'nested paging: read-only pages, accessed and dirty bits',
    `${NESTED}
        mov dword [NTABLE + 0x300 * 4], 0x300000 | 5
        ${RUN}
        mov eax, [VMCB + 0x78]
        mov [RESULT + 0x40], eax
        or dword [NTABLE + 0x300 * 4], 2
        ${RUN}
        mov eax, cr0
        and eax, 0x7fffffff
        mov cr0, eax`,
    'mov eax, [0x300000]\n mov [0x301000], eax\n mov [0x300000], ebp',
  ),
  hypervisor(
    'nested paging: a guest with paging of its own',
    `${NESTED}
        mov dword [TABLE2], 0x300000 | 7
        mov dword [TABLE2 + 4], 0x301000 | 5
        mov dword [DIRECTORY2], NTABLE | 7
        mov dword [DIRECTORY2 + 4], TABLE2 | 7
        mov dword [STATE + 0x150], DIRECTORY2
        mov dword [STATE + 0x158], 0x80010011
        ${RUN}
        mov eax, cr0
        and eax, 0x7fffffff
        mov cr0, eax`,
    'mov dword [0x400000], 9\n mov ebx, [0x401000]\n mov [0x401000], ebx\n mov ecx, cr2',
    {
      14: 'add esp, 4\n add dword [esp], 6\n inc ebp\n iret',
    },
  ),
];
