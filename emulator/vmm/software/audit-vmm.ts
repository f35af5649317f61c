import { VECTOR_GP, VECTOR_PF } from '../../arch/vectors.js';
import { CS } from '../../arch/registers.js';
import { disassemble } from '../../isa/disassemble.js';
import type { Operation } from '../../isa/operation.js';
import type { Event, GuestState, StepResult } from '../../machine.js';
import { currentOperation } from '../current-operation.js';
import type { MonitorOptions } from '../monitor.js';
import { compareSights, readWindow, restoreGuest, windowsOf, writeWindow } from './audit-comparison.js';
import type { Difference, Sight, Window } from './audit-comparison.js';
import { guestErrorCode } from './exit-handlers.js';
import { TrapAndEmulateVmm } from './trap-and-emulate.js';

/** A sensitive instruction of a guest that is not privileged, at one place. */
export interface AuditSite {
  linear: number;
  mnemonic: string;
  /** The instruction as text. */
  text: string;
  /** The guest's ring at the first time: 0 is its kernel, which really runs in ring 1 or 3. */
  ring: number;
  /** How often it was executed. */
  times: number;
  /** How often of these the monitor got control nevertheless: a software interrupt, a fault, an absent segment. */
  trapped: number;
  /** How often of these it went through and did or showed something wrong. */
  differed: number;
  /** The first time that it differed: what the guest saw, and what it should have seen. */
  difference: Difference;
}

/** A guest that rewrites its code has no end of places; the rest is counted together. */
const MOST_SITES = 4096;
/** Pages that one instruction touches, each of which may have to be brought into the shadow tables, with its directory entry. */
const MOST_HIDDEN_FAULTS = 32;

/** An instruction that has been tried on the real processor, before it is emulated. */
interface Trial {
  op: Operation;
  site: AuditSite;
  windows: readonly Window[];
  before: GuestState;
  saw: Sight;
}

/**
 * Trap-and-emulate on the processor where sensitive instructions trap, which uses each such trap to see what the
 * instruction would have done on the processor as it is: it executes it there, deprivileged, notes what the guest
 * would see, takes it back, and emulates. So every instruction is judged from the right state, and the run goes on as
 * on bare hardware. The trials take time on the machine's clock: cycles of such a run mean nothing.
 */
export class AuditVmm extends TrapAndEmulateVmm {
  private readonly byPlace = new Map<string, AuditSite>();
  private trial: Trial | null = null;
  /** Executions at places beyond those that are listed. */
  unlisted = 0;

  constructor(options: MonitorOptions) {
    super({ ...options, switches: { ...options.switches, sensitiveTraps: true } });
  }

  /** By first execution. */
  get sites(): readonly AuditSite[] {
    return [...this.byPlace.values()];
  }

  protected override trapped(event: Event): void {
    this.trial = null;
    if (event.kind === 'exception') {
      if (event.vector === VECTOR_GP) this.attempt();
    } else if (event.kind !== 'external' && event.kind !== 'nmi') this.noteSoftwareInterrupt(event.kind);
    super.trapped(event);
  }

  protected override emulated(result: StepResult): void {
    const { trial } = this;
    if (!trial) return;
    this.trial = null;
    const { op, windows, before, saw, site } = trial;
    const difference = compareSights(op, windows, before, saw, this.sight(windows, result));
    if (!difference) return;
    site.differed++;
    site.difference ??= difference;
  }

  /** A software interrupt traps wherever it is executed: the guest stands behind it. */
  private noteSoftwareInterrupt(kind: 'int' | 'int1' | 'int3' | 'into'): void {
    const { guest } = this;
    const { eip } = guest.cpu;
    guest.cpu.eip = (eip - (kind === 'int' ? 2 : 1)) >>> 0;
    const op = currentOperation(guest);
    const site = op && this.siteOf(op);
    guest.cpu.eip = eip;
    if (!site) return;
    site.times++;
    site.trapped++;
  }

  /** What trapped, if it is sensitive without being privileged, is tried without the trap. */
  private attempt(): void {
    const { guest, host } = this;
    const op = currentOperation(guest);
    if (op?.row.sensitivity !== 'silent') return;
    const site = this.siteOf(op);
    if (!site) return;
    site.times++;
    const windows = windowsOf(guest, op);
    const memory = windows.map((window) => readWindow(guest, window));
    const before = guest.state();
    const { cpl } = guest.cpu;
    if (!this.executeOnHost()) {
      site.trapped++;
      return;
    }
    this.registers.leave();
    host.cpu.interruptShadow = false;
    const saw = this.sight(windows, null);
    restoreGuest(guest, before, cpl);
    windows.forEach((window, index) => writeWindow(guest, window, memory[index]));
    this.trial = { op, site, windows, before, saw };
  }

  /**
   * Executes the instruction at which the host stands as the processor as it is does. What that leaves in the
   * host's registers is replaced before guest code runs again.
   * @returns false when the monitor gets control nevertheless.
   */
  private executeOnHost(): boolean {
    const { host, guest } = this;
    const { instructions } = host.cpu;
    host.sensitiveTraps = false;
    try {
      for (let faults = 0; faults < MOST_HIDDEN_FAULTS; faults++) {
        // Virtual interrupts stay pending in the guest's devices; the host's line only calls the monitor.
        host.cpu.interruptLine = false;
        const stop = this.enterHost({ instructions: 1 });
        // A user's request that the host has taken: for the run loop, after this exit.
        if (stop.kind === 'requested') this.stop(stop);
        if (host.cpu.instructions > instructions) return true;
        if (stop.kind === 'requested') return false;
        if (stop.kind !== 'trap')
          throw new Error(`a sensitive instruction stopped the host with '${stop.kind}'`);
        const { event } = stop;
        if (event.kind === 'external') continue;
        if (event.kind !== 'exception' || event.vector !== VECTOR_PF) return false;
        const errorCode = guestErrorCode(event, guest.cpu.cpl);
        if (this.shadow.resolve(event.cr2 ?? host.cpu.cr2, errorCode).kind !== 'hidden') return false;
      }
      throw new Error(`no end of hidden page faults at eip 0x${guest.cpu.eip.toString(16)}`);
    } finally {
      host.sensitiveTraps = true;
    }
  }

  private sight(windows: readonly Window[], result: StepResult | null): Sight {
    const { guest } = this;
    const event =
      result?.kind === 'delivered' ? result.event : result?.kind === 'shutdown' ? 'shutdown' : null;
    return { state: guest.state(), memory: windows.map((window) => readWindow(guest, window)), event };
  }

  /** @returns null when there is no room for another place. */
  private siteOf(op: Operation): AuditSite | null {
    const { cpu } = this.guest;
    const { eip } = cpu;
    const linear = (cpu.segment(CS).base + eip) >>> 0;
    const text = disassemble(op, eip);
    const key = `${linear} ${text}`;
    const known = this.byPlace.get(key);
    if (known) return known;
    if (this.byPlace.size >= MOST_SITES) {
      this.unlisted++;
      return null;
    }
    const { mnemonic } = op.row;
    const site = {
      linear,
      mnemonic,
      text,
      ring: cpu.cpl,
      times: 0,
      trapped: 0,
      differed: 0,
      difference: null,
    };
    this.byPlace.set(key, site);
    return site;
  }
}
