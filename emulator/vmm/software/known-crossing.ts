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
import type { ShortCall, ShortReturn } from '../../machine.js';
import type { CrossingCounts } from './crossing-counts.js';
import type { Callout, Fragment } from './fragment.js';

/** Of a crossing as it has gone the long way, what the monitor does for the short ones when it runs again. */
interface Aftermath {
  readonly counts: CrossingCounts;
  /** Of the clock, as part of its exit. */
  readonly exitTicks: number;
  /** The translation that control is in then, or has left. */
  readonly fragment: Fragment;
}

/** From user code that runs directly, by INT n, to translated code. */
export interface KnownCall extends ShortCall, Aftermath {
  /** The translation that control had left last. */
  readonly from: Fragment;
  /** EFLAGS of the guest's kernel, arithmetic flags apart. */
  readonly kernelFlags: number;
  /** Searches for the translation, and those that found it. */
  readonly lookups: number;
  readonly hits: number;
}

/** From the callout of an IRET in translated code to user code. */
export interface KnownReturn extends ShortReturn, Aftermath {
  readonly callout: Callout;
}

/** Flags by which crossings are told apart. */
export const SYSTEM = FLAGS_DEFINED & ~FLAGS_ARITHMETIC;
/** With one of them set in user code nothing goes the short way. */
export const UNUSUAL = FLAG_TF | FLAG_NT | FLAG_VM | FLAG_RF | FLAG_AC | FLAG_VIF | FLAG_VIP;

/** Number of the linear page of an offset in a segment. */
export function linearPage(base: number, offset: number): number {
  return ((base + offset) >>> 0) >>> 12;
}
