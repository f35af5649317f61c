import type { Ledger } from '../../cost/ledger.js';
import type { Adaptation, AdaptationStatistics } from './adaptation.js';
import type { CacheStatistics, TranslationCache } from './cache.js';
import type { Dispatcher } from './dispatcher.js';

/** What translating has cost and saved so far. Rates are shares of 1; 0 where there was nothing to take a share of. */
export interface TranslationStatistics
  extends Omit<CacheStatistics, 'invalidatedByPage'>, AdaptationStatistics {
  /** Guest pages whose code was written, most often first: how many fragments that dropped. */
  invalidatedByPage: readonly { page: number; fragments: number }[];
  /** Times the dispatcher looked for the translation of a guest address. */
  lookups: number;
  /** Of those, the ones that found it. */
  hits: number;
  misses: number;
  hitRate: number;
  /** Returns, indirect jumps and jumps to other pages: lookups of translated code in the target table. */
  targetLookups: number;
  targetHits: number;
  /** Those that the table did not know, so that the monitor was entered. */
  targetMisses: number;
  targetHitRate: number;
  /** Of the continuations, those that were chained or elided since; the others were never taken, or dropped. */
  chainRate: number;
  /** Of the translation cache: in use, and its size. */
  usedBytes: number;
  sizeBytes: number;
  /** Spent on translating, chaining and looking up. */
  translatorCycles: number;
  translatorCyclesPerInstruction: number;
}

export interface StatisticsParts {
  ledger: Ledger;
  cache: TranslationCache;
  dispatcher: Dispatcher;
  adaptation: Adaptation;
}

/** Counts as they stand, from those who keep them. Taking them costs the machine nothing. */
export function translationStatistics({
  ledger,
  cache,
  dispatcher,
  adaptation,
}: StatisticsParts): TranslationStatistics {
  const { lookups, hits, targetLookups, targetMisses } = dispatcher;
  const { statistics, usedBytes, sizeBytes } = cache;
  const translatorCycles = ledger.accounts().translate;
  const targetHits = targetLookups - targetMisses;
  return {
    ...statistics,
    invalidatedByPage: [...statistics.invalidatedByPage]
      .map(([page, fragments]) => ({ page, fragments }))
      .sort((a, b) => b.fragments - a.fragments || a.page - b.page),
    ...adaptation.statistics,
    lookups,
    hits,
    misses: lookups - hits,
    hitRate: share(hits, lookups),
    targetLookups,
    targetHits,
    targetMisses,
    targetHitRate: share(targetHits, targetLookups),
    chainRate: share(statistics.chains + statistics.elided, statistics.continuations),
    usedBytes,
    sizeBytes,
    translatorCycles,
    translatorCyclesPerInstruction: share(translatorCycles, statistics.instructions),
  };
}

function share(part: number, of: number): number {
  return of === 0 ? 0 : part / of;
}
