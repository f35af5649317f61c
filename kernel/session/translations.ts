import { standing } from '../../emulator/index.js';
import type { Translations, TranslationStatistics, TranslationView } from '../../emulator/index.js';
import type { MimeBundle } from '../display/bundle.js';
import { sideBySide } from '../display/code.js';
import type { ListingRow } from '../display/code.js';
import { table } from '../display/table.js';
import { displaySymbol, View } from './display.js';
import type { Displayable } from './display.js';

/** The translation cache as text: every fragment, or those that hold one address; and what it has cost and saved. */
export class TranslationListing implements Displayable {
  constructor(private readonly translations: Translations) {}

  /** The fragments that hold the guest instruction at linear address `eip`. */
  at(eip: number): View {
    return new View(listing(this.translations.at(eip)));
  }

  /** Counts of the translator, its cache and what it learnt. */
  get statistics(): StatisticsView {
    return new StatisticsView(this.translations.statistics);
  }

  [displaySymbol](): MimeBundle {
    return listing(this.translations.list());
  }
}

/** Statistics as numbers under their names, and as a table. */
export class StatisticsView implements Displayable {
  constructor(readonly values: TranslationStatistics) {}

  [displaySymbol](): MimeBundle {
    return table({
      caption: 'translation',
      columns: [
        { key: 'what', label: '' },
        { key: 'value', label: 'value' },
        { key: 'note', label: '' },
      ],
      rows: rows(this.values),
    });
  }
}

function rows(counts: TranslationStatistics): { what: string; value: number; note: string }[] {
  const { instructions, fragments, continuations, chains, elided, lookups, hits, usedBytes, sizeBytes } =
    counts;
  return [
    {
      what: 'units translated',
      value: fragments,
      note: `${ratio(instructions, fragments)} instructions each`,
    },
    {
      what: 'instructions translated',
      value: instructions,
      note: `${ratio(counts.translatorCycles, instructions)} translator cycles each`,
    },
    {
      what: 'continuations',
      value: continuations,
      note: `${share(chains + elided, continuations)} chained or elided since; the others were never taken`,
    },
    { what: 'jumps chained', value: chains, note: 'patched to lead to their target' },
    { what: 'jumps elided', value: elided, note: 'the target was placed behind' },
    { what: 'lookups', value: lookups, note: `${share(hits, lookups)} found a translation` },
    {
      what: 'hash misses',
      value: counts.targetMisses,
      note: 'returns, indirect jumps and jumps to other pages that entered the monitor',
    },
    {
      what: 'adapted',
      value: counts.adapted,
      note: `instructions turned into callouts; ${counts.reverted} turned back, ${counts.redirected} found guilty of something else`,
    },
    { what: 'invalidated', value: counts.invalidated, note: 'fragments whose guest code was written' },
    { what: 'flushes', value: counts.flushes, note: 'times that the cache was emptied' },
    { what: 'bytes in use', value: usedBytes, note: `${share(usedBytes, sizeBytes)} of the cache` },
  ];
}

function ratio(value: number, of: number): string {
  return of === 0 ? '0' : (value / of).toFixed(1);
}

function share(value: number, of: number): string {
  return of === 0 ? 'none' : `${((100 * value) / of).toFixed(1)} %`;
}

function listing(fragments: readonly TranslationView[]): MimeBundle {
  return sideBySide({
    leftTitle: 'guest',
    rightTitle: 'translation cache',
    rows: fragments.flatMap(fragmentRows),
  });
}

function fragmentRows(view: TranslationView): ListingRow[] {
  const line = (address: number, text: string, to: string | null) =>
    `${hex(address)}  ${text}${to ? `  → ${to}` : ''}`;
  const translated = (lines: TranslationView['ending']) =>
    lines.map(({ linear, text, leadsTo }) => line(linear, text, leadsTo)).join('\n');
  return [
    { left: `fragment of ${hex(view.eip)}${standing(view)}:`, right: '' },
    ...view.instructions.map((instruction) => ({
      left: line(instruction.eip, instruction.text, null),
      right: translated(instruction.translated),
      note: instruction.why ?? 'IDENT',
    })),
    ...(view.ending.length > 0
      ? [{ left: '', right: translated(view.ending), note: 'on to the next unit' }]
      : []),
  ];
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
