; task-switch.asm: hardware task switches by far jump, far call, interrupt and IRET, with 32-bit and 16-bit TSSs.
; Intel SDM vol. 3 (rev. 325384-084), chapter 8 "Task Management".

%include "harness.inc"

%define T_LINK      0x00
%define T_CR3       0x1c
%define T_EIP       0x20
%define T_FLAGS     0x24
%define T_EAX       0x28
%define T_ESP       0x38
%define T_ES        0x48
%define T_CS        0x4c
%define T_SS        0x50
%define T_DS        0x54
%define T_FS        0x58
%define T_GS        0x5c
%define T_LDT       0x60
%define T_TRAP      0x64
; of a 16-bit TSS
%define C_IP        0x0e
%define C_FLAGS     0x10
%define C_AX        0x12
%define C_SP        0x1a
%define C_ES        0x22
%define C_CS        0x24
%define C_SS        0x26
%define C_DS        0x28
%define C_LDT       0x2a
%define GATE_SEL    FREE_SEL            ; a task gate to TSS_B
%define STACK_B     0x6000

; TASK_B label: a 32-bit task at CPL 0, EAX.. = 0xb0.. to 0xb7
%macro TASK_B 1
        mov edi, TSS_B + T_EAX
        mov eax, 0xb0
%%next: stosd
        inc eax
        cmp eax, 0xb8
        jb %%next
        mov dword [TSS_B + 4], STACK_INT
        mov dword [TSS_B + 8], DS0
        mov dword [TSS_B + T_EIP], %1
        mov dword [TSS_B + T_FLAGS], 2
        mov dword [TSS_B + T_ESP], STACK_B
        mov dword [TSS_B + T_CS], CS0
        mov dword [TSS_B + T_SS], DS0
        mov dword [TSS_B + T_DS], DS0
        mov dword [TSS_B + T_ES], DS0
        mov word [TSS_B + 0x66], 0x68
        mov eax, 1
        mov edi, 7
%endmacro

; As TASK_B, at CPL 3
%macro TASK_B3 1
        TASK_B %1
        mov dword [TSS_B + T_CS], CS3
        mov dword [TSS_B + T_SS], DS3
        mov dword [TSS_B + T_DS], DS3
        mov dword [TSS_B + T_ES], DS3
%endmacro

; TASK_C label: a 16-bit task at CPL 0 in CS16
%macro TASK_C 1
        mov word [TSS_C + 2], STACK_INT
        mov word [TSS_C + 4], DS0
        mov word [TSS_C + C_IP], %1 - $$
        mov word [TSS_C + C_FLAGS], 2
        mov word [TSS_C + C_AX], 0xc0
        mov word [TSS_C + C_AX + 2], 0xc1
        mov word [TSS_C + C_SP], STACK_B
        mov word [TSS_C + C_CS], CS16
        mov word [TSS_C + C_SS], DS16
        mov word [TSS_C + C_DS], DS0
        mov word [TSS_C + C_ES], DS0
%endmacro

; The upper halves of the registers are undefined in a 16-bit task
%macro FIX16 0
        movzx eax, ax
        movzx ecx, cx
        movzx edx, dx
        movzx ebx, bx
        movzx esp, sp
        movzx ebp, bp
        movzx esi, si
        movzx edi, di
%endmacro

; What a switch may have changed: the descriptors' busy bits, the old TSS, the new one's link
%macro LOOK 0
        DUMP GDT + TSS_SEL, 24
        DUMP TSS + T_EIP + 4, 64
        DUMP TSS_B, 4
%endmacro

%macro TASK_GATE 2
        DESC %1, (%2) << 16, 0x00008500
%endmacro

; A task that is refused: name, what is wrong
%macro REFUSED 2
CASE %1
        TASK_B .task
        LOOK
        %2
        jmp TSS_B_SEL:0
        int3
.task:  nop
        int3
%endmacro
%macro REFUSED3 2
CASE %1
        TASK_B3 .task
        LOOK
        %2
        jmp TSS_B_SEL:0
        int3
.task:  nop
        int3
%endmacro

CASE "jmp to a TSS"
        TASK_B .task
        LOOK
        stc
        jmp TSS_B_SEL:0x12345678
        int3
.task:  nop
        int3

CASE "call of a TSS: NT, link, both busy"
        TASK_B .task
        LOOK
        call TSS_B_SEL:0
        int3
.task:  nop
        int3

