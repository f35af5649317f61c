; mini-hypervisor: a hypervisor that runs two guests of its own by VMRUN, the first in the memory that it runs in
; itself, the second behind nested page tables that it fills on demand. Each guest executes CPUID, which exits and is
; answered by the hypervisor, reads and writes memory, makes a hypercall with a number to print, and ends with
; another. On bare hardware every exit is one; under a monitor the hypervisor's own VMRUN exits too, so that each
; exit of its guest becomes several: nested virtualization (Ben-Yehuda et al., "The Turtles Project", OSDI 2010).

        bits 32
        org 0x100000
%include "pc.inc"

%define STACK_TOP     0x90000
%define GUEST_STACK   0x80000
%define VMCB          0x200000
%define HOST_SAVE     0x201000
%define IO_MAP        0x202000      ; 12 KB
%define MSR_MAP       0x205000      ; 8 KB
%define DIRECTORY     0x208000      ; the hypervisor's own, for the host mode that nested paging needs
%define NESTED        0x209000      ; nested page directory and table
%define NESTED_TABLE  0x20a000
%define GUEST_MEMORY  0x300000      ; what the second guest takes for 0 to 512 KB
%define GUEST_BYTES   0x80000
%define ROUNDS        20

%define MSR_EFER      0xc0000080
%define EFER_SVME     0x1000
%define MSR_HSAVE     0xc0010117

; the VMCB's fields
%define INTERCEPT3    VMCB + 0x00c
%define INTERCEPT4    VMCB + 0x010
%define ASID          VMCB + 0x058
%define TLB_CONTROL   VMCB + 0x05c
%define EXITCODE      VMCB + 0x070
%define EXITINFO1     VMCB + 0x078
%define EXITINFO2     VMCB + 0x080
%define NP_ENABLE     VMCB + 0x090
%define N_CR3         VMCB + 0x0b0
%define STATE         VMCB + 0x400
%define CPUID_BIT     (1 << 18)
%define SHUTDOWN_BIT  (1 << 31)
%define VMRUN_BITS    3             ; VMRUN and VMMCALL

%define EXIT_CPUID    0x72
%define EXIT_VMMCALL  0x81
%define EXIT_NPF      0x400

start:  mov esp, STACK_TOP
        load_tables
        mov ecx, MSR_EFER
        rdmsr
        or eax, EFER_SVME
        wrmsr
        mov ecx, MSR_HSAVE
        mov eax, HOST_SAVE
        xor edx, edx
        wrmsr

        mov esi, first_text
        call print
        call fresh_vmcb
        mov dword [STATE + 0x178], guest
        mov dword [STATE + 0x1d8], GUEST_STACK
        call run_guest

        mov esi, second_text
        call print
        call paging_on
        call fresh_vmcb
        mov edi, GUEST_MEMORY       ; the guest's code goes to its address 1000h
        add edi, 0x1000
        mov esi, guest
        mov ecx, guest_end - guest
        rep movsb
        mov dword [STATE + 0x178], 0x1000
        mov dword [STATE + 0x1d8], 0x8000
        mov dword [NP_ENABLE], 1
        mov dword [N_CR3], NESTED
        mov dword [NESTED], NESTED_TABLE | PTE_P | PTE_W | PTE_U
        mov dword [STATE + 0x268], 0x00070406
        mov dword [STATE + 0x26c], 0x00070406
        call run_guest
        exit 0

; The hypervisor's own paging: the first 4 MB as they are.
paging_on:
        mov eax, cr4
        or eax, CR4_PSE
        mov cr4, eax
        mov dword [DIRECTORY], PTE_P | PTE_W | PTE_PS
        mov eax, DIRECTORY
        mov cr3, eax
        mov eax, cr0
        or eax, CR0_PG
        mov cr0, eax
        ret

