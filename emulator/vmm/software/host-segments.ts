import type { SegmentState } from '../../arch/descriptors.js';
import type { SegmentIndex } from '../../arch/registers.js';
import type { Processor } from '../../machine.js';
import { KERNEL_CPL, paragraphSelector, truncate } from './segments.js';

/** By segment; none for one that the monitor has not loaded. */
export type HeldSegments = readonly (SegmentState | undefined)[];

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

  /** The same for segments that are not in a table of the guest's. */
  private readonly paragraphs: Cut[][] = [];

  /**
   * @param install gives a segment its slot in the host's table.
   * @param whole guest segments are not cut.
   */
  constructor(
    private readonly host: Processor,
    private readonly guest: Processor,
    private readonly install: (segment: SegmentState) => void,
    private readonly whole: boolean,
  ) {}

  /** Another monitor has loaded the registers. */
  forget(): void {
    this.held.length = 0;
  }

  /** What the registers hold, each the very object that {@link put} was given. */
  get all(): HeldSegments {
    return [...this.held];
  }

  /** They hold what {@link all} gave. */
  assume(held: HeldSegments): void {
    held.forEach((state, segment) => (this.held[segment] = state));
  }

  put(segment: SegmentIndex, state: SegmentState): void {
    if (this.held[segment] === state) return;
    this.host.setSegment(segment, state);
    this.held[segment] = state;
  }

  /** Gives the host the guest's segment, deprivileged and truncated. */
  putGuests(segment: SegmentIndex): void {
    const { host } = this.known(segment, this.cut) ?? this.add(segment, this.cut, null);
    this.put(segment, host);
  }

  /** The same in real mode, where a segment register holds no selector: the host's gets one of the monitor's. */
  putParagraph(segment: SegmentIndex): void {
    const { paragraphs } = this;
    const { host } =
      this.known(segment, paragraphs) ?? this.add(segment, paragraphs, paragraphSelector(segment));
    if (this.held[segment] === host) return;
    this.install(host);
    this.put(segment, host);
  }

  private known(segment: SegmentIndex, cuts: Cut[][]): Cut | null {
    const recent = (cuts[segment] ??= []);
    for (let index = 0; index < recent.length; index++)
      if (this.guest.holdsSegment(segment, recent[index].guest)) return recent[index];
    return null;
  }

  /** @param selector for the host in place of the guest's; null: the same. */
  private add(segment: SegmentIndex, cuts: Cut[][], selector: number | null): Cut {
    const guest = this.guest.segment(segment);
    const cut = truncate(guest, { kernelRing: KERNEL_CPL, wholeSegments: this.whole });
    const host = selector === null ? cut : { ...cut, selector };
    const recent = cuts[segment];
    recent.unshift({ guest, host });
    if (recent.length > 2) recent.pop();
    return recent[0];
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
