import { standing } from '../../emulator/index.js';
import type { Translations, TranslationStatistics, TranslationView } from '../../emulator/index.js';
import type { MimeBundle } from '../display/bundle.js';
import { sideBySide } from '../display/code.js';
import type { ListingRow } from '../display/code.js';
import { table } from '../display/table.js';
import { displaySymbol, View } from './display.js';
import type { Displayable } from './display.js';
import { interruptibly } from './interrupt.js';

/** The translation cache as text: every fragment, or those that hold one address; and what it has cost and saved. */
export class TranslationListing implements Displayable {
  constructor(private readonly translations: Translations) {}

  /** The fragments that hold the guest instruction at linear address `eip`. */
  at(eip: number): View {
    return new View(listing(interruptibly(() => this.translations.at(eip))));
  }

  /** Counts of the translator, its cache and what it learnt. */
  get statistics(): StatisticsView {
    return new StatisticsView(this.translations.statistics);
  }

  [displaySymbol](): MimeBundle {
    return listing(interruptibly(() => this.translations.list()));
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
  const { instructions, fragments, lookups, targetLookups, invalidatedByPage } = counts;
  return [
    {
      what: 'units translated',
      value: fragments,
      note: `${ratio(instructions, fragments)} instructions each`,
    },
    {
      what: 'instructions translated',
      value: instructions,
      note: `${counts.translatorCyclesPerInstruction.toFixed(1)} translator cycles each`,
    },
    {
      what: 'continuations',
      value: counts.continuations,
      note: `${percent(counts.chainRate)} chained or elided since; the others were never taken`,
    },
    { what: 'jumps chained', value: counts.chains, note: 'patched to lead to their target' },
    { what: 'jumps elided', value: counts.elided, note: 'the target was placed behind' },
    {
      what: 'hash lookups',
      value: targetLookups,
      note: 'in the cache: returns, indirect jumps and jumps to other pages',
    },
    { what: 'hash hits', value: counts.targetHits, note: percent(counts.targetHitRate) },
    { what: 'hash misses', value: counts.targetMisses, note: 'entered the monitor' },
    { what: 'lookups', value: lookups, note: 'by the monitor, of a guest address' },
    { what: 'hits', value: counts.hits, note: `${percent(counts.hitRate)} found a translation` },
    { what: 'misses', value: counts.misses, note: 'had one made, or were none of the translator’s' },
    {
      what: 'adapted',
      value: counts.adapted,
      note: `instructions turned into callouts; ${counts.reverted} turned back, ${counts.redirected} found guilty of something else`,
    },
    { what: 'invalidated', value: counts.invalidated, note: invalidatedPages(invalidatedByPage) },
    { what: 'flushes', value: counts.flushes, note: 'times that the cache was emptied' },
    {
      what: 'bytes in use',
      value: counts.usedBytes,
      note: `${percent(counts.usedBytes / counts.sizeBytes)} of the cache`,
    },
  ];
}

const PAGES_SHOWN = 4;

function invalidatedPages(pages: TranslationStatistics['invalidatedByPage']): string {
  const shown = pages
    .slice(0, PAGES_SHOWN)
    .map(({ page, fragments }) => `${fragments} of ${hex(page * 4096)}`);
  const more = pages.length > PAGES_SHOWN ? [`${pages.length - PAGES_SHOWN} more pages`] : [];
  return ['fragments whose guest code was written', ...shown, ...more].join(', ');
}

function ratio(value: number, of: number): string {
  return of === 0 ? '0' : (value / of).toFixed(1);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function listing(fragments: readonly TranslationView[]): MimeBundle {
  return sideBySide({
    leftTitle: 'guest',
    rightTitle: 'translation cache',
    rows: fragments.flatMap(fragmentRows),
    moreBy: 'translations.at(address) shows the fragments that hold one instruction',
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
