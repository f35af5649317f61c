import { inspect } from 'node:util';
import { didYouMean } from '../../emulator/index.js';
import type { CpuProfile, RunOptions } from '../../emulator/index.js';
import type { CellAuditOptions } from './audit.js';
import type { MachinesOptions } from './machines.js';
import type { CellRunOptions } from './run.js';
import type { ProcessorChanges } from './prices.js';
import type { CompareOptions, WholeRunOptions } from './running.js';

type Names = Readonly<Record<string, null>>;
/** Names of all the options of a kind: the compiler finds one that is missing. */
type NamesOf<T> = Readonly<Record<keyof T, null>>;

const HARDWARE = { profile: null, memoryBytes: null, limits: null };
const INPUTS = { rom: null, commandLine: null, initrd: null, disk: null, keys: null, serialInput: null };
const MONITORED = { ...HARDWARE, switches: null };

/** By how the call is written that takes them. */
const OPTIONS = {
  'machine(options)': { technique: null, ...MONITORED, ...INPUTS } satisfies NamesOf<CellRunOptions>,
  'run(guest, options)': {
    ...{ technique: null, ...MONITORED, trace: null, ...INPUTS },
  } satisfies NamesOf<WholeRunOptions>,
  'compare(guest, options)': {
    ...{ techniques: null, ...MONITORED, trace: null, ...INPUTS },
  } satisfies NamesOf<CompareOptions>,
  'machines(guests, options)': {
    ...{ technique: null, ...MONITORED, sliceCycles: null },
  } satisfies NamesOf<MachinesOptions>,
  'audit(guest, options)': {
    ...{ kernelRing: null, ...HARDWARE, policy: null, ...INPUTS },
  } satisfies NamesOf<CellAuditOptions>,
  'processor(base, changes)': {
    ...{ name: null, description: null, frequencyHz: null, features: null, physicalAddressBits: null },
    ...{ tlb: null, walkCache: null, svm: null, prices: null },
  } satisfies NamesOf<ProcessorChanges>,
};

/** Options that hold options. */
const PARTS = {
  limits: { instructions: null, cycles: null } satisfies NamesOf<NonNullable<RunOptions['limits']>>,
  tlb: { entries: null, ways: null, tagged: null } satisfies NamesOf<CpuProfile['tlb']>,
};
type Part = keyof typeof PARTS;

/**
 * Finds an option that there is not: it would change nothing and say nothing.
 * @throws RangeError naming those there are; TypeError for what holds no options
 */
export function checkOptions(
  call: keyof typeof OPTIONS,
  given: { readonly [name in Part]?: object | undefined },
): void {
  checkNames(call, given, OPTIONS[call]);
  for (const part of Object.keys(PARTS) as Part[])
    if (given[part] !== undefined) checkNames(`${part} of ${call}`, given[part], PARTS[part]);
}

function checkNames(owner: string, given: unknown, known: Names): void {
  const names = Object.keys(known);
  if (typeof given !== 'object' || given === null)
    throw new TypeError(
      `${owner}: expected options by name, as in { ${names[0]}: … }, found ${inspect(given)}`,
    );
  const wrong = Object.keys(given).find((name) => !names.includes(name));
  if (wrong === undefined) return;
  const hint = didYouMean(wrong, names);
  throw new RangeError(
    `${owner}: no option is called '${wrong}'${hint === '' ? '; there are' : `${hint} There are`}: ${names.join(', ')}`,
  );
}
