import {
  BinaryTranslationVmm,
  checkPoint,
  CS,
  Debugger,
  DEFAULTS,
  descriptorTables,
  disassembleGuest,
  GPR_NAMES,
  GuestRun,
  SEGMENT_NAMES,
  Symbols,
  TICKS_PER_CYCLE,
} from '../../emulator/index.js';
import type { BreakPoint, DebugStop, RunOptions, SegmentIndex } from '../../emulator/index.js';
import { screen } from '../display/screen.js';
import { table } from '../display/table.js';
import { current, withChoices } from './current.js';
import { View } from './display.js';
import type { Guest } from './guest.js';
import { codeTable, descriptorTable, pageWalkTable, StoppedGuest, tlbTable } from './inspection.js';
import { interruptRequested, interruptibly } from './interrupt.js';
import { Progress } from './progress.js';
import { GuestInterrupted, Run } from './runs.js';
import type { CellRunOptions } from './runs.js';
import { TranslationListing } from './translations.js';

/** One machine with one guest at a time, to be looked into after a run, stepped, and stopped at breakpoints. */
export class CellMachine {
  private current: GuestRun | null = null;
  /** The guest of `current`, with what was typed for it. */
  private loaded: { program: Guest; keys: string } | null = null;
  /** Made when somebody steps or sets a breakpoint: `current` is its run then. */
  private steered: Debugger | null = null;
  /** Breakpoints by number, which outlive a run. */
  private readonly points = new Map<number, BreakPoint>();
  private nextPoint = 1;
  /** Of the command that runs `steered`. */
  private progress: Progress | null = null;
  /** Typed before there was a machine to type on. */
  private keys = '';

  constructor(private readonly options: CellRunOptions) {}

  /**
   * Loads the guest into a fresh machine and runs it to its end, or to the first breakpoint, recording a trace.
   * @throws ImageError, RangeError as the emulator does; {@link GuestInterrupted} when the user stops it, from where
   *   {@link continue} goes on.
   */
  async run(program: Guest): Promise<Run> {
    this.loaded = { program, keys: `${this.options.keys ?? ''}${this.keys}` };
    this.keys = '';
    this.steered = null;
    if (this.points.size > 0) {
      const steered = this.steer(this.loaded);
      this.watched(() => steered.continue());
      return finished(steered.run);
    }
    const progress = this.newProgress();
    const current = new GuestRun(program.bytes, {
      ...this.guestOptions(this.loaded),
      onProgress: progress.report,
    });
    this.current = current;
    const result = interruptibly(() => current.run());
    progress.end(result);
    if (result.outcome === 'interrupted') throw interrupted(current);
    return finished(current);
  }

  /**
   * Types on the guest's keyboard: of the guest that stopped before its end, if one did, else of the next one to
   * run. A guest reads it when it likes.
   * @throws RangeError for a character that no key of a US keyboard types.
   */
  type(text: string): void {
    const { current } = this;
    const goesOn = current !== null && ['budget', 'interrupted'].includes(current.result().outcome);
    if (goesOn) {
      // Taken over before it is changed: what is typed now can not be run again.
      if (!this.steered) this.watched(() => this.steerCurrent());
      this.guestRun.vmm.guest.platform.keyboard.type(text);
      this.steered?.noteChange();
    } else {
      this.keys += text;
    }
  }

  // --- stepping: nothing of it changes what a run does or costs. All of it throws GuestInterrupted when the user stops it.

  /** Loads the guest into a fresh machine and stops before its first instruction. */
  load(program: Guest): StoppedGuest {
    this.loaded = { program, keys: `${this.options.keys ?? ''}${this.keys}` };
    this.keys = '';
    this.steer(this.loaded);
    return this.step(0);
  }

  /** Executes `count` instructions; breakpoints do not stop it. */
  step(count = 1): StoppedGuest {
    return this.steering((steered) => steered.step(count));
  }

