import type { InstructionRow } from './operation.js';
import { row } from './row.js';
import * as segment from './semantics/segment.js';
import * as system from './semantics/system.js';

const traps = { sensitivity: 'traps' } as const;
const silent = { sensitivity: 'silent' } as const;
const port = { ...traps, flow: 'serial', intercept: 'IOIO' } as const;
const tableLoad = { ...traps, cost: 'descriptor.load', flow: 'serial', memory: 'read' } as const;
/** Reads the real machine's register from any ring. */
const tableStore = { ...silent, cost: 'descriptor.query', memory: 'write' } as const;
/** Answers by the real descriptor tables and the real CPL. */
const query = { ...silent, cost: 'descriptor.query', memory: 'read' } as const;

/** The control registers that exist; any other number is undefined. */
const CONTROL_REGISTER_ROWS = [0, 2, 3, 4].flatMap((number) => [
  row('mov', `0f 20 /${number}`, 'Rd,Cd', system.movFromControl, {
    ...traps,
    cost: 'control.read',
    intercept: `CR${number}_READ`,
  }),
  row('mov', `0f 22 /${number}`, 'Cd,Rd', system.movToControl, {
    ...traps,
    cost: number === 3 ? 'cr3.write' : 'control.write',
    flow: 'serial',
    intercept: `CR${number}_WRITE`,
  }),
]);

/** CR8 where there is no REX prefix (AMD64 APM vol. 3, rev. 3.37, "MOV CRn": AltMovCr8). A lower priority may let an interrupt in. */
const TASK_PRIORITY_ROWS = [
  row('mov', 'f0 0f 20 /0', 'Rd,Cd', system.movFromControl, {
    ...traps,
    cost: 'control.read',
    intercept: 'CR8_READ',
  }),
  row('mov', 'f0 0f 22 /0', 'Cd,Rd', system.movToControl, {
    ...traps,
    cost: 'control.write',
    flow: 'unmask',
    intercept: 'CR8_WRITE',
  }),
];

const DEBUG_REGISTER_ROWS = [0, 1, 2, 3, 4, 5, 6, 7].flatMap((number) => [
  row('mov', `0f 21 /${number}`, 'Rd,Dd', system.movFromDebug, {
    ...traps,
    cost: 'control.read',
    intercept: `DR${number}_READ`,
  }),
  row('mov', `0f 23 /${number}`, 'Dd,Rd', system.movToDebug, {
    ...traps,
    cost: 'control.write',
    flow: 'serial',
    intercept: `DR${number}_WRITE`,
  }),
]);

/** What VMRUN's family costs beyond the world switch, which VMRUN itself charges. */
const SVM_ROWS = (
  [
    ['vmrun', 'd8'],
    ['vmmcall', 'd9'],
    ['vmload', 'da'],
    ['vmsave', 'db'],
    ['stgi', 'dc'],
    ['clgi', 'dd'],
    ['skinit', 'de'],
    ['invlpga', 'df'],
  ] as const
).map(([mnemonic, modrm]) =>
  row(mnemonic, `0f 01 ${modrm}`, '', system.svm(mnemonic), {
    ...traps,
    flow: mnemonic === 'vmrun' || mnemonic === 'vmmcall' ? 'jump' : mnemonic === 'stgi' ? 'unmask' : 'serial',
    cost: mnemonic === 'vmrun' || mnemonic === 'vmmcall' ? 'alu' : 'svm.state',
    intercept: mnemonic.toUpperCase() as Uppercase<typeof mnemonic>,
  }),
);

/** What only some processors have. RDTSCP reads time, which is no sensitivity (see rdtsc below). */
const OPTIONAL_ROWS: readonly InstructionRow[] = [
  row('monitor', 'np 0f 01 c8', '', system.optional('monitor'), { ...traps, intercept: 'MONITOR' }),
  row('mwait', 'np 0f 01 c9', '', system.optional('mwait'), { ...traps, flow: 'serial', intercept: 'MWAIT' }),
  row('xsetbv', 'np 0f 01 d1', '', system.optional('xsetbv'), {
    ...traps,
    flow: 'serial',
    intercept: 'XSETBV',
  }),
  row('rdtscp', '0f 01 f9', '', system.optional('rdtscp'), {
    cost: 'rdtsc',
    flow: 'serial',
    intercept: 'RDTSCP',
  }),
  row('rsm', '0f aa', '', system.optional('rsm'), { ...traps, flow: 'serial', intercept: 'RSM' }),
];

