import { exitReasonOf } from '../emulate.js';
import { asCode32 } from './code16.js';
import { controlTransfer } from './control-forms.js';
import { inCacheForm } from './in-cache-forms.js';
import { inReach, namesMonitorSegment, readsOwnSelector, whyMoved, whyOutOfReach } from './segment-forms.js';
import type {
  CodeMode,
  Decoded,
  Form,
  GuestInstruction,
  TranslationSettings,
  TranslationUnit,
} from './unit.js';
import type { Operation } from '../../isa/operation.js';

/** Reads the guest's instruction at `eip`; null when it is not wholly within the unit's page and the code segment, or is none. */
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
 * @returns a unit of at least one instruction: as many as `fetch` gives.
 */
export function translateUnit(
  fetch: Fetch,
  eip: number,
  mode: CodeMode,
  settings: TranslationSettings,
): TranslationUnit {
  const { bits } = mode;
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
      return { eip, bits, instructions, fallThrough: at };
    }
    if (instructions.length > 0 && !decoded) return { eip, bits, instructions, fallThrough: at };
    instructions.push(instruction);
    if (endsUnit(instruction.form, decoded?.operation.row.flow ?? null))
      return { eip, bits, instructions, fallThrough: null };
    at = (at + instruction.bytes.length) >>> 0;
    if (instructions.length >= settings.unitLimit && instruction.form.kind !== 'sti')
      return { eip, bits, instructions, fallThrough: at };
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
      'it is longer than an instruction may be, or than its code segment',
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
  if (mode.real && dependsOnRealMode(operation))
    return callout(plain, exitReasonOf(operation), 'real mode has another meaning for it');
  if (row.sensitivity !== 'innocuous' && !readsOwnSelector(operation, bytes, mode)) {
    const why = row.sensitivity === 'traps' ? 'privileged' : 'sensitive, yet would not trap';
    return callout(plain, exitReasonOf(operation), why);
  }
  if (row.cost === 'segment.load' || row.flow === 'unmask') {
    return callout(plain, exitReasonOf(operation), 'changes state that the monitor shadows');
  }
  return copied(plain, operation, bytes, mode);
}

/** Instructions that real mode has not, and the coprocessor's, which saves its pointers in another format there. */
function dependsOnRealMode({ row }: Operation): boolean {
  return row.cost === 'descriptor.query' || row.cost === 'x87.state';
}

/** An instruction that translated code executes itself: as it is where that does the same. */
function copied(
  plain: Pick<GuestInstruction, 'eip' | 'bytes' | 'operation'>,
  operation: Operation,
  bytes: Uint8Array,
  mode: CodeMode,
): GuestInstruction {
  const wide = mode.bits === 32 ? bytes : asCode32(bytes, operation);
  if (!wide) return callout(plain, 'EMULATE', 'there is no such instruction in 32-bit code');
  if (namesMonitorSegment(operation)) {
    const moved = inReach(operation, wide, mode);
    if (!moved) return callout(plain, 'EMULATE', whyOutOfReach(operation));
    return { ...plain, form: { kind: 'rewritten', bytes: moved }, why: whyMoved(operation) };
  }
  if (wide === bytes || sameBytes(wide, bytes)) return { ...plain, form: { kind: 'ident' }, why: null };
  const why = 'says which of its sizes are 16 bits, in 32-bit code';
  return { ...plain, form: { kind: 'rewritten', bytes: [...wide] }, why };
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
