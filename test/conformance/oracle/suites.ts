/** A program of cases, `suites/NAME.asm`, whose expected text is `expected/NAME.txt`. */
export interface Suite {
  readonly name: string;
  /** The processors it is run on by the oracles: the oldest that have all it uses. */
  readonly qemuCpu: string;
  readonly bochsCpu: string;
  /** QEMU's processor lacks what the suite is about: Bochs alone says what is expected. */
  readonly bochsAlone?: string;
  /** Cases that Ringside does not pass yet. */
  readonly pending?: readonly Pending[];
}

export interface Pending {
  /** Their names, or the whole suite. */
  readonly cases: readonly string[] | 'all';
  /** What is missing, and the number of the issue that brings it. */
  readonly reason: string;
}

export const SUITES: readonly Suite[] = [
  {
    name: 'debug',
    qemuCpu: 'pentium3',
    bochsCpu: 'p3_katmai',
    pending: [
      { cases: ['TF: sti does not hold it'], reason: 'the shadow of STI holds the trap too (issue 3)' },
      {
        reason: 'breakpoints, general detect and CR4.DE come with issue 3',
        cases: [
          'DR6 is sticky: bits stay until software clears them',
          'DR4 is #UD with CR4.DE',
          'write of DR5 is #UD with CR4.DE',
          'general detect: mov dr with GD is #DB before it runs, BD set, GD cleared',
          'general detect: a read of DR7 too',
          'write watch: byte written traps after the instruction',
          'access watch: a read traps',
          'access watch: a write traps',
          'watch of 4: a byte inside it',
          'watch of 4: a dword that begins before it',
          'watch: global enable',
          'watch: two breakpoints on one access',
          'watch: push and pop',
          'watch: read and write in one instruction trap once',
          'watch: rep movsb traps at the iteration that touches it',
          'watch and TF: one #DB with both bits',
          'watch: mov ss holds its own data breakpoint back until after the next instruction',
          'watch: at CPL 3',
          'execute breakpoint: #DB before the instruction',
          'execute breakpoint: RF is clear after one instruction',
          'execute breakpoint: popfd does not set RF',
          "execute breakpoint: on a prefix, the instruction's first byte",
          'execute breakpoint with the trap of the instruction before',
          "execute breakpoint comes before the instruction's own fault",
          'execute breakpoint at a jump target',
          'execute breakpoint in a loop: once each time round',
          'execute breakpoint: rep movsb once, not for each iteration',
          'I/O breakpoint with CR4.DE: out',
          'I/O breakpoint with CR4.DE: in of another port',
          'I/O breakpoint with CR4.DE: range of 4',
        ],
      },
    ],
  },
  {
    name: 'real-mode',
    qemuCpu: 'pentium3',
    bochsCpu: 'p3_katmai',
    pending: [
      {
        cases: ['data breakpoint: linear address of segment and offset'],
        reason: 'breakpoints come with issue 3',
      },
    ],
  },
  { name: 'pse', qemuCpu: 'pentium3', bochsCpu: 'p3_katmai' },
  { name: 'control', qemuCpu: 'pentium3', bochsCpu: 'p3_katmai' },
  {
    name: 'control-faults',
    qemuCpu: 'pentium3',
    bochsCpu: 'p3_katmai',
    bochsAlone: 'QEMU 7.2 does not check what is written to CR0 and MSRs, nor segment limits',
  },
  { name: 'v86', qemuCpu: 'pentium3', bochsCpu: 'p3_katmai' },
  {
    name: 'vme',
    qemuCpu: 'pentium3',
    bochsCpu: 'p3_katmai',
    bochsAlone: 'QEMU 7.2 has no virtual-8086 mode extensions',
  },
  {
    name: 'pae',
    qemuCpu: 'pentium3,+nx',
    bochsCpu: 'p4_prescott_celeron_336',
  },
  { name: 'task-switch', qemuCpu: 'pentium3', bochsCpu: 'p3_katmai' },
  {
    name: 'alignment',
    qemuCpu: 'pentium3',
    bochsCpu: 'p3_katmai',
    bochsAlone: 'QEMU 7.2 has no alignment check',
    pending: [
      { cases: ['cmpxchg8b at 4'], reason: 'CMPXCHG8B is checked for 4 bytes, not 8 (issue 3)' },
      {
        cases: ['stack: iretd with ESP at 2', 'stack: retf with ESP at 2', 'stack: far call with ESP at 2'],
        reason: 'the frames of far transfers are not checked (issue 3)',
      },
    ],
  },
  { name: 'gates', qemuCpu: 'pentium3', bochsCpu: 'p3_katmai' },
];
