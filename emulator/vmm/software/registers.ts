import {
  CR0_AM,
  CR0_EM,
  CR0_ET,
  CR0_MP,
  CR0_NE,
  CR0_PE,
  CR0_PG,
  CR0_TS,
  CR0_WP,
  CR4_PSE,
  CR4_TSD,
} from '../../arch/control.js';
import { decodeDescriptor } from '../../arch/descriptors.js';
import type { SegmentState } from '../../arch/descriptors.js';
import { FLAGS_ARITHMETIC, FLAG_AC, FLAG_DF, FLAG_ID, FLAG_IF, FLAG_RF } from '../../arch/flags.js';
import { CS, DS, ECX, ES, FS, GS, LDTR, SS, TR } from '../../arch/registers.js';
import type { SegmentIndex } from '../../arch/registers.js';
import type { Processor } from '../../machine.js';
import type { AreaFrames } from './area-frames.js';
import { GS_INTERRUPT_FLAG, GS_SPILL_ECX, GS_TARGET, SHADOW_GDT_BYTES, SHADOW_GDT_LINEAR } from './area.js';
import type { GuestPoint } from './point.js';
import { KERNEL_CPL, MONITOR_CODE, MONITOR_DATA, UNUSABLE, truncate } from './segments.js';
import type { ShadowGdt } from './shadow-gdt.js';

/** Flags that translated code itself keeps; the others are the monitor's in the host and the virtual CPU's in the guest. */
const CACHE_FLAGS = FLAGS_ARITHMETIC | FLAG_DF;
/** Coprocessor and alignment bits of CR0 act alike in the host and the guest; the rest is the monitor's. */
const SHARED_CR0 = CR0_MP | CR0_EM | CR0_TS | CR0_NE | CR0_AM;
const DATA_SEGMENTS: readonly SegmentIndex[] = [ES, SS, DS, FS];
/** Nothing but a selector in the host: any access, such as to the TSS's port bitmap, faults, and the virtual CPU then uses the guest's. */
const SYSTEM_SEGMENTS: readonly SegmentIndex[] = [LDTR, TR];
const USER_SEGMENTS: readonly SegmentIndex[] = [ES, CS, SS, DS, FS, GS];

/**
 * Carries the guest's registers between the virtual CPU, where the monitor works on them, and the host CPU,
 * where the guest runs. What host registers cannot hold (privilege, interrupt flag, whole segments) stays in the
 * virtual CPU and in the data page.
 */
export class RegisterCarrier {
  /** What the host's segment registers held when user code was last resumed or looked at. */
  private given = new Map<SegmentIndex, SegmentState>();

  constructor(
    private readonly host: Processor,
    private readonly guest: Processor,
    private readonly area: AreaFrames,
    private readonly shadowGdt: ShadowGdt,
  ) {
    host.gdtr = { base: SHADOW_GDT_LINEAR, limit: SHADOW_GDT_BYTES - 1 };
  }

  /** To the host, for translated kernel code at `linear`. */
  enterCache(linear: number): void {
    const { host, guest, area } = this;
    this.enterCommon();
    host.cpl = KERNEL_CPL;
    host.setSegment(CS, MONITOR_CODE);
    host.setSegment(GS, MONITOR_DATA);
    for (const segment of DATA_SEGMENTS) host.setSegment(segment, truncate(guest.segment(segment)));
    host.eip = linear;
    host.eflags = (guest.eflags & (CACHE_FLAGS | FLAG_AC | FLAG_ID)) | FLAG_IF;
    area.write(GS_INTERRUPT_FLAG, guest.eflags & FLAG_IF ? 1 : 0);
  }

  /** From the host, which stands at `point` in translated code; null: on the entry page, which left nothing behind but the registers. */
  leaveCache(point: GuestPoint | null): void {
    const { host, guest, area } = this;
    this.leaveCommon();
    const interruptFlag = area.read(GS_INTERRUPT_FLAG) ? FLAG_IF : 0;
    guest.eflags =
      (guest.eflags & ~(CACHE_FLAGS | FLAG_IF | FLAG_RF)) | (host.eflags & CACHE_FLAGS) | interruptFlag;
    if (!point) return;
    switch (point.kind) {
      case 'exact':
      case 'spilled':
        guest.eip = point.eip;
        break;
      case 'target-in-ecx':
        guest.eip = host.gpr(ECX);
        break;
      case 'target-in-slot':
        this.takeTarget();
        break;
      default:
        point.kind satisfies never;
    }
    if (point.kind === 'spilled' || point.kind === 'target-in-ecx')
      guest.setGpr(ECX, area.read(GS_SPILL_ECX));
  }

  /** After {@link leaveCache} on a miss of the target table: the guest is at the target. */
  takeTarget(): void {
    this.guest.eip = this.area.read(GS_TARGET);
    this.guest.setGpr(ECX, this.area.read(GS_SPILL_ECX));
  }

  /** To the host, for user code. The machine lets physical interrupts trap whatever EFLAGS.IF is, so the guest's own can stand there. */
  enterUser(): void {
    const { host, guest } = this;
    this.enterCommon();
    this.shadowGdt.update();
    host.cpl = 3;
    for (const segment of SYSTEM_SEGMENTS) {
      host.setSegment(segment, { ...UNUSABLE, selector: guest.segment(segment).selector });
    }
    for (const segment of USER_SEGMENTS) {
      const state = truncate(guest.segment(segment));
      host.setSegment(segment, state);
      this.given.set(segment, state);
    }
    host.eip = guest.eip;
    host.eflags = guest.eflags;
  }

  /** From the host, after user code has run. */
  leaveUser(): void {
    const { host, guest } = this;
    this.leaveCommon();
    guest.eip = host.eip;
    guest.eflags = host.eflags;
    for (const segment of USER_SEGMENTS) {
      const now = host.segment(segment);
      if (sameSegment(now, this.given.get(segment)!)) continue;
      this.given.set(segment, now);
      guest.setSegment(segment, this.loadedByGuest(now));
    }
  }

  private enterCommon(): void {
    const { host, guest } = this;
    for (let register = 0; register < 8; register++) host.setGpr(register, guest.gpr(register));
    host.cr0 = CR0_PE | CR0_ET | CR0_WP | CR0_PG | (guest.cr0 & SHARED_CR0);
    host.cr4 = CR4_PSE | (guest.cr4 & CR4_TSD);
  }

  private leaveCommon(): void {
    const { host, guest } = this;
    for (let register = 0; register < 8; register++) guest.setGpr(register, host.gpr(register));
  }

  /** The whole segment behind one that user code loaded from the shadow table. */
  private loadedByGuest(now: SegmentState): SegmentState {
    const words = now.selector < 4 ? null : this.shadowGdt.guestDescriptor(now.selector >> 3);
    return words ? decodeDescriptor(...words, now.selector) : now;
  }
}

function sameSegment(a: SegmentState, b: SegmentState): boolean {
  return (
    a.selector === b.selector && a.attributes === b.attributes && a.limit === b.limit && a.base === b.base
  );
}
