import type { SegmentState } from '../../arch/descriptors.js';
import type { SegmentIndex } from '../../arch/registers.js';
import type { Processor } from '../../machine.js';
import { KERNEL_CPL, truncate } from './segments.js';

interface Cut {
  guest: SegmentState;
  host: SegmentState;
}

/**
 * The host's segment registers as the monitor last set or saw them, so that only what differs is loaded: most ways
 * between the guest and its monitor change two of the six.
 */
export class HostSegments {
  /** By segment: the two of the guest's last put there, its kernel's and its user's as a rule, each with what the host holds for it. */
  private readonly cut: Cut[][] = [];
  private readonly held: (SegmentState | undefined)[] = [];

  /** @param whole guest segments are not cut. */
  constructor(
    private readonly host: Processor,
    private readonly guest: Processor,
    private readonly whole: boolean,
  ) {}

  put(segment: SegmentIndex, state: SegmentState): void {
    if (this.held[segment] === state) return;
    this.host.setSegment(segment, state);
    this.held[segment] = state;
  }

  /** Gives the host the guest's segment, deprivileged and truncated. */
  putGuests(segment: SegmentIndex): void {
    const recent = (this.cut[segment] ??= []);
    for (let index = 0; index < recent.length; index++) {
      const { guest, host } = recent[index];
      if (!this.guest.holdsSegment(segment, guest)) continue;
      this.put(segment, host);
      return;
    }
    const guest = this.guest.segment(segment);
    const host = truncate(guest, { kernelRing: KERNEL_CPL, wholeSegments: this.whole });
    recent.unshift({ guest, host });
    if (recent.length > 2) recent.pop();
    this.put(segment, host);
  }

  /** What the host's register holds, when the guest has loaded it since it was put there; else null. */
  loaded(segment: SegmentIndex): SegmentState | null {
    const held = this.held[segment];
    if (held && this.host.holdsSegment(segment, held)) return null;
    const now = this.host.segment(segment);
    this.held[segment] = now;
    return now;
  }
}
