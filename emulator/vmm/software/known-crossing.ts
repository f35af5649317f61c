import {
  FLAGS_ARITHMETIC,
  FLAGS_DEFINED,
  FLAG_AC,
  FLAG_NT,
  FLAG_RF,
  FLAG_TF,
  FLAG_VIF,
  FLAG_VIP,
  FLAG_VM,
} from '../../arch/flags.js';
import type { CrossingCost } from '../../machine.js';
import type { CrossingCounts } from './crossing-counts.js';
import type { Callout, Fragment } from './fragment.js';
import type { WatchedWords } from './watched-words.js';

/** A system call, or the return from one, as it has gone the long way, and goes as long as nothing that it depends on has changed. */
export interface KnownCrossing extends CrossingCost {
  readonly counts: CrossingCounts;
  /** Of the clock, as part of its exit. */
  readonly exitTicks: number;
  /** Short ways taken whose counts have not been made. */
  times: number;
  /** Memory that it depends on. */
  readonly words: WatchedWords;
  /** EFLAGS of user code, arithmetic flags apart. */
  readonly userFlags: number;
  /** The kernel's, when the frame is on its stack. */
  readonly esp: number;
  /** Index of the frame's first word in memory. */
  readonly frame: number;
  /** The translation that control is in then, or has left. */
  readonly fragment: Fragment;
}

/** From user code that runs directly, by INT n, to translated code. */
export interface KnownCall extends KnownCrossing {
  readonly vector: number;
  /** Number of the linear page that the instruction lies in. */
  readonly codePage: number;
  /** The translation that control had left last. */
  readonly from: Fragment;
  /** Where translated code goes on. */
  readonly linear: number;
  /** EFLAGS of the guest's kernel, arithmetic flags apart. */
  readonly kernelFlags: number;
  /** Searches for the translation, and those that found it. */
  readonly lookups: number;
  readonly hits: number;
}

/** From the callout of an IRET in translated code to user code. */
export interface KnownReturn extends KnownCrossing {
  readonly site: Callout;
}

/** Of a frame that changes the stack: EIP, CS, EFLAGS, ESP, SS. */
export const FRAME_WORDS = 5;
export const WORD = 4;
/** Flags by which crossings are told apart. */
export const SYSTEM = FLAGS_DEFINED & ~FLAGS_ARITHMETIC;
/** With one of them set in user code nothing goes the short way. */
export const UNUSUAL = FLAG_TF | FLAG_NT | FLAG_VM | FLAG_RF | FLAG_AC | FLAG_VIF | FLAG_VIP;

export function linearPage(base: number, offset: number): number {
  return ((base + offset) >>> 0) >>> 12;
}