; A VMCB for a guest in flat 32-bit mode with paging off that intercepts CPUID, SHUTDOWN, VMRUN and VMMCALL.
fresh_vmcb:
        mov edi, VMCB
        xor eax, eax
        mov ecx, 1024
        rep stosd
        mov dword [INTERCEPT3], CPUID_BIT | SHUTDOWN_BIT
        mov dword [INTERCEPT4], VMRUN_BITS
        mov dword [VMCB + 0x40], IO_MAP
        mov dword [VMCB + 0x48], MSR_MAP
        mov dword [ASID], 1
        mov dword [STATE + 0x10], 0x0c9b0008        ; CS: attributes and selector
        mov dword [STATE + 0x14], 0xffffffff
        mov esi, 0x0c930010
        mov [STATE + 0x00], esi                     ; ES
        mov [STATE + 0x20], esi                     ; SS
        mov [STATE + 0x30], esi                     ; DS
        mov dword [STATE + 0x04], 0xffffffff
        mov dword [STATE + 0x24], 0xffffffff
        mov dword [STATE + 0x34], 0xffffffff
        mov dword [STATE + 0xd0], EFER_SVME
        mov dword [STATE + 0x158], 0x11             ; CR0: PE, ET
        mov dword [STATE + 0x160], 0x400            ; DR7
        mov dword [STATE + 0x168], 0xffff0ff0       ; DR6
        mov dword [STATE + 0x170], 2                ; RFLAGS
        ret

; Runs the guest of the VMCB until its hypercall 0. Its registers but rAX and rSP are the processor's.
run_guest:
        mov dword [exits], 0
        xor ebx, ebx
        xor ecx, ecx
        xor edx, edx
        xor esi, esi
        xor edi, edi
        xor ebp, ebp
.run:   mov eax, VMCB
        vmload
        vmrun
        vmsave
        stgi
        clgi
        inc dword [exits]
        mov eax, [EXITCODE]
        cmp eax, EXIT_CPUID
        je .cpuid
        cmp eax, EXIT_VMMCALL
        je .call
        cmp eax, EXIT_NPF
        je .fault
        exit 1

.cpuid: add dword [STATE + 0x1f8], 0x1000           ; the answer: EAX grows, EBX counts exits
        mov ebx, [exits]
        add dword [STATE + 0x178], 2
        jmp .run

.call:  add dword [STATE + 0x178], 3
        mov eax, [STATE + 0x1f8]
        test eax, eax
        jz .done
        pushad
        call print_hex
        popad
        jmp .run

.fault: push eax                                    ; a page of the second guest's memory, touched for the first time
        push ebx
        mov eax, [EXITINFO2]
        cmp eax, GUEST_BYTES
        jae .outside
        shr eax, 12
        mov ebx, eax
        shl ebx, 12
        lea ebx, [ebx + GUEST_MEMORY + (PTE_P | PTE_W | PTE_U)]
        mov [NESTED_TABLE + eax * 4], ebx
        pop ebx
        pop eax
        jmp .run
.outside:
        exit 2

.done:  stgi
        mov eax, [exits]
        call print_hex
        ret

; Prints eax as eight digits and a space; changes eax, ecx, edx, esi, edi.
print_hex:
        mov edi, digits
        mov ecx, 8
.next:  rol eax, 4
        mov edx, eax
        and edx, 15
        mov dl, [hex + edx]
        mov [edi], dl
        inc edi
        loop .next
        mov esi, digits
        call print
        ret
        serial_print

; The guest, which runs wherever it lies and takes its stack for its memory.
guest:  mov ecx, ROUNDS
        xor eax, eax
.again: cpuid
        push eax
        push ebx
        loop .again
        mov esi, esp
        xor eax, eax
        mov ecx, ROUNDS * 2
.sum:   add eax, [esi]
        add esi, 4
        loop .sum
        mov edx, esp
        and edx, 0xfffff000
        sub edx, 0x3000
        mov [edx], eax                              ; a page that nobody has touched
        mov eax, [edx]
        vmmcall                                     ; prints the sum
        xor eax, eax
        vmmcall                                     ; ends the guest
        jmp $
guest_end:

first_text:  db "guest in shared memory: ", 0
second_text: db 10, "guest on nested page tables: ", 0
hex:    db "0123456789abcdef"
digits: db "00000000 ", 0
        align 4
exits:  dd 0
        align 8
idt:    no_gates 1
idtr:   dw idtr - idt - 1
        dd idt
        flat_gdt
        kernel_tss STACK_TOP
