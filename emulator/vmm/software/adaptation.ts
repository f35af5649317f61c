import type { TranslationCache } from './cache.js';
import type { Callout, Fragment } from './fragment.js';
import type { GuestInstruction, TranslationUnit, Way } from './unit.js';

/** Traps after which an instruction is no longer taken to be innocent: the paper is quick towards the safe form ... */
const TRAPS_TO_ADAPT = 2;
/** ... and slow towards the optimistic one. Doubled each time that an instruction turns out guilty again. */
const HARMLESS_TO_REVERT = 64;

export interface AdaptationStatistics {
  /** Instructions retranslated into callouts. */
  adapted: number;
  /** Callouts taken back, since the access no longer met anything that would trap. */
  reverted: number;
  /** Callouts that turned from one way to another: from page table to device, say. */
  redirected: number;
}

/** What is known of one guest instruction that has trapped. */
interface History {
  /** Accesses in a row that met `way`, while that is not how the instruction is translated. */
  way: Way;
  traps: number;
  /** Accesses in a row that would not have trapped. */
  harmless: number;
  patience: number;
}

/** The versions of a unit's translation, which differ in what their instructions are taken to access. */
export class Versions {
  private readonly byWays = new Map<string, Fragment>();
  readonly records = new Map<number, History>();
  /** Those, by eip, that are emulated without a trap in the version in force. */
  ways: ReadonlyMap<number, Way> = new Map();

  /** @param unit with every instruction innocent. */
  constructor(readonly unit: TranslationUnit) {}

  /** The translation by the ways in force, if it has been made and still stands. */
  known(): Fragment | null {
    const fragment = this.byWays.get(this.name());
    return fragment?.valid ? fragment : null;
  }

  /** Remembers the translation by the ways in force. */
  note(fragment: Fragment): void {
    this.byWays.set(this.name(), fragment);
  }

  private name(): string {
    return [...this.ways].sort(([a], [b]) => a - b).join(' ');
  }
}

/**
 * Adaptive translation (the paper's section 3.3): innocent until proven guilty. Accesses to memory are copied as
 * they are; one that traps again and again on a traced page, a device or the monitor's own range is retranslated
 * into a callout that goes about it in that way. The old fragment's start becomes a jump to the new one, in constant
 * time whoever leads there; an opposing jump takes it back.
 */
export class Adaptation {
  readonly statistics: AdaptationStatistics = { adapted: 0, reverted: 0, redirected: 0 };

  constructor(private readonly cache: TranslationCache) {}

  /** An access of the instruction at `eip` in `fragment` has trapped. */
  trapped(fragment: Fragment, eip: number, way: Way): void {
    if (!fragment.valid) return;
    const instruction = fragment.unit.instructions.find((each) => each.eip === eip);
    if (instruction?.form.kind !== 'ident' && instruction?.form.kind !== 'rewritten') return;
    if (this.proves(fragment, eip, way)) {
      this.statistics.adapted++;
      this.change(fragment, eip, way);
    }
  }

  /** A callout has emulated an access. @param way what it met; null: ordinary memory. */
  simulated({ fragment, instruction }: Callout, way: Way | null): void {
    if (instruction.form.kind !== 'simulate' || !fragment?.valid) return;
    const { eip } = instruction;
    const record = recordOf(fragment.versions, eip, instruction.form.way);
    if (way === null) {
      if (++record.harmless < record.patience) return;
      record.patience *= 2;
      this.statistics.reverted++;
      this.change(fragment, eip, null);
      return;
    }
    record.harmless = 0;
    if (way === instruction.form.way) record.traps = 0;
    else if (this.proves(fragment, eip, way)) {
      this.statistics.redirected++;
      this.change(fragment, eip, way);
    }
  }

  private proves({ versions }: Fragment, eip: number, way: Way): boolean {
    const record = recordOf(versions, eip, way);
    if (record.way !== way) record.traps = 0;
    record.way = way;
    return ++record.traps >= TRAPS_TO_ADAPT;
  }

  private change({ versions, key, gpa, secondPage }: Fragment, eip: number, way: Way | null): void {
    const record = versions.records.get(eip)!;
    record.traps = 0;
    record.harmless = 0;
    const ways = new Map(versions.ways);
    if (way) ways.set(eip, way);
    else ways.delete(eip);
    versions.ways = ways;
    const from = this.cache.find(key, versions.unit.eip, gpa, secondPage)!;
    const to = versions.known() ?? this.cache.addVersion(from, withWays(versions.unit, ways));
    versions.note(to);
    this.cache.redirect(from, to);
  }
}

function recordOf({ records }: Versions, eip: number, way: Way): History {
  let record = records.get(eip);
  if (!record) {
    record = { way, traps: 0, harmless: 0, patience: HARMLESS_TO_REVERT };
    records.set(eip, record);
  }
  return record;
}

const WHY_SIMULATED: Readonly<{ [W in Way]: string }> = {
  trace: 'kept trapping on a traced page',
  device: 'kept trapping on a device',
  monitor: 'kept trapping on what the monitor keeps for itself',
};

/** The same unit with some instructions emulated without a trap. */
function withWays(unit: TranslationUnit, ways: ReadonlyMap<number, Way>): TranslationUnit {
  const instructions = unit.instructions.map((instruction): GuestInstruction => {
    const way = ways.get(instruction.eip);
    return way ? { ...instruction, form: { kind: 'simulate', way }, why: WHY_SIMULATED[way] } : instruction;
  });
  return { ...unit, instructions };
}
