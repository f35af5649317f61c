import type { Event, RunLimits, StepResult, Stop } from '../../machine.js';
import type { MonitorOptions } from '../monitor.js';
import { ShadowMonitor } from '../shadow-monitor.js';
import { DecodeMemo } from './decode-memo.js';
import { DeprivilegedTables } from './deprivileged-tables.js';
import { DirectRegisters } from './direct-registers.js';
import { runsDeprivileged } from './engine.js';
import { ExitHandlers } from './exit-handlers.js';
import type { KernelRing } from './segments.js';

/** No page of the host: nothing of this technique is entered but by a trap. */
const NO_ENTRY_PAGE = -1;

/**
 * Classical virtualization (Adams & Agesen, ASPLOS 2006, section 2): the guest runs as it is, its kernel
 * deprivileged; what is privileged traps and is emulated on the virtual CPU, on shadow page tables and shadow
 * descriptor tables that memory traces keep. On x86 it is wrong (section 3.1): some instructions that depend on
 * privilege do not trap. With the switch `sensitiveTraps` the processor is one where they do.
 */
export class TrapAndEmulateVmm extends ShadowMonitor {
  private readonly decodes = new DecodeMemo();
  protected readonly registers: DirectRegisters;
  private readonly exitHandlers: ExitHandlers;
  private readonly kernelRing: KernelRing;
  /** A budget ended the last run in the middle of guest code; the host still stands there. */
  private paused = false;
  /** The guest's registers when the last run ended. */
  private stored: string | null = null;

  /** @throws RangeError for a size that a guest cannot have. */
  constructor(options: MonitorOptions) {
    super(options);
    const { host, guest, shadow, frames } = this;
    this.kernelRing = this.switches.kernelRing === 'ring3' ? 3 : 1;
    const charge = this.charge.bind(this);
    const { kernelRing } = this;
    const tables = new DeprivilegedTables({ host, guest, shadow, frames, charge, kernelRing });
    // Reading the time traps, so that the guest reads its own.
    this.registers = new DirectRegisters(host.cpu, guest.cpu, tables, {
      kernelRing,
      wholeSegments: false,
      trapTimeStamp: true,
      paging: shadow,
    });
    const mappings = { changed: () => {}, invalidated: () => {} };
    this.exitHandlers = new ExitHandlers(this, mappings, (result) => this.emulated(result));
    host.sensitiveTraps = this.switches.sensitiveTraps;
  }

  override chargeDecode(): void {
    this.decodes.charge(this);
  }

  protected override get movable(): boolean {
    return !this.paused;
  }

  protected override load(): void {
    // Someone has changed the guest's registers, or this is the first run.
    if (this.stored !== JSON.stringify(this.guest.state())) this.paused = false;
  }

  /** The guest's registers are in `guest.cpu` after every exit. */
  protected override store(): void {
    this.stored = JSON.stringify(this.guest.state());
  }

  protected override wake(): void {
    this.guest.cpu.halted = false;
    this.exitHandlers.inject();
  }

  protected override resume(limits: RunLimits): void {
    const { cpu } = this.guest;
    if (this.paused) {
      this.paused = false;
      this.runHost(limits);
    } else if (this.interruptDeliverable()) this.exitHandlers.inject();
    else if (cpu.interruptShadow || !runsDeprivileged(this.guest)) this.exitHandlers.interpret();
    else {
      this.registers.enter();
      this.runHost(limits);
    }
  }

  /** The guest trapped; its registers are in `guest.cpu`, and the host stands where it did. */
  protected trapped(event: Event): void {
    this.exitHandlers.trap(event);
  }

  /** The virtual CPU has executed the instruction that trapped. For those who compare. */
  protected emulated(_result: StepResult): void {}

  private runHost(limits: RunLimits): void {
    const stop = this.enterHost(limits);
    this.registers.leave();
    this.handleStop(stop);
  }

  /** Runs what the host's registers say, on shadow page tables that are up to date. */
  protected enterHost(limits: RunLimits): Stop {
    if (this.kernelRing === 3) this.shadow.view = this.guest.cpu.cpl === 3 ? 'user' : 'kernel';
    this.loadShadow();
    return this.host.runMonitored(NO_ENTRY_PAGE, limits);
  }

  private handleStop(stop: Stop): void {
    switch (stop.kind) {
      case 'trap':
        // What the guest began with MOV SS or the like, the instruction behind it ends, wherever it is executed.
        this.guest.cpu.interruptShadow = this.host.cpu.interruptShadow;
        this.host.cpu.interruptShadow = false;
        this.trapped(stop.event);
        return;
      case 'budget':
      case 'requested':
        // The host stays where it is, so that how often that happens changes nothing.
        this.paused = true;
        this.stop(stop);
        return;
      default:
        throw new Error(`a deprivileged guest stopped the host with '${stop.kind}'`);
    }
  }
}
