/** Cases in which the oracles differ, and which of them the manual agrees with. */
export interface Decision {
  readonly suite: string;
  /** Names of cases. */
  readonly cases: readonly string[];
  readonly right: 'bochs' | 'qemu';
  /** What the manual says, and where. SDM: Intel 325384-084; APM: AMD 24593 rev. 3.42. Sections by title. */
  readonly because: string;
}

/** A field in which one oracle is wrong everywhere: these bits come from the other. */
export interface FieldDecision {
  readonly field: string;
  readonly bits: number;
  readonly right: 'bochs' | 'qemu';
  readonly because: string;
}

export const FIELD_DECISIONS: readonly FieldDecision[] = [
  {
    field: 'fl',
    bits: 1 << 16,
    right: 'bochs',
    because:
      'SDM vol. 3 "Instruction-Breakpoint Exception Condition": faults push RF set, RF is clear after the next ' +
      'instruction; QEMU 7.2 pushes what it holds and clears it late',
  },
];

/** QEMU's translator leaves this out for speed. */
const QEMU_LIMITS = 'QEMU checks no segment limits';

export const DECISIONS: readonly Decision[] = [
  {
    suite: 'debug',
    cases: ['TF: sti does not hold it'],
    right: 'bochs',
    because: 'SDM vol. 2 "STI": only maskable interrupts (and NMI) wait for the next instruction',
  },
  {
    suite: 'debug',
    cases: ['DR6 and DR7: bits that do not exist'],
    right: 'bochs',
    because: 'SDM vol. 3 "Debug Registers", figure: DR6 bit 12 and DR7 bits 11, 12, 14 and 15 are 0',
  },
  {
    suite: 'debug',
    cases: [
      'general detect: mov dr with GD is #DB before it runs, BD set, GD cleared',
      'general detect: a read of DR7 too',
    ],
    right: 'bochs',
    because: 'SDM vol. 3 "General-Detect Exception Condition"; QEMU does not have it',
  },
  {
    suite: 'debug',
    cases: ['watch: two breakpoints on one access'],
    right: 'bochs',
    because:
      'SDM vol. 3 "Debug Status Register (DR6)": every breakpoint whose condition was met sets its bit',
  },
  {
    suite: 'debug',
    cases: ['watch and TF: one #DB with both bits'],
    right: 'bochs',
    because:
      'SDM vol. 3 "Single-Step Exception Condition" and "Priority Among Concurrent Events": one trap, all bits',
  },
  {
    suite: 'debug',
    cases: [
      'watch: mov ss holds its own data breakpoint back until after the next instruction',
      'execute breakpoint: after mov ss is not seen',
    ],
    right: 'bochs',
    because: 'SDM vol. 3 "Masking Exceptions and Interrupts When Switching Stacks"',
  },
  {
    suite: 'debug',
    cases: ['execute breakpoint: rep movsb once, not for each iteration'],
    right: 'bochs',
    because: 'SDM vol. 3 "Instruction-Breakpoint Exception Condition": RF lasts for the whole instruction',
  },
  {
    suite: 'debug',
    cases: ['ICEBP is #DB, a trap with DPL ignored', 'ICEBP in a step'],
    right: 'bochs',
    because: 'SDM vol. 2 "INT n/INTO/INT3/INT1"; QEMU gives #UD',
  },
  {
    suite: 'real-mode',
    cases: [
      'offset 0xffff: a word is #GP, without error code',
      'offset 0xfffd: a dword is #GP',
      'offset 0xffff on the stack segment is #SS',
      'a 32-bit effective address above 64 KB is #GP',
      'near jump to EIP above 64 KB is #GP',
      'iretd with a 32-bit EIP above the limit is #GP',
      'rep movsw at an odd offset faults at 0xffff with the count so far',
      'unreal: limit of a small segment stays too',
    ],
    right: 'bochs',
    because: `SDM vol. 3 "Real-Address Mode" and "Limit Checking"; ${QEMU_LIMITS}`,
  },
  {
    suite: 'pse',
    cases: ['4 MB page: reserved bit 21 is #PF with RSVD'],
    right: 'bochs',
    because: 'SDM vol. 3 "Page-Fault Exceptions": RSVD is set only together with P',
  },
  {
    suite: 'pse',
    cases: ['global page: mov cr3 keeps it'],
    right: 'bochs',
    because:
      'SDM vol. 3 "Operations that Invalidate TLBs and Paging-Structure Caches"; QEMU flushes global pages too',
  },
  {
    suite: 'control',
    cases: ['sysenter with the null selector and RPL 3'],
    right: 'bochs',
    because: 'SDM vol. 2 "SYSENTER": #GP(0) if IA32_SYSENTER_CS[15:2] is 0',
  },
  {
    suite: 'v86',
    cases: [
      'offset past 64 KB is #GP(0)',
      'word at 0xffff is #GP(0)',
      'stack word at 0xffff is #SS(0)',
      'EIP past 64 KB is #GP(0)',
    ],
    right: 'bochs',
    because: `SDM vol. 3 "Limit Checking"; ${QEMU_LIMITS}`,
  },
  {
    suite: 'v86',
    cases: ['exception from V86 to conforming code is #GP(selector + EXT)'],
    right: 'bochs',
    because: 'SDM vol. 3 "Error Code": EXT is set when the event was no INT n, INT3 or INTO',
  },
  {
    suite: 'v86',
    cases: ['iretd at CPL 3 with VM set in the image does not enter V86'],
    right: 'bochs',
    because: 'SDM vol. 2 "IRET/IRETD": VM of the image counts only at CPL 0',
  },
  {
    suite: 'pae',
    cases: [
      'read: A in PTE and PDE, none in the PDPTE',
      'write: A and D',
      'write of a read-only page without WP',
    ],
    right: 'bochs',
    because: 'SDM vol. 3 "PAE Paging", "PDPTE Registers": they are loaded with CR3 and have no accessed bit',
  },
  {
    suite: 'pae',
    cases: [
      'reserved bit 40 of a PTE',
      'reserved bit 52 of a PTE',
      'bit 63 is reserved without NXE',
      'reserved bit, write',
      'user read, reserved bit',
      'reserved bit 52 of a PDE',
      '2 MB page: reserved bit 13',
      'NX: reserved bits beside it are RSVD and I/D',
    ],
    right: 'bochs',
    because: 'SDM vol. 3 "Page-Fault Exceptions": RSVD is set only together with P',
  },
  {
    suite: 'pae',
    cases: ['cmpxchg8b of an entry'],
    right: 'bochs',
    because: 'SDM vol. 2 "CMPXCHG8B/CMPXCHG16B": CF, PF, AF, SF and OF are unaffected',
  },
  {
    suite: 'task-switch',
    cases: ['jmp to a TSS', "the new task's flags: NT of the image stays with jmp"],
    right: 'bochs',
    because:
      'SDM vol. 3 "Task Switching": all of EFLAGS is saved and loaded; QEMU loses the arithmetic flags',
  },
  {
    suite: 'task-switch',
    cases: ['task gate to a TSS in the LDT is #GP'],
    right: 'bochs',
    because: 'SDM vol. 2 "CALL", TASK-GATE: #GP(TSS selector) if its local/global bit is set to local',
  },
  {
    suite: 'task-switch',
    cases: [
      'fault through a task gate: eip of the instruction in the old TSS',
      'fault with an error code through a task gate: pushed on the new stack',
      'out of V86 mode through a task gate',
    ],
    right: 'bochs',
    because:
      'SDM vol. 3 "Instruction-Breakpoint Exception Condition": a fault stores RF set, here in the old TSS',
  },
  {
    suite: 'task-switch',
    cases: ['segments of the new task: accessed bits are set'],
    right: 'bochs',
    because: 'SDM vol. 3 "Code- and Data-Segment Descriptor Types": the accessed bit is set on every load',
  },
  {
    suite: 'task-switch',
    cases: ['trap bit of the TSS: #DB before the first instruction, BT'],
    right: 'bochs',
    because: 'SDM vol. 3 "Task-Switch Exception Condition"; QEMU does not have it',
  },
  {
    suite: 'task-switch',
    cases: [
      'LDT of the new task is no LDT: #TS(it)',
      'code selector of data: #TS(it)',
      'stack selector of code: #TS(it)',
      'stack selector of another DPL: #TS(it)',
      'stack selector null: #TS(0)',
      'data selector past the table: #TS(it)',
      'data selector of a TSS: #TS(it)',
      'data selector of DPL 0: #TS(it)',
      'EIP past the limit: #GP(0)',
      'LDT of the new task not present: #TS(it)',
      'data segment of the new task not present: #NP(it)',
      'code segment of the new task not present: #NP(it)',
    ],
    right: 'bochs',
    because:
      'SDM vol. 3 "Task Switching": past the commit point the fault is one of the new task, before its first ' +
      'instruction; QEMU reports the old EIP with the new CS',
  },
  {
    suite: 'task-switch',
    cases: ['stack segment of the new task not present: #SS(it)'],
    right: 'bochs',
    because: 'SDM vol. 3 "Exception Conditions Checked During a Task Switch"',
  },
  {
    suite: 'gates',
    cases: ['call gate to conforming code: CPL stays'],
    right: 'bochs',
    because:
      'SDM vol. 3 "Accessing a Code Segment Through a Call Gate": no change of privilege, RPL of CS is CPL',
  },
  {
    suite: 'gates',
    cases: ['call gate: stack segment not present is #SS(it)', 'int: stack segment not present is #SS(it)'],
    right: 'bochs',
    because: 'SDM vol. 2 "CALL" and "INT n": #SS(new SS selector) if the stack segment is not present',
  },
  {
    suite: 'gates',
    cases: [
      'exception: stack selector of wrong DPL is #TS(it + EXT)',
      '#UD, gate not present: #NP(vector, EXT)',
      '#DB, gate not present: #NP(vector, EXT)',
    ],
    right: 'bochs',
    because: 'SDM vol. 3 "Error Code": EXT is set when the event was no INT n, INT3 or INTO',
  },
  {
    suite: 'segments',
    cases: ['far jump to conforming code: RPL of CS is CPL'],
    right: 'bochs',
    because: 'SDM vol. 3 "Code- and Data-Segment Descriptor Types": the accessed bit is set on every load',
  },
  {
    suite: 'segments',
    cases: ['ltr of null is #GP(0)'],
    right: 'bochs',
    because: 'SDM vol. 2 "LTR": #GP(0) if the source operand contains a null segment selector',
  },
  {
    suite: 'segments',
    cases: ['retf outwards: stack not present is #SS(it)'],
    right: 'bochs',
    because: 'SDM vol. 2 "RET", RETURN-TO-OUTER-PRIVILEGE-LEVEL: #SS(stack selector) if it is not present',
  },
  {
    suite: 'segments',
    cases: [
      'retf: offset past the limit is #GP(0)',
      'inner stack without room: int is #SS(it)',
      'inner stack without room: an exception is #SS(it + EXT)',
      'inner stack without room: call gate is #SS(it)',
      'inner stack that expands down, full: #SS(it)',
    ],
    right: 'bochs',
    because: `SDM vol. 3 "Limit Checking"; ${QEMU_LIMITS}`,
  },
  {
    suite: 'segments',
    cases: ['lock: allowed and not', 'lock bt is #UD'],
    right: 'bochs',
    because: 'SDM vol. 2 "LOCK": #UD with an instruction that is not listed there',
  },
];
