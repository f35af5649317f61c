import { ECX } from '../../arch/registers.js';
import { UNDEFINED_ROW } from '../../isa/decoder.js';
import type { Operation } from '../../isa/operation.js';
import { addressPrefix, withoutSizePrefixes } from './code16.js';
import { prefixCount } from './rewrite.js';
import { inReach, namesMonitorSegment } from './segment-forms.js';
import type { Choice, CodeMode, Decoded, WordBytes } from './unit.js';

const INDIRECT = 'its target is looked up when it runs';
const RELATIVE = 'its target is relative to eip';

const WHOLE = 0xffff_ffff;
const LAST_16 = 0xffff;

/**
 * Near control transfers with operands as wide as the code says; in 16-bit code, of either width. Others, and all that
 * can leave the code segment, are for the virtual CPU.
 */
export function controlTransfer(decoded: Decoded, eip: number, mode: CodeMode): Choice | null {
  const { operation, bytes } = decoded;
  const wordBytes: WordBytes = operation.operandBytes === 2 ? 2 : 4;
  if (wordBytes === 2 && mode.bits === 32) return null;
  if (operation.row === UNDEFINED_ROW) return null;
  const at = prefixCount(bytes);
  const opcode = bytes[at];
  const sum = eip + bytes.length + operation.immediate;
  const target = wordBytes === 2 ? sum & LAST_16 : sum >>> 0;
  const reachable = target <= mode.codeLimit;
  if ((opcode & 0xf0) === 0x70 || (opcode === 0x0f && (bytes[at + 1] & 0xf0) === 0x80)) {
    const condition = (opcode === 0x0f ? bytes[at + 1] : opcode) & 0xf;
    return reachable ? { form: { kind: 'branch', condition, target }, why: RELATIVE } : null;
  }
  if (opcode >= 0xe0 && opcode <= 0xe3) {
    // A prefix that gives the operand 16 bits would cut the host's eip.
    const { prefixes } = withoutSizePrefixes(bytes);
    const head = [...prefixes, ...(operation.addressBytes === 2 ? [0x67] : []), opcode];
    return reachable ? { form: { kind: 'loop', head, target }, why: RELATIVE } : null;
  }
  if (opcode === 0xe9 || opcode === 0xeb)
    return reachable ? { form: { kind: 'jump', target }, why: RELATIVE } : null;
  if (opcode === 0xe8) {
    const why = 'pushes the guest’s return address';
    return reachable ? { form: { kind: 'call', target, wordBytes }, why } : null;
  }
  // What is not known before it runs must be in the segment whatever it is.
  const everywhere = mode.codeLimit === WHOLE || (wordBytes === 2 && mode.codeLimit >= LAST_16);
  return everywhere ? indirectTransfer(decoded, at, mode, wordBytes) : null;
}

function indirectTransfer(
  { operation, bytes }: Decoded,
  at: number,
  mode: CodeMode,
  wordBytes: WordBytes,
): Choice | null {
  const { stack32 } = mode;
  const opcode = bytes[at];
  if (opcode === 0xc3) return { form: { kind: 'return', popBytes: 0, wordBytes, stack32 }, why: INDIRECT };
  if (opcode === 0xc2 && (stack32 || mode.bits === 16)) {
    const popBytes = bytes[at + 1] | (bytes[at + 2] << 8);
    return { form: { kind: 'return', popBytes, wordBytes, stack32 }, why: INDIRECT };
  }
  if (opcode !== 0xff) return null;
  const extension = (bytes[at + 1] >> 3) & 7;
  if (extension !== 2 && extension !== 4) return null;
  const own = namesMonitorSegment(operation) ? inReach(operation, bytes, mode) : bytes;
  if (!own) return null;
  const load = loadOperand(Uint8Array.from(own), operation, wordBytes);
  return extension === 2
    ? { form: { kind: 'indirect-call', load, wordBytes }, why: INDIRECT }
    : { form: { kind: 'indirect-jump', load }, why: INDIRECT };
}

/** `mov ecx, operand`, or for 16 bits `movzx ecx, operand`, from the bytes of `jmp operand` or `call operand`. */
function loadOperand(bytes: Uint8Array, operation: Operation, wordBytes: WordBytes): number[] {
  const { prefixes, rest } = withoutSizePrefixes(bytes);
  const opcode = wordBytes === 2 ? [0x0f, 0xb7] : [0x8b];
  const modrm = (rest[1] & 0xc7) | (ECX << 3);
  return [...prefixes, ...addressPrefix(operation), ...opcode, modrm, ...rest.subarray(2)];
}
