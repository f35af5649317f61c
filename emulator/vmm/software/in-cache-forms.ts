import { CS, DS, ECX, ES, FS, GS, LDTR, SS, TR } from '../../arch/registers.js';
import type { Operation } from '../../isa/operation.js';
import { GS_CR0, GS_CR2, GS_CR3, GS_CR4, GS_CR8, GS_SELECTORS } from './area.js';
import type { Choice, CodeMode, Decoded, TranslationSettings, WordBytes } from './unit.js';

/** What translated code does by itself for a guest kernel in ring 0; null for all else. */
export function inCacheForm(
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
    const wide = mode.stack32 && operandBytes === 4;
    switch (bytes[0]) {
      case 0xfa:
        return { form: { kind: 'cli' }, why: 'clears the virtual interrupt flag, in the cache' };
      case 0xfb:
        return { form: { kind: 'sti' }, why: 'sets the virtual interrupt flag, in the cache' };
      case 0x9c:
        if (!wide) return null;
        return { form: { kind: 'pushf' }, why: 'shows the virtual interrupt flag, in the cache' };
      case 0x9d:
        if (!wide) return null;
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
  const slot = stateSlot(operation, mode);
  const wordBytes = wordOf(operation, mode);
  if (slot === null || wordBytes === null) return null;
  const why = 'reads the virtual CPU’s register, in the cache';
  if (row.mnemonic === 'push') return { form: { kind: 'push-state', slot, wordBytes }, why };
  if (rm < 0 || reg < -1) return null;
  return { form: { kind: 'read-state', register: rm, slot, wordBytes }, why };
}

/** How much of a register is read. Control registers come whole; 32-bit code that asks for half of another is rare. */
function wordOf({ row, operandBytes }: Operation, { bits }: CodeMode): WordBytes | null {
  if (row.cost === 'control.read' && row.operands === 'Rd,Cd') return 4;
  if (operandBytes === 2) return bits === 16 ? 2 : null;
  return 4;
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

/** By the last byte of `push sreg`, for those behind 0f; then for the others. */
const PUSHED_0F: Readonly<Record<number, number>> = { 0xa0: FS, 0xa8: GS };
const PUSHED: Readonly<Record<number, number>> = { 0x06: ES, 0x0e: CS, 0x16: SS, 0x1e: DS };

/** Where the data page has the register that an instruction only reads: a control register or a selector; else null. */
function stateSlot({ row, reg, opcodeByte }: Operation, mode: CodeMode): number | null {
  switch (row.mnemonic) {
    case 'mov':
      if (row.cost === 'control.read' && row.operands === 'Rd,Cd') return CONTROL_SLOTS[reg] ?? null;
      return row.opcode.startsWith('8c') ? selectorSlot(reg, mode) : null;
    case 'push':
      if (row.opcode.startsWith('0f')) return selectorSlot(PUSHED_0F[opcodeByte], mode);
      return selectorSlot(PUSHED[opcodeByte], mode);
    case 'smsw':
      return GS_CR0;
    case 'sldt':
      return mode.real ? null : GS_SELECTORS + 4 * LDTR;
    case 'str':
      return mode.real ? null : GS_SELECTORS + 4 * TR;
    default:
      return null;
  }
}

/** Null for what the host's register shows itself: data segments in protected mode. */
function selectorSlot(segment: number | undefined, { real }: CodeMode): number | null {
  if (segment === undefined) return null;
  const isOwn = !real && (segment === ES || segment === DS || segment === FS);
  return isOwn ? null : GS_SELECTORS + 4 * segment;
}
