import { VMCB_CONTROL } from '../arch/vmcb.js';
import { TICKS_PER_CYCLE } from '../cost/ledger.js';
import type { VmcbView } from '../platform/vmcb-view.js';

/**
 * The PAUSE filter (APM vol. 2, section 15.14.4 "PAUSE Intercept Filtering"): lets a number of PAUSEs pass before one
 * exits; with a threshold, only such as follow each other within that many cycles are counted.
 */
export class PauseFilter {
  private count = 0;
  private threshold = 0;
  private left = 0;
  private lastTicks = 0;

  load(vmcb: VmcbView, isOffered: boolean): void {
    this.count = isOffered ? vmcb.read(VMCB_CONTROL.pauseFilterCount) : 0;
    this.threshold = isOffered ? vmcb.read(VMCB_CONTROL.pauseFilterThreshold) : 0;
    this.left = this.count;
    this.lastTicks = -Infinity;
  }

  /** A PAUSE at `ticks`. @returns whether it gets through to the intercept. */
  passes(ticks: number): boolean {
    if (this.count === 0) return true;
    const isFresh = this.threshold > 0 && ticks - this.lastTicks > this.threshold * TICKS_PER_CYCLE;
    this.lastTicks = ticks;
    if (isFresh) this.left = this.count;
    return this.left-- === 0;
  }
}
