import type { CodeLine, DebugStop, DescriptorView, PageWalkView, TlbEntry } from '../../emulator/index.js';
import type { MimeBundle } from '../display/bundle.js';
import { table } from '../display/table.js';
import type { Table } from '../display/table.js';
import { displaySymbol, View } from './display.js';
import type { Displayable } from './display.js';

const view = (model: Table): View => new View(table(model));

/** Where a guest stands after a step: all of {@link DebugStop}, shown with the next instruction. */
export class StoppedGuest implements Displayable {
  readonly why: string;
  readonly position: number;
  readonly cycles: number;
  readonly eip: number;

  constructor(
    readonly stop: DebugStop,
    /** The next instruction; absent where there is no page. */
    readonly next: CodeLine | undefined,
  ) {
    this.why = stop.why;
    this.position = stop.position;
    this.cycles = stop.cycles;
    this.eip = stop.eip;
  }

  [displaySymbol](): MimeBundle {
    const { why, position, cycles, next } = this;
    return table({
      caption: why,
      columns: [
        { key: 'position', label: 'instructions', format: 'integer' },
        { key: 'cycles', label: 'cycles', format: 'integer' },
        { key: 'linear', label: 'next at', format: 'hex' },
        { key: 'symbol', label: 'label' },
        { key: 'text', label: 'instruction', code: true },
      ],
      rows: [
        {
          position,
          cycles: Math.floor(cycles),
          linear: this.stop.linear,
          symbol: next?.symbol ?? '',
          text: next?.text ?? '(no page)',
        },
      ],
    });
  }

  toString(): string {
    return this[displaySymbol]()['text/plain'];
  }
}

export function codeTable(lines: readonly CodeLine[], next: number): View {
  return view({
    columns: [
      { key: 'next', label: '' },
      { key: 'linear', label: 'address', format: 'hex' },
      { key: 'symbol', label: 'label' },
      { key: 'bytes', label: 'bytes', code: true },
      { key: 'text', label: 'instruction', code: true },
    ],
    rows: lines.map(({ linear, symbol, bytes, text }) => ({
      next: linear === next ? '→' : '',
      linear,
      symbol: symbol ?? '',
      bytes: Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' '),
      text,
    })),
  });
}

export function pageWalkTable(gva: number, walk: PageWalkView | null): View {
  const address = `0x${(gva >>> 0).toString(16)}`;
  if (walk === null) return view({ caption: `${address}: paging is off`, columns: [], rows: [] });
  const end =
    walk.physical === null
      ? (walk.trouble ?? '')
      : `physical 0x${walk.physical.toString(16)}, ${walk.rights.join(', ')}`;
  return view({
    caption: `${address}, ${walk.format} paging: ${end}`,
    columns: [
      { key: 'level', label: 'entry' },
      { key: 'address', label: 'at', format: 'hex' },
      { key: 'value', label: 'value', code: true },
      { key: 'bits', label: 'bits' },
      { key: 'leadsTo', label: 'leads to', format: 'hex' },
    ],
    rows: walk.entries.map(({ level, address: at, value, bits, leadsTo }) => ({
      level,
      address: at,
      value: `0x${value.toString(16)}`,
      bits: bits.join(' '),
      leadsTo,
    })),
  });
}

/** Names of a TLB entry's flags, by bit (cpu/tlb.ts keeps those of page-table entries). */
const TLB_FLAGS = [
  [1 << 1, 'W'],
  [1 << 2, 'U'],
  [1 << 6, 'D'],
  [1 << 8, 'G'],
  [1 << 9, 'NX'],
] as const;

export function tlbTable(entries: readonly TlbEntry[]): View {
  return view({
    caption: `${entries.length} TLB entries`,
    columns: [
      { key: 'linear', label: 'linear', format: 'hex' },
      { key: 'physical', label: 'physical', format: 'hex' },
      { key: 'size', label: 'page' },
      { key: 'flags', label: 'bits' },
      { key: 'asid', label: 'ASID', format: 'integer' },
    ],
    rows: entries.map(({ linear, physical, pageBytes, flags, asid }) => ({
      linear,
      physical,
      size: pageBytes < 1 << 20 ? `${pageBytes >> 10} KB` : `${pageBytes >> 20} MB`,
      flags: TLB_FLAGS.filter(([bit]) => (flags & bit) !== 0)
        .map(([, name]) => name)
        .join(' '),
      asid,
    })),
  });
}

export function descriptorTable(entries: readonly DescriptorView[]): View {
  return view({
    caption: `${entries.length} descriptors`,
    columns: [
      { key: 'table', label: 'table' },
      { key: 'index', label: 'selector or vector', format: 'hex' },
      { key: 'type', label: 'type' },
      { key: 'dpl', label: 'DPL', format: 'integer' },
      { key: 'present', label: 'present' },
      { key: 'base', label: 'base or offset', format: 'hex' },
      { key: 'limit', label: 'limit or selector', format: 'hex' },
      { key: 'notes', label: 'notes' },
    ],
    rows: entries.map(({ present, notes, ...entry }) => ({
      ...entry,
      present: present ? 'yes' : 'no',
      notes: notes.join(', '),
    })),
  });
}
