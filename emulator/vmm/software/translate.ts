import { CS, DS, ECX, ES, FS, GS, LDTR, SEGMENT_NAMES, SS, TR } from '../../arch/registers.js';
import { UNDEFINED_ROW } from '../../isa/decoder.js';
import type { Operation } from '../../isa/operation.js';
import { exitReasonOf } from '../emulate.js';
import { GS_CR0, GS_CR2, GS_CR3, GS_CR4, GS_CR8, GS_SELECTORS } from './area.js';
import { prefixCount, throughDs } from './rewrite.js';
import type { CodeMode, Form, GuestInstruction, TranslationSettings, TranslationUnit } from './unit.js';

/** An instruction as the translator sees it. */
export interface Decoded {
  operation: Operation;
  bytes: Uint8Array;
}

/** Reads the guest's instruction at `eip`; null when it is not wholly within the page and the code segment, or is none. */
export type Fetch = (eip: number) => Decoded | null;

/** Whether control never goes on behind an instruction of this form in the same unit. */
function endsUnit(form: Form, flow: Operation['row']['flow'] | null): boolean {
  switch (form.kind) {
    case 'jump':
    case 'branch':
    case 'loop':
    case 'call':
    case 'indirect-jump':
    case 'indirect-call':
    case 'return':
      return true;
    case 'callout':
      return flow === null || flow === 'branch' || flow === 'jump' || flow === 'call' || flow === 'return';
    default:
      return false;
  }
}

/**
 * Makes a translation unit of the guest code from `eip` on. A pure function of its arguments and of the bytes that
 * `fetch` gives.
 * @returns a unit of at least one instruction, all in the page of `eip`.
 */
export function translateUnit(
  fetch: Fetch,
  eip: number,
  mode: CodeMode,
  settings: TranslationSettings,
): TranslationUnit {
  const instructions: GuestInstruction[] = [];
  let at = eip;
  for (;;) {
    const decoded = fetch(at);
    const instruction = classify(decoded, at, mode, settings);
    // The instruction after a sti belongs to it: no interrupt comes between them.
    const previous = instructions.at(-1);
    const bound = previous?.form.kind === 'sti';
    if (bound && !decoded) {
      instructions[instructions.length - 1] = callout(
        previous,
        'INTERRUPT_FLAG',
        'the instruction behind it is on the next page',
      );
      return { eip, instructions, fallThrough: at };
    }
    if (instructions.length > 0 && !decoded) return { eip, instructions, fallThrough: at };
    instructions.push(instruction);
    if (endsUnit(instruction.form, decoded?.operation.row.flow ?? null))
      return { eip, instructions, fallThrough: null };
    at = (at + instruction.bytes.length) >>> 0;
    if (instructions.length >= settings.unitLimit && instruction.form.kind !== 'sti')
      return { eip, instructions, fallThrough: at };
  }
}

function callout(
  { eip, bytes, operation }: Pick<GuestInstruction, 'eip' | 'bytes' | 'operation'>,
  reason: Extract<Form, { kind: 'callout' }>['reason'],
  why: string,
): GuestInstruction {
  return { eip, bytes, operation, form: { kind: 'callout', reason }, why };
}

/** Decides how one instruction is carried over. */
function classify(
  decoded: Decoded | null,
  eip: number,
  mode: CodeMode,
  settings: TranslationSettings,
): GuestInstruction {
  if (!decoded) {
    return callout(
      { eip, bytes: new Uint8Array(0), operation: null },
      'EMULATE',
      'it crosses into the next page, or is longer than an instruction may be',
    );
  }
  const { operation, bytes } = decoded;
  const plain = { eip, bytes, operation };
  const transfer = controlTransfer(decoded, eip, mode);
  if (transfer) return { ...plain, ...transfer };
  const inCache = settings.inCache && mode.cpl === 0 ? inCacheForm(decoded, mode, settings) : null;
  if (inCache) return { ...plain, ...inCache };
  const { row } = operation;
  if (row.flow !== 'next' && row.flow !== 'serial' && row.flow !== 'unmask') {
    return callout(
      plain,
      exitReasonOf(operation),
      'leaves the straight line in a way that has no translation',
    );
  }
  if (row.mnemonic === 'rdtsc' && settings.rdtsc !== 'trap')
    return callout(plain, exitReasonOf(operation), 'the guest has a time-stamp counter of its own');
  if (row.sensitivity !== 'innocuous' && !readsOwnSelector(decoded)) {
    const why = row.sensitivity === 'traps' ? 'privileged' : 'sensitive, yet would not trap';
    return callout(plain, exitReasonOf(operation), why);
  }
  if (row.cost === 'segment.load' || row.flow === 'unmask') {
    return callout(plain, exitReasonOf(operation), 'changes state that the monitor shadows');
  }
  if (namesMonitorSegment(operation)) return rewriteSegment(plain, decoded, mode);
  return { ...plain, form: { kind: 'ident' }, why: null };
}

