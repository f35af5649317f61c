import { PAGE_BYTES } from '../../arch/paging.js';
import type { Operation } from '../../isa/operation.js';
import type { Versions } from './adaptation.js';
import type { Point } from './point.js';
import { findPoint } from './point.js';
import type { GuestInstruction, TranslationUnit } from './unit.js';

/** Compiled code fragment (CCF): the translation of one unit, at one place in the translation cache. */
export class Fragment {
  /** False once the guest's code has changed or the cache was flushed: control must not stay in it. */
  valid = true;
  /** Where the return lookup enters, which verifies the whole eip; null until the lookup first missed for this fragment. */
  prologueLinear: number | null = null;
  /** The version of this translation that control goes on to from its first bytes, which are a jump there; null: none, it is in force. */
  forward: Fragment | null = null;
  /** What those bytes were. */
  beneathForward: Uint8Array | null = null;
  /** Past the last byte; moves down when the final jump is given up for the fragment placed behind. */
  endLinear: number;
  /** Guest bytes from which it was made. */
  private readonly guestBytes: number;
  /**
   * @param key what the translation depends on, see CodeSpace.
   * @param gpa guest-physical address of the unit's first byte; its bytes lie within that page, but for {@link secondPage}.
   * @param secondPage guest-physical number of the page that its only instruction goes on in; null: there is none.
   * @param starts where the translation of each instruction begins, and at last where that of the last one ends.
   */
  constructor(
    readonly key: number,
    readonly gpa: number,
    readonly secondPage: number | null,
    readonly unit: TranslationUnit,
    readonly startLinear: number,
    readonly bytes: Uint8Array,
    readonly points: readonly Point[],
    readonly starts: readonly number[],
    readonly versions: Versions,
  ) {
    this.endLinear = startLinear + bytes.length;
    this.guestBytes = unit.instructions.reduce((sum, instruction) => sum + instruction.bytes.length, 0);
  }

  /** Guest-physical numbers of the pages that it was made from. */
  get pages(): ReadonlySet<number> {
    return new Set([this.gpa >>> 12, this.secondPage ?? this.gpa >>> 12]);
  }

  /** Whether it was made from some of [byteOffset, byteOffset + byteCount) of a guest-physical page. */
  isFrom(page: number, byteOffset: number, byteCount: number): boolean {
    const from = this.gpa & (PAGE_BYTES - 1);
    const to = from + this.guestBytes;
    const inFirst = page === this.gpa >>> 12 && from < byteOffset + byteCount && to > byteOffset;
    return inFirst || (page === this.secondPage && to - PAGE_BYTES > byteOffset);
  }

  /** The version in force. */
  get current(): Fragment {
    return this.forward?.current ?? this;
  }

  pointAt(linear: number): Point | undefined {
    return findPoint(this.points, linear);
  }

  /** Where the translation of the guest instruction at `eip` begins, if it is in this fragment. */
  linearOf(eip: number): number | undefined {
    const { instructions } = this.unit;
    for (let index = 0; index < instructions.length; index++)
      if (instructions[index].eip === eip) return this.starts[index];
    return undefined;
  }

  /** The guest instruction at `eip`, decoded; null when it is not in this fragment or is none. */
  operationAt(eip: number): Operation | null {
    return this.unit.instructions.find((instruction) => instruction.eip === eip)?.operation ?? null;
  }

  /** Whether the instruction at `eip` stands behind a sti of the same unit. */
  followsSti(eip: number): boolean {
    const { instructions } = this.unit;
    return instructions.some(
      (instruction, index) => instruction.eip === eip && instructions[index - 1]?.form.kind === 'sti',
    );
  }
}

/** A jump out of a fragment whose target had no translation when it was made: entered once, then chained. */
export interface Continuation {
  kind: 'continuation';
  id: number;
  /** Guest eip to go on at. */
  eip: number;
  /** The rel32 field of the jump that leads here. */
  fieldLinear: number;
  /** Its stub in the cold part of the cache. */
  stubLinear: number;
  /** Set when the jump is the last instruction of this fragment, so that what follows may be placed over it. */
  lastOf: Fragment | null;
}

/** A place where translated code asks the monitor to emulate one guest instruction. */
export interface Callout {
  kind: 'callout';
  id: number;
  instruction: GuestInstruction;
  /** Null only while its fragment is being emitted. */
  fragment: Fragment | null;
  /** Where it lies in the cold part of the cache; null when it is in its fragment. */
  stubLinear: number | null;
}

export type Site = Continuation | Callout;
