import { EDI, EDX, ESI } from '../../../emulator/arch/registers.js';
import { findProfile } from '../../../emulator/cost/catalog.js';
import { Machine } from '../../../emulator/machine.js';
import { IMAGE_BYTES, TRANSCENDENTAL } from './cases.js';
import type { Case } from './cases.js';

const CODE = 0x10_0000;
const IMAGE = 0x20_0000;
const MEMORY = 0x20_1000;
const RESULT = 0x20_2000;
const MEMORY_BYTES = 16;
const ARITHMETIC_FLAGS = 0x8d5;
/** Instruction and data pointers: what they hold differs between processors. */
const POINTERS = { start: 12, end: 28 };
const FIRST_REGISTER = 28;
const REGISTER_BYTES = 10;

const machine = Machine.create({ profile: findProfile('pentium4-672'), memoryBytes: 4 << 20 });

export interface Outcome {
  image: string;
  memory: string;
  flags: string;
}

/** Executes the case on the simulated processor, between FRSTOR and FNSAVE. */
export function replay({ image, code, memory }: Case): Outcome {
  const bytes = (text: string): Uint8Array => Buffer.from(text, 'hex');
  machine.memory.writeBytes(CODE, bytes(`dd26${code}dd32f4`)); // frstor [esi]; ...; fnsave [edx]; hlt
  machine.memory.writeBytes(IMAGE, bytes(image));
  machine.memory.writeBytes(MEMORY, bytes(memory));
  machine.resetFlat(CODE);
  const { cpu } = machine;
  cpu.setGpr(ESI, IMAGE);
  cpu.setGpr(EDI, MEMORY);
  cpu.setGpr(EDX, RESULT);
  const stop = machine.run({ instructions: 10 });
  if (stop.kind !== 'halted') throw new Error(`stopped with ${JSON.stringify(stop)}`);
  const read = (at: number, count: number): string =>
    Buffer.from(machine.memory.u8.subarray(at, at + count)).toString('hex');
  return {
    image: read(RESULT, IMAGE_BYTES),
    memory: read(MEMORY, MEMORY_BYTES),
    flags: (cpu.eflags & ARITHMETIC_FLAGS).toString(16),
  };
}

function registers(image: Buffer): bigint[] {
  return Array.from({ length: 8 }, (_, index) => {
    const at = FIRST_REGISTER + index * REGISTER_BYTES;
    return (BigInt(image.readUInt16LE(at + 8)) << 64n) | image.readBigUInt64LE(at);
  });
}

const FRACTION = (1n << 63n) - 1n;

/** Units in the last place from one number to the next of like sign: without the integer bit they count through. */
function distance(a: bigint, b: bigint): bigint {
  const rank = (bits: bigint): bigint => ((bits >> 64n) << 63n) | (bits & FRACTION);
  return rank(a) - rank(b);
}

/** A remainder that is only a partial one: by how much a step reduces it is the processor's choice. */
const STATUS_C2 = 0x0400;
const PARTIAL = ['d9f5', 'd9f8'];

/** C1 of a transcendental result, which says whether it was rounded up. */
const STATUS_C1 = 0x0200;

/** What differs from the outcome on hardware; empty when the case passes. Transcendental results may be off by one unit in the last place. */
export function differences(tested: Case, expected: Outcome, actual: Outcome): string[] {
  const found: string[] = [];
  const loose = TRANSCENDENTAL.some(([, code]) => code === tested.code);
  const want = Buffer.from(expected.image, 'hex');
  const got = Buffer.from(actual.image, 'hex');
  const isPartial = PARTIAL.includes(tested.code) && (want.readUInt16LE(4) & STATUS_C2) !== 0;
  for (let at = 0; at < POINTERS.start; at += 4) {
    const mask = loose && at === 4 ? ~STATUS_C1 : -1;
    // Of another partial remainder the tag may differ too.
    if (isPartial && at === 8) continue;
    const [a, b] = [got.readUInt32LE(at) & mask, want.readUInt32LE(at) & mask];
    if (a !== b) {
      const name = ['control', 'status', 'tags'][at / 4];
      found.push(`${name} ${(a & 0xffff).toString(16)}, expected ${(b & 0xffff).toString(16)}`);
    }
  }
  const wanted = registers(want);
  registers(got).forEach((value, index) => {
    const off = distance(value, wanted[index]);
    if (value === wanted[index] || (loose && off >= -1n && off <= 1n)) return;
    if (index === 0 && isPartial) return;
    found.push(`st${index} ${value.toString(16)}, expected ${wanted[index].toString(16)}`);
  });
  if (actual.memory !== expected.memory) found.push(`memory ${actual.memory}, expected ${expected.memory}`);
  if (actual.flags !== expected.flags) found.push(`flags ${actual.flags}, expected ${expected.flags}`);
  return found;
}
