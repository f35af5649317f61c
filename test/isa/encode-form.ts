import type { Form } from '../../emulator/isa/encoding.js';

/** What {@link encodeForm} may choose freely. */
export interface Choices {
  /** ModRM byte, of which the parts that the form fixes are replaced. */
  modrm: number;
  /** What follows it: SIB, displacement, immediates. */
  tail: readonly number[];
  /** Position in the form's list of opcodes, for a register in the opcode. */
  opcode?: number;
}

/** Bytes of an instruction of this form. The r/m operand is made memory or register as the form demands. */
export function encodeForm(form: Form, { modrm, tail, opcode = 0 }: Choices): Uint8Array {
  const bytes: number[] = [];
  if (form.mandatoryPrefix) bytes.push(Number.parseInt(form.mandatoryPrefix, 16));
  if (form.twoByte) bytes.push(0x0f);
  bytes.push(form.opcodes[opcode % form.opcodes.length]);
  if (form.modrm.length > 0) bytes.push(form.modrm[modrm % form.modrm.length]);
  else if (form.rmKind !== 'none') {
    let byte = form.digit < 0 ? modrm : (modrm & 0xc7) | (form.digit << 3);
    if (form.rmKind === 'memory') byte &= 0x3f;
    if (form.rmKind === 'register') byte |= 0xc0;
    bytes.push(byte);
  }
  return Uint8Array.from([...bytes, ...tail]);
}
