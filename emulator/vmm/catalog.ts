import { HybridVmm } from './hybrid/hybrid-vmm.js';
import { NativeVmm } from './native.js';
import { SvmNestedVmm } from './hardware/svm-nested.js';
import { SvmShadowVmm } from './hardware/svm-shadow.js';
import { BinaryTranslationVmm } from './software/binary-translation.js';
import { TrapAndEmulateVmm } from './software/trap-and-emulate.js';
import type { MonitorOptions } from './monitor.js';
import { checkSwitches } from './switch-values.js';
import type { Vmm } from './vmm.js';

interface TechniqueRow {
  name: string;
  family: 'none' | 'software' | 'hardware' | 'both';
  /** One line: how the guest's kernel runs. */
  description: string;
  /** Builds the machine with its monitor. */
  create: (options: MonitorOptions) => Vmm;
}

/** The techniques that the project compares: the whole list, in the order of its tables and plots. */
export const techniques = [
  {
    name: 'native',
    family: 'none',
    description: 'no monitor: the guest owns the machine',
    create: (options) => new NativeVmm(options),
  },
  {
    name: 'trap-and-emulate',
    family: 'software',
    description: 'the kernel runs in ring 1 as it is; wrong where x86 does not trap',
    create: (options) => new TrapAndEmulateVmm(options),
  },
  {
    name: 'binary-translation',
    family: 'software',
    description: 'kernel code is translated into a code cache and runs in ring 1, user code runs directly',
    create: (options) => new BinaryTranslationVmm(options),
  },
  {
    name: 'svm-shadow',
    family: 'hardware',
    description: 'guest mode through VMRUN, with shadow page tables',
    create: (options) => new SvmShadowVmm(options),
  },
  {
    name: 'svm-nested',
    family: 'hardware',
    description: 'guest mode through VMRUN, with nested page tables',
    create: (options) => new SvmNestedVmm(options),
  },
  {
    name: 'hybrid',
    family: 'both',
    description: 'changes between binary translation and guest mode by what the guest does',
    create: (options) => new HybridVmm(options),
  },
] as const satisfies readonly TechniqueRow[];

export type Technique = (typeof techniques)[number]['name'];

/** Names of the techniques that can run guests in this version. */
export function usableTechniques(): Technique[] {
  return techniques.map(({ name }) => name);
}

/**
 * Builds a machine with the monitor of a technique, and the virtual machine for its guest, with empty memory.
 * @throws RangeError for a technique that is unknown, for a switch that it has not or a value that
 *   the switch does not take, and for a memory size that no guest can have.
 */
export function createVmm(technique: string, options: MonitorOptions): Vmm {
  const row: TechniqueRow | undefined = techniques.find(({ name }) => name === technique);
  if (!row)
    throw new RangeError(
      `no technique is called '${technique}'; there are: ${usableTechniques().join(', ')}`,
    );
  checkSwitches(row.name as Technique, options.switches ?? {});
  return row.create(options);
}
