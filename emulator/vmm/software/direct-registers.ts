import { CR4_PSE, CR4_TSD } from '../../arch/control.js';
import { decodeDescriptor } from '../../arch/descriptors.js';
import type { SegmentState } from '../../arch/descriptors.js';
import { FLAG_IF, FLAG_IOPL, FLAG_VIF, FLAG_VIP, FLAG_VM } from '../../arch/flags.js';
import { CS, DS, ES, FS, GS, SS } from '../../arch/registers.js';
import type { SegmentIndex } from '../../arch/registers.js';
import type { Processor } from '../../machine.js';
import type { ShadowMmu } from '../shadow-mmu.js';
import { carryGeneral, setHostControl } from './host-control.js';
import { truncate } from './segments.js';
import type { SegmentOptions } from './segments.js';

const SEGMENTS: readonly SegmentIndex[] = [ES, CS, SS, DS, FS, GS];
const RPL = 3;
/** Flags of a kernel that only the virtual CPU knows: in the host they are the monitor's. */
const VIRTUAL_FLAGS = FLAG_IF | FLAG_IOPL | FLAG_VIF | FLAG_VIP | FLAG_VM;

/** The descriptor tables that the host has while guest code runs directly. */
export interface HostTables {
  /** Brings them up to date with the guest's and points the host to them. */
  install(host: Processor, guest: Processor): void;
  /** The guest's descriptor behind a selector as it is in memory; null when it cannot be read. */
  guestDescriptor(selector: number): [low: number, high: number] | null;
}

export interface DirectOptions extends SegmentOptions {
  /** Reading the time-stamp counter always traps. */
  trapTimeStamp: boolean;
  paging: Pick<ShadowMmu, 'hostCr4'>;
}

/**
 * Carries the guest's registers between the virtual CPU and the host CPU for code that runs as it is: user code
 * in its own ring, kernel code deprivileged. What the host cannot hold for a deprivileged kernel (its ring, its
 * interrupt flag, whole segments) stays in the virtual CPU.
 */
export class DirectRegisters {
  /** What the host's segment registers held when guest code was last resumed or looked at. */
  private readonly given = new Map<SegmentIndex, SegmentState>();

  constructor(
    private readonly host: Processor,
    private readonly guest: Processor,
    private readonly tables: HostTables,
    private readonly options: DirectOptions,
  ) {}

  /**
   * To the host. The machine lets physical interrupts trap whatever EFLAGS.IF is, so that of user code can be the
   * guest's own.
   */
  enter(): void {
    const { host, guest } = this;
    carryGeneral(guest, host);
    setHostControl(host, guest);
    // Code reads the host's counter itself, unless the guest's differs.
    const trapsTimeStamp = this.options.trapTimeStamp || guest.timeStampOffset !== 0n;
    host.cr4 = CR4_PSE | (trapsTimeStamp ? CR4_TSD : guest.cr4 & CR4_TSD) | this.options.paging.hostCr4;
    this.tables.install(host, guest);
    const isKernel = guest.cpl === 0;
    host.cpl = isKernel ? this.options.kernelRing : guest.cpl;
    for (const segment of SEGMENTS) {
      const state = this.deprivileged(segment, isKernel);
      host.setSegment(segment, state);
      this.given.set(segment, state);
    }
    host.eip = guest.eip;
    host.eflags = isKernel ? (guest.eflags & ~VIRTUAL_FLAGS) | FLAG_IF : guest.eflags;
  }

  /** From the host, after guest code has run. */
  leave(): void {
    const { host, guest } = this;
    const wasKernel = guest.cpl === 0;
    carryGeneral(host, guest);
    guest.eip = host.eip;
    guest.eflags = wasKernel ? (host.eflags & ~VIRTUAL_FLAGS) | (guest.eflags & VIRTUAL_FLAGS) : host.eflags;
    for (const segment of SEGMENTS) {
      const now = host.segment(segment);
      if (sameSegment(now, this.given.get(segment)!)) continue;
      this.given.set(segment, now);
      guest.setSegment(segment, this.loadedByGuest(segment, now, wasKernel));
    }
    // A deprivileged kernel may have returned to one of the rings between.
    if (wasKernel && host.cpl !== this.options.kernelRing) guest.cpl = host.cpl;
  }

  /** The host's code and stack selectors show the ring: the guest can read it there. */
  private deprivileged(segment: SegmentIndex, isKernel: boolean): SegmentState {
    const { kernelRing } = this.options;
    const state = truncate(this.guest.segment(segment), this.options);
    const showsRing = isKernel && (segment === CS || segment === SS);
    return showsRing ? { ...state, selector: (state.selector & ~RPL) | kernelRing } : state;
  }

  /** The whole segment behind one that the guest loaded from a shadow table. */
  private loadedByGuest(segment: SegmentIndex, now: SegmentState, wasKernel: boolean): SegmentState {
    const words = now.selector <= RPL ? null : this.tables.guestDescriptor(now.selector);
    if (!words) return now;
    const showsRing = wasKernel && (segment === CS || segment === SS);
    const isAlias = showsRing && (now.selector & RPL) === this.options.kernelRing;
    return decodeDescriptor(...words, isAlias ? now.selector & ~RPL : now.selector);
  }
}

function sameSegment(a: SegmentState, b: SegmentState): boolean {
  return (
    a.selector === b.selector && a.attributes === b.attributes && a.limit === b.limit && a.base === b.base
  );
}