/** Ports, tables, control registers and all that only system software executes. */
export const SYSTEM_ROWS: readonly InstructionRow[] = [
  row('in', 'e4', 'AL,Ib', system.inImmediate, port),
  row('in', 'e5', 'eAX,Ib', system.inImmediate, port),
  row('in', 'ec', 'AL,DX', system.inDx, port),
  row('in', 'ed', 'eAX,DX', system.inDx, port),
  row('out', 'e6', 'Ib,AL', system.outImmediate, port),
  row('out', 'e7', 'Ib,eAX', system.outImmediate, port),
  row('out', 'ee', 'DX,AL', system.outDx, port),
  row('out', 'ef', 'DX,eAX', system.outDx, port),
  row('hlt', 'f4', '', system.hlt, { ...traps, cost: 'halt', flow: 'serial', intercept: 'HLT' }),
  row('sldt', '0f 00 /0', 'Ev', system.sldt, { ...tableStore, intercept: 'LDTR_READ' }),
  row('str', '0f 00 /1', 'Ev', system.str, { ...tableStore, intercept: 'TR_READ' }),
  row('lldt', '0f 00 /2', 'Ew', system.lldt, { ...tableLoad, intercept: 'LDTR_WRITE' }),
  row('ltr', '0f 00 /3', 'Ew', system.ltr, { ...tableLoad, intercept: 'TR_WRITE' }),
  row('verr', '0f 00 /4', 'Ew', segment.verr, query),
  row('verw', '0f 00 /5', 'Ew', segment.verw, query),
  row('sgdt', '0f 01 /0', 'Ms', system.sgdt, { ...tableStore, intercept: 'GDTR_READ' }),
  row('sidt', '0f 01 /1', 'Ms', system.sidt, { ...tableStore, intercept: 'IDTR_READ' }),
  row('lgdt', '0f 01 /2', 'Ms', system.lgdt, { ...tableLoad, intercept: 'GDTR_WRITE' }),
  row('lidt', '0f 01 /3', 'Ms', system.lidt, { ...tableLoad, intercept: 'IDTR_WRITE' }),
  row('smsw', '0f 01 /4', 'Ev', system.smsw, { ...tableStore, intercept: 'CR0_READ' }),
  row('lmsw', '0f 01 /6', 'Ew', system.lmsw, {
    ...traps,
    cost: 'control.write',
    flow: 'serial',
    memory: 'read',
    intercept: 'CR0_WRITE',
  }),
  row('invlpg', '0f 01 /7', 'Mb', system.invlpg, {
    ...traps,
    cost: 'invlpg',
    flow: 'serial',
    intercept: 'INVLPG',
  }),
  ...SVM_ROWS,
  ...OPTIONAL_ROWS,
  row('lar', '0f 02 /r', 'Gv,Ew', segment.lar, query),
  row('lsl', '0f 03 /r', 'Gv,Ew', segment.lsl, query),
  row('clts', '0f 06', '', system.clts, {
    ...traps,
    cost: 'control.write',
    flow: 'serial',
    intercept: 'CR0_WRITE',
  }),
  row('invd', '0f 08', '', system.invd, { ...traps, cost: 'cache.flush', flow: 'serial', intercept: 'INVD' }),
  row('wbinvd', '0f 09', '', system.wbinvd, {
    ...traps,
    cost: 'cache.flush',
    flow: 'serial',
    intercept: 'WBINVD',
  }),
  ...CONTROL_REGISTER_ROWS,
  ...TASK_PRIORITY_ROWS,
  ...DEBUG_REGISTER_ROWS,
  row('wrmsr', '0f 30', '', system.wrmsr, { ...traps, cost: 'msr.write', flow: 'serial', intercept: 'MSR' }),
  row('rdmsr', '0f 32', '', system.rdmsr, { ...traps, cost: 'msr.read', flow: 'serial', intercept: 'MSR' }),
  // Reading time is no sensitivity in Popek and Goldberg's sense, which sets timing aside; nor is CPUID on their list.
  row('rdtsc', '0f 31', '', system.rdtsc, { cost: 'rdtsc', flow: 'serial', intercept: 'RDTSC' }),
  row('rdpmc', '0f 33', '', system.rdpmc, { ...traps, cost: 'rdtsc', flow: 'serial', intercept: 'RDPMC' }),
  row('cpuid', '0f a2', '', system.cpuid, { cost: 'cpuid', flow: 'serial', intercept: 'CPUID' }),
];
