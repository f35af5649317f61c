import { pageTree, pageWays } from '../../emulator/index.js';
import type {
  GuestRun,
  MonitorEntryView,
  NestedStanding,
  PageDirectory,
  PageRange,
  PageWays,
  ShadowStanding,
  TlbView,
} from '../../emulator/index.js';
import type { MimeBundle } from '../display/bundle.js';
import { MARKS, table } from '../display/table.js';
import type { Cell, Column } from '../display/table.js';
import { displaySymbol } from './display.js';
import type { Displayable } from './display.js';

type Vmm = GuestRun['vmm'];
type Row = Readonly<Record<string, Cell>>;

const { symbol: STALE } = MARKS.stale;
const LEGEND = `${STALE} stale: no longer what the guest's tables say`;

/**
 * The way of one linear address through the guest's tables, the monitor's and the TLB. As a cell's value: side by side,
 * a row for each of the guest's entries and one for the page.
 */
export class PageTablesOf implements Displayable {
  readonly ways: PageWays;

  constructor(vmm: Vmm, gva: number) {
    this.ways = pageWays(vmm, gva);
  }

  /** What of the monitor's tables and the TLB no longer says what the guest's tables say, in words. */
  get stale(): readonly string[] {
    const { shadow, tlb } = this.ways;
    return [...staleShadow(shadow?.standing ?? null), ...staleTlb(tlb)];
  }

  [displaySymbol](): MimeBundle {
    const { ways } = this;
    const { gva, guest, gpa } = ways;
    const end =
      gpa === null
        ? (guest?.trouble ?? '')
        : `guest-physical ${hex(gpa)}${guest === null ? ', paging is off' : ''}`;
    return table({
      caption: `${hex(gva)}: ${end}; ${LEGEND}`,
      columns: columnsOf(ways.shadow !== null, ways.nested !== null),
      rows: [...entryRows(ways), pageRow(ways)],
    });
  }

  toString(): string {
    return this[displaySymbol]()['text/plain'];
  }
}

function columnsOf(shadow: boolean, nested: boolean): Column[] {
  return [
    { key: 'what', label: '', code: true },
    { key: 'guest', label: 'guest: gva → gpa', code: true },
    ...(shadow ? [{ key: 'shadow', label: 'shadow: gva → hpa', code: true }] : []),
    ...(nested ? [{ key: 'nested', label: 'nested: gpa → hpa', code: true }] : []),
    { key: 'tlb', label: 'TLB', code: true },
  ];
}

function entryRows({ guest, shadow, nested }: PageWays): Row[] {
  // A two-level shadow of large guest pages has an entry that the guest has not.
  const names = guest?.entries.map(({ level }) => level) ?? [];
  const own = shadow?.entries.map(({ level }) => level) ?? [];
  const levels: string[] = [
    ...names,
    ...own.filter((level) => !names.includes(level as (typeof names)[number])),
  ];
  return levels.map((level) => {
    const index = names.indexOf(level as (typeof names)[number]);
    const entry = guest?.entries[index];
    const shadowed = shadow?.entries.find((candidate) => candidate.level === level);
    return {
      what: level,
      guest: entry
        ? entryText({ at: entry.address, value: entry.value, bits: entry.bits, leadsTo: entry.leadsTo })
        : '',
      shadow: shadowed ? monitorText(shadowed) : '',
      nested: nested?.[index] && index >= 0 ? nestedText(nested[index]) : '',
    };
  });
}

function pageRow({ guest, gpa, shadow, nested, tlb }: PageWays): Row {
  const page =
    gpa === null
      ? `${guest?.trouble ?? 'nowhere'}`
      : [hex(gpa), ...(guest ? [guest.rights.join(', ')] : [])].join('\n');
  const last = nested?.at(-1);
  return {
    what: 'page',
    guest: page,
    shadow: shadow ? standingCell(shadow.standing) : '',
    nested: last && gpa !== null ? nestedText(last) : '',
    tlb: tlbCell(tlb),
  };
}

interface EntryText {
  at: number;
  value: bigint | number;
  bits: readonly string[];
  leadsTo: number | null;
}

function entryText({ at, value, bits, leadsTo }: EntryText): string {
  const end = leadsTo === null ? 'not present' : `→ ${hex(leadsTo)}`;
  return [`${hex(at)}: 0x${value.toString(16)}`, bits.join(' '), end]
    .filter((line) => line !== '')
    .join('\n');
}

function monitorText({ hpa, value, bits, leadsTo }: MonitorEntryView): string {
  return entryText({ at: hpa, value, bits, leadsTo });
}

function nestedText({ gpa, entries, standing }: NonNullable<PageWays['nested']>[number]): string {
  const way = entries.map(({ level, hpa }) => `${level} at ${hex(hpa)}`);
  const end = standing.hpa === null ? 'absent: not used yet' : `→ ${hex(standing.hpa)}`;
  return [`${hex(gpa)}`, ...way, end].join('\n');
}

