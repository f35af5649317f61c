import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { assemble } from '../../emulator/asm/index.js';
import type { Assembly } from '../../emulator/asm/index.js';
import { packageRoot } from '../../emulator/root.js';
import { timer } from '../timer.js';

/** One thing that a program does, on its own: any subset of a program's steps is a program. */
export interface Step {
  /** In whose ring it runs. */
  ring: 'kernel' | 'user';
  /** Assembly, without labels but local ones that begin with `.`. May fault anywhere. */
  code: string;
  /** EFLAGS when user code starts. */
  flags?: number;
}

export interface RandomProgram {
  seed: number;
  /** Divisor of the interval timer: at 1.19 MHz, time between two interrupts. */
  timerDivisor: number;
  steps: readonly Step[];
}

const KERNEL_ORIGIN = 0x100000;
/** Near enough to 1 MB for real mode to reach 32 KB of it, by segment ffff. */
const PROGRAM_ORIGIN = 0x108000;

/** Of programs in a row: the number of the one that runs. */
export const RUNNING_GPA = 0x61010;

/** Several programs, one after the other on the same kernel; what they have left in memory stays. */
export function inARow(programs: readonly RandomProgram[]): RandomProgram {
  const [{ seed, timerDivisor }] = programs;
  const steps = programs.flatMap((program, index): Step[] => {
    const between = `mov dword [ss:RUNNING], ${index}\n jmp between`;
    return [{ ring: 'kernel', code: between }, ...program.steps];
  });
  return { seed, timerDivisor, steps };
}

/**
 * A small kernel: identity-mapped 4 MB, handlers for everything. A fault adds what its frame says to a checksum and
 * goes on with the next step. A timer interrupt leaves nothing behind: its counter and the stack below the stack
 * pointer are cleared at the end, and what it marks accessed is accessed anyway. Play pages, which steps may map
 * otherwise, are 0x310 to 0x31f and their mirror 4 MB above.
 */
const COMMON = `
        bits 32
%include "pc.inc"
STACK equ 0x90000
USER_STACK equ 0x80000
DIRECTORY equ 0x200000
TABLE equ 0x201000
TABLE2 equ 0x202000
DIRECTORY2 equ 0x203000
FIXUP equ 0x61000
CHECKSUM equ 0x61004
EVENTS equ 0x61008
TICKS equ 0x6100c
SCRATCH equ 0x62000
RUNNING equ ${RUNNING_GPA}
P equ 1
W equ 2
U equ 4
A equ 0x20
D equ 0x40
PS equ 0x80
PROGRAM equ ${PROGRAM_ORIGIN}

%macro to_user 2
        push dword USER_DS
        push dword USER_STACK
        push dword %2
        push dword USER_CS
        push dword %1
        mov ax, USER_DS
        mov ds, ax
        mov es, ax
        mov fs, ax
        mov gs, ax
        iret
%endmacro
`;

