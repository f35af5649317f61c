import { EFER_NXE } from '../arch/control.js';
import { Monitor } from './monitor.js';
import type { MonitorOptions } from './monitor.js';
import { ShadowMmu } from './shadow-mmu.js';

/**
 * A monitor whose guest runs on shadow page tables. One that needs linear addresses of its own reserves them in
 * its constructor, with `shadow.reserve`.
 */
export abstract class ShadowMonitor extends Monitor {
  readonly shadow: ShadowMmu;

  protected constructor(options: MonitorOptions) {
    super(options);
    this.shadow = options.shared?.shadow ?? createShadow(this);
  }

  override get paging(): ShadowMmu {
    return this.shadow;
  }

  /** Gives the host the shadow of the guest's address space, and makes it forget what is no longer so. */
  protected loadShadow(): void {
    const { shadow } = this;
    const { cpu } = this.host;
    const efer = (cpu.efer & ~EFER_NXE) | shadow.hostEfer;
    if (efer !== cpu.efer) cpu.efer = efer;
    cpu.cr3 = shadow.rootHpa;
    const { all, pages } = shadow.takeFlush();
    if (all) cpu.refreshTranslation();
    else for (const linear of pages) cpu.invalidateLinear(linear);
  }
}

export function createShadow(monitor: Monitor): ShadowMmu {
  const { host, guest, frames, switches } = monitor;
  const charge = monitor.charge.bind(monitor);
  return new ShadowMmu({ host, guest, frames, policy: switches, charge });
}
