import { ECX } from '../../arch/registers.js';
import type { GuestPoint, Point } from './point.js';
import type { WordBytes } from './unit.js';

/** Bytes of the forms whose length other code relies on. */
export const JUMP_BYTES = 5;

/**
 * Writes 32-bit x86 code for a known linear address, and beside each instruction where the guest is when the
 * processor stands there. Only the forms that translations need; none writes arithmetic flags unless it says so.
 * Opcodes: AMD64 APM vol. 3, rev. 3.37, appendix A.
 */
export class Emitter {
  readonly bytes: number[] = [];
  readonly points: Point[] = [];

  constructor(readonly startLinear: number) {}

  /** Linear address of the next instruction. */
  get linear(): number {
    return this.startLinear + this.bytes.length;
  }

  /** Any instruction, byte for byte. */
  copy(at: GuestPoint, bytes: Iterable<number>): void {
    this.points.push({ linear: this.linear, ...at });
    this.bytes.push(...bytes);
  }

  /** jmp rel32 */
  jump(at: GuestPoint, targetLinear: number): void {
    this.copy(at, [0xe9, ...word(targetLinear - (this.linear + JUMP_BYTES))]);
  }

  /** jcc rel32. @param condition the low four bits of the opcode. */
  jumpIf(at: GuestPoint, condition: number, targetLinear: number): void {
    this.copy(at, [0x0f, 0x80 | condition, ...word(targetLinear - (this.linear + 6))]);
  }

  /** jmp rel8 over `skippedBytes`. */
  skip(at: GuestPoint, skippedBytes: number): void {
    this.copy(at, [0xeb, skippedBytes]);
  }

  /** jecxz rel8 over `skippedBytes`. */
  skipIfEcxZero(at: GuestPoint, skippedBytes: number): void {
    this.copy(at, [0xe3, skippedBytes]);
  }

  /** push imm32, or the low half of it as imm16 */
  pushImmediate(at: GuestPoint, value: number, wordBytes: WordBytes): void {
    const immediate = word(value).slice(0, wordBytes);
    this.copy(at, [...operandSize(wordBytes), 0x68, ...immediate]);
  }

  /** mov ecx, 0 */
  clearEcx(at: GuestPoint): void {
    this.copy(at, [0xb9, ...word(0)]);
  }

  /** mov %gs:[slot], imm32 */
  storeImmediate(at: GuestPoint, slot: number, value: number): void {
    this.copy(at, [0x65, 0xc7, 0x05, ...word(slot), ...word(value)]);
  }

  /** mov %gs:[slot], register */
  store(at: GuestPoint, slot: number, register: number): void {
    this.copy(at, [0x65, 0x89, 0x05 | (register << 3), ...word(slot)]);
  }

  /** mov register, %gs:[slot] */
  load(at: GuestPoint, register: number, slot: number, wordBytes: WordBytes = 4): void {
    this.copy(at, [...operandSize(wordBytes), 0x65, 0x8b, 0x05 | (register << 3), ...word(slot)]);
  }

  /** push %gs:[slot] */
  pushSlot(at: GuestPoint, slot: number, wordBytes: WordBytes): void {
    this.copy(at, [...operandSize(wordBytes), 0x65, 0xff, 0x35, ...word(slot)]);
  }

  /** pop ecx, or pop cx */
  popEcx(at: GuestPoint, wordBytes: WordBytes): void {
    this.copy(at, [...operandSize(wordBytes), 0x59]);
  }

  /** mov ecx, [esp], or movzx ecx, word [esp] */
  loadEcxFromStack(at: GuestPoint, wordBytes: WordBytes): void {
    this.copy(at, [...loadZeroExtended(wordBytes), 0x0c, 0x24]);
  }

  /** movzx ecx, sp; then mov ecx, %ss:[ecx], or movzx ecx, word %ss:[ecx] */
  loadEcxFromStack16(at: GuestPoint, wordBytes: WordBytes): void {
    this.copy(at, [0x0f, 0xb7, 0xcc]);
    this.copy(at, [0x36, ...loadZeroExtended(wordBytes), 0x09]);
  }

  /** lea esp, [esp + displacement]; of a stack with a 16-bit pointer, lea sp */
  addToStackPointer(at: GuestPoint, displacement: number, pointerBytes: WordBytes): void {
    this.copy(at, [...operandSize(pointerBytes), 0x8d, 0xa4, 0x24, ...word(displacement)]);
  }

