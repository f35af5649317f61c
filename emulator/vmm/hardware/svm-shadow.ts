import { CR0_PG, CR0_WP, EFER_SVME } from '../../arch/control.js';
import type { ExitReason } from '../../arch/exits.js';
import { VECTOR_PF } from '../../arch/vectors.js';
import {
  EXIT_CR_READ,
  EXIT_CR_WRITE,
  EXIT_EXCEPTION,
  INTERCEPTS,
  TLB_CONTROL_FLUSH_ALL,
  TLB_CONTROL_FLUSH_GUEST,
  TLB_CONTROL_NOTHING,
  VMCB_CONTROL,
  VMCB_STATE,
} from '../../arch/vmcb.js';
import type { MonitorOptions } from '../monitor.js';
import type { ShadowMmu } from '../shadow-mmu.js';
import { createShadow } from '../shadow-monitor.js';
import { interceptCr0Read } from './control-area.js';
import { emulateOperand } from './exit-handlers.js';
import type { ExitHandler } from './exit-handlers.js';
import { VMCB_SLOTS } from './guest-registers.js';
import { HardwareVmm } from './hardware-vmm.js';

/**
 * Guest mode with shadow page tables: control registers, INVLPG and page faults exit. The guest runs on control
 * registers other than those that it believes in: paging is on and CR0.WP set at all times.
 */
export class SvmShadowVmm extends HardwareVmm {
  readonly shadow: ShadowMmu;
  private rootHpa = 0;

  constructor(options: MonitorOptions) {
    super(options, {
      slots: VMCB_SLOTS,
      controls: () => {
        const { cr0, cr4, efer } = this.guest.cpu;
        return [
          [VMCB_STATE.cr0, (cr0 | CR0_PG | CR0_WP) >>> 0],
          [VMCB_STATE.cr3, this.rootHpa],
          [VMCB_STATE.cr4, cr4],
          [VMCB_STATE.efer, efer | EFER_SVME],
        ];
      },
    });
    this.shadow = options.shared?.shadow ?? createShadow(this);
    this.handle(this.memoryExits());
  }

  override get paging(): ShadowMmu {
    return this.shadow;
  }

  protected override prepareMemory(): number {
    const { cr0 } = this.guest.cpu;
    const cr0Differs = (cr0 & (CR0_PG | CR0_WP)) !== (CR0_PG | CR0_WP | 0);
    if (interceptCr0Read(this.vmcb, cr0Differs)) this.charge('vmcb.write');
    if (this.nestedGuest.takeSpaceChanged()) this.shadow.invalidateAll();
    this.rootHpa = this.shadow.rootHpa;
    const { all, pages } = this.shadow.takeFlush();
    if (!this.usesTags) return TLB_CONTROL_FLUSH_ALL;
    return all || pages.length > 0 ? TLB_CONTROL_FLUSH_GUEST : TLB_CONTROL_NOTHING;
  }

  protected override clusterFollowed(): void {
    super.clusterFollowed();
    // There may have been instructions among them that flush.
    this.shadow.invalidateAll();
  }

  /** Shadow page tables know one translation of the guest's, not two. */
  protected override get runsGuestMode(): boolean {
    return !this.guest.cpu.nestedPaging;
  }

  /** Exits that the shadow page tables need. */
  private memoryExits(): ReadonlyMap<number, ExitHandler> {
    /** An instruction after which what the guest has changed in its page tables is in force. TLB_CONTROL knows no single address. */
    const flushing = (reason: ExitReason) => (): ExitReason => {
      this.emulateOperand();
      this.shadow.invalidateAll();
      return reason;
    };
    return new Map<number, ExitHandler>([
      [EXIT_CR_READ + 0, emulateOperand('CR_READ')],
      [EXIT_CR_READ + 3, emulateOperand('CR3_READ')],
      [EXIT_CR_WRITE + 0, emulateOperand('CR_WRITE')],
      [EXIT_CR_WRITE + 3, flushing('CR3_WRITE')],
      [EXIT_CR_WRITE + 4, flushing('CR_WRITE')],
      [EXIT_EXCEPTION + VECTOR_PF, () => this.pageFault()],
      [INTERCEPTS.INVLPG, flushing('INVLPG')],
    ]);
  }

  /** The guest, or the processor on its behalf, faulted on the shadow page tables. */
  private pageFault(): ExitReason {
    const errorCode = this.readExitInfo1();
    const gva = this.fields.read(VMCB_CONTROL.exitInfo2);
    const outcome = this.shadow.resolve(gva, errorCode);
    switch (outcome.kind) {
      case 'hidden': {
        const interrupted = this.fields.readInterruptedEvent();
        if (interrupted) this.injection.inject(interrupted);
        return 'PAGE_FAULT_HIDDEN';
      }
      case 'true':
        this.forwardPageFault(gva, outcome.errorCode);
        return 'PAGE_FAULT_TRUE';
      case 'trace':
        this.emulateInterrupted();
        return 'PAGE_FAULT_TRACE';
      case 'emulate':
        this.emulateInterrupted();
        return 'EMULATE';
    }
  }
}
