import { CR0_PE, CR4_PSE, CR4_TSD } from '../../arch/control.js';
import { decodeDescriptor } from '../../arch/descriptors.js';
import type { SegmentState } from '../../arch/descriptors.js';
import {
  FLAGS_ARITHMETIC,
  FLAG_AC,
  FLAG_DF,
  FLAG_ID,
  FLAG_IF,
  FLAG_OF,
  FLAG_ONE,
  FLAG_RF,
} from '../../arch/flags.js';
import { CS, DS, EAX, ECX, EDX, ES, ESP, FS, GS, LDTR, SS, TR } from '../../arch/registers.js';
import type { SegmentIndex } from '../../arch/registers.js';
import { MSR_STAR, MSR_SYSENTER_CS, MSR_SYSENTER_EIP, MSR_SYSENTER_ESP } from '../../arch/msrs.js';
import type { Processor } from '../../machine.js';
import type { AreaFrames } from './area-frames.js';
import {
  GS_CR0,
  GS_CR2,
  GS_CR3,
  GS_CR4,
  GS_CR8,
  GS_INTERRUPT_FLAG,
  GS_NEXT_INTERRUPT_FLAG,
  GS_SELECTORS,
  GS_SPILL_EAX,
  GS_SPILL_ECX,
  GS_SPILL_EDX,
  GS_SPILL_FLAGS,
  GS_SYSTEM_FLAGS,
  GS_TARGET,
  GS_TSC_OFFSET,
  SHADOW_GDT_BYTES,
  SHADOW_GDT_LINEAR,
} from './area.js';
import { HELD_EAX, HELD_ECX, HELD_EDX, HELD_ESP, HELD_FLAGS, HELD_INTERRUPT_FLAG } from './point.js';
import type { GuestPoint } from './point.js';
import {
  KERNEL_CPL,
  MONITOR_CODE,
  MONITOR_CODE_FOR_USER,
  MONITOR_DATA,
  MONITOR_DATA_FOR_USER,
  UNUSABLE,
} from './segments.js';
import { carryGeneral, setHostControl } from './host-control.js';
import { HostSegments } from './host-segments.js';
import type { HeldSegments } from './host-segments.js';
import type { ShadowMmu } from '../shadow-mmu.js';
import type { ShadowDescriptors } from './shadow-descriptors.js';

/** Flags that translated code itself keeps; the others are the monitor's in the host and the virtual CPU's in the guest. */
const CACHE_FLAGS = FLAGS_ARITHMETIC | FLAG_DF | FLAG_AC | FLAG_ID;
/** Of the virtual CPU's flags, those that a pushf of the host would not show. */
const SYSTEM_FLAGS = ~(CACHE_FLAGS | FLAG_ONE | FLAG_IF | FLAG_RF);
/** The selectors that translated code reads from the data page: the host's registers hold others. */
const COPIED_SELECTORS: readonly SegmentIndex[] = [CS, SS, GS, LDTR, TR];
/** In real mode, of all segments. */
const SELECTORS_OF_REAL_MODE: readonly SegmentIndex[] = [ES, CS, SS, DS, FS, GS];
const DATA_SEGMENTS: readonly SegmentIndex[] = [ES, SS, DS, FS];
/** Nothing but a selector in the host: any access, such as to the TSS's port bitmap, faults, and the virtual CPU then uses the guest's. */
const SYSTEM_SEGMENTS: readonly SegmentIndex[] = [LDTR, TR];
const USER_SEGMENTS: readonly SegmentIndex[] = [ES, CS, SS, DS, FS, GS];

/** What SYSENTER and SYSCALL go by. */
const SYSTEM_CALL_MSRS = [MSR_SYSENTER_CS, MSR_SYSENTER_ESP, MSR_SYSENTER_EIP, MSR_STAR];

export interface RegisterOptions {
  /** Translated rdtsc shall trap. */
  trapTimeStamp: boolean;
  /** Guest segments are not cut. */
  wholeSegments: boolean;
  paging: Pick<ShadowMmu, 'hostCr4'>;
}