  /** Goes back by `count` instructions, at most to the start. */
  stepBack(count = 1): StoppedGuest {
    return this.steering((steered) => steered.stepBack(count));
  }

  /** Runs on to the next breakpoint or the end. */
  continue(): StoppedGuest {
    return this.steering((steered) => steered.continue());
  }

  /**
   * Stops runs and {@link continue} at a point: `{ address }`, `{ write: gva, bytes }`, `{ read }`, `{ access }`, `{ port }`,
   * `{ exception: '#PF' }`, `{ mode: 'any' }`, `{ exit: 'CR3_WRITE' }`. Addresses are linear.
   * @returns a number for {@link removeBreakpoint}. @throws RangeError, TypeError for what is no point.
   */
  breakOn(point: BreakPoint): number {
    checkPoint(point, this.options.technique ?? DEFAULTS.technique);
    const id = this.nextPoint++;
    this.points.set(id, point);
    this.steered?.setPoints([...this.points.values()]);
    return id;
  }

  /** Takes a breakpoint away; without a number all of them. */
  removeBreakpoint(id?: number): void {
    if (id === undefined) this.points.clear();
    else this.points.delete(id);
    this.steered?.setPoints([...this.points.values()]);
  }

  private steering(command: (steered: Debugger) => DebugStop): StoppedGuest {
    if (!this.steered) this.watched(() => this.steerCurrent());
    const { steered } = this;
    if (!steered) throw new Error('no guest is loaded');
    const stop = this.watched(() => command(steered));
    const [next] = disassembleGuest(steered.run.vmm.guest, stop.linear, 1, this.symbols);
    return new StoppedGuest(stop, next);
  }

  /** Takes over a run that was made without a debugger: the same again, up to where it stands. */
  private steerCurrent(): DebugStop {
    const { position } = this.guestRun;
    const { loaded } = this;
    if (!loaded) throw new Error('no guest is loaded');
    return this.steer(loaded).goTo(position);
  }

  /** Tells how the command goes. @throws GuestInterrupted when the user stops it. */
  private watched(command: () => DebugStop): DebugStop {
    this.progress = this.newProgress();
    const stop = interruptibly(command);
    const { guestRun } = this;
    this.progress.end(progressOf(guestRun));
    if (stop.kind === 'requested') throw interrupted(guestRun);
    return stop;
  }

  private newProgress(): Progress {
    return new Progress(this.options.technique ?? DEFAULTS.technique);
  }

  private steer(loaded: { program: Guest; keys: string }): Debugger {
    const steered = new Debugger(loaded.program.bytes, this.guestOptions(loaded), () =>
      this.progress ? this.progress.report(progressOf(this.guestRun)) : interruptRequested(),
    );
    steered.setPoints([...this.points.values()]);
    this.steered = steered;
    this.current = steered.run;
    return steered;
  }

  private guestOptions({ program, keys }: { program: Guest; keys: string }): RunOptions {
    return { ...program.inputs, ...this.options, keys, trace: true };
  }

  private get symbols(): Symbols {
    return new Symbols(this.loaded?.program.symbols);
  }

  // --- looking

  /** The guest's GDT, LDT and IDT. */
  get descriptors(): View {
    return descriptorTable(descriptorTables(this.guestRun.vmm.guest));
  }

  /**
   * The way of a guest-virtual address through the guest's page tables, entry by entry.
   * @param gva a number, or a label of the guest.
   */
  pageTable(gva: number | string): View {
    const address = this.addressOf(gva);
    return pageWalkTable(address, this.guestRun.vmm.guest.pageWalk(address));
  }

  /** What the physical processor's TLB holds. */
  get tlb(): View {
    return tlbTable(this.guestRun.vmm.host.tlbEntries());
  }

