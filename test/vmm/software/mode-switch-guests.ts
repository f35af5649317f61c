import { EXIT, STACK, TABLE } from './boot-parts.js';
import type { BootGuest } from './boot-parts.js';

/** Real mode and protected mode by turns, ROMs and the A20 gate. */
export const MODE_SWITCH_GUESTS: readonly BootGuest[] = [
  {
    name: 'to protected mode and back, 16 bits and 32',
    exits: ['CR_WRITE', 'FAR_TRANSFER', 'SEGMENT_LOAD'],
    source: `${STACK}
        cli
        lgdt [gdtr]
        mov cx, 3
.again: push cx
        mov eax, cr0
        or al, 1
        mov cr0, eax
        mov bx, ds              ; still what real mode loaded
        mov word [0x500], bx
        jmp 0x18:.protected
.protected:
        mov ax, 0x20
        mov ds, ax
        mov ss, ax
        mov ax, 0x28
        mov es, ax
        mov word [es:0x10], 0x7777
        call sixteen
        mov dx, cs
        mov si, ss
        jmp dword 0x08:thirty_two
back:   mov ax, 0x20            ; in 16-bit code again
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov eax, cr0
        and al, 0xfe
        mov cr0, eax
        jmp 0:.real
.real:  xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        pop cx
        dec cx
        jnz .again2
        jmp done
.again2: push cx
        pop cx
        mov eax, cr0
        or al, 1
        mov cr0, eax
        and al, 0xfe
        mov cr0, eax
        push cx
        pop cx
        push cx
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp 0x18:again_protected
again_protected:
        mov ax, 0x20
        mov ss, ax
        jmp dword 0x08:thirty_two
done:   ${EXIT}
sixteen: inc word [0x502]
        ret
        bits 32
thirty_two:
        mov ax, 0x10
        mov ds, ax
        mov ss, ax
        movzx esp, sp
        call .work
        cmp dword [0x508], 1
        je .paged
        mov dword [0x508], 1
        mov edi, 0x20000
        xor eax, eax
        mov ecx, 1024
        cld
        push es
        push ds
        pop es
        rep stosd
        pop es
        mov dword [0x20000], 0x83
        mov eax, cr4
        or eax, 0x10
        mov cr4, eax
        mov eax, 0x20000
        mov cr3, eax
.paged: mov eax, cr0
        or eax, 0x80000000
        mov cr0, eax
        call .work
        mov eax, cr0
        and eax, 0x7fffffff
        mov cr0, eax
        jmp 0x18:back
.work:  add dword [0x50c], 0x10001
        ret
        bits 16
${TABLE}`,
  },
  {
    name: 'unreal mode: 4 GB data segments in real mode',
    source: `${STACK}
        cli
        push ds
        lgdt [gdtr]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        mov bx, 0x10
        mov ds, bx
        mov es, bx
        and al, 0xfe
        mov cr0, eax
        pop ds
        mov esi, 0x200000
        mov cx, 50
.again: mov [esi], cx
        add [esi + 4], ecx
        mov ax, [esi]
        add esi, 8
        loop .again
        mov edi, 0x210000
        mov esi, 0x200000
        mov ecx, 20
        a32 rep movsd
        mov eax, [dword 0xffff0000]     ; above all memory, in the monitor's range
        mov ax, 0x100           ; keeps its limit
        mov ds, ax
        mov ebx, [dword 0x200000 - 0x1000]
        mov [fs:0x10], bx
${EXIT}
${TABLE}`,
  },
  {
    name: '16-bit code in protected mode, with a 16-bit kernel stack and user code of 32 bits',
    exits: ['IRET', 'SOFTWARE_INTERRUPT'],
    source: `${STACK}
        cli
        lgdt [gdtr]
        lidt [idtr]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp 0x18:.protected
.protected:
        mov ax, 0x40
        ltr ax
        mov ax, 0x20
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov cx, 5
.again: push cx
        pushf
        pop dx
        str bx
        sldt si
        lar eax, ebx
        smsw di
        call sixteen
        pop cx
        loop .again
        push dword 0x3b         ; to user code
        push dword 0x6000
        push dword 0x2
        push dword 0x33
        push dword user
        o32 iret
sixteen: inc word [0x502]
        cli
        ret
        bits 32
user:   mov ax, 0x3b
        mov ds, ax
        mov ecx, 10
.again: int 0x30
        loop .again
        int 0x31
        bits 16
system: inc word [ss:0x504]
        o32 iret
last:   ${EXIT}
        align 8
idt:    times 0x30 dq 0
        dw system, 0x18, 0xee00, 0
        dw last, 0x18, 0xee00, 0
idtr:   dw idtr - idt - 1
        dd idt
${TABLE}`,
  },
  {
    name: 'a ROM from the reset vector',
    rom: true,
    source: `
        mov ax, 0x2000
        mov ss, ax
        mov sp, 0x1000
        mov ax, cs
        mov ds, ax
        mov si, text
        xor bx, bx
.next:  lodsb
        test al, al
        jz .done
        mov dx, 0x3f8
        out dx, al
        add bl, al
        jmp .next
.done:  call checksum
        mov dl, [cs:text + 1]
${EXIT}
checksum:
        push bx
        xor ax, ax
        mov si, 0
        mov cx, 256
.more:  add al, [si]
        inc si
        loop .more
        pop bx
        ret
text:   db "boot", 10, 0
`,
  },
  {
    name: 'the A20 gate closed and opened',
    source: `${STACK}
        mov word [0x500], 0x1234
        mov ax, 0xffff
        mov fs, ax
        mov word [fs:0x510], 0x4321     ; 1 MB and 0x500
        in al, 0x92
        and al, 0xfd
        out 0x92, al                    ; closed: the two are one
        mov cx, [fs:0x510]
        mov word [fs:0x510], 0x9999
        mov dx, [0x500]
        in al, 0x92
        or al, 2
        out 0x92, al
        mov si, [fs:0x510]
        mov di, [0x500]
${EXIT}`,
  },
];
