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
  },
  {
    name: 'real-mode',
    qemuCpu: 'pentium3',
    bochsCpu: 'p3_katmai',
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
  },
  { name: 'gates', qemuCpu: 'pentium3', bochsCpu: 'p3_katmai' },
  { name: 'segments', qemuCpu: 'pentium3', bochsCpu: 'p3_katmai' },
];