/** A segment prefix names a register that the monitor keeps for itself while translated code runs. */
function namesMonitorSegment({ segmentOverridden, segment }: Operation): boolean {
  return segmentOverridden && (segment === GS || segment === CS);
}

/** Through %ds where that reaches the same bytes: the prefix goes, and the guest's base joins the displacement. */
function rewriteSegment(
  plain: Pick<GuestInstruction, 'eip' | 'bytes' | 'operation'>,
  { operation, bytes }: Decoded,
  mode: CodeMode,
): GuestInstruction {
  const name = `%${SEGMENT_NAMES[operation.segment]}`;
  const rewritten = inReach(operation, bytes, mode);
  if (!rewritten) return callout(plain, 'EMULATE', `its ${name} is in use by the monitor`);
  return {
    ...plain,
    form: { kind: 'rewritten', bytes: rewritten },
    why: `its ${name} is in use by the monitor, and %ds reaches the same bytes`,
  };
}

/** The instruction with its operand in %ds; null where there is no such instruction. */
function inReach(operation: Operation, bytes: Iterable<number>, mode: CodeMode): readonly number[] | null {
  const base = operation.segment === GS ? mode.gsThroughDs : mode.csThroughDs;
  // A write through CS faults whatever the segment.
  const readOnly = operation.segment === CS && operation.row.memory !== 'read';
  return base === null || readOnly ? null : throughDs(Uint8Array.from(bytes), operation, base);
}

/** Whether the translation depends on what segments the guest has in GS, CS and DS, beyond the usual. */
export function dependsOnData({ instructions }: TranslationUnit): boolean {
  return instructions.some(({ operation }) => operation !== null && namesMonitorSegment(operation));
}

type Choice = Pick<GuestInstruction, 'form' | 'why'>;

/** What translated code does by itself for a guest kernel in ring 0; null for all else. */
function inCacheForm(
  { operation, bytes }: Decoded,
  mode: CodeMode,
  settings: TranslationSettings,
): Choice | null {
  const { row, operandBytes, rm, reg } = operation;
  if (row.mnemonic === 'rdtsc') {
    if (settings.rdtsc !== 'in-cache') return null;
    return { form: { kind: 'rdtsc' }, why: 'adds the guest’s time-stamp offset, in the cache' };
  }
  if (bytes.length === 1) {
    switch (bytes[0]) {
      case 0xfa:
        return { form: { kind: 'cli' }, why: 'clears the virtual interrupt flag, in the cache' };
      case 0xfb:
        return { form: { kind: 'sti' }, why: 'sets the virtual interrupt flag, in the cache' };
      case 0x9c:
        if (!mode.stack32) return null;
        return { form: { kind: 'pushf' }, why: 'shows the virtual interrupt flag, in the cache' };
      case 0x9d:
        if (!mode.stack32) return null;
        return { form: { kind: 'popf' }, why: 'takes the virtual interrupt flag along, in the cache' };
    }
  }
  const isTaskPriority = row.operands.includes('Cd') && reg === TASK_PRIORITY;
  if (isTaskPriority && !settings.hasTaskPriority) return null;
  // The sequence has one register to work with, which it cannot check the value in.
  if (isTaskPriority && row.cost === 'control.write' && rm !== ECX)
    return {
      form: { kind: 'write-task-priority', register: rm },
      why: 'sets the virtual task priority, in the cache',
    };
  const slot = stateSlot(operation);
  if (slot === null || operandBytes === 2) return null;
  const why = 'reads the virtual CPU’s register, in the cache';
  if (row.mnemonic === 'push') return { form: { kind: 'push-state', slot }, why };
  if (rm < 0 || reg < -1) return null;
  return { form: { kind: 'read-state', register: rm, slot }, why };
}

/** In the register field of a control register's move. */
const TASK_PRIORITY = 8;
const CONTROL_SLOTS: Readonly<Record<number, number>> = {
  0: GS_CR0,
  2: GS_CR2,
  3: GS_CR3,
  4: GS_CR4,
  [TASK_PRIORITY]: GS_CR8,
};