/**
 * Carries the guest's registers between the virtual CPU, where the monitor works on them, and the host CPU,
 * where the guest runs. What host registers cannot hold (privilege, interrupt flag, whole segments) stays in the
 * virtual CPU and in the data page.
 */
export class RegisterCarrier {
  private readonly segments: HostSegments;
  /** By LDTR and TR: nothing but a selector. */
  private readonly emptySystemSegments: (SegmentState | undefined)[] = [];
  /** What the data page has. */
  private timeStampOffset = 0n;

  constructor(
    private readonly host: Processor,
    private readonly guest: Processor,
    private readonly area: AreaFrames,
    private readonly shadowGdt: ShadowDescriptors,
    private readonly options: RegisterOptions,
  ) {
    const install = (segment: SegmentState) => shadowGdt.install(segment);
    this.segments = new HostSegments(host, guest, install, options.wholeSegments);
    this.takeOver();
  }

  /** The host's processor is as another monitor has left it. */
  takeOver(): void {
    this.host.gdtr = { base: SHADOW_GDT_LINEAR, limit: SHADOW_GDT_BYTES - 1 };
    this.segments.forget();
    // A system call of the guest's must not find its way without the monitor.
    for (const msr of SYSTEM_CALL_MSRS) this.host.setMsr(msr, 0);
  }

  /** To the host, for translated code at `linear`. */
  enterCache(linear: number): void {
    const { host, guest } = this;
    const { segments } = this;
    const user = guest.cpl === 3;
    this.enterCommon(CR4_PSE | (this.options.trapTimeStamp ? CR4_TSD : 0));
    if (user && this.area.openToUser()) host.flushTlb();
    host.cpl = user ? 3 : KERNEL_CPL;
    segments.put(CS, user ? MONITOR_CODE_FOR_USER : MONITOR_CODE);
    segments.put(GS, user ? MONITOR_DATA_FOR_USER : MONITOR_DATA);
    const isReal = (guest.cr0 & CR0_PE) === 0;
    for (const segment of DATA_SEGMENTS) {
      if (isReal) segments.putParagraph(segment);
      else segments.putGuests(segment);
    }
    host.eip = linear;
    const { eflags } = guest;
    host.eflags = (eflags & CACHE_FLAGS) | FLAG_IF;
    this.publish(eflags, isReal ? SELECTORS_OF_REAL_MODE : COPIED_SELECTORS);
  }

  /** The host's segment registers as they were put there last. */
  heldSegments(): HeldSegments {
    return this.segments.all;
  }

  /** They hold again what {@link heldSegments} gave. */
  assumeHeld(held: HeldSegments): void {
    this.segments.assume(held);
  }

  /** Copies what translated code reads of the virtual CPU to the data page. */
  private publish(eflags: number, selectors: readonly SegmentIndex[]): void {
    const { guest, area } = this;
    area.write(GS_INTERRUPT_FLAG, eflags & FLAG_IF);
    area.write(GS_SYSTEM_FLAGS, eflags & SYSTEM_FLAGS);
    area.write(GS_CR0, guest.cr0);
    area.write(GS_CR2, guest.cr2);
    area.write(GS_CR3, guest.cr3);
    area.write(GS_CR4, guest.cr4);
    area.write(GS_CR8, guest.cr8);
    for (const segment of selectors) area.write(GS_SELECTORS + 4 * segment, guest.segment(segment).selector);
    const { timeStampOffset } = guest;
    if (timeStampOffset === this.timeStampOffset) return;
    this.timeStampOffset = timeStampOffset;
    area.write(GS_TSC_OFFSET, Number(BigInt.asIntN(32, timeStampOffset)));
    area.write(GS_TSC_OFFSET + 4, Number(BigInt.asIntN(32, timeStampOffset >> 32n)));
  }

