import * as control from '../arch/control.js';
import * as flags from '../arch/flags.js';
import { PF_FETCH, PF_PRESENT, PF_RESERVED, PF_USER, PF_WRITE } from '../arch/vectors.js';

type BitNames = readonly (readonly [mask: number, name: string])[];

/** Bits of a register, as the manuals name them (arch/control.ts and arch/flags.ts cite them). */
const BITS = {
  cr0: [
    [control.CR0_PE, 'PE'],
    [control.CR0_MP, 'MP'],
    [control.CR0_EM, 'EM'],
    [control.CR0_TS, 'TS'],
    [control.CR0_ET, 'ET'],
    [control.CR0_NE, 'NE'],
    [control.CR0_WP, 'WP'],
    [control.CR0_AM, 'AM'],
    [control.CR0_NW, 'NW'],
    [control.CR0_CD, 'CD'],
    [control.CR0_PG, 'PG'],
  ],
  cr4: [
    [control.CR4_VME, 'VME'],
    [control.CR4_PVI, 'PVI'],
    [control.CR4_TSD, 'TSD'],
    [control.CR4_DE, 'DE'],
    [control.CR4_PSE, 'PSE'],
    [control.CR4_PAE, 'PAE'],
    [control.CR4_MCE, 'MCE'],
    [control.CR4_PGE, 'PGE'],
    [control.CR4_PCE, 'PCE'],
  ],
  efer: [
    [control.EFER_SCE, 'SCE'],
    [control.EFER_LME, 'LME'],
    [control.EFER_LMA, 'LMA'],
    [control.EFER_NXE, 'NXE'],
    [control.EFER_SVME, 'SVME'],
  ],
  eflags: [
    [flags.FLAG_CF, 'CF'],
    [flags.FLAG_PF, 'PF'],
    [flags.FLAG_AF, 'AF'],
    [flags.FLAG_ZF, 'ZF'],
    [flags.FLAG_SF, 'SF'],
    [flags.FLAG_TF, 'TF'],
    [flags.FLAG_IF, 'IF'],
    [flags.FLAG_DF, 'DF'],
    [flags.FLAG_OF, 'OF'],
    [flags.FLAG_NT, 'NT'],
    [flags.FLAG_RF, 'RF'],
    [flags.FLAG_VM, 'VM'],
    [flags.FLAG_AC, 'AC'],
    [flags.FLAG_VIF, 'VIF'],
    [flags.FLAG_VIP, 'VIP'],
    [flags.FLAG_ID, 'ID'],
  ],
  pageFault: [
    [PF_PRESENT, 'P'],
    [PF_WRITE, 'W'],
    [PF_USER, 'U'],
    [PF_RESERVED, 'RSVD'],
    [PF_FETCH, 'I/D'],
  ],
} as const satisfies Record<string, BitNames>;
export type BitNamed = keyof typeof BITS;

/** Names of the bits that are set, from the lowest; IOPL of EFLAGS with its value. */
export function bitNames(register: BitNamed, value: number): string {
  const names = BITS[register].filter(([mask]) => (value & mask) !== 0).map(([, name]) => name as string);
  const iopl = (value & flags.FLAG_IOPL) >>> flags.IOPL_SHIFT;
  if (register === 'eflags' && iopl > 0) names.push(`IOPL=${iopl}`);
  return names.join(' ');
}
