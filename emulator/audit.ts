import { Symbols } from './disassembly.js';
import { GuestRun } from './run.js';
import type { RunOptions, RunResult } from './run.js';
import { AuditVmm } from './vmm/software/audit-vmm.js';
import type { AuditSite } from './vmm/software/audit-vmm.js';
import { checkSwitches } from './vmm/switch-values.js';
import type { Switches } from './vmm/switches.js';

/**
 * The 17 instructions of Robin & Irvine, "Analysis of the Intel Pentium's Ability to Support a Secure Virtual
 * Machine Monitor" (USENIX Security 2000), section 3. Lists print 18 mnemonics: VERR and VERW count as one.
 */
export const LISTED: readonly (readonly string[])[] = [
  ...[['sgdt'], ['sidt'], ['sldt'], ['smsw'], ['pushf'], ['popf']],
  ...[
    ['lar'],
    ['lsl'],
    ['verr', 'verw'],
    ['pop'],
    ['push'],
    ['call'],
    ['jmp'],
    ['int'],
    ['retf'],
    ['str'],
    ['mov'],
  ],
];

/** Same reasons, other opcodes, by the one of the list that they belong to. */
const ALIKE: Readonly<Record<string, string>> = {
  lds: 'mov',
  les: 'mov',
  lfs: 'mov',
  lgs: 'mov',
  lss: 'mov',
  int1: 'int',
  int3: 'int',
  into: 'int',
  iret: 'popf',
};

/** The mnemonic of the list under which one is counted: itself, or the one that it is like. */
export function withListed(mnemonic: string): string {
  const listed = ALIKE[mnemonic] ?? mnemonic;
  return LISTED.find((group) => group.includes(listed))?.[0] ?? listed;
}

export type AuditOptions = Omit<RunOptions, 'technique' | 'switches' | 'trace'> & {
  /** Where the guest's kernel really runs. */
  kernelRing?: Switches['kernelRing'];
  /** Linear addresses by label, for the names of places. */
  symbols?: Readonly<Record<string, number>>;
};

export interface AuditRow extends AuditSite {
  /** The label at or before it, with the distance; null when none is near. */
  symbol: string | null;
}

export interface AuditResult {
  /** Every place where a sensitive instruction was executed that is not privileged, by address. */
  rows: readonly AuditRow[];
  /** Executions at places beyond the 4096 that are listed. */
  unlisted: number;
  outcome: RunResult['outcome'];
  /** The outcome in words. */
  detail: string;
}

/**
 * Runs a guest deprivileged under trap-and-emulate and notes what its sensitive instructions that are not
 * privileged do where they do not trap. The guest goes on with what is right, so that one betrayal hides no other.
 * @throws as {@link GuestRun} does.
 */
export function audit(image: Uint8Array, options: AuditOptions = {}): AuditResult {
  const { kernelRing, symbols: labels, ...rest } = options;
  const switches = kernelRing === undefined ? {} : { kernelRing };
  const found: AuditVmm[] = [];
  const run = new GuestRun(
    image,
    { ...rest, technique: 'trap-and-emulate', switches },
    (_, monitorOptions) => {
      checkSwitches('trap-and-emulate', switches);
      const vmm = new AuditVmm(monitorOptions);
      found.push(vmm);
      return vmm;
    },
  );
  const { outcome, detail } = run.run();
  const symbols = new Symbols(labels);
  const [{ sites, unlisted }] = found;
  const rows = sites.map((site) => ({ ...site, symbol: symbols.near(site.linear) }));
  return { rows: rows.sort((a, b) => a.linear - b.linear), unlisted, outcome, detail };
}