const KERNEL = (timerDivisor: number) => `${COMMON}
        org ${KERNEL_ORIGIN}
step_0 equ ${PROGRAM_ORIGIN}

start:  mov esp, STACK
        load_tables
        mov edi, TABLE
        mov eax, P | W | U
.map:   stosd
        add eax, 0x1000
        cmp edi, TABLE + 0x1000
        jb .map
        mov edi, TABLE2
        mov eax, 0x300000 | P | W | U
        mov ecx, 1024
.map2:  stosd
        loop .map2
        ; what only the kernel may touch: its data, its stack, the page tables
        and dword [TABLE + 0x61 * 4], ~U
        and dword [TABLE + 0x8e * 4], ~U
        and dword [TABLE + 0x8f * 4], ~U
        and dword [TABLE + 0x200 * 4], ~U
        and dword [TABLE + 0x201 * 4], ~U
        and dword [TABLE + 0x202 * 4], ~U
        and dword [TABLE + 0x203 * 4], ~U
        mov dword [DIRECTORY], TABLE | P | W | U
        mov dword [DIRECTORY + 4], TABLE2 | P | W | U
        mov dword [DIRECTORY2], TABLE | P | W | U
        mov dword [DIRECTORY2 + 4], TABLE2 | P | W
        mov eax, DIRECTORY
        mov cr3, eax
        mov eax, cr0
        or eax, CR0_PG_WP
        mov cr0, eax
        ; interrupt controllers: vectors from 0x20, only the timer
        ${timer(timerDivisor)}
        mov ebp, 3
        jmp step_0

%macro fault_without_code 1
fault_%1: push dword 0
        push dword %1
        jmp fault
%endmacro
%macro fault_with_code 1
fault_%1: push dword %1
        jmp fault
%endmacro
%macro mix 1
        xor ebx, %1
        rol ebx, 5
%endmacro

fault:  pusha
        cld
        mov ax, KERNEL_DS
        mov ds, ax
        mov es, ax
        mov fs, ax
        mov gs, ax
        mov ss, ax
        inc dword [EVENTS]
        mov ebx, [CHECKSUM]
        mix [esp + 32]          ; vector
        mix [esp + 36]          ; error code
        mix [esp + 40]          ; eip
        mix [esp + 44]          ; cs
        mix [esp + 48]          ; eflags
        cmp dword [esp + 32], 14
        jne .known
        mov eax, cr2
        mix eax
.known: mov [CHECKSUM], ebx
        popa
        mov esp, STACK
        jmp [FIXUP]
%assign vector 0
%rep 20
%if vector = 8 || (vector >= 10 && vector <= 14) || vector = 17
        fault_with_code vector
%else
        fault_without_code vector
%endif
%assign vector vector + 1
%endrep
        fault_without_code 129

timer:  push eax
        inc dword [ss:TICKS]
        mov al, 0x20
        out 0x20, al
        pop eax
        iret

; a system call: changes eax and memory, and returns
system_call:
        push ebx
        mov ebx, eax
        imul eax, ebx, 0x10dcd
        xor [ss:SCRATCH + 0xff0], eax
        pop ebx
        iret

; through the call gate
gate_entry:
        inc dword [ss:SCRATCH + 0xff4]
        retf

; between two programs: what a program begins with, but for memory
between: cli
        mov ax, KERNEL_DS
        mov ds, ax
        mov es, ax
        mov fs, ax
        mov gs, ax
        mov ss, ax
        mov esp, STACK
        cld
        mov eax, 0x310000 | P | W | U
        mov edi, TABLE + 0x310 * 4
        mov esi, TABLE2 + 0x310 * 4
.page:  mov [edi], eax
        lea edx, [eax + 0x300000]
        mov [esi], edx
        add eax, 0x1000
        add edi, 4
        add esi, 4
        cmp eax, 0x320000
        jb .page
        mov dword [DIRECTORY + 4], TABLE2 | P | W | U
        mov eax, cr4
        and eax, ~0x10
        mov cr4, eax
        mov eax, cr0
        and eax, ~8
        or eax, CR0_PG_WP
        mov cr0, eax
        mov eax, DIRECTORY
        mov cr3, eax
        xor eax, eax
        lldt ax
        mov ebx, eax
        mov ecx, eax
        mov edx, eax
        mov esi, eax
        mov edi, eax
        mov ebp, 3
        jmp [FIXUP]

finish: cli
        mov ax, KERNEL_DS
        mov ds, ax
        mov es, ax
        mov fs, ax
        mov gs, ax
        mov ss, ax
        mov esp, STACK
        cld
        ; where interrupts have used the kernel's stack (call-steps.ts)
        mov edi, STACK - 0x2000
        xor eax, eax
        mov ecx, 0xc00
        rep stosd
        mov edi, 0x340000
        mov ecx, 0x400
        rep stosd
        mov [TICKS], eax
        ; what an interrupt would have marked accessed
        mov al, [timer]
        mov al, [gdt]
        mov al, [idt]
        mov al, [tss]
        mov eax, [CHECKSUM]
        mov ebx, [EVENTS]
        exit 0

        ; tables on pages of their own: a monitor that traces code does not come to know of each store to them
        align 4096
idt:
%assign vector 0
%rep 20
%if vector = 3 || vector = 4 || vector = 5
        gate fault_%[vector], GATE_INT3
%else
        gate fault_%[vector], GATE_INT0
%endif
%assign vector vector + 1
%endrep
        no_gates 12
        gate timer, GATE_INT0
        no_gates 0x5f
        gate system_call, GATE_INT3
        gate fault_129, GATE_INT3
idtr:   dw idtr - idt - 1
        dd idt
        align 4096
        flat_gdt_more
        align 4096
        kernel_tss STACK
ldt:    dq 0x00cf92000000ffff, 0x0040f20100000fff
        align 4096
kernel_stub: mov eax, 0x11111111
        add ecx, eax
        ret
        align 4096
user_stub: mov eax, 0x22222222
        add ecx, eax
        ret
        times 4090 - ($ - user_stub) nop
straddling: mov edx, 0x33333333 ; lies in two pages
        add ecx, edx
        ret
        align 4096
`;

