import { CS, DS, ECX, ES, FS, GS, SEGMENT_NAMES } from '../../arch/registers.js';
import { UNDEFINED_ROW } from '../../isa/decoder.js';
import type { Operation } from '../../isa/operation.js';
import { exitReasonOf } from '../emulate.js';
import type { CodeMode, Form, GuestInstruction, TranslationUnit } from './unit.js';
import { UNIT_LIMIT } from './unit.js';

/** An instruction as the translator sees it. */
export interface Decoded {
  operation: Operation;
  bytes: Uint8Array;
}

/** Reads the guest's instruction at `eip`; null when it is not wholly within the page and the code segment, or is none. */
export type Fetch = (eip: number) => Decoded | null;

/** Prefix bytes (AMD64 APM vol. 3, rev. 3.37, section 1.2 "Instruction Prefixes"). */
const PREFIXES: ReadonlySet<number> = new Set([
  0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3,
]);

/** Whether control never goes on behind an instruction of this form in the same unit. */
function endsUnit(form: Form, flow: Operation['row']['flow'] | null): boolean {
  switch (form.kind) {
    case 'ident':
    case 'cli':
    case 'sti':
      return false;
    case 'callout':
      return flow === null || flow === 'branch' || flow === 'jump' || flow === 'call' || flow === 'return';
    default:
      return true;
  }
}

/**
 * Makes a translation unit of the guest code from `eip` on. A pure function of the bytes that `fetch` gives.
 * @returns a unit of at least one instruction, all in the page of `eip`.
 */
export function translateUnit(
  fetch: Fetch,
  eip: number,
  mode: CodeMode,
  unitLimit = UNIT_LIMIT,
): TranslationUnit {
  const instructions: GuestInstruction[] = [];
  let at = eip;
  for (;;) {
    const decoded = fetch(at);
    const instruction = classify(decoded, at, mode);
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
    if (instructions.length >= unitLimit && instruction.form.kind !== 'sti')
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
function classify(decoded: Decoded | null, eip: number, mode: CodeMode): GuestInstruction {
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
  const { row } = operation;
  if (bytes.length === 1 && mode.cpl === 0) {
    if (bytes[0] === 0xfa)
      return { ...plain, form: { kind: 'cli' }, why: 'clears the virtual interrupt flag, in the cache' };
    if (bytes[0] === 0xfb)
      return { ...plain, form: { kind: 'sti' }, why: 'sets the virtual interrupt flag, in the cache' };
  }
  if (row.flow !== 'next' && row.flow !== 'serial' && row.flow !== 'unmask') {
    return callout(
      plain,
      exitReasonOf(operation),
      'leaves the straight line in a way that has no translation',
    );
  }
  if (row.sensitivity !== 'innocuous' && !readsOwnSelector(decoded)) {
    const why = row.sensitivity === 'traps' ? 'privileged' : 'sensitive, yet would not trap';
    return callout(plain, exitReasonOf(operation), why);
  }
  if (row.cost === 'segment.load' || row.flow === 'unmask') {
    return callout(plain, exitReasonOf(operation), 'changes state that the monitor shadows');
  }
  if (namesMonitorSegment(operation)) {
    return callout(plain, 'EMULATE', `its %${SEGMENT_NAMES[operation.segment]} is in use by the monitor`);
  }
  return { ...plain, form: { kind: 'ident' }, why: null };
}

/** A segment prefix names a register that the monitor keeps for itself while translated code runs. */
function namesMonitorSegment({ segmentOverridden, segment }: Operation): boolean {
  return segmentOverridden && (segment === GS || segment === CS);
}

function prefixCount(bytes: Uint8Array): number {
  let count = 0;
  while (count < bytes.length && PREFIXES.has(bytes[count])) count++;
  return count;
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
function controlTransfer(
  { operation, bytes }: Decoded,
  eip: number,
  mode: CodeMode,
): Pick<GuestInstruction, 'form' | 'why'> | null {
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
    if (namesMonitorSegment(operation)) return null;
    const load = loadOperand(bytes, at);
    return { form: { kind: extension === 2 ? 'indirect-call' : 'indirect-jump', load }, why: INDIRECT };
  }
  return null;
}

/** `mov ecx, operand` from the bytes of `jmp operand` or `call operand`. */
function loadOperand(bytes: Uint8Array, opcodeAt: number): number[] {
  const load = [...bytes];
  load[opcodeAt] = 0x8b;
  load[opcodeAt + 1] = (load[opcodeAt + 1] & 0xc7) | (ECX << 3);
  return load;
}