function standingCell(standing: ShadowStanding): Cell {
  const { agreement, hpa, bits, why } = standing;
  const lines = [
    ...(hpa === null ? [agreement] : [`${hex(hpa)} ${bits.join(' ')}`]),
    ...(agreement === 'stale' ? ['stale'] : []),
    ...wrapped(why),
  ];
  const text = lines.filter((line) => line !== '').join('\n');
  return agreement === 'stale' ? { value: text, mark: 'stale' } : text;
}

function tlbCell(entries: readonly TlbView[]): Cell {
  const text = entries
    .map(({ physical, asid, stale }) =>
      [`${hex(physical)} ASID ${asid}`, ...(stale === null ? [] : ['stale', ...wrapped(stale)])].join('\n'),
    )
    .join('\n');
  return entries.some(({ stale }) => stale !== null) ? { value: text, mark: 'stale' } : text;
}

const LINE_CHARACTERS = 34;

/** A sentence in short lines, for a narrow column. */
function wrapped(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < LINE_CHARACTERS)
      lines[lines.length - 1] += ` ${word}`;
    else lines.push(word);
  }
  return lines;
}

function staleShadow(standing: ShadowStanding | null): string[] {
  return standing?.agreement === 'stale' ? [`shadow: ${standing.why}`] : [];
}

function staleTlb(tlb: readonly TlbView[]): string[] {
  return tlb.flatMap(({ stale }) => (stale === null ? [] : [`TLB: ${stale}`]));
}

/** What is shown; all is in the data. */
const MOST_ROWS = 120;

/** All that the guest maps in a range of linear addresses. As a cell's value: a tree, with the monitor's tables and the TLB beside it. */
export class PageTables implements Displayable {
  readonly directories: readonly PageDirectory[];
  private readonly has: { shadow: boolean; nested: boolean };

  constructor(vmm: Vmm, fromLinear?: number, toLinear?: number) {
    this.directories = pageTree(vmm, fromLinear, toLinear);
    const { shadow, nested } = pageWays(vmm, 0);
    this.has = { shadow: shadow !== null, nested: nested !== null };
  }

  /** Ranges of which something of the monitor's tables or the TLB no longer says what the guest's tables say. */
  get stale(): readonly PageRange[] {
    return this.directories.flatMap(({ ranges }) => ranges.filter(isStale));
  }

  [displaySymbol](): MimeBundle {
    const rows = this.directories.flatMap((directory) => [
      directoryRow(directory),
      ...directory.ranges.map(rangeRow),
    ]);
    const more = rows.length - MOST_ROWS;
    return table({
      caption: [
        `page tables; ${LEGEND}`,
        ...(rows.length === 0 ? ['nothing is mapped'] : []),
        ...(more > 0 ? [`${more} more rows: name a range, as in pageTables(from, to)`] : []),
      ].join('; '),
      columns: columnsOf(this.has.shadow, this.has.nested),
      rows: rows.slice(0, MOST_ROWS),
    });
  }

  toString(): string {
    return this[displaySymbol]()['text/plain'];
  }
}

function isStale({ shadow, tlb }: PageRange): boolean {
  return shadow?.agreement === 'stale' || tlb.some(({ stale }) => stale !== null);
}

function directoryRow({ linear, bytes, guest, shadow }: PageDirectory): Row {
  const names = (bits: readonly string[], leadsTo: number | null) =>
    leadsTo === null ? 'not present' : `table ${hex(leadsTo)} ${bits.join(' ')}`;
  const large = guest?.isPage ?? false;
  return {
    what: `▾ ${rangeText(linear, bytes)}`,
    guest:
      guest === null ? 'paging is off' : large ? `page of ${size(bytes)}` : names(guest.bits, guest.leadsTo),
    shadow: shadow ? names(shadow.bits, shadow.leadsTo) : '',
  };
}

function rangeRow(range: PageRange): Row {
  const { linear, bytes, gpa, bits, shadow, nested, tlb } = range;
  const pages = Math.ceil(bytes / range.pageBytes);
  return {
    what: `  ${rangeText(linear, bytes)}${pages > 1 ? ` ${pages} pages` : ''}`,
    guest: `${hex(gpa)} ${bits.join(' ')}`.trimEnd(),
    shadow: shadow ? standingCell(shadow) : '',
    nested: nested ? nestedCell(nested) : '',
    tlb: tlbCount(tlb),
  };
}

function nestedCell({ hpa, bits }: NestedStanding): string {
  return hpa === null ? 'absent' : `${hex(hpa)} ${bits.join(' ')}`;
}

function tlbCount(tlb: readonly TlbView[]): Cell {
  if (tlb.length === 0) return '';
  const stale = tlb.filter((entry) => entry.stale !== null);
  const text = tlb.length === 1 ? '1 entry' : `${tlb.length} entries`;
  if (stale.length === 0) return text;
  return { value: `${text}, ${stale.length} stale`, mark: 'stale' };
}

function rangeText(linear: number, bytes: number): string {
  return `${hex(linear)}–${hex(linear + bytes - 1)}`;
}

function size(bytes: number): string {
  return bytes < 1 << 20 ? `${bytes >> 10} KB` : `${bytes >> 20} MB`;
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}
