; timer: ten timer interrupts at 1000 Hz, waited for with hlt, one dot on the serial line for each.
; Interrupts find the kernel halted every time, so even what they push is the same under every technique.

        bits 32
        org 0x100000
%include "pc.inc"

%define STACK_TOP   0x90000
%define PIC1        0x20
%define PIC2        0xa0
%define PIT         0x40
%define DIVISOR     1193                    ; of 1193182 Hz

start:  mov esp, STACK_TOP
        load_tables
        mov al, 0x11                        ; ICW1: edge, cascade, ICW4 follows
        out PIC1, al
        out PIC2, al
        mov al, 0x20                        ; ICW2: vectors 0x20 and 0x28
        out PIC1 + 1, al
        mov al, 0x28
        out PIC2 + 1, al
        mov al, 4                           ; ICW3
        out PIC1 + 1, al
        mov al, 2
        out PIC2 + 1, al
        mov al, 1                           ; ICW4: 8086 mode
        out PIC1 + 1, al
        out PIC2 + 1, al
        mov al, 0xfe                        ; all but IRQ 0 masked
        out PIC1 + 1, al
        mov al, 0xff
        out PIC2 + 1, al
        mov al, 0x34                        ; counter 0, low then high byte, mode 2
        out PIT + 3, al
        mov al, DIVISOR & 0xff
        out PIT, al
        mov al, DIVISOR >> 8
        out PIT, al

        mov ecx, 10
.wait:  sti
        hlt
        cli
        cmp [ticks], ecx
        jb .wait
        mov esi, done
        call print
        exit 0

tick:   push eax
        push edx
        inc dword [ticks]
        mov al, '.'
        mov edx, COM1
        out dx, al
        mov al, 0x20                        ; end of interrupt
        out PIC1, al
        pop edx
        pop eax
        iret

        serial_print
        align 4
ticks:  dd 0
done:   db " ten ticks", 10, 0

        align 8
idt:    no_gates 0x20
        gate tick, GATE_INT0
idtr:   dw idtr - idt - 1
        dd idt
        flat_gdt
        kernel_tss STACK_TOP