CASE "call of a TSS and iretd back"
        TASK_B .task
        LOOK
        call TSS_B_SEL:0
        inc ecx
        int3
.task:  mov eax, 0x1234
        iretd

CASE "the called task again continues after its iretd"
        TASK_B .task
        LOOK
        call TSS_B_SEL:0
        call TSS_B_SEL:0
        int3
.task:  inc eax
        iretd
        inc eax
        int3

CASE "jmp back to a task that is not busy"
        TASK_B .task
        LOOK
        jmp TSS_B_SEL:0
        inc ecx
        int3
.task:  jmp TSS_SEL:0

CASE "jmp through a task gate in the GDT"
        TASK_B .task
        TASK_GATE GATE_SEL, TSS_B_SEL
        LOOK
        jmp GATE_SEL:0
        int3
.task:  int3

CASE "call through a task gate in the LDT"
        TASK_B .task
        mov dword [LDT + 8], TSS_B_SEL << 16
        mov dword [LDT + 12], 0x8500
        mov dx, LDT_SEL
        lldt dx
        LOOK
        call 0x0c:0
        inc ecx
        int3
.task:  iretd

CASE "call through a task gate at CPL 3"
        TASK_B .task
        DESC GATE_SEL, TSS_B_SEL << 16, 0x0000e500
        LOOK
        USER 2, .to
.to:    call (GATE_SEL | 3):0
        inc ecx
        int3
.task:  iretd

CASE "task gate of DPL 0 at CPL 3 is #GP(gate)"
        TASK_B .task
        TASK_GATE GATE_SEL, TSS_B_SEL
        USER 2, .to
.to:    call (GATE_SEL | 3):0
.task:  int3

CASE "TSS of DPL 0 at CPL 3 is #GP(TSS)"
        TASK_B .task
        USER 2, .to
.to:    jmp (TSS_B_SEL | 3):0
.task:  int3

CASE "task gate that is not present is #NP(gate)"
        DESC GATE_SEL, TSS_B_SEL << 16, 0x00000500
        call GATE_SEL:0

CASE "task gate to something that is no TSS is #GP(it)"
        TASK_GATE GATE_SEL, DS0
        call GATE_SEL:0

CASE "task gate to a TSS in the LDT is #GP"
        TASK_GATE GATE_SEL, TSS_B_SEL | 4
        call GATE_SEL:0

CASE "int through a task gate"
        TASK_B .task
        mov dword [IDT + 8 * 0x31], TSS_B_SEL << 16
        mov dword [IDT + 8 * 0x31 + 4], 0x0000e500
        LOOK
        int 0x31
        inc ecx
        int3
.task:  iretd

CASE "int through a task gate at CPL 3"
        TASK_B .task
        mov dword [IDT + 8 * 0x31], TSS_B_SEL << 16
        mov dword [IDT + 8 * 0x31 + 4], 0x0000e500
        LOOK
        USER 2 | FLAG_IF, .to
.to:    int 0x31
        inc ecx
        int3
.task:  nop
        iretd

CASE "fault through a task gate: eip of the instruction in the old TSS"
        TASK_B .task
        mov dword [IDT + 8 * 6], TSS_B_SEL << 16
        mov dword [IDT + 8 * 6 + 4], 0x00008500
        LOOK
        DUMP TSS + T_FLAGS, 4
        ud2
.task:  int3

CASE "fault with an error code through a task gate: pushed on the new stack"
        TASK_B .task
        mov dword [IDT + 8 * 13], TSS_B_SEL << 16
        mov dword [IDT + 8 * 13 + 4], 0x00008500
        LOOK
        DUMP STACK_B - 8, 8
        mov dx, 0x1238
        mov es, dx
.task:  pop ecx
        int3

CASE "fault with an error code into a 16-bit task: a word is pushed"
        TASK_C .task
        mov dword [IDT + 8 * 13], TSS_C_SEL << 16
        mov dword [IDT + 8 * 13 + 4], 0x00008500
        DUMP STACK_B - 8, 8
        mov dx, 0x1238
        mov es, dx
        bits 16
.task:  FIX16
        int3

CASE "iretd with NT and no task to return to is #TS"
        FLAGS 2 | FLAG_NT
        iretd

CASE "iretd with NT to a task that is not busy is #TS"
        mov word [TSS], TSS_B_SEL
        FLAGS 2 | FLAG_NT
        iretd

