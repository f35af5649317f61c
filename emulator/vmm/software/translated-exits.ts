import type { Event } from '../../machine.js';
import { CALLOUT, TRAP } from '../crossing.js';
import { emulateInstruction, exitReasonOf } from '../emulate.js';
import type { ShadowMonitor } from '../shadow-monitor.js';
import { isFreeInGuestMode, wayOf } from './access-way.js';
import type { Adaptation } from './adaptation.js';
import type { ExitHandlers } from './exit-handlers.js';
import type { Callout, Fragment } from './fragment.js';
import type { Way } from './unit.js';

/** What the monitor does when translated code calls it or traps. */
export class TranslatedExits {
  constructor(
    private readonly monitor: ShadowMonitor,
    private readonly exits: ExitHandlers,
    /** Null: translated code does not adapt. */
    private readonly adaptation: Adaptation | null,
  ) {}

  /** Translated code asks for the emulation of one instruction. */
  callout(callout: Callout): void {
    const { monitor, exits } = this;
    const { cpu } = monitor.guest;
    const { form, operation, eip } = callout.instruction;
    cpu.eip = eip;
    if (form.kind === 'simulate') {
      this.simulate(callout, form.way);
      return;
    }
    monitor.exit(CALLOUT, eip, () => {
      const reason = form.kind === 'callout' ? form.reason : exitReasonOf(operation!);
      exits.emulate(operation, reason, { decoded: true });
      // The next instruction belongs to one that holds interrupts off, so no translation of it can be interrupted before.
      while (cpu.interruptShadow && !monitor.stopped && !cpu.halted) {
        emulateInstruction(monitor);
        exits.mappingsChanged();
      }
      exits.offerInterrupt();
      return reason;
    });
  }

  /** Emulates an access that used to trap, in the way that was learnt. */
  private simulate(callout: Callout, learnt: Way): void {
    const { monitor, exits } = this;
    const { guest, shadow } = monitor;
    const { instruction } = callout;
    monitor.exit(CALLOUT, instruction.eip, () => {
      const operation = instruction.operation!;
      const way = wayOf(guest, shadow, operation);
      // The handler of one way finds what it expects, or ordinary memory; what is another's goes the long way round.
      if (way !== null && way !== learnt) monitor.charge('vmm.dispatch');
      monitor.freeInGuestMode = isFreeInGuestMode(guest, shadow, operation);
      const repeated = operation.rep !== 'none';
      emulateInstruction(monitor, { decoded: true, device: way === 'device', repeated });
      this.adaptation?.simulated(callout, way);
      exits.offerInterrupt();
      return 'SIMULATE';
    });
  }

  /**
   * Translated code trapped. The guest's registers are current in the virtual CPU.
   * @param fragment that it was in, or null.
   */
  trap(event: Event, fragment: Fragment | null): void {
    const { monitor, exits, adaptation } = this;
    const { guest, shadow } = monitor;
    const { eip } = guest.cpu;
    monitor.exit(TRAP, eip, () => {
      const operation = adaptation && event.kind === 'exception' ? fragment?.operationAt(eip) : null;
      const way = operation ? wayOf(guest, shadow, operation) : null;
      const free = operation ? isFreeInGuestMode(guest, shadow, operation) : null;
      const reason = exits.handle(event);
      const emulated = reason === 'PAGE_FAULT_TRACE' || reason === 'EMULATE';
      if (way && emulated) monitor.freeInGuestMode = free;
      if (fragment && way && emulated) adaptation!.trapped(fragment, eip, way);
      exits.offerInterrupt();
      return reason;
    });
  }
}
