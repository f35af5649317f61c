import type { VmcbFieldView } from '../../emulator/index.js';
import type { MimeBundle } from '../display/bundle.js';
import { MARKS, table } from '../display/table.js';
import { displaySymbol } from './display.js';
import type { Displayable } from './display.js';

/** The block that a hardware monitor runs its guest with. As a cell's value: the fields that are not 0 or have changed. */
export class Vmcb implements Displayable {
  constructor(
    /** Every field, in the order of its place. */
    readonly fields: readonly VmcbFieldView[],
    /** The guest stands between VMRUN and #VMEXIT: the processor holds its registers, the state area is what VMRUN loaded. */
    readonly inGuestMode: boolean,
    private readonly isShown: (field: VmcbFieldView) => boolean = isTelling,
  ) {}

  /** A field by its name, such as `exitCode` or `cs.base`. @throws RangeError when there is none of that name. */
  field(name: string): VmcbFieldView {
    const found = this.fields.find((field) => field.name === name);
    if (!found)
      throw new RangeError(
        `a VMCB has no field '${name}'; it has: ${this.fields.map((field) => field.name).join(', ')}`,
      );
    return found;
  }

  /** Fields that the monitor has written since the last #VMEXIT. */
  get written(): readonly VmcbFieldView[] {
    return this.fields.filter(wasWritten);
  }

  /** Fields that the last #VMEXIT left otherwise than the one before it. */
  get moved(): readonly VmcbFieldView[] {
    return this.fields.filter(hasMoved);
  }

  /** The same with every field in the table. */
  get all(): Vmcb {
    return new Vmcb(this.fields, this.inGuestMode, () => true);
  }

  [displaySymbol](): MimeBundle {
    const shown = this.fields.filter(this.isShown);
    const hidden = this.fields.length - shown.length;
    const { symbol } = MARKS.changed;
    return table({
      caption: [
        `VMCB; ${symbol} changed since the last #VMEXIT (value) or by it, since the one before (at #VMEXIT)`,
        ...(this.inGuestMode
          ? ['the guest is between VMRUN and #VMEXIT: its registers are in the processor']
          : []),
        ...(hidden > 0 ? [`${hidden} fields that are 0 are left out: .all shows them`] : []),
      ].join('; '),
      columns: [
        { key: 'offset', label: 'at', code: true },
        { key: 'name', label: 'field' },
        { key: 'value', label: 'value', code: true },
        { key: 'atExit', label: 'at #VMEXIT', code: true },
        { key: 'before', label: 'at the one before', code: true },
        { key: 'meaning', label: 'meaning' },
      ],
      rows: shown.map((field) => {
        const { offset, name, value, atExit, atExitBefore, meaning } = field;
        const hex = (bits: bigint | null) => (bits === null ? '' : hexOf(bits));
        return {
          ...{ name, meaning, offset: `0x${offset.toString(16).padStart(3, '0')}` },
          value: wasWritten(field) ? changed(hexOf(value)) : hexOf(value),
          atExit: hasMoved(field) ? changed(hex(atExit)) : wasWritten(field) ? hex(atExit) : '',
          before: hasMoved(field) ? hex(atExitBefore) : '',
        };
      }),
    });
  }

  toString(): string {
    return this[displaySymbol]()['text/plain'];
  }
}

const changed = (value: string) => ({ value, mark: 'changed' as const });

function hexOf(value: bigint): string {
  return `0x${value.toString(16)}`;
}

function wasWritten({ value, atExit }: VmcbFieldView): boolean {
  return atExit !== null && value !== atExit;
}

function hasMoved({ atExit, atExitBefore }: VmcbFieldView): boolean {
  return atExit !== null && atExitBefore !== null && atExit !== atExitBefore;
}

function isTelling(field: VmcbFieldView): boolean {
  return field.value !== 0n || wasWritten(field) || hasMoved(field);
}
