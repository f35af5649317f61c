import { timer } from '../../timer.js';

/** Guests whose user code calls its kernel over and over, while something changes that a system call depends on. */
export interface SystemCallGuest {
  name: string;
  source: string;
  /** Most exits go the short way; else what the guest does keeps the monitor from it. */
  isShort: boolean;
}

const ROUNDS = 3000;
interface Parts {
  setup?: string;
  /** In each round of user code, whose number is in ecx, before the call. */
  user?: string;
  /** In the kernel, in each call. */
  kernel?: string;
  /** In the kernel, in each call by vector 0x81. */
  secondKernel?: string;
  more?: string;
  eflags?: number;
  gateType?: string;
}

function guest({
  setup = '',
  user = '',
  kernel = '',
  secondKernel = '',
  more = '',
  eflags = 2,
  gateType = 'GATE_INT3',
}: Parts): string {
  return `
%macro identity_paging 2
        mov edi, %1
        xor eax, eax
        mov ecx, 1024
        rep stosd
        mov eax, %2
        mov ecx, 1024
%%fill: stosd
        add eax, 0x1000
        loop %%fill
        mov dword [%1], (%1 + 0x1000) | PTE_P | PTE_W | PTE_U
        mov eax, %1
        mov cr3, eax
        mov eax, cr0
        or eax, CR0_PG_WP
        mov cr0, eax
%endmacro
start:  mov esp, STACK_TOP
        load_tables
        identity_paging 0x200000, PTE_P | PTE_W | PTE_U
        ${setup}
        mov ax, USER_DS
        mov ds, ax
        mov es, ax
        mov fs, ax
        mov gs, ax
        push dword USER_DS
        push dword 0x80000
        push dword ${eflags}
        push dword USER_CS
        push dword user
        iret
        align 4096
user:   mov ecx, ${ROUNDS}
again:  xor eax, eax
        ${user}
        int 0x80
        add ebx, eax
        dec ecx
        jnz again
        mov eax, -1
        int 0x80
        align 4096
system_call:
        cmp eax, -1
        je .exit
        lea eax, [eax + ecx * 2]
        ${kernel}
        iret
.exit:  exit 0
second: add eax, 5
        ${secondKernel}
        iret
tick:   push eax
        inc dword [ticks]
        mov al, 0x20
        out 0x20, al
        pop eax
        iret
        ${more}
        align 4096
idt:    no_gates 0x20
        gate tick, GATE_INT0
        no_gates 0x5f
        gate system_call, ${gateType}
        gate second, GATE_INT3
idtr:   dw idtr - idt - 1
        dd idt
        align 4096
        flat_gdt
        align 4096
        kernel_tss STACK_TOP
ticks:  dd 0
copy:   dd 0
`;
}

function seldom(label: string, code: string, every = 512): string {
  return `
        test ecx, ${every - 1}
        jnz ${label}
        ${code}
${label}:
`;
}

const IF = 0x202;

export const SYSTEM_CALL_GUESTS: readonly SystemCallGuest[] = [
  { name: 'nothing changes', isShort: true, source: guest({}) },
  { name: 'a trap gate, interrupts on', isShort: true, source: guest({ eflags: IF, gateType: '0xef' }) },
  { name: 'an interrupt gate, interrupts on', isShort: true, source: guest({ eflags: IF }) },
  {
    name: 'flags of user code: carry, direction, ID',
    isShort: true,
    source: guest({
      user: seldom('.f', 'std') + seldom('.i', 'pushfd\nxor dword [esp], 1 << 21\npopfd') + 'cmp ecx, 77',
    }),
  },
  { name: 'alignment checks', isShort: false, source: guest({ eflags: 0x40002 }) },
  {
    name: 'user code loads a segment',
    isShort: true,
    source: guest({ user: seldom('.s', 'mov dx, KERNEL_DS & 0\nmov fs, dx\nmov dx, USER_DS\nmov gs, dx') }),
  },
  {
    name: 'the stack pointer in the TSS moves',
    isShort: true,
    source: guest({ kernel: seldom('.t', 'sub dword [tss + 4], 64') }),
  },
  {
    name: 'the stack in the TSS is on another page each time',
    isShort: false,
    source: guest({ kernel: 'xor dword [tss + 4], 0x1000' }),
  },
  {
    name: 'the gate leads elsewhere',
    isShort: true,
    source: guest({
      kernel: seldom(
        '.g',
        'mov eax, [idt + 0x80 * 8]\nxchg eax, [idt + 0x81 * 8]\nmov [idt + 0x80 * 8], eax',
      ),
    }),
  },
  {
    // Each handler exchanges them over and over, so that nothing but what the gate holds tells the monitor.
    name: 'the gate leads to one handler and to another by turns',
    isShort: true,
    source: guest({
      kernel: 'call exchange',
      secondKernel: 'call exchange',
      more: `exchange: ${seldom(
        '.g',
        'mov edx, [idt + 0x80 * 8]\nxchg edx, [idt + 0x81 * 8]\nmov [idt + 0x80 * 8], edx',
        64,
      )}
        ret`,
    }),
  },
  {
    name: 'two gates in turns',
    isShort: true,
    source: guest({ user: 'int 0x81' }),
  },
  {
    name: 'the descriptor of user code changes',
    isShort: true,
    source: guest({ kernel: seldom('.d', 'xor dword [gdt + 0x18 + 4], 0x100000') }),
  },
  {
    name: 'the kernel changes where it returns to, and the flags there',
    isShort: true,
    source: guest({
      kernel: `xor dword [esp + 8], 0x801
        test ecx, 3
        jnz .r
        mov dword [esp], elsewhere
.r:
`,
      more: `
        align 4096
elsewhere:
        add ebx, 3
        dec ecx
        jnz again
        mov eax, -1
        int 0x80`,
    }),
  },
  {
    name: 'the kernel changes the interrupt flag',
    isShort: true,
    source: guest({ eflags: IF, kernel: 'sti\nnop\ncli\npushfd\npop edx\nmov [copy], edx' }),
  },
  {
    name: 'the kernel calls and returns',
    isShort: true,
    source: guest({ kernel: 'call leaf\nmov edx, leaf\ncall edx', more: 'leaf:   xor eax, 9\n ret' }),
  },
  {
    name: 'the kernel edits a page table',
    isShort: true,
    source: guest({
      kernel: seldom(
        '.p',
        'mov edx, [0x201000 + 4 * 0x300]\nmov [0x201000 + 4 * 0x301], edx\ninvlpg [0x301000]',
      ),
    }),
  },
  {
    name: 'the kernel rewrites its own code',
    isShort: true,
    source: guest({
      kernel: seldom('.w', 'inc dword [.patched + 1]', 2048) + '.patched: mov edx, 1\nadd eax, edx',
    }),
  },
  {
    name: 'timer interrupts',
    isShort: true,
    source: guest({ setup: timer(32), eflags: IF }),
  },
  {
    name: 'timer interrupts in the kernel only',
    isShort: true,
    source: guest({ setup: timer(32), kernel: 'sti\nnop\ncli' }),
  },
  {
    name: 'user code on a page of its own calls from two places',
    isShort: true,
    source: guest({ user: 'call far_call', more: 'align 4096\nfar_call: int 0x80\n ret' }),
  },
];
