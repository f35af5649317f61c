import iced = require('iced-x86');
import type { Slot } from './forms.js';
import type { Argument, Candidate } from './match.js';
import { registerOf, type RegisterName } from './registers.js';
import type { Prefixes } from './statement.js';

const { Instruction, OpKind, Register } = iced;

/** Where an instruction stands. */
export interface Site {
  readonly bits: 16 | 32;
  /** Its final address. */
  readonly address: bigint;
}

const segmentPrefix: Readonly<Record<string, number>> = {
  es: 0x26,
  cs: 0x2e,
  ss: 0x36,
  ds: 0x3e,
  fs: 0x64,
  gs: 0x65,
};
const operandSizePrefix = 0x66;
const addressSizePrefix = 0x67;
const lockPrefix = 0xf0;
const repnePrefix = 0xf2;
const repPrefix = 0xf3;
const waitOpcode = 0x9b;
const segmentBytes = new Set(Object.values(segmentPrefix));

/** Encodes candidates with iced and puts the prefixes in NASM's order. Holds iced objects: free it. */
export class InstructionEncoder {
  readonly #encoders = { 16: new iced.Encoder(16), 32: new iced.Encoder(32) };
  readonly #instruction = new Instruction();

  free(): void {
    this.#encoders[16].free();
    this.#encoders[32].free();
    this.#instruction.free();
  }

  /** The bytes of a candidate, or undefined when it cannot reach its target. */
  encode(candidate: Candidate, site: Site, prefixes: Prefixes): Uint8Array | undefined {
    const { form, args } = candidate;
    const instruction = this.#instruction;
    instruction.code = form.code;
    instruction.memoryBase = Register.None;
    instruction.memoryIndex = Register.None;
    instruction.segmentPrefix = Register.None;
    // The encoder wants the implicit string operands although a source never writes them.
    const strings = form.slots.some((slot) => slot.kind === 'string');
    form.slots.forEach((slot, index) => {
      const arg = args[index];
      if (slot.kind === 'string') this.#setString(slot, index, site.bits);
      else if (strings && slot.kind === 'fixed') this.#setRegister(index, slot.register);
      else this.#setOperand(slot, arg, index, args);
    });
    const encoder = this.#encoders[site.bits];
    try {
      encoder.encode(instruction, BigInt.asUintN(branchBits(form.slots, site.bits), site.address));
    } catch {
      encoder.takeBuffer();
      return undefined;
    }
    return orderPrefixes(encoder.takeBuffer(), prefixes, site.bits, form.mandatory66);
  }

  #setRegister(index: number, name: string): void {
    this.#instruction.setOpKind(index, OpKind.Register);
    const key = name.toUpperCase() as keyof typeof Register;
    this.#instruction.setOpRegister(index, Register[key] as iced.Register);
  }

  #setString(slot: Extract<Slot, { kind: 'string' }>, index: number, bits: 16 | 32): void {
    const kind = bits === 16 ? slot.opKind16 : slot.opKind32;
    this.#instruction.setOpKind(index, kind);
    if (kind !== OpKind.Memory) return;
    // xlatb: [bx+al] or [ebx+al].
    this.#instruction.memoryBase = bits === 16 ? Register.BX : Register.EBX;
    this.#instruction.memoryIndex = Register.AL;
    this.#instruction.memoryIndexScale = 1;
    this.#instruction.memoryDisplSize = 0;
    this.#instruction.memoryDisplacement = 0n;
  }

  #setOperand(slot: Slot, arg: Argument, index: number, args: readonly Argument[]): void {
    const instruction = this.#instruction;
    switch (arg.kind) {
      case 'register':
        instruction.setOpKind(index, OpKind.Register);
        instruction.setOpRegister(index, widthOf(slot, arg.register).iced);
        return;
      case 'memory':
        instruction.setOpKind(index, OpKind.Memory);
        this.#setMemory(arg);
        return;
      case 'far':
        instruction.setOpKind(
          index,
          slot.kind === 'far-pointer' && slot.offsetBytes === 2 ? OpKind.FarBranch16 : OpKind.FarBranch32,
        );
        instruction.farBranchSelector = Number(BigInt.asUintN(16, arg.segment.number));
        if (slot.kind === 'far-pointer' && slot.offsetBytes === 2) {
          instruction.farBranch16 = Number(BigInt.asUintN(16, arg.offset.number));
        } else instruction.farBranch32 = Number(BigInt.asUintN(32, arg.offset.number));
        return;
      case 'immediate':
        if (slot.kind === 'branch') this.#setBranch(slot, arg.value.number, index);
        else this.#setImmediate(slot, arg.value.number, index, args);
    }
  }

  #setBranch(slot: Extract<Slot, { kind: 'branch' }>, target: bigint, index: number): void {
    if (slot.targetBits === 16) {
      this.#instruction.setOpKind(index, OpKind.NearBranch16);
      this.#instruction.nearBranch16 = Number(BigInt.asUintN(16, target));
    } else {
      this.#instruction.setOpKind(index, OpKind.NearBranch32);
      this.#instruction.nearBranch32 = Number(BigInt.asUintN(32, target));
    }
  }

  #setImmediate(slot: Slot, value: bigint, index: number, args: readonly Argument[]): void {
    const instruction = this.#instruction;
    const low = (bits: number) => Number(BigInt.asUintN(bits, value));
    if (slot.kind === 'extended-byte') {
      const signed = Number(BigInt.asIntN(8, value));
      if (slot.operandBytes === 2) {
        instruction.setOpKind(index, OpKind.Immediate8to16);
        instruction.immediate8to16 = signed;
      } else {
        instruction.setOpKind(index, OpKind.Immediate8to32);
        instruction.immediate8to32 = signed;
      }
      return;
    }
    const bytes = slot.kind === 'immediate' ? slot.bytes : 1;
    // Two immediates (enter, extrq, insertq): the second has a field of its own.
    const second = args.slice(0, index).some((arg) => arg.kind === 'immediate');
    if (bytes === 1 && second) {
      instruction.setOpKind(index, OpKind.Immediate8_2nd);
      instruction.immediate8_2nd = low(8);
    } else if (bytes === 1) {
      instruction.setOpKind(index, OpKind.Immediate8);
      instruction.immediate8 = low(8);
    } else if (bytes === 2) {
      instruction.setOpKind(index, OpKind.Immediate16);
      instruction.immediate16 = low(16);
    } else {
      instruction.setOpKind(index, OpKind.Immediate32);
      instruction.immediate32 = low(32);
    }
  }

  #setMemory({ address }: Extract<Argument, { kind: 'memory' }>): void {
    const instruction = this.#instruction;
    instruction.memoryBase = address.base?.iced ?? Register.None;
    instruction.memoryIndex = address.index?.iced ?? Register.None;
    instruction.memoryIndexScale = address.scale;
    instruction.memoryDisplSize = address.displacementBytes;
    const bits = address.displacementBytes === 1 ? 8 : address.addressBits;
    // Without registers it is a whole address of 16 bits; beside one it is a distance. (iced asks for that.)
    const isDistance = bits !== 16 || address.base !== undefined || address.index !== undefined;
    const displacement = isDistance
      ? BigInt.asIntN(bits, address.displacement)
      : BigInt.asUintN(bits, address.displacement);
    instruction.memoryDisplacement = BigInt.asUintN(64, displacement);
    instruction.segmentPrefix = address.segment?.iced ?? Register.None;
  }
}

