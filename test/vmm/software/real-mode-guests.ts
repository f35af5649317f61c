import { EXIT, STACK } from './boot-parts.js';
import type { BootGuest } from './boot-parts.js';
import { timer } from '../../timer.js';

/** What stays in real mode. */
export const REAL_MODE_GUESTS: readonly BootGuest[] = [
  {
    name: 'arithmetic, operands and addresses of both sizes',
    source: `${STACK}
        mov cx, 300
        xor ax, ax
        mov ebx, 0x12345678
        mov edi, 0xabcd0000
.again: add ax, cx
        rol ax, 3
        sbb bx, ax
        add ebx, eax
        imul si, ax, 7
        movzx edx, al
        lea di, [bx + si + 5]
        lea ebp, [eax + ecx * 4 + 100]
        mov [0x500 + bp], ax
        mov word [0x600], 0x1234
        mov dword [0x604], 0x12345678
        inc byte [0x600]
        mov al, [0x604]
        test dword [ds:eax * 2 + 0x100], 0xffff
        cwd
        xchg ax, dx
        dec cx
        jnz .again
${EXIT}`,
  },
  {
    name: 'near control transfers',
    source: `${STACK}
        mov cx, 5
.a:     inc ax
        loop .a
        mov ecx, 0x10003
.b:     inc bx
        a32 loop .b2
.b2:    mov cx, 3
.c:     inc dx
        loopne .c
        jcxz .d
        mov ax, 0xffff
.d:     mov ecx, 0x10000
        jcxz .e
        mov bx, 0xffff
.e:     a32 jecxz .f
        inc si
.f:     call near_one
        call near_two
        push word 7
        push word 8
        call takes_two
        mov bx, near_one
        call bx
        mov word [0x500], near_two
        call [0x500]
        mov si, 2
        call [cs:table + si]
        mov dword [0x510], wide
        o32 call wide
        o32 call dword [0x510]
        mov ebx, .g
        jmp ebx
.g:     mov word [0x502], .h
        mov di, 0x502
        jmp [di]
.h:     cmp ax, bx
        ja .i
        jz near .i
        inc bp
.i:     ${EXIT}
near_one: add ax, 3
        ret
near_two: add dx, 5
        stc
        ret
takes_two: mov bp, sp
        add ax, [bp + 2]
        sub dx, [bp + 4]
        ret 4
wide:   add esi, 0x10001
        o32 ret
table:  dw near_one, near_two
`,
  },
  {
    name: 'the stack: both sizes, wrapped, pusha, enter, segment registers',
    source: `${STACK}
        mov esp, 0x12347000
        mov eax, 0x11223344
        push ax
        push eax
        push word 0x55
        push dword 0x66778899
        pop bx
        pop ecx
        pusha
        pushad
        popad
        popa
        enter 16, 1
        mov [bp - 2], ax
        leave
        push ds
        push cs
        push ss
        push es
        push fs
        push gs
        pop word [0x500]
        pop dx
        mov [0x502], dx
        mov sp, 2
        push ax
        push ax
        pop si
        pop di
        mov ax, 0x1234
        mov es, ax
        mov [0x504], es
        mov bx, es
        mov ecx, es
        mov dx, cs
        mov sp, 0x7000
        push es
        pop ds
        mov ax, ds
        mov fs, ax
        mov gs, ax
        mov word [gs:4], 0x4321
        mov bx, [fs:4]
        lds si, [cs:.far]
        les di, [cs:.far]
        lss sp, [cs:.stack]
        mov [0x20], sp
${EXIT}
.far:   dw 0x10, 0x2000
.stack: dw 0x6000, 0x100
`,
  },
  {
    name: 'strings and wrapped offsets',
    source: `${STACK}
        cld
        mov si, text
        mov di, 0x500
        mov cx, 20
        rep movsb
        mov ax, 0x3000
        mov es, ax
        mov di, 0xfff8
        mov cx, 10
        mov al, 0x5a
        rep stosb
        mov esi, text
        mov edi, 0x12
        mov ecx, 5
        a32 rep movsw
        mov di, 0
        mov si, 0x500
        mov cx, 20
        repe cmpsb
        mov bx, 0x500
        mov al, 3
        xlatb
        std
        mov si, 0x510
        lodsd
        cld
${EXIT}
text:   db "real mode, sixteen bits and more"
`,
  },
  {
    name: 'interrupts and faults through the vector table',
    exits: ['SOFTWARE_INTERRUPT', 'IRET', 'EXCEPTION'],
    source: `${STACK}
        mov word [0 * 4], divide
        mov word [0 * 4 + 2], 0
        mov word [5 * 4], bounds
        mov word [5 * 4 + 2], 0
        mov word [6 * 4], undefined
        mov word [6 * 4 + 2], 0
        mov word [13 * 4], general
        mov word [13 * 4 + 2], 0
        mov word [0x21 * 4], service
        mov word [0x21 * 4 + 2], 0
        int 0x21
        xor cx, cx
        mov ax, 9
        div cx
        mov word [0x500], 5
        mov word [0x502], 9
        mov ax, 4
        bound ax, [0x500]
        sldt bx
        mov ax, [0xffff]
        mov esi, 0x10000
        a32 mov ax, [esi]
        pushf
        pop dx
        int 0x21
${EXIT}
divide: add word [0x510], 0x100
        mov bp, sp
        add word [bp], 2
        iret
bounds: add word [0x510], 0x1000
        mov bp, sp
        add word [bp], 4
        iret
undefined: inc word [0x512]
        mov bp, sp
        add word [bp], 3
        iret
general: inc word [0x514]
        mov bp, sp
        mov bx, [bp]
        cmp byte [bx], 0x67
        jne .three
        inc word [bp]
.three: add word [bp], 3
        cmp byte [bx], 0xa1
        iret
service: inc word [0x516]
        sti
        cli
        iret
`,
  },
  {
    name: 'the flags: cli, sti, pushf, popf, carried over a callout',
    source: `${STACK}
        cli
        pushf
        pop ax
        sti
        pushf
        pop bx
        cli
        push word 0x0ad7
        popf
        pushf
        pop cx
        stc
        in al, 0x80
        sbb dx, dx
        o32 pushf
        pop esi
        xor di, di
        in al, 0x80
        setz dl
        cld
        cli
${EXIT}`,
  },
  {
    name: 'a timer interrupt in real mode',
    exits: ['INTERRUPT'],
    source: `${STACK}
        mov word [0x20 * 4], timer
        mov word [0x20 * 4 + 2], 0
        ${timer(0x60)}
        sti
        hlt
.wait:  cmp word [0x500], 2
        jb .wait
        cli
        mov word [0x500], 0
        mov cx, 0x7c0
        xor ax, ax
        mov di, 0x6f80
        mov cx, 0x40
        rep stosw
${EXIT}
timer:  push ax
        inc word [0x500]
        mov al, 0x20
        out 0x20, al
        pop ax
        iret
`,
  },
  {
    name: 'far transfers between segments; the same code under two names',
    exits: ['FAR_TRANSFER'],
    source: `${STACK}
        mov cx, 3
.again: call 0x7c0:(far_one - 0x7c00)
        call 0:far_one
        loop .again
        jmp 0x7c0:(.here - 0x7c00)
.here:  mov bx, cs
        push word 0
        push word .there
        retf
.there: mov dx, cs
        pushf
        push cs
        call interruptlike
        call far [.pointer]
        jmp far [.target]
.pointer: dw far_one, 0
.target: dw .end, 0
.end:   ${EXIT}
far_one: add ax, 7
        mov si, cs
        add [0x500], si
        retf
interruptlike:
        pop di
        push di
        inc bp
        iret
`,
  },
  {
    name: 'code that writes code, in its own unit, in another and under another segment',
    source: `${STACK}
        mov cx, 4
.again: mov byte [.n + 1], cl
.n:     mov dl, 0
        add bl, dl
        call stub
        mov ax, 0x700
        mov es, ax
        inc byte [es:stub - 0x7000 + 1]
        inc byte [cs:stub + 1]
        loop .again
        call stub
${EXIT}
stub:   mov si, 5
        add di, si
        ret
`,
  },
  {
    name: 'the same code under every segment that reaches it',
    exits: ['FAR_TRANSFER'],
    source: `${STACK}
        mov bx, 0x7c0
.next:  mov ax, bx
        shl ax, 4
        mov dx, .hop
        sub dx, ax
        push bx
        push dx
        retf
.hop:   mov cx, cs
        add [0x500], cx
        dec bx
        jns .next
${EXIT}`,
  },
  {
    name: 'the end of the code segment',
    exits: ['EMULATE'],
    source: `${STACK}
        mov word [13 * 4], general
        mov word [13 * 4 + 2], 0
        mov ax, 0x1000
        mov es, ax
        mov byte [es:0xfffe], 0x40      ; inc ax, twice, up to the last byte
        mov byte [es:0xffff], 0x40
        xor ax, ax
        jmp 0x1000:0xfffe
general: mov bp, sp
        mov bx, [bp]
        mov cx, [bp + 2]
        mov dx, 0xfff0
        inc dx
        jmp near .on
.on:    mov word [13 * 4], .second
        mov ebx, 0x12345678
        jmp ebx                         ; beyond it
.second: mov bp, sp
        mov si, [bp]
        ${EXIT}`,
  },
];
