/**
 * What can be charged for. The machine counts these; a profile prices them. A key names an event, never a
 * technique, so one profile prices every technique.
 */
export const COST_KEYS = [
  // Instruction classes: what each form in the instruction table charges once per execution.
  'alu', // add, logic, compare, register moves, and what else retires several a cycle
  'lea',
  'shift',
  'multiply',
  'divide',
  'bit', // bit tests and scans
  'bcd',
  'x87', // loads, stores, additions, multiplications and comparisons of the coprocessor
  'x87.divide', // divisions, remainders, square roots
  'x87.transcendental',
  'x87.state', // its environment or all of its registers saved or loaded; packed decimals
  'flags.read', // pushf, lahf
  'flags.write', // popf
  'if.clear', // cli
  'if.set', // sti
  'branch', // jumps, conditional or not, taken or not
  'call',
  'return',
  'stack', // push, pop, leave
  'string', // a string instruction, and each iteration of a repeated one
  'locked', // extra for a locked read-modify-write
  'segment.load', // mov to a segment register, lds and the like
  'far.transfer', // far jmp, call, ret
  'task.switch', // extra for a hardware task switch, whatever brought it about
  'software.interrupt', // int n, int3, into: the delivery
  'interrupt.return', // iret
  'fast.syscall', // sysenter, syscall
  'fast.sysret', // sysexit, sysret
  'descriptor.query', // lar, lsl, verr, verw, arpl, sgdt, sldt, smsw, str ...
  'descriptor.load', // lgdt, lidt, lldt, ltr
  'control.read', // mov from a control or debug register
  'control.write', // mov to a control or debug register other than CR3, lmsw, clts
  'cr3.write',
  'invlpg',
  'cpuid',
  'rdtsc',
  'msr.read',
  'msr.write',
  'cache.flush', // invd, wbinvd
  'halt',
  'svm.state', // vmload, vmsave, stgi, clgi, invlpga
  // Extra per memory operand.
  'load',
  'store',
  // The memory-management unit.
  'walk.reference', // one page-table entry read during a TLB fill
  'walk.nested.reference', // one nested page-table entry read during a TLB fill
  'walk.cached', // one entry of an upper level, of either kind, found in the page-walk cache instead
  // Delivery through the IDT by the processor.
  'exception', // a fault or trap other than a page fault or a software interrupt
  'page.fault',
  'interrupt', // an external interrupt
  // The platform.
  'port.read', // an in that reaches a device on the bus
  'port.write',
  'idle', // one cycle spent halted
  // Transitions between a guest and its monitor.
  'trap.enter', // exception or interrupt that enters a software monitor
  'trap.resume', // its return to the guest (iret)
  'callout', // from translated code to the monitor and back, with no trap
  'vmrun', // host to guest
  'vmexit', // guest to host
  // Counted actions of a monitor.
  'vmcb.read',
  'vmcb.write',
  'vmm.dispatch', // after a trap: find out why the guest stopped and choose the handler
  'vmm.exit', // after #VMEXIT: the same, and set up again what a world switch leaves behind
  'vmm.decode', // decode one guest instruction on exit
  'vmm.emulate', // emulate one guest instruction on the virtual processor
  'vmm.guest.access', // one access to guest memory (a page-table entry, a gate, a word of a frame) or to a nested table
  'vmm.fault', // find out what a page fault on shadow page tables means, its walk of the guest's tables apart
  'vmm.shadow.write', // one entry of a shadow or nested page table written
  'vmm.shadow.fill', // what it takes more to derive one that maps a page: its frame, its rights, its reverse map
  'vmm.shadow.table', // one shadow or nested table allocated or cleared
  'vmm.device', // find the device of a port or an address at run time and call its model
  'vmm.segment', // one shadow descriptor derived
  'translate.instruction', // one guest instruction translated
  'translate.chain', // one jump in the translation cache patched
  'translate.lookup', // one lookup of a guest address by the dispatcher
] as const;

export type CostKey = (typeof COST_KEYS)[number];

export const COST_KEY_COUNT = COST_KEYS.length;

/** Position of each key in a ledger's rows. */
export const COST_KEY_INDEX = Object.fromEntries(COST_KEYS.map((key, index) => [key, index])) as Readonly<
  Record<CostKey, number>
>;

/** Who pays. The accounts always sum to the clock. */
export const ACCOUNTS = ['guest', 'vmm', 'transition', 'walk', 'translate', 'device', 'idle'] as const;
export type Account = (typeof ACCOUNTS)[number];
export const ACCOUNT_INDEX = Object.fromEntries(ACCOUNTS.map((name, index) => [name, index])) as Readonly<
  Record<Account, number>
>;