CASE "iretd with NT to something that is no TSS is #TS"
        mov word [TSS], DS0
        FLAGS 2 | FLAG_NT
        iretd

CASE "jmp to a busy TSS is #GP"
        jmp TSS_SEL:0

CASE "call of a busy TSS is #GP"
        call TSS_SEL:0

CASE "call to the task that called is #GP: no recursion"
        TASK_B .task
        call TSS_B_SEL:0
.task:  call TSS_SEL:0

CASE "the new task's flags: NT of the image stays with jmp"
        TASK_B .task
        or dword [TSS_B + T_FLAGS], FLAG_NT | 0xd5
        LOOK
        jmp TSS_B_SEL:0
.task:  nop
        int3

CASE "the old task's NT is cleared by iretd"
        TASK_B .task
        LOOK
        call TSS_B_SEL:0
        jmp TSS_B_SEL:0
.task:  iretd
        pushfd
        pop ecx
        int3

CASE "flags of the old task are stored with NT for call"
        TASK_B .task
        DUMP TSS + T_FLAGS, 4
        FLAGS 2 | FLAG_NT | 0x40
        call TSS_B_SEL:0
.task:  int3

CASE "task at CPL 3"
        TASK_B3 .task
        LOOK
        jmp TSS_B_SEL:0
.task:  nop
        mov dx, ds
        int3

CASE "task in V86 mode"
        TASK_B .task
        or dword [TSS_B + T_FLAGS], FLAG_VM
        mov dword [TSS_B + T_EIP], .task - $$
        mov dword [TSS_B + T_CS], IMAGE >> 4
        mov dword [TSS_B + T_SS], 0
        mov dword [TSS_B + T_DS], 0x1234
        jmp TSS_B_SEL:0
        bits 16
.task:  mov dx, ds
        int3

CASE "out of V86 mode through a task gate"
        TASK_B .task
        mov dword [IDT + 8 * 6], TSS_B_SEL << 16
        mov dword [IDT + 8 * 6 + 4], 0x00008500
        LOOK
        push dword 4
        push dword 3
        push dword 2
        push dword 1
        push dword 0
        push dword 0x7000
        push dword FLAG_VM | 2
        push dword IMAGE >> 4
        push dword .to - $$
        iretd
        bits 16
.to:    ud2
        mov cx, gs
        int3
        bits 32
.task:  add dword [TSS + T_EIP], 2
        iretd

CASE "the new task's LDT"
        TASK_B .task
        mov dword [LDT + 8], 0x0000ffff
        mov dword [LDT + 12], 0x00cf9300
        mov dword [TSS_B + T_LDT], LDT_SEL
        mov dword [TSS_B + T_DS], 0x0c
        jmp TSS_B_SEL:0
.task:  nop
        int3

CASE "segments of the new task: accessed bits are set"
        TASK_B .task
        DESC FREE_SEL, 0x0000ffff, 0x00cf9200
        mov dword [TSS_B + T_FS], FREE_SEL
        DUMP GDT + FREE_SEL, 8
        jmp TSS_B_SEL:0
.task:  nop
        int3

CASE "TS is set in CR0 by every switch"
        TASK_B .task
        call TSS_B_SEL:0
        mov edx, cr0
        int3
.task:  clts
        iretd

CASE "CR3 of the new task, paging on"
        TASK_B .task
        mov dword [TABLES], 0x83
        mov dword [TABLES + 0x1000], 0x83
        mov dword [TSS_B + T_CR3], TABLES + 0x1000
        mov dword [TSS + T_CR3], TABLES
        mov edx, 0x10
        mov cr4, edx
        mov edx, TABLES
        mov cr3, edx
        mov edx, CR0_BASE | 0x80000000
        mov cr0, edx
        call TSS_B_SEL:0
        int3
.task:  mov eax, cr3
        mov [SCRATCH], eax
        int3

CASE "CR3 is not loaded with paging off"
        TASK_B .task
        mov dword [TSS_B + T_CR3], TABLES
        jmp TSS_B_SEL:0
.task:  mov ecx, cr3
        int3

CASE "local breakpoints of DR7 are switched off"
        TASK_B .task
        mov edx, 0x4ff
        mov dr7, edx
        jmp TSS_B_SEL:0
.task:  mov ecx, dr7
        int3

CASE "trap bit of the TSS: #DB before the first instruction, BT"
        TASK_B .task
        mov word [TSS_B + T_TRAP], 1
        jmp TSS_B_SEL:0
