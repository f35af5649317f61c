import {
  BinaryTranslationVmm,
  CS,
  descriptorTables,
  disassembleGuest,
  HybridVmm,
  vmcbFields,
} from '../../emulator/index.js';
import { escapeHtml } from '../display/bundle.js';
import type { MimeBundle } from '../display/bundle.js';
import { screen } from '../display/screen.js';
import { checkNames, current, withChoices } from './current.js';
import { displaySymbol, View } from './display.js';
import type { Displayable } from './display.js';
import { codeTable, descriptorTable, pageWalkTable, tlbTable } from './inspection.js';
import { interruptibly } from './interrupt.js';
import { PageTables, PageTablesOf } from './page-tables.js';
import { Registers, registerValues } from './registers.js';
import type { CellRunOptions } from './run.js';
import { SteeredMachine } from './steering.js';
import { MachineTrace } from './machine-trace.js';
import { checkOptions } from './options.js';
import { TranslationListing } from './translations.js';
import { Vmcb } from './vmcb.js';

const HIGHEST_LINEAR = 0xffff_ffff;
/** Of a guest's labels, as many as an error tells. */
const LABELS_NAMED = 20;

/** One machine with one guest at a time, to be looked into after a run, stepped, and stopped at breakpoints. */
export class CellMachine extends SteeredMachine implements Displayable {
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

  /**
   * The guest's page tables, the monitor's shadow or nested ones and the TLB side by side, with what is stale marked: the
   * way of one address; without one, or with a range of linear addresses, all that is mapped.
   * @param gva a number, or a label of the guest.
   */
  pageTables(): PageTables;
  pageTables(gva: number | string): PageTablesOf;
  pageTables(from: number | string, to: number | string): PageTables;
  pageTables(from?: number | string, to?: number | string): PageTables | PageTablesOf {
    const { vmm } = this.guestRun;
    if (from === undefined) return new PageTables(vmm);
    const address = this.addressOf(from);
    if (to === undefined) return new PageTablesOf(vmm, address);
    // A range may end where the address space does.
    const end = to === HIGHEST_LINEAR + 1 ? to : this.addressOf(to);
    if (end <= address)
      throw new RangeError(`pages from ${from} to ${to}: expected an end above the beginning`);
    return new PageTables(vmm, address, end);
  }

  /** The VMCB that the guest runs with. @throws RangeError unless the technique has one. */
  get vmcb(): Vmcb {
    const { vmm, configuration } = this.guestRun;
    const fields = vmcbFields(vmm);
    if (fields === null)
      throw new RangeError(
        `'${configuration.technique}' has no VMCB: use machine({ technique: 'svm-shadow' }) or 'svm-nested'`,
      );
    return new Vmcb(fields, vmm.host.cpu.guestMode);
  }

  /** What the physical processor's TLB holds. */
  get tlb(): View {
    return tlbTable(this.guestRun.vmm.host.tlbEntries());
  }

  /**
   * The guest's code as it is in memory, with labels.
   * @param from linear address or label; the next instruction unless told.
   * @throws RangeError for what is neither, and for a count that is none.
   */
  disassemble(from?: number | string, count = 10): View {
    if (!Number.isSafeInteger(count) || count < 0)
      throw new RangeError(`${count} instructions: expected a whole number from 0`);
    const { guest } = this.guestRun.vmm;
    const { cpu } = guest;
    const next = (cpu.segment(CS).base + cpu.eip) >>> 0;
    const first = from === undefined ? next : this.addressOf(from);
    const lines = interruptibly(() => disassembleGuest(guest, first, count, this.symbols));
    return codeTable(lines, next);
  }

  /** A linear address as it is, or that of the guest's label. @throws RangeError for what is neither. */
  addressOf(place: number | string): number {
    if (typeof place === 'number') {
      if (Number.isInteger(place) && place >= 0 && place <= HIGHEST_LINEAR) return place;
      throw new RangeError(
        `${place} is no linear address: expected a whole number from 0 to 0x${HIGHEST_LINEAR.toString(16)}, or a label`,
      );
    }
    const symbols = this.loaded?.program.symbols ?? {};
    if (!Object.hasOwn(symbols, place))
      throw new RangeError(`the guest has no label '${place}'; ${labelsOf(symbols)}`);
    return symbols[place];
  }

  /** The text screen as it is now. */
  get screen(): View {
    return new View(screen(this.guestRun.vmm.guest.platform.vga.lines()));
  }

  /** The guest's registers, those marked that the last command changed. */
  get registers(): Registers {
    const { cpu } = this.guestRun.vmm.guest;
    const values = registerValues(cpu);
    return new Registers(values, this.registersBefore ?? values, cpu.cpl);
  }

  /** The guest's code beside its translation. @throws RangeError unless the technique translates. */
  get translations(): TranslationListing {
    const { vmm, configuration } = this.guestRun;
    if (vmm instanceof BinaryTranslationVmm || vmm instanceof HybridVmm)
      return new TranslationListing(vmm.translations);
    throw new RangeError(
      `'${configuration.technique}' does not translate: use machine({ technique: 'binary-translation' })`,
    );
  }

  /** The newest events of the last run. */
  get trace(): MachineTrace {
    return new MachineTrace(this.guestRun, () => this.standing());
  }

  /** How its run stands. */
  [displaySymbol](): MimeBundle {
    if (this.hasRun) return this.standing()[displaySymbol]();
    const text = `a machine for ${this.technique}, on which nothing has run yet: await vm.run(guest)`;
    return { 'text/html': `<div>${escapeHtml(text)}</div>`, 'text/plain': text };
  }
}

function labelsOf(symbols: Readonly<Record<string, number>>): string {
  const names = Object.keys(symbols);
  if (names.length === 0) return 'it has none: give an address';
  const more = names.length - LABELS_NAMED;
  return `it has: ${names.slice(0, LABELS_NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/**
 * A machine to look into: `await vm.run(guest)`, then its registers, trace, translations.
 * @throws RangeError naming the known ones, for an option, a technique or a profile that there is not.
 */
export function machine(options: CellRunOptions = {}): CellMachine {
  checkOptions('machine(options)', options);
  checkNames(options);
  const made = new CellMachine(withChoices(options));
  current.machine = made;
  return made;
}
