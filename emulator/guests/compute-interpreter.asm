; compute-interpreter: a loop over byte codes that counts primes (indirect jumps: the kind of perl).
; compared: console
%include "compute.inc"
LAST equ 250                                    ; where it stops looking for primes
        section .user
prepare:
        ret

; the virtual machine: esi = program counter, registers in `cells`
work:   mov esi, code
step:   movzx eax, byte [esi]
        movzx ebx, byte [esi + 1]
        movzx ecx, byte [esi + 2]
        add esi, 3
        jmp [handlers + eax * 4]

set:    mov [cells + ebx * 4], ecx
        jmp step
increment:
        inc dword [cells + ebx * 4]
        jmp step
move:   mov eax, [cells + ecx * 4]
        mov [cells + ebx * 4], eax
        jmp step
remainder:
        mov eax, [cells + ebx * 4]
        xor edx, edx
        div dword [cells + ecx * 4]
        mov [cells + ebx * 4], edx
        jmp step
zero:   cmp dword [cells + ebx * 4], 0          ; cell is zero: branch
        je branch
        jmp step
square: mov eax, [cells + ebx * 4]
        imul eax, eax
        mov [cells + ebx * 4], eax
        jmp step
greater:                                        ; cell is above the limit in cell 3: branch
        mov eax, [cells + ebx * 4]
        cmp eax, [cells + 3 * 4]
        ja branch
        jmp step
always:
branch: movsx eax, cl
        lea eax, [eax + eax * 2]
        add esi, eax
        jmp step
stop:   mov eax, [cells]
        ret

; One operation: handler, cell, and a cell, a number, or how many operations to go on after the next one.
%macro op 1-3 0, 0
        db (%1 - handlers) / 4, %2, %3
%endmacro
%macro jump 3
        db (%1 - handlers) / 4, %2, ((%3 - %%next) // 3) & 0xff
%%next:
%endmacro
        align 4
handlers:
op_set: dd set
op_increment: dd increment
op_move: dd move
op_remainder: dd remainder
op_zero: dd zero
op_square: dd square
op_greater: dd greater
op_always: dd always
op_stop: dd stop

; Cells: 0 how many primes, 1 the candidate, 2 the divisor, 3 a limit, 4 scratch.
code:   op op_set, 0, 0
        op op_set, 1, 2
next:   op op_move, 3, 1
        op op_set, 2, 2
try:    op op_move, 4, 2
        op op_square, 4
        jump op_greater, 4, prime               ; no divisor up to the root
        op op_move, 4, 1
        op op_remainder, 4, 2
        jump op_zero, 4, composite
        op op_increment, 2
        jump op_always, 0, try
prime:  op op_increment, 0
composite:
        op op_increment, 1
        op op_set, 3, LAST
        jump op_greater, 1, done
        jump op_always, 0, next
done:   op op_stop
        align 4
cells:  times 8 dd 0
%include "os/end.inc"