/** The register of a slot's width with the same number: `mov ds, ax` is encoded as `mov ds, eax`, without a prefix. */
function widthOf(slot: Slot, register: RegisterName): RegisterName {
  if (slot.kind !== 'register' && slot.kind !== 'register-or-memory') return register;
  return slot.class === register.class ? register : registerOf(slot.class, register.number);
}

/** Bits of the instruction pointer a form's target is counted in. */
function branchBits(slots: readonly Slot[], bits: 16 | 32): number {
  const branch = slots.find((slot) => slot.kind === 'branch');
  return branch === undefined ? bits : branch.targetBits;
}

/** Shared by all instructions without a prefix, which are most: the encoder tells them by identity. */
export const noPrefixes: Prefixes = { lock: false };

function isPrefix(byte: number): boolean {
  return (
    byte === operandSizePrefix ||
    byte === addressSizePrefix ||
    byte >= lockPrefix ||
    byte === waitOpcode ||
    segmentBytes.has(byte)
  );
}

/**
 * NASM writes: wait, rep or repne, lock, segment, operand size, address size, then the prefix that is part of
 * the opcode. The processor takes any order, but the bytes must be NASM's.
 */
function orderPrefixes(
  encoded: Uint8Array,
  prefixes: Prefixes,
  bits: 16 | 32,
  mandatory66: boolean,
): Uint8Array {
  if (prefixes === noPrefixes && !isPrefix(encoded[0])) return encoded;
  const wait: number[] = [];
  const segment: number[] = [];
  const address: number[] = [];
  const operand: number[] = [];
  const mandatory: number[] = [];
  let start = 0;
  if (encoded.length > 1 && encoded[0] === waitOpcode) {
    wait.push(waitOpcode);
    start++;
  }
  for (; start < encoded.length - 1; start++) {
    const byte = encoded[start];
    if (byte === operandSizePrefix) (mandatory66 ? mandatory : operand).push(byte);
    else if (byte === addressSizePrefix) address.push(byte);
    else if (byte === repPrefix || byte === repnePrefix || byte === lockPrefix) mandatory.push(byte);
    else if (segmentBytes.has(byte)) segment.push(byte);
    else break;
  }
  if (prefixes.segment !== undefined && segment.length === 0)
    segment.push(segmentPrefix[prefixes.segment.name]);
  if (prefixes.addressBits !== undefined && prefixes.addressBits !== bits && address.length === 0) {
    address.push(addressSizePrefix);
  }
  if (prefixes.operandBits !== undefined) {
    // A written o16 or o32 has the last word, even against the operands: NASM does not second-guess it.
    operand.length = 0;
    if (prefixes.operandBits !== bits) operand.push(operandSizePrefix);
  }
  const rep = prefixes.rep === undefined ? [] : [prefixes.rep === 'rep' ? repPrefix : repnePrefix];
  const lock = prefixes.lock ? [lockPrefix] : [];
  const head = [...wait, ...rep, ...lock, ...segment, ...operand, ...address, ...mandatory];
  const bytes = new Uint8Array(head.length + encoded.length - start);
  bytes.set(head);
  bytes.set(encoded.subarray(start), head.length);
  return bytes;
}

/** The bytes of a line of prefixes alone. */
export function encodePrefixes(prefixes: Prefixes, bits: 16 | 32): Uint8Array {
  // A one-byte stand-in keeps the ordering in one place; it is cut off again.
  const withOpcode = orderPrefixes(Uint8Array.of(0x90), prefixes, bits, false);
  return withOpcode.subarray(0, -1);
}
