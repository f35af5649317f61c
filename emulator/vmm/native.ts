import type { ExitReason } from '../arch/exits.js';
import { Machine } from '../machine.js';
import type { RunLimits } from '../machine.js';
import type { MonitorOptions } from './monitor.js';
import type { ExitRow, GuestStop, Vmm } from './vmm.js';

/** No monitor at all: the guest owns the machine. */
export class NativeVmm implements Vmm {
  readonly host: Machine;
  /** There are no exits to stop at. */
  exitPoints: ReadonlySet<ExitReason> | null = null;
  readonly exits: ReadonlyMap<ExitReason, ExitRow> = new Map();
  readonly shadowStatistics = null;

  constructor(options: MonitorOptions) {
    this.host = Machine.create(options);
  }

  get guest(): Machine {
    return this.host;
  }

  run(limits?: RunLimits): GuestStop {
    const stop = this.host.run(limits);
    switch (stop.kind) {
      case 'trap':
      case 'entry':
      case 'vmexit':
        throw new Error(`a machine without a monitor stopped with '${stop.kind}'`);
      default:
        return stop;
    }
  }
}
