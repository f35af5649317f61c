import iced = require('iced-x86');

import type { CodeBits } from './unit.js';

/** One instruction in NASM syntax. */
export interface DisassembledInstruction {
  linear: number;
  bytes: Uint8Array;
  text: string;
}

/** Disassembles all of `bytes`, which lie at `linear`. What is no instruction shows as `(bad)`. */
export function disassemble(
  bytes: Uint8Array,
  linear: number,
  bits: CodeBits = 32,
): DisassembledInstruction[] {
  const decoder = new iced.Decoder(bits, bytes, iced.DecoderOptions.AMD);
  const formatter = new iced.Formatter(iced.FormatterSyntax.Nasm);
  formatter.spaceAfterOperandSeparator = true;
  formatter.hexPrefix = '0x';
  formatter.hexSuffix = '';
  formatter.uppercaseHex = false;
  formatter.branchLeadingZeros = false;
  formatter.displacementLeadingZeros = false;
  formatter.showBranchSize = false;
  decoder.ip = BigInt(linear);
  const instructions: DisassembledInstruction[] = [];
  try {
    for (let at = 0; decoder.canDecode;) {
      const instruction = decoder.decode();
      const end = decoder.position;
      instructions.push({
        linear: linear + at,
        bytes: bytes.subarray(at, end),
        text: formatter.format(instruction),
      });
      instruction.free();
      at = end;
    }
  } finally {
    decoder.free();
    formatter.free();
  }
  return instructions;
}
