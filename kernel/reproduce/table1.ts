import type { CostKey, CpuProfile } from '../../emulator/index.js';
import { within } from './row.js';
import type { Row } from './row.js';

/** Table 1: what the hardware itself costs, cycles. The model takes these as they are. */
const TABLE_1: readonly { name: string; key: CostKey; paper: Readonly<Record<string, number>> }[] = [
  { name: 'VM entry', key: 'vmrun', paper: { 'pentium4-672': 2409, 'core2-e6700': 937 } },
  { name: 'page fault VM exit', key: 'vmexit', paper: { 'pentium4-672': 1931, 'core2-e6700': 1186 } },
  { name: 'VMCB read', key: 'vmcb.read', paper: { 'pentium4-672': 178, 'core2-e6700': 52 } },
  { name: 'VMCB write', key: 'vmcb.write', paper: { 'pentium4-672': 171, 'core2-e6700': 44 } },
];

export function table1Rows({ name: profile, prices }: CpuProfile): Row[] {
  return TABLE_1.filter(({ paper }) => profile in paper).map(({ name, key, paper }) =>
    within(
      {
        name: `${name}, cycles`,
        figure: 'table 1',
        technique: 'svm-shadow',
        paper: paper[profile],
        ours: prices[key].value,
        kind: 'input',
      },
      0,
    ),
  );
}
