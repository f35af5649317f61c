import { CR0_PG, CR4_PAE, CR4_PSE, EFER_SVME } from '../../arch/control.js';
import type { ExitReason } from '../../arch/exits.js';
import { PAT_RESET } from '../../arch/msrs.js';
import { PAGE_BYTES } from '../../arch/paging.js';
import { PF_FETCH, PF_WRITE } from '../../arch/vectors.js';
import {
  EXIT_NESTED_PAGE_FAULT,
  NPF_GUEST_TABLE,
  NP_ENABLE,
  TLB_CONTROL_FLUSH_ALL,
  TLB_CONTROL_FLUSH_GUEST,
  TLB_CONTROL_NOTHING,
  VMCB_CONTROL,
  VMCB_STATE,
} from '../../arch/vmcb.js';
import { svmFeatures } from '../../cost/profile.js';
import { OPEN_MASK } from '../../platform/a20.js';
import type { GuestPaging, MonitorOptions } from '../monitor.js';
import { CONTROL_SLOTS, VMCB_SLOTS } from './guest-registers.js';
import { HardwareVmm } from './hardware-vmm.js';
import type { PagingRegisters } from './hardware-vmm.js';
import { NestedTables } from './nested-tables.js';
import type { NestedEntry } from './nested-tables.js';

/**
 * Guest mode with nested page tables (the paper's section 7.4): the guest's page tables, control registers and page
 * faults are its own; the monitor comes in only where the guest touches a guest-physical page for the first time,
 * or one where a device answers.
 */
export class SvmNestedVmm extends HardwareVmm {
  /** The guest's control registers need nobody to follow them; its A20 gate does. */
  override readonly paging: GuestPaging = { follow: ({ addressMask }) => this.followA20(addressMask) };
  private addressMask = OPEN_MASK;
  private readonly tables: NestedTables;
  /** For the guest of a guest hypervisor with nested paging: its tables and ours in one, filled and dropped as a TLB would be. */
  private readonly composed: NestedTables;
  /** By address space, the guest's and that of its own guest: its translations in the TLB are no longer those of its registers. */
  private readonly flush = { outer: true, inner: true };
  private lastSpace: 'outer' | 'inner' = 'outer';

  constructor(options: MonitorOptions) {
    super(options, {
      // The processor walks the guest's tables, whatever their format.

      slots: [...VMCB_SLOTS, ...CONTROL_SLOTS],
      controls: () => [[VMCB_STATE.efer, (this.guest.cpu.efer | EFER_SVME) >>> 0]],
    });
    const { host, guest, frames, switches } = this;
    const format = switches.nestedFormat;
    // Nested tables have the format of the host's own paging, which has to be on.
    host.cpu.cr4 |= format === 'pae' ? CR4_PAE : CR4_PSE;
    host.cpu.cr0 = (host.cpu.cr0 | CR0_PG) >>> 0;
    const charge = this.charge.bind(this);
    const common = { host, guest, frames, charge, format };
    this.tables = new NestedTables({ ...common, largePages: switches.nestedLargePages });
    this.composed = new NestedTables({ ...common, largePages: false });
    this.vmcb.write(VMCB_CONTROL.nestedControl, NP_ENABLE);
    this.vmcb.write(VMCB_CONTROL.nestedCr3, this.tables.rootHpa);
    this.vmcb.write(VMCB_STATE.gPat, Number(PAT_RESET & 0xffff_ffffn), Number(PAT_RESET >> 32n));
    this.handle(new Map([[EXIT_NESTED_PAGE_FAULT, () => this.nestedPageFault()]]));
  }

  /** The way of a guest-physical address through the nested page tables. Changes nothing. */
  nestedWay(gpa: number): NestedEntry[] {
    return this.tables.look(gpa);
  }

  protected override prepareMemory(): number {
    const { cpu } = this.guest;
    const space = cpu.guestMode ? 'inner' : 'outer';
    const root = cpu.guestMode && cpu.nestedPaging ? this.composed : this.tables;
    if (this.nestedGuest.takeSpaceChanged()) {
      this.composed.clear();
      this.flush.inner = true;
    }
    this.fields.writeIfChanged(VMCB_CONTROL.nestedCr3, root.rootHpa);
    const tagged = this.usesTags;
    // The guest's guest has an address space of its own, where the processor has so many.
    const { asid } = this.home;
    const ownSpaces = tagged && svmFeatures(this.host.profile).asids > asid + 1;
    if (ownSpaces) this.fields.writeIfChanged(VMCB_CONTROL.asid, cpu.guestMode ? asid + 1 : asid);
    else if (space !== this.lastSpace) this.flush[space] = true;
    this.lastSpace = space;
    const flush = this.flush[space];
    this.flush[space] = false;
    if (!tagged) return TLB_CONTROL_FLUSH_ALL;
    return flush ? TLB_CONTROL_FLUSH_GUEST : TLB_CONTROL_NOTHING;
  }

  /** The guest has changed its page tables since, and their registers, unseen. */
  protected override beforeEmulation(): void {
    this.guest.cpu.refreshTranslation();
  }

  protected override controlsEmulated(before: PagingRegisters): void {
    const { cr0, cr3, cr4 } = this.guest.cpu;
    if (cr0 !== before.cr0 || cr3 !== before.cr3 || cr4 !== before.cr4)
      this.flush[this.guest.cpu.guestMode ? 'inner' : 'outer'] = true;
  }

  /** Guest-physical addresses have another meaning when the guest's A20 gate has moved. */
  private followA20(mask: number): void {
    if (mask === this.addressMask) return;
    this.addressMask = mask;
    this.tables.clear();
    this.composed.clear();
    this.flush.outer = true;
    this.flush.inner = true;
  }

  private nestedPageFault(): ExitReason {
    const gpa =
      this.fields.read(VMCB_CONTROL.exitInfo2) + this.vmcb.readHigh(VMCB_CONTROL.exitInfo2) * 2 ** 32;
    const { cpu } = this.guest;
    if ((cpu.guestMode && cpu.nestedPaging ? this.compose(gpa) : this.tables.resolve(gpa)) === 'emulate') {
      this.emulateInterrupted();
      return 'EMULATE';
    }
    const interrupted = this.fields.readInterruptedEvent();
    if (interrupted) this.injection.inject(interrupted);
    return 'NESTED_PAGE_FAULT';
  }

  /**
   * A page that the guest's guest misses: through the guest hypervisor's nested tables, whose A and D bits are set as
   * hardware would, then through ours. `emulate`: a fault that the guest hypervisor has to see, or a device.
   */
  private compose(gpa: number): 'filled' | 'emulate' {
    const { cpu, memory } = this.guest;
    const info1 = this.readExitInfo1();
    const target = cpu.translateNested(gpa, {
      write: (info1 & PF_WRITE) !== 0,
      fetch: (info1 & PF_FETCH) !== 0,
      table: (this.vmcb.readHigh(VMCB_CONTROL.exitInfo1) & NPF_GUEST_TABLE) !== 0,
    });
    if (target === null || target.physical >= 2 ** 32) return 'emulate';
    const page = Math.floor(target.physical / PAGE_BYTES);
    // Tables of the guest hypervisor's that forbid fetches have no counterpart in ours.
    if (!target.executable || memory.outside.claimsPage(page)) return 'emulate';
    this.composed.mapPage(gpa, target.physical, target.writable);
    return 'filled';
  }
}
