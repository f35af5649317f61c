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
}

export function createShadow(monitor: Monitor): ShadowMmu {
  const { host, guest, frames, switches } = monitor;
  const charge = monitor.charge.bind(monitor);
  return new ShadowMmu({ host, guest, frames, policy: switches, charge });
}
