import { formatDiagnostics } from '../../emulator/index.js';
import type { Assembly, GuestInputs } from '../../emulator/index.js';
import {
  assembleGuest,
  checkParameters,
  guestDescription,
  guestDisk,
  guestFolder,
  guestNames,
  guestParameters,
  guestSource,
} from '../guests.js';
import type { GuestName } from './guest-names.js';
import { table } from '../display/table.js';
import type { MimeBundle } from '../display/bundle.js';
import { displaySymbol, View } from './display.js';
import type { Displayable } from './display.js';
import { interruptibly } from './interrupt.js';

/** An assembled guest program. As a cell's value it shows its listing. */
export class Guest implements Displayable {
  /** The flat or multiboot image. */
  readonly bytes: Uint8Array;
  /** Linear addresses by label. */
  readonly symbols: Readonly<Record<string, number>>;
  /** The image of its disk, if its source asks for one. */
  readonly disk: Uint8Array | null;
  private readonly assembly: Assembly;

  /** @throws SyntaxError with line, column and what was expected, when the source does not assemble. */
  constructor(
    readonly name: string,
    readonly source: string,
    fileName = name,
    defines: Readonly<Record<string, number>> = {},
  ) {
    this.assembly = interruptibly(() => assembleGuest(source, fileName, defines));
    if (this.assembly.diagnostics.some(({ severity }) => severity === 'error')) {
      throw new SyntaxError(`\n${formatDiagnostics(source, this.assembly.diagnostics)}`);
    }
    this.bytes = this.assembly.bytes;
    this.disk = guestDisk(source, fileName);
    this.symbols = this.assembly.symbols;
  }

  /** What it is given beside its image, unless a run says otherwise. */
  get inputs(): GuestInputs {
    return this.disk === null ? {} : { disk: this.disk };
  }

  /**
   * Part of the listing: from one label up to another, or to the end.
   * @throws RangeError when the program has no such label.
   */
  listing(from?: string, to?: string): View {
    const address = (label: string) => {
      if (!(label in this.symbols)) throw new RangeError(`${this.name} has no label '${label}'`);
      return this.symbols[label];
    };
    const low = from === undefined ? -Infinity : address(from);
    const high = to === undefined ? Infinity : address(to);
    return new View(
      this.listingTable(this.assembly.listing.filter((row) => row.address >= low && row.address < high)),
    );
  }

  [displaySymbol](): MimeBundle {
    return this.listingTable(this.assembly.listing);
  }

  private listingTable(rows: Assembly['listing']): MimeBundle {
    return table({
      caption: `${this.name}: ${this.bytes.length} bytes at 0x${this.assembly.origin.toString(16)}`,
      columns: [
        { key: 'line', label: 'line', format: 'integer' },
        { key: 'address', label: 'address', format: 'hex' },
        { key: 'bytes', label: 'bytes', code: true },
        { key: 'text', label: 'source', code: true },
      ],
      rows: rows.map(({ line, address, bytes, text }) => ({
        line,
        address,
        bytes: hexBytes(bytes),
        text,
      })),
    });
  }
}

const SHOWN_BYTES = 12;

function hexBytes(bytes: Uint8Array): string {
  const shown = Array.from(bytes.subarray(0, SHOWN_BYTES), (byte) => byte.toString(16).padStart(2, '0')).join(
    ' ',
  );
  return bytes.length > SHOWN_BYTES ? `${shown} …` : shown;
}

/**
 * Assembles 32-bit code in NASM syntax, loaded and entered at 0x100000: asm`again: dec ecx\n jnz again\n hlt`.
 * @throws SyntaxError when it does not assemble.
 */
export function asm(text: TemplateStringsArray, ...values: readonly (number | string)[]): Guest {
  return new Guest('cell', String.raw({ raw: text.raw }, ...values));
}

/** The same from a text, with a name for its listings: what `%%asm NAME` stands for. */
export function assemble(name: string, source: string): Guest {
  return new Guest(name, source);
}

/**
 * For cells whose types are not checked.
 * @throws TypeError for what is no guest.
 */
export function checkGuest(program: Guest): void {
  if (program instanceof Guest) return;
  const given = typeof program === 'string' ? `'${program as string}'` : typeof program;
  throw new TypeError(`a guest is what asm\`...\`, assemble(name, source) or guest(name) make, not ${given}`);
}

/** A name that is known only when it runs. */
type OtherName = string & Readonly<Record<never, never>>;

/**
 * A guest that comes with Ringside, by name.
 * @param defines other values for what its source lets one choose: `guest('forkwait', { ITERATIONS: 100 })`.
 * @throws RangeError naming the known guests, or what this one lets one choose.
 */
export function guest(name: GuestName | OtherName, defines: Readonly<Record<string, number>> = {}): Guest {
  const source = guestSource(name);
  checkParameters(name, guestParameters(source), defines);
  return new Guest(name, source, `${guestFolder}/${name}.asm`, defines);
}

/** Name and purpose of every guest that comes with Ringside. */
export function guests(): Displayable & { readonly names: readonly string[] } {
  const names = guestNames();
  return {
    names,
    [displaySymbol]: () =>
      table({
        columns: [
          { key: 'name', label: 'guest' },
          { key: 'shows', label: 'what it shows' },
          { key: 'parameters', label: 'parameters' },
        ],
        rows: names.map((name) => {
          const source = guestSource(name);
          return { name, shows: guestDescription(source), parameters: guestParameters(source).join(', ') };
        }),
      }),
  };
}