  /**
   * The guest's code as it is in memory, with labels.
   * @param from linear address or label; the next instruction unless told.
   */
  disassemble(from?: number | string, count = 10): View {
    const { guest } = this.guestRun.vmm;
    const { cpu } = guest;
    const next = (cpu.segment(CS).base + cpu.eip) >>> 0;
    const first = from === undefined ? next : this.addressOf(from);
    return codeTable(disassembleGuest(guest, first, count, this.symbols), next);
  }

  /** A linear address as it is, or that of the guest's label. @throws RangeError when the guest has no such label. */
  addressOf(place: number | string): number {
    if (typeof place === 'number') return place;
    const address = this.loaded?.program.symbols[place];
    if (address === undefined) throw new RangeError(`the guest has no label '${place}'`);
    return address;
  }

  /** The text screen as it is now. */
  get screen(): View {
    return new View(screen(this.guestRun.vmm.guest.platform.vga.lines()));
  }

  /** The guest's registers. */
  get registers(): View {
    const { cpu } = this.guestRun.vmm.guest;
    const rows = [
      ...GPR_NAMES.map((name, index) => ({ name, value: cpu.gpr(index) })),
      { name: 'eip', value: cpu.eip },
      { name: 'eflags', value: cpu.eflags },
      { name: 'cr0', value: cpu.cr0 },
      { name: 'cr2', value: cpu.cr2 },
      { name: 'cr3', value: cpu.cr3 },
      { name: 'cr4', value: cpu.cr4 },
      ...SEGMENT_NAMES.map((name, index) => ({ name, value: cpu.segment(index as SegmentIndex).selector })),
    ];
    return new View(
      table({
        caption: `registers, CPL ${cpu.cpl}`,
        columns: [
          { key: 'name', label: 'register' },
          { key: 'value', label: 'value', format: 'hex' },
        ],
        rows,
      }),
    );
  }

  /** The guest's code beside its translation. @throws RangeError unless the technique translates. */
  get translations(): TranslationListing {
    const { vmm, configuration } = this.guestRun;
    if (vmm instanceof BinaryTranslationVmm) return new TranslationListing(vmm.translations);
    throw new RangeError(
      `'${configuration.technique}' does not translate: use machine({ technique: 'binary-translation' })`,
    );
  }

  /** The newest events of the last run. */
  get trace(): { last(count: number): View } {
    const { trace } = this.guestRun.vmm.host;
    return {
      last: (count) =>
        new View(
          table({
            caption: `last ${count} events${trace.dropped > 0 ? `; ${trace.dropped} older ones were dropped` : ''}`,
            columns: [
              { key: 'cycle', label: 'cycle', format: 'integer' },
              { key: 'kind', label: 'event' },
              { key: 'detail', label: 'detail' },
            ],
            rows: trace.last(count).map(({ ticks, kind, ...detail }) => ({
              cycle: ticks / TICKS_PER_CYCLE,
              kind,
              detail: Object.entries(detail)
                .map(
                  ([name, value]) =>
                    `${name} ${typeof value === 'number' && isAddress(name) ? hex(value) : value}`,
                )
                .join(', '),
            })),
          }),
        ),
    };
  }

  private get guestRun(): GuestRun {
    if (!this.current) throw new Error('nothing has run on this machine yet: await vm.run(guest) first');
    return this.current;
  }
}

function progressOf({ vmm: { host } }: GuestRun): { instructions: number; cycles: number } {
  return { instructions: host.cpu.instructions, cycles: host.ledger.cyclesExact };
}

function finished(run: GuestRun): Run {
  return new Run(run.result(), run.configuration.profile);
}

function interrupted(run: GuestRun): GuestInterrupted {
  return new GuestInterrupted(finished(run), 'continue() of the machine goes on from here');
}

function isAddress(name: string): boolean {
  return ['eip', 'gva', 'gpa', 'cr2', 'port', 'value'].includes(name);
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

/** A machine to look into: `await vm.run(guest)`, then its registers, trace, translations. */
export function machine(options: CellRunOptions = {}): CellMachine {
  const made = new CellMachine(withChoices(options));
  current.machine = made;
  return made;
}
