import { EAX, EDX, LDTR, TR } from '../../arch/registers.js';
import type { SegmentIndex } from '../../arch/registers.js';
import type { ExecutionContext, OptionalInstruction } from '../context.js';
import type { Handler, Operation, PortWidth } from '../operation.js';
import { advance, effectiveAddress, readRegister, readRm, writeRegister, writeRm } from './operands.js';

// --- interrupt flag and machine state

export const cli: Handler = (cpu) => cpu.clearInterruptFlag();
export const sti: Handler = (cpu) => cpu.setInterruptFlag();

export const hlt: Handler = (cpu) => {
  cpu.requireCpl0();
  cpu.halt();
};

export const invd: Handler = (cpu) => {
  cpu.requireCpl0();
  cpu.flushCaches('invd');
};
export const wbinvd: Handler = (cpu) => {
  cpu.requireCpl0();
  cpu.flushCaches('wbinvd');
};

export const pause: Handler = (cpu) => cpu.pause();

// --- ports

function readPort(cpu: ExecutionContext, op: Operation, port: number): void {
  const width = op.operandBytes as PortWidth;
  writeRegister(cpu, EAX, width, cpu.portIn(port, width));
}

function writePort(cpu: ExecutionContext, op: Operation, port: number): void {
  const width = op.operandBytes as PortWidth;
  const value = readRegister(cpu, EAX, width);
  cpu.portOut(port, width, width === 4 ? value >>> 0 : value);
}

export const inImmediate: Handler = (cpu, op) => readPort(cpu, op, op.immediate);
export const inDx: Handler = (cpu, op) => readPort(cpu, op, cpu.u16[EDX << 2]);
export const outImmediate: Handler = (cpu, op) => writePort(cpu, op, op.immediate);
export const outDx: Handler = (cpu, op) => writePort(cpu, op, cpu.u16[EDX << 2]);

// --- descriptor tables

/** SGDT, SIDT: limit, then all 32 bits of the base whatever the operand size. Both parts are checked before either is written. */
function storeTable(table: 'gdtr' | 'idtr'): Handler {
  return (cpu, op) => {
    const { base, limit } = cpu.readTable(table);
    const at = effectiveAddress(cpu, op);
    cpu.modify16(op.segment, at);
    cpu.modify32(op.segment, advance(op, at, 2));
    cpu.modifyWrite32(base | 0);
    cpu.write16(op.segment, at, limit);
  };
}

/** LGDT, LIDT: a 16-bit operand size takes 24 bits of the base. */
function loadTable(table: 'gdtr' | 'idtr'): Handler {
  return (cpu, op) => {
    cpu.requireCpl0();
    cpu.intercept(op);
    const at = effectiveAddress(cpu, op);
    const limit = cpu.read16(op.segment, at);
    const base = cpu.read32(op.segment, advance(op, at, 2));
    cpu.writeTable(table, (op.operandBytes === 2 ? base & 0xff_ffff : base) >>> 0, limit);
  };
}

export const sgdt = storeTable('gdtr');
export const sidt = storeTable('idtr');
export const lgdt = loadTable('gdtr');
export const lidt = loadTable('idtr');

/** SLDT, STR: like a store of a segment register. */
function storeSelector(segment: SegmentIndex): Handler {
  return (cpu, op) => {
    cpu.requireProtectedMode();
    writeRm(cpu, op, op.rm >= 0 ? op.operandBytes : 2, cpu.readSelector(segment));
  };
}

export const sldt = storeSelector(LDTR);
export const str = storeSelector(TR);

export const lldt: Handler = (cpu, op) => {
  cpu.requireProtectedMode();
  cpu.requireCpl0();
  cpu.intercept(op);
  cpu.loadLocalDescriptorTable(readRm(cpu, op, 2));
};

export const ltr: Handler = (cpu, op) => {
  cpu.requireProtectedMode();
  cpu.requireCpl0();
  cpu.intercept(op);
  cpu.loadTaskRegister(readRm(cpu, op, 2));
};

// --- control, debug and model-specific registers

/** Unprivileged: shows CR0 to user code, all of it into a 32-bit register. */
export const smsw: Handler = (cpu, op) => {
  writeRm(cpu, op, op.rm >= 0 ? op.operandBytes : 2, cpu.readMachineStatusWord());
};

export const lmsw: Handler = (cpu, op) => {
  cpu.requireCpl0();
  cpu.intercept(op);
  cpu.loadMachineStatusWord(readRm(cpu, op, 2));
};

export const clts: Handler = (cpu) => cpu.clearTaskSwitched();

export const movFromControl: Handler = (cpu, op) => {
  cpu.s32[op.rm << 1] = cpu.readControl(op.reg);
};
export const movToControl: Handler = (cpu, op) => cpu.writeControl(op.reg, cpu.s32[op.rm << 1]);
export const movFromDebug: Handler = (cpu, op) => {
  cpu.s32[op.rm << 1] = cpu.readDebug(op.reg);
};
export const movToDebug: Handler = (cpu, op) => cpu.writeDebug(op.reg, cpu.s32[op.rm << 1]);

export const rdmsr: Handler = (cpu) => cpu.readMsr();
export const wrmsr: Handler = (cpu) => cpu.writeMsr();
export const rdtsc: Handler = (cpu) => cpu.readTimeStamp();
export const rdpmc: Handler = (cpu) => cpu.readPerformanceCounter();
export const cpuid: Handler = (cpu) => cpu.cpuid();

export const invlpg: Handler = (cpu, op) => {
  cpu.requireCpl0();
  cpu.invalidatePage(op.segment, effectiveAddress(cpu, op));
};

// --- fast system calls

export const sysenter: Handler = (cpu) => cpu.sysenter();
export const sysexit: Handler = (cpu) => cpu.sysexit();
export const syscall: Handler = (cpu) => cpu.syscall();
export const sysret: Handler = (cpu) => cpu.sysret();

// --- SVM and coprocessor opcodes

export function svm(mnemonic: Parameters<ExecutionContext['svm']>[0]): Handler {
  return (cpu) => cpu.svm(mnemonic);
}

export function optional(mnemonic: OptionalInstruction): Handler {
  return (cpu, op) => cpu.optional(mnemonic, op.segment);
}

export const wait: Handler = (cpu, op) => {
  cpu.coprocessor('wait', formOf(op));
};
export const simd: Handler = (cpu, op) => {
  cpu.coprocessor('simd', formOf(op));
};

/** The form in the manual's notation, as a user finds it in the instruction table. */
export function formOf({ row }: Operation): string {
  return `${row.mnemonic} ${row.operands}`.trim();
}
