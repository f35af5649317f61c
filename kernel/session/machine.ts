import {
  BinaryTranslationVmm,
  GPR_NAMES,
  GuestRun,
  SEGMENT_NAMES,
  TICKS_PER_CYCLE,
} from '../../emulator/index.js';
import type { SegmentIndex } from '../../emulator/index.js';
import { screen } from '../display/screen.js';
import { table } from '../display/table.js';
import { current, withChoices } from './current.js';
import { View } from './display.js';
import type { Guest } from './guest.js';
import { interruptRequested, interruptibly } from './interrupt.js';
import { Run } from './runs.js';
import type { CellRunOptions } from './runs.js';
import { TranslationListing } from './translations.js';

/** One machine with one guest at a time, to be looked into after a run. */
export class CellMachine {
  private current: GuestRun | null = null;
  /** Typed before there was a machine to type on. */
  private keys = '';

  constructor(private readonly options: CellRunOptions) {}

  /**
   * Loads the guest into a fresh machine and runs it to its end, recording a trace.
   * @throws ImageError, RangeError as the emulator does.
   */
  async run(program: Guest): Promise<Run> {
    const current = new GuestRun(program.bytes, {
      ...program.inputs,
      ...this.options,
      keys: `${this.options.keys ?? ''}${this.keys}`,
      trace: true,
      onProgress: interruptRequested,
    });
    this.current = current;
    this.keys = '';
    return new Run(
      interruptibly(() => current.run()),
      current.configuration.profile,
    );
  }

  /**
   * Types on the guest's keyboard: of the guest that stopped before its end, if one did, else of the next one to
   * run. A guest reads it when it likes.
   * @throws RangeError for a character that no key of a US keyboard types.
   */
  type(text: string): void {
    const { current } = this;
    const goesOn = current !== null && ['budget', 'interrupted'].includes(current.result().outcome);
    if (goesOn) current.vmm.guest.platform.keyboard.type(text);
    else this.keys += text;
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
