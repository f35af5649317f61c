import { CR0_PG, CR4_PAE, CR4_PSE, EFER_SVME } from '../../arch/control.js';
import type { ExitReason } from '../../arch/exits.js';
import { PAT_RESET } from '../../arch/msrs.js';
import {
  EXIT_NESTED_PAGE_FAULT,
  NP_ENABLE,
  TLB_CONTROL_FLUSH_ALL,
  TLB_CONTROL_FLUSH_GUEST,
  TLB_CONTROL_NOTHING,
  VMCB_CONTROL,
  VMCB_STATE,
} from '../../arch/vmcb.js';
import type { GuestPaging, MonitorOptions } from '../monitor.js';
import { CONTROL_SLOTS, VMCB_SLOTS } from './guest-registers.js';
import { HardwareVmm } from './hardware-vmm.js';
import type { PagingRegisters } from './hardware-vmm.js';
import { NestedTables } from './nested-tables.js';

/**
 * Guest mode with nested page tables (the paper's section 7.4): the guest's page tables, control registers and page
 * faults are its own; the monitor comes in only where the guest touches a guest-physical page for the first time,
 * or one where a device answers.
 */
export class SvmNestedVmm extends HardwareVmm {
  /** The guest's control registers need nobody to follow them. */
  override readonly paging: GuestPaging = { follow: () => {} };
  private readonly tables: NestedTables;
  /** The guest's translations in the TLB are no longer those of its registers. */
  private flush = true;

  constructor(options: MonitorOptions) {
    super(options, {
      slots: [...VMCB_SLOTS, ...CONTROL_SLOTS],
      controls: () => [[VMCB_STATE.efer, (this.guest.cpu.efer | EFER_SVME) >>> 0]],
    });
    const { host, guest, frames, switches } = this;
    const format = switches.nestedFormat;
    // Nested tables have the format of the host's own paging, which has to be on.
    host.cpu.cr4 |= format === 'pae' ? CR4_PAE : CR4_PSE;
    host.cpu.cr0 = (host.cpu.cr0 | CR0_PG) >>> 0;
    this.tables = new NestedTables({
      host,
      guest,
      frames,
      charge: (key, count) => this.charge(key, count),
      format,
      largePages: switches.nestedLargePages,
    });
    this.vmcb.write(VMCB_CONTROL.nestedControl, NP_ENABLE);
    this.vmcb.write(VMCB_CONTROL.nestedCr3, this.tables.rootHpa);
    this.vmcb.write(VMCB_STATE.gPat, Number(PAT_RESET & 0xffff_ffffn), Number(PAT_RESET >> 32n));
    this.handle(new Map([[EXIT_NESTED_PAGE_FAULT, () => this.nestedPageFault()]]));
  }

  protected override prepareMemory(): number {
    const { flush } = this;
    this.flush = false;
    if (!this.host.profile.tlb.tagged) return TLB_CONTROL_FLUSH_ALL;
    return flush ? TLB_CONTROL_FLUSH_GUEST : TLB_CONTROL_NOTHING;
  }

  /** The guest has changed its page tables since, and their registers, unseen. */
  protected override beforeEmulation(): void {
    this.guest.cpu.refreshTranslation();
  }

  protected override controlsEmulated(before: PagingRegisters): void {
    const { cr0, cr3, cr4 } = this.guest.cpu;
    if (cr0 !== before.cr0 || cr3 !== before.cr3 || cr4 !== before.cr4) this.flush = true;
  }

  private nestedPageFault(): ExitReason {
    const gpa = this.read(VMCB_CONTROL.exitInfo2) + this.vmcb.readHigh(VMCB_CONTROL.exitInfo2) * 2 ** 32;
    if (this.tables.resolve(gpa) === 'emulate') {
      this.emulateInterrupted();
      return 'EMULATE';
    }
    const interrupted = this.readInterruptedEvent();
    if (interrupted) this.inject(interrupted);
    return 'NESTED_PAGE_FAULT';
  }
}