/** flat_gdt of pc.inc with more descriptors for steps to play with. */
const MORE_DESCRIPTORS = `
%macro flat_gdt_more 0
        align 8
gdt:    dq 0
        dq 0x00cf9b000000ffff   ; 0x08 kernel code
        dq 0x00cf93000000ffff   ; 0x10 kernel data
        dq 0x00cffb000000ffff   ; 0x18 user code
        dq 0x00cff3000000ffff   ; 0x20 user data
        dw 0x67                 ; 0x28 TSS
        dw (tss - $$ + ORIGIN) & 0xffff
        db ((tss - $$ + ORIGIN) >> 16) & 0xff
        db 0x89, 0x00
        db (tss - $$ + ORIGIN) >> 24
        dq 0x00cf9a000000ffff   ; 0x30 kernel code, not accessed yet
        dq 0x0040f20620000fff   ; 0x38 user data, 4 KB at SCRATCH
        dq 0x00cf9e000000ffff   ; 0x40 conforming code
        dq 0x00cf90000000ffff   ; 0x48 read-only data
        dq 0x0040f606200000ff   ; 0x50 user data, expand-down
        dq 0x00cf12000000ffff   ; 0x58 not present
        dw (gate_entry - $$ + ORIGIN) & 0xffff ; 0x60 call gate for user code
        dw KERNEL_CS, 0xec00
        dw (gate_entry - $$ + ORIGIN) >> 16
        dw 15, (ldt - $$ + ORIGIN) & 0xffff ; 0x68 LDT
        db ((ldt - $$ + ORIGIN) >> 16) & 0xff, 0x82, 0, (ldt - $$ + ORIGIN) >> 24
        dq 0x00cf92000000ffff   ; 0x70 kernel data that steps edit
        dq 0x00009b108000ffff   ; 0x78 16-bit code, at PROGRAM
gdtr:   dw gdtr - gdt - 1
        dd gdt
%endmacro
`;

/** Assembly of a program, which goes behind its kernel. */
export function sourceOf({ steps }: RandomProgram, kernelSymbols: Readonly<Record<string, number>>): string {
  const kernel = steps.map(({ ring, code, flags = 2 }, index) => {
    const body = ring === 'kernel' ? code : `to_user user_${index}, ${flags}`;
    return `step_${index}:\n mov dword [FIXUP], step_${index + 1}\n${body}`;
  });
  const user = steps.flatMap(({ ring, code }, index) =>
    ring === 'user' ? [`user_${index}:\n${code}\n int 0x81`] : [],
  );
  const body = [...kernel, `step_${steps.length}:\n jmp finish`, ...user].join('\n');
  const words = new Set(body.match(/[A-Za-z_]\w*/g));
  const symbols = Object.entries(kernelSymbols)
    .filter(([name]) => words.has(name) && /^[a-z]/.test(name) && !name.startsWith('step_'))
    .map(([name, value]) => `${name} equ ${value}`);
  return [COMMON, ...symbols, `org ${PROGRAM_ORIGIN}`, body].join('\n');
}

const include = (() => {
  const files = new Map<string, string>();
  return (name: string): string => {
    const known = files.get(name) ?? readFileSync(join(packageRoot(), 'emulator', 'guests', name), 'utf8');
    files.set(name, known);
    return known;
  };
})();

function assembled(source: string): Assembly {
  const assembly = assemble(source, { include });
  const [first] = assembly.diagnostics;
  if (first) throw new Error(JSON.stringify(first, null, 1));
  return assembly;
}

/** By timer divisor: the kernel is the same for all programs, and most of what there is to assemble. */
const kernels = new Map<number, Assembly>();

function kernelOf(timerDivisor: number): Assembly {
  const known = kernels.get(timerDivisor);
  if (known) return known;
  const kernel = assembled(MORE_DESCRIPTORS + KERNEL(timerDivisor));
  if (kernel.bytes.length > PROGRAM_ORIGIN - KERNEL_ORIGIN) throw new Error('the kernel reaches the program');
  kernels.set(timerDivisor, kernel);
  return kernel;
}

/** @returns a flat image. @throws Error with the first diagnostic: a mistake in the generator. */
export function imageOf(program: RandomProgram): Uint8Array {
  const kernel = kernelOf(program.timerDivisor);
  const { bytes } = assembled(sourceOf(program, kernel.symbols));
  const image = new Uint8Array(PROGRAM_ORIGIN - KERNEL_ORIGIN + bytes.length);
  image.set(kernel.bytes);
  image.set(bytes, PROGRAM_ORIGIN - KERNEL_ORIGIN);
  return image;
}