  /** lea ecx, [ecx - subtrahend] */
  subtractFromEcx(at: GuestPoint, subtrahend: number): void {
    this.copy(at, [0x8d, 0x89, ...word(-subtrahend)]);
  }

  /** mov ecx, register */
  moveToEcx(at: GuestPoint, register: number): void {
    this.copy(at, [0x8b, 0xc8 | register]);
  }

  /** not ecx; lea ecx, [register + ecx + 1]: what a register has more than ecx. */
  subtractEcxFrom(at: GuestPoint, register: number): void {
    this.copy(at, [0xf7, 0xd1]);
    this.copy(at, [0x8d, 0x4c, (ECX << 3) | register, 0x01]);
  }

  /** movzx ecx, cl */
  zeroExtendCl(at: GuestPoint): void {
    this.copy(at, [0x0f, 0xb6, 0xc9]);
  }

  /** movzx ecx, ah */
  zeroExtendAh(at: GuestPoint): void {
    this.copy(at, [0x0f, 0xb6, 0xcc]);
  }

  /** movzx ecx, ax */
  zeroExtendAx(at: GuestPoint): void {
    this.copy(at, [0x0f, 0xb7, 0xc8]);
  }

  /** bswap eax */
  swapEax(at: GuestPoint): void {
    this.copy(at, [0x0f, 0xc8]);
  }

  /** movzx ecx, byte %gs:[table + ecx] */
  loadByteOfTable(at: GuestPoint, table: number): void {
    this.copy(at, [0x65, 0x0f, 0xb6, 0x89, ...word(table)]);
  }

  /** mov ecx, %gs:[table + 4 * ecx] */
  loadOfTable(at: GuestPoint, table: number): void {
    this.copy(at, [0x65, 0x8b, 0x0c, 0x8d, ...word(table)]);
  }

  /** mov eax, [esp] */
  loadEaxFromStack(at: GuestPoint): void {
    this.copy(at, [0x8b, 0x04, 0x24]);
  }

  /** mov [esp], eax */
  storeEaxToStack(at: GuestPoint): void {
    this.copy(at, [0x89, 0x04, 0x24]);
  }

  /** lea eax, [eax + ecx + displacement] */
  addEcxToEax(at: GuestPoint, displacement: number): void {
    this.copy(at, [0x8d, 0x84, 0x08, ...word(displacement)]);
  }

  /** pushfd */
  pushFlags(at: GuestPoint): void {
    this.copy(at, [0x9c]);
  }

  /** popfd; writes all flags that ring 1 may write. */
  popFlags(at: GuestPoint): void {
    this.copy(at, [0x9d]);
  }

  /** lahf; seto al: the arithmetic flags to ax. */
  packFlags(at: GuestPoint): void {
    this.copy(at, [0x9f]);
    this.copy(at, [0x0f, 0x90, 0xc0]);
  }

  /** add al, 127; sahf: the arithmetic flags from ax, as {@link packFlags} left them there. */
  unpackFlags(at: GuestPoint): void {
    this.copy(at, [0x04, 0x7f]);
    this.copy(at, [0x9e]);
  }

  /** rdtsc */
  readTimeStamp(at: GuestPoint): void {
    this.copy(at, [0x0f, 0x31]);
  }

  /** add eax, %gs:[slot]; adc edx, %gs:[slot + 4]. Writes flags. */
  addSlotToEdxEax(at: GuestPoint, slot: number): void {
    this.copy(at, [0x65, 0x03, 0x05, ...word(slot)]);
    this.copy(at, [0x65, 0x13, 0x15, ...word(slot + 4)]);
  }

  /** jmp %gs:[table + 8 * ecx] */
  jumpThroughTable(at: GuestPoint, table: number): void {
    this.copy(at, [0x65, 0xff, 0x24, 0xcd, ...word(table)]);
  }

  /** jmp %gs:[slot] */
  jumpThroughSlot(at: GuestPoint, slot: number): void {
    this.copy(at, [0x65, 0xff, 0x25, ...word(slot)]);
  }
}

/** The prefix by which 32-bit code says that an operand has 16 bits. */
function operandSize(wordBytes: WordBytes): number[] {
  return wordBytes === 2 ? [0x66] : [];
}

/** Opcode of a load of 32 bits, or of 16 that are zero-extended to 32. */
function loadZeroExtended(wordBytes: WordBytes): number[] {
  return wordBytes === 2 ? [0x0f, 0xb7] : [0x8b];
}

/** The four bytes of a 32-bit value, least significant first. */
function word(value: number): [number, number, number, number] {
  return [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, (value >>> 24) & 0xff];
}