/** Where the data page has the register that an instruction only reads: a control register or a selector; else null. */
function stateSlot({ row, reg, opcodeByte }: Operation): number | null {
  switch (row.mnemonic) {
    case 'mov':
      if (row.cost === 'control.read' && row.operands === 'Rd,Cd') return CONTROL_SLOTS[reg] ?? null;
      return row.opcode.startsWith('8c') && (reg === CS || reg === SS || reg === GS)
        ? GS_SELECTORS + 4 * reg
        : null;
    case 'push':
      if (opcodeByte === 0x0e) return GS_SELECTORS + 4 * CS;
      if (opcodeByte === 0x16) return GS_SELECTORS + 4 * SS;
      return opcodeByte === 0xa8 && row.opcode.startsWith('0f') ? GS_SELECTORS + 4 * GS : null;
    case 'smsw':
      return GS_CR0;
    case 'sldt':
      return GS_SELECTORS + 4 * LDTR;
    case 'str':
      return GS_SELECTORS + 4 * TR;
    default:
      return null;
  }
}

/** A read of a selector that the host's register holds just as the guest loaded it: not CS, SS and GS. */
function readsOwnSelector({ operation, bytes }: Decoded): boolean {
  const at = prefixCount(bytes);
  const [opcode, second] = bytes.subarray(at);
  if (opcode === 0x8c) {
    const unchanged = operation.reg === ES || operation.reg === DS || operation.reg === FS;
    return unchanged && !namesMonitorSegment(operation);
  }
  return opcode === 0x06 || opcode === 0x1e || (opcode === 0x0f && second === 0xa0);
}

const INDIRECT = 'its target is looked up when it runs';

/** Near control transfers with 32-bit operands. Others, and all that can leave the code segment, are for the virtual CPU. */
function controlTransfer({ operation, bytes }: Decoded, eip: number, mode: CodeMode): Choice | null {
  if (operation.operandBytes === 2 || operation.row === UNDEFINED_ROW) return null;
  const at = prefixCount(bytes);
  const opcode = bytes[at];
  const target = (eip + bytes.length + operation.immediate) >>> 0;
  const reachable = target <= mode.codeLimit;
  const flat = mode.codeLimit === 0xffff_ffff;
  const relative = 'its target is relative to eip';
  if ((opcode & 0xf0) === 0x70 || (opcode === 0x0f && (bytes[at + 1] & 0xf0) === 0x80)) {
    const condition = (opcode === 0x0f ? bytes[at + 1] : opcode) & 0xf;
    return reachable ? { form: { kind: 'branch', condition, target }, why: relative } : null;
  }
  if (opcode >= 0xe0 && opcode <= 0xe3) {
    const head = [...bytes.subarray(0, at + 1)];
    return reachable ? { form: { kind: 'loop', head, target }, why: relative } : null;
  }
  if (opcode === 0xe9 || opcode === 0xeb)
    return reachable ? { form: { kind: 'jump', target }, why: relative } : null;
  if (opcode === 0xe8) {
    return reachable ? { form: { kind: 'call', target }, why: 'pushes the guest’s return address' } : null;
  }
  if (!flat) return null;
  if (opcode === 0xc3) return { form: { kind: 'return', popBytes: 0 }, why: INDIRECT };
  if (opcode === 0xc2 && mode.stack32) {
    return { form: { kind: 'return', popBytes: bytes[at + 1] | (bytes[at + 2] << 8) }, why: INDIRECT };
  }
  const extension = (bytes[at + 1] >> 3) & 7;
  if (opcode === 0xff && (extension === 2 || extension === 4)) {
    const own = namesMonitorSegment(operation) ? inReach(operation, bytes, mode) : bytes;
    if (!own) return null;
    const load = loadOperand(own);
    return { form: { kind: extension === 2 ? 'indirect-call' : 'indirect-jump', load }, why: INDIRECT };
  }
  return null;
}

/** `mov ecx, operand` from the bytes of `jmp operand` or `call operand`. */
function loadOperand(bytes: Iterable<number>): number[] {
  const load = Uint8Array.from(bytes);
  const opcodeAt = prefixCount(load);
  load[opcodeAt] = 0x8b;
  load[opcodeAt + 1] = (load[opcodeAt + 1] & 0xc7) | (ECX << 3);
  return [...load];
}