.task:  inc eax
        int3

CASE "TF of the new task"
        TASK_B .task
        or dword [TSS_B + T_FLAGS], FLAG_TF
        jmp TSS_B_SEL:0
.task:  inc eax
        int3

REFUSED "TSS not present is #NP(TSS)", {mov byte [GDT + TSS_B_SEL + 5], 0x09}
REFUSED "TSS with limit 0x66 is #TS(TSS)", {mov word [GDT + TSS_B_SEL], 0x66}
REFUSED "TSS with limit 0x67 is enough", {mov word [GDT + TSS_B_SEL], 0x67}
REFUSED3 "LDT of the new task is no LDT: #TS(it)", {mov dword [TSS_B + T_LDT], DS0}
REFUSED3 "code selector of data: #TS(it)", {mov dword [TSS_B + T_CS], DS3}
REFUSED3 "stack selector of code: #TS(it)", {mov dword [TSS_B + T_SS], CS3}
REFUSED3 "stack selector of another DPL: #TS(it)", {mov dword [TSS_B + T_SS], DS0 | 3}
REFUSED3 "stack selector null: #TS(0)", {mov dword [TSS_B + T_SS], 0}
REFUSED3 "data selector past the table: #TS(it)", {mov dword [TSS_B + T_DS], 0xfff8}
REFUSED3 "data selector of a TSS: #TS(it)", {mov dword [TSS_B + T_ES], TSS_SEL}
REFUSED3 "data selector of DPL 0: #TS(it)", {mov dword [TSS_B + T_GS], DS0}
REFUSED3 "EIP past the limit: #GP(0)", {mov dword [TSS_B + T_CS], CS16_3}

CASE "LDT of the new task not present: #TS(it)"
        TASK_B3 .task
        and byte [GDT + LDT_SEL + 5], 0x7f
        mov dword [TSS_B + T_LDT], LDT_SEL
        jmp TSS_B_SEL:0
.task:  int3

CASE "data segment of the new task not present: #NP(it)"
        TASK_B3 .task
        DESC FREE_SEL, 0x0000ffff, 0x00cf7300
        mov dword [TSS_B + T_FS], FREE_SEL | 3
        jmp TSS_B_SEL:0
.task:  int3

CASE "stack segment of the new task not present: #SS(it)"
        TASK_B3 .task
        DESC FREE_SEL, 0x0000ffff, 0x00cf7300
        mov dword [TSS_B + T_SS], FREE_SEL | 3
        jmp TSS_B_SEL:0
.task:  int3

CASE "code segment of the new task not present: #NP(it)"
        TASK_B3 .task
        DESC FREE_SEL, 0x0000ffff, 0x00cf7b00
        mov dword [TSS_B + T_CS], FREE_SEL | 3
        jmp TSS_B_SEL:0
.task:  int3

CASE "32-bit task to 16-bit task"
        TASK_C .task
        DUMP GDT + TSS_SEL, 24
        DUMP TSS_C, 4
        jmp TSS_C_SEL:0
        bits 16
.task:  FIX16
        int3

CASE "call of a 16-bit task and iret back"
        TASK_C .task
        DUMP GDT + TSS_SEL, 24
        DUMP TSS_C, 2
        DUMP TSS_C + C_FLAGS, 24
        call TSS_C_SEL:0
        inc ecx
        int3
        bits 16
.task:  inc ax
        iret

CASE "16-bit task to 32-bit task: the upper halves are not stored"
        TASK_C .task
        TASK_B .last
        DUMP TSS_C + C_FLAGS, 26
        mov dword [TSS_C + 0x2c], 0x5a5a5a5a
        jmp TSS_C_SEL:0
        bits 16
.task:  mov eax, 0x12345678
        jmp TSS_B_SEL:0
        bits 32
.last:  int3

CASE "16-bit TSS: limit 0x2a is #TS(TSS)"
        TASK_C .task
        mov word [GDT + TSS_C_SEL], 0x2a
        jmp TSS_C_SEL:0
        bits 16
.task:  int3

CASE "ltr marks busy; of a busy one is #GP"
        DUMP GDT + TSS_B_SEL, 8
        mov dx, TSS_B_SEL
        ltr dx
        ltr dx

CASE "ltr of a 16-bit TSS"
        DUMP GDT + TSS_C_SEL, 8
        mov dx, TSS_C_SEL
        ltr dx
        int3

        FINISH