  /** From the host, which stands at `point` in translated code; null: on the entry page, which left nothing behind but the registers. */
  leaveCache(point: GuestPoint | null): void {
    const { host, guest, area } = this;
    carryGeneral(host, guest);
    const held = point?.held ?? 0;
    const interruptFlag = area.read(held & HELD_INTERRUPT_FLAG ? GS_NEXT_INTERRUPT_FLAG : GS_INTERRUPT_FLAG);
    const flags = held & HELD_FLAGS ? this.heldFlags() : host.eflags & CACHE_FLAGS;
    guest.eflags = (guest.eflags & ~(CACHE_FLAGS | FLAG_IF | FLAG_RF)) | flags | interruptFlag;
    const taskPriority = area.read(GS_CR8);
    if (taskPriority !== guest.cr8) guest.cr8 = taskPriority;
    if (!point) return;
    if (point.kind === 'exact') guest.eip = point.eip;
    else if (point.kind === 'target-in-ecx') guest.eip = host.gpr(ECX);
    else guest.eip = area.read(GS_TARGET);
    if (held & HELD_ECX) guest.setGpr(ECX, area.read(GS_SPILL_ECX));
    if (held & HELD_EAX) guest.setGpr(EAX, area.read(GS_SPILL_EAX));
    if (held & HELD_EDX) guest.setGpr(EDX, area.read(GS_SPILL_EDX));
    if (held & HELD_ESP) guest.setGpr(ESP, (host.gpr(ESP) + 4) >>> 0);
  }

  /** The arithmetic flags out of their slot, the others from the host. */
  private heldFlags(): number {
    const packed = this.area.read(GS_SPILL_FLAGS);
    const arithmetic = ((packed >> 8) & FLAGS_ARITHMETIC) | (packed & 1 ? FLAG_OF : 0);
    return (this.host.eflags & CACHE_FLAGS & ~FLAGS_ARITHMETIC) | arithmetic;
  }

  /** To the host, for user code. The machine lets physical interrupts trap whatever EFLAGS.IF is, so the guest's own can stand there. */
  enterUser(): void {
    const { host, guest, segments } = this;
    // User code reads the host's counter itself, unless the guest's differs.
    const trapsTimeStamp = guest.timeStampOffset !== 0n || (guest.cr4 & CR4_TSD) !== 0;
    this.enterCommon(CR4_PSE | (trapsTimeStamp ? CR4_TSD : 0));
    this.shadowGdt.update();
    host.cpl = 3;
    for (const segment of SYSTEM_SEGMENTS) {
      const { selector } = guest.segment(segment);
      const empty = this.emptySystemSegments[segment];
      if (empty?.selector !== selector) this.emptySystemSegments[segment] = { ...UNUSABLE, selector };
      segments.put(segment, this.emptySystemSegments[segment]!);
    }
    for (const segment of USER_SEGMENTS) segments.putGuests(segment);
    host.eip = guest.eip;
    host.eflags = guest.eflags;
  }

  /** From the host, after user code has run. */
  leaveUser(): void {
    const { host, guest } = this;
    carryGeneral(host, guest);
    guest.eip = host.eip;
    guest.eflags = host.eflags;
    for (const segment of USER_SEGMENTS) {
      const now = this.segments.loaded(segment);
      if (now) guest.setSegment(segment, this.loadedByGuest(now));
    }
  }

  /** @param ownCr4 for the host, what the shadow page tables ask for apart. */
  private enterCommon(ownCr4: number): void {
    const { host, guest } = this;
    const cr4 = ownCr4 | this.options.paging.hostCr4;
    carryGeneral(guest, host);
    setHostControl(host, guest);
    if (host.cr4 !== cr4) host.cr4 = cr4;
  }

  /** The whole segment behind one that user code loaded from the shadow table. */
  private loadedByGuest(now: SegmentState): SegmentState {
    const words = now.selector < 4 ? null : this.shadowGdt.guestDescriptor(now.selector >> 3);
    return words ? decodeDescriptor(...words, now.selector) : now;
  }
}
