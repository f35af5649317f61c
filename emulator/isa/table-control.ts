import type { InstructionRow } from './operation.js';
import { opcodePlus, row } from './row.js';
import * as control from './semantics/control.js';
import * as data from './semantics/data.js';
import { CONDITION_NAMES } from './semantics/flags.js';
import * as flagBits from './semantics/flag-bits.js';
import * as segment from './semantics/segment.js';
import * as system from './semantics/system.js';

const JCC_ROWS = CONDITION_NAMES.flatMap((name, condition) => [
  row(`j${name}`, opcodePlus(0x70, condition), 'Jb', control.JCC[condition], {
    flow: 'branch',
    cost: 'branch',
  }),
  row(`j${name}`, `0f ${opcodePlus(0x80, condition)}`, 'Jz', control.JCC[condition], {
    flow: 'branch',
    cost: 'branch',
  }),
]);

const branch = { flow: 'branch', cost: 'branch' } as const;
const jump = { flow: 'jump', cost: 'branch' } as const;
const call = { flow: 'call', cost: 'call' } as const;
const ret = { flow: 'return', cost: 'return' } as const;
/** Checks the target's descriptor against the real CPL, which differs from the one the guest believes in. */
const far = { cost: 'far.transfer', sensitivity: 'silent' } as const;
/** Goes through a gate whose DPL is checked against the real CPL. */
const softwareInterrupt = { flow: 'call', cost: 'software.interrupt', sensitivity: 'silent' } as const;

const PREFETCH_ROWS = [
  'prefetch',
  'prefetchw',
  'prefetch',
  'prefetchw',
  ...Array<string>(4).fill('prefetch'),
].map((mnemonic, digit) => row(mnemonic, `0f 0d /${digit}`, 'Mb', data.nop));

const undefinedRow = (mnemonic: string, opcode: string, operands: string): InstructionRow =>
  row(mnemonic, opcode, operands, control.undefinedOpcode, { flow: 'jump' });

/** Hints and long no-operations: a ModRM operand that is not accessed. */
const HINT_ROWS = [
  row('nop', '0f 0d /r', 'Nv', data.nop),
  ...PREFETCH_ROWS,
  row('prefetchnta', '0f 18 /0', 'Mb', data.nop),
  row('prefetcht0', '0f 18 /1', 'Mb', data.nop),
  row('prefetcht1', '0f 18 /2', 'Mb', data.nop),
  row('prefetcht2', '0f 18 /3', 'Mb', data.nop),
  ...[4, 5, 6, 7].map((digit) => row('nop', `0f 18 /${digit}`, 'Ev', data.nop)),
  ...[0, 1, 2, 3].map((digit) => row('nop', `0f 18 /${digit}`, 'Nv', data.nop)),
  ...[0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f].map((opcode) =>
    row('nop', `0f ${opcodePlus(opcode, 0)} /r`, 'Ev', data.nop),
  ),
];

/** Control transfers, interrupts, flags and no-operations. */
export const CONTROL_ROWS: readonly InstructionRow[] = [
  ...JCC_ROWS,
  row('loopne', 'e0', 'Jb', control.loopne, branch),
  row('loope', 'e1', 'Jb', control.loope, branch),
  row('loop', 'e2', 'Jb', control.loop, branch),
  row('jecxz', 'e3', 'Jb', control.jecxz, branch),
  row('jmp', 'eb', 'Jb', control.jmpRelative, jump),
  row('jmp', 'e9', 'Jz', control.jmpRelative, jump),
  row('jmp', 'ff /4', 'Ev', control.jmpRm, { ...jump, memory: 'read' }),
  row('jmp', 'ea', 'Ap', control.jmpFar, { ...far, flow: 'jump' }),
  row('jmp', 'ff /5', 'Mp', control.jmpFarMemory, { ...far, flow: 'jump', memory: 'read' }),
  row('call', 'e8', 'Jz', control.callRelative, call),
  row('call', 'ff /2', 'Ev', control.callRm, { ...call, memory: 'read' }),
  row('call', '9a', 'Ap', control.callFar, { ...far, flow: 'call' }),
  row('call', 'ff /3', 'Mp', control.callFarMemory, { ...far, flow: 'call', memory: 'read' }),
  row('ret', 'c3', '', control.ret, ret),
  row('ret', 'c2', 'Iw', control.ret, ret),
  row('retf', 'cb', '', control.retFar, { ...far, flow: 'return' }),
  row('retf', 'ca', 'Iw', control.retFar, { ...far, flow: 'return' }),
  row('int3', 'cc', '', control.int3, softwareInterrupt),
  row('int', 'cd', 'Ib', control.int, { ...softwareInterrupt, intercept: 'SWINT' }),
  row('into', 'ce', '', control.into, softwareInterrupt),
  row('int1', 'f1', '', control.int1, { ...softwareInterrupt, intercept: 'ICEBP' }),
  // In ring 1-3 with IOPL 0 it drops the changes of IF and IOPL without a trap.
  row('iret', 'cf', '', control.iret, {
    flow: 'return',
    cost: 'interrupt.return',
    sensitivity: 'silent',
    intercept: 'IRET',
  }),
  row('bound', '62 /r', 'Gv,Ma', control.bound, { memory: 'read', loads: 1 }),
  row('sysenter', '0f 34', '', system.sysenter, { flow: 'call', cost: 'fast.syscall', sensitivity: 'traps' }),
  row('sysexit', '0f 35', '', system.sysexit, { flow: 'return', cost: 'fast.sysret', sensitivity: 'traps' }),
  row('syscall', '0f 05', '', system.syscall, { flow: 'call', cost: 'fast.syscall', sensitivity: 'traps' }),
  row('sysret', '0f 07', '', system.sysret, { flow: 'return', cost: 'fast.sysret', sensitivity: 'traps' }),
  row('clc', 'f8', '', flagBits.clc),
  row('stc', 'f9', '', flagBits.stc),
  row('cmc', 'f5', '', flagBits.cmc),
  row('cld', 'fc', '', flagBits.cld),
  row('std', 'fd', '', flagBits.std),
  row('cli', 'fa', '', system.cli, { cost: 'if.clear', sensitivity: 'traps' }),
  row('sti', 'fb', '', system.sti, { cost: 'if.set', sensitivity: 'traps', flow: 'unmask' }),
  row('nop', '90', '', data.nop),
  row('pause', 'f3 90', '', system.pause, { flow: 'serial', intercept: 'PAUSE' }),
  ...HINT_ROWS,
  undefinedRow('ud2', '0f 0b', ''),
  undefinedRow('ud1', '0f b9 /r', 'Gv,Ev'),
  undefinedRow('ud0', '0f ff /r', 'Gv,Ev'),
  row('arpl', '63 /r', 'Ew,Gw', segment.arpl, { cost: 'descriptor.query', memory: 'modify' }),
];
