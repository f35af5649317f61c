import type { TranslationCache } from './cache.js';
import { disassemble } from './disassembly.js';
import type { Fragment } from './fragment.js';
import type { TranslationStatistics } from './statistics.js';
import type { Form } from './unit.js';

/** A host instruction of a translation. */
export interface TranslatedLine {
  /** Linear address in the translation cache. */
  linear: number;
  bytes: string;
  text: string;
  /** For a jump out of the fragment: where to, as in `ccf 0x100010` or `continuation 0x10001a`. */
  leadsTo: string | null;
}

/** A guest instruction beside its translation. */
export interface TranslatedInstruction {
  eip: number;
  bytes: string;
  text: string;
  form: Form['kind'];
  /** Why it is not IDENT; null when it is. */
  why: string | null;
  translated: TranslatedLine[];
}

/** A compiled code fragment as plain data. */
export interface TranslationView {
  /** Guest eip and guest-physical address of its first instruction. */
  eip: number;
  gpa: number;
  /** Where it lies in the translation cache, and how many bytes long it is. */
  linear: number;
  lengthBytes: number;
  /** False when the guest's code has changed since. */
  valid: boolean;
  /** Where the version of it lies that control goes on to from its first instruction: adaptation. Null: it is in force itself. */
  supersededBy: number | null;
  instructions: TranslatedInstruction[];
  /** What joins it to others: jumps added where a unit ended without one. */
  ending: TranslatedLine[];
}

/** Guest and translated code side by side. */
export class Translations {
  /** @param count the monitor's statistics. */
  constructor(
    private readonly cache: TranslationCache,
    private readonly count: () => TranslationStatistics,
  ) {}

  /** What translating has cost and saved so far. */
  get statistics(): TranslationStatistics {
    return this.count();
  }

  /** Every fragment since the cache was last flushed, in the order of their making. */
  list(): TranslationView[] {
    return this.cache.fragments.map((fragment) => this.view(fragment));
  }

  /** The valid fragments that contain the guest instruction at `eip`. */
  at(eip: number): TranslationView[] {
    return this.cache.fragments
      .filter(({ valid, unit }) => valid && unit.instructions.some((instruction) => instruction.eip === eip))
      .map((fragment) => this.view(fragment));
  }

  /** All of them as text. */
  toString(): string {
    return this.list().map(formatTranslation).join('\n');
  }

  private view(fragment: Fragment): TranslationView {
    const { unit, gpa, startLinear, endLinear, valid, starts } = fragment;
    const lines = disassemble(this.cache.read(startLinear, endLinear), startLinear).map(
      ({ linear, bytes, text }) => ({
        linear,
        bytes: hex(bytes),
        text,
        leadsTo: this.leadsTo(bytes, linear),
      }),
    );
    // A dropped fragment begins with a jump, whose bytes belong to no guest instruction any more.
    const between = (from: number, to: number) => lines.filter(({ linear }) => linear >= from && linear < to);
    return {
      eip: unit.eip,
      gpa,
      linear: startLinear,
      lengthBytes: endLinear - startLinear,
      valid,
      supersededBy: valid && fragment.forward ? fragment.current.startLinear : null,
      instructions: unit.instructions.map((instruction, index) => ({
        eip: instruction.eip,
        bytes: hex(instruction.bytes),
        text: disassemble(instruction.bytes, instruction.eip, unit.bits)[0]?.text ?? '(none)',
        form: instruction.form.kind,
        why: instruction.why,
        translated: between(starts[index], starts[index + 1]),
      })),
      ending: between(starts[unit.instructions.length], endLinear),
    };
  }

  private leadsTo(bytes: Uint8Array, linear: number): string | null {
    const field = bytes[0] === 0xe9 ? 1 : bytes[0] === 0x0f && (bytes[1] & 0xf0) === 0x80 ? 2 : 0;
    if (field === 0 || bytes.length !== field + 4) return null;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return this.cache.describe((linear + bytes.length + view.getInt32(field, true)) >>> 0);
  }
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

const GUEST_COLUMNS = 62;

/** As text: guest code left, its translation right. */
export function formatTranslation(view: TranslationView): string {
  const { eip, linear, instructions, ending } = view;
  const title = `CCF of 0x${eip.toString(16)} at 0x${linear.toString(16)}${standing(view)}`;
  const rows = instructions.flatMap((instruction) => {
    const guest = `${address(instruction.eip)}  ${instruction.bytes.padEnd(20)} ${instruction.text}`;
    const [first, ...rest] = instruction.translated.map(formatLine);
    const mark = instruction.form === 'ident' ? 'IDENT' : instruction.form;
    return [`  ${guest.padEnd(GUEST_COLUMNS)}${mark.padEnd(14)} ${first ?? ''}`, ...rest.map(indent)];
  });
  return [title, ...rows, ...ending.map(formatLine).map(indent), ''].map((line) => line.trimEnd()).join('\n');
}

/** What a title adds for a fragment that is not in force. */
export function standing({ valid, supersededBy }: TranslationView): string {
  if (!valid) return ' (dropped)';
  return supersededBy === null ? '' : ` (superseded by the one at 0x${supersededBy.toString(16)})`;
}

function indent(line: string): string {
  return ' '.repeat(2 + GUEST_COLUMNS + 15) + line;
}

function formatLine({ linear, bytes, text, leadsTo }: TranslatedLine): string {
  return `${address(linear)}  ${bytes.padEnd(33)} ${text}${leadsTo ? `  ; ${leadsTo}` : ''}`;
}

function address(value: number): string {
  return value.toString(16).padStart(8, '0');
}
